"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

_PORT: Final = click.IntRange(0, 65535)

host_option: Final = click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
port_option: Final = click.option(
    "--port", type=_PORT, default=8080, show_default=True, help="The REST port; 0 takes a free one."
)
mcp_port_option: Final = click.option(
    "--mcp-port", type=_PORT, default=9080, show_default=True, help="The MCP port; 0 takes a free one."
)
read_only_option: Final = click.option("--mcp-read-only", is_flag=True, help="Offer agents only the tools that read.")
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
