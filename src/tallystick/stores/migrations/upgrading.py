"""Running the migrations that a database lacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

if TYPE_CHECKING:
    from sqlalchemy import Connection


def configuration() -> Config:
    """Where the migrations are."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    return found


def upgrade(connection: Connection) -> None:
    """Bring the tables to the newest version, within the transaction of the connection."""
    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
