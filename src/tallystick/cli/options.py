"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

PORT: Final = click.IntRange(0, 65535)

data_option: Final = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tallystick-data"),
    envvar="TALLYSTICK_DATA",
    show_default=True,
    help="The directory that holds everything.",
)
database_option: Final = click.option(
    "--database",
    metavar="URL",
    envvar="TALLYSTICK_DATABASE_URL",
    help="Keep the state in PostgreSQL: postgresql+psycopg://... (default: SQLite in the data directory).",
)
