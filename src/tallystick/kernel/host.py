"""Hosts of the network: which are this very machine, and to which a secret would travel in clear."""

from __future__ import annotations

from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
"""Names of this very machine: nobody else comes in by them, and what is sent to them leaves by no wire."""


def in_clear(scheme: str, host: str | None) -> bool:
    """Whether somebody on the way could read what is sent there."""
    return scheme == "http" and host not in LOOPBACK
