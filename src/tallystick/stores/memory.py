"""Memory that a burst has taken and nothing uses any more."""

from __future__ import annotations

import ctypes
from typing import Final

import pyarrow as pa

_trim: Final = getattr(ctypes.CDLL(None), "malloc_trim", None)
"""Only the GNU C library has it, and needs it: it keeps what is freed, in a part of its own for each thread."""


def give_back() -> None:
    """Let the system have what Arrow's pool and the C library keep for the next burst; that takes milliseconds."""
    pa.default_memory_pool().release_unused()
    if _trim is not None:
        _trim(0)
