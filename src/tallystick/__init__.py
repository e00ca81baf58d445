"""Tallystick: usage-based metering and billing that you host yourself."""

from __future__ import annotations

from importlib.metadata import version

__version__ = version("tallystick")
