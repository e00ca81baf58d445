"""What a server is told at its start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where everything is kept, and which clock counts.

    `database_url` moves the state store to PostgreSQL; without it everything is in the data directory.
    `first_key` becomes the first API key when the directory is new. `test_clock` freezes time.
    """

    data: Path
    database_url: str | None = None
    test_clock: datetime | None = None
    first_key: str | None = None
