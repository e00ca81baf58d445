"""How a command that calls a server learns its address and the key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import click

from tallystick.kernel.errors import invalid

KEY: Final = "TALLYSTICK_KEY"
FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)

url_option: Final = click.option(
    "--url", default="http://127.0.0.1:8080", envvar="TALLYSTICK_URL", show_default=True, help="The server."
)
key_file_option: Final = click.option(
    "--key-file", type=FILE, help=f"A file that holds the API key (default: the value of {KEY})."
)


def key_of(path: Path | None) -> str:
    """The key, from the file or the environment: never from an option, which others could see.

    Raises:
        BillingError: of kind INVALID, when there is none.
    """
    key = (path.read_text(encoding="utf-8") if path is not None else os.environ.get(KEY, "")).strip()
    if not key:
        raise invalid("--key-file" if path is not None else KEY, "holds no API key: 'tallystick keys create' makes one")
    return key


def warn_of_clear_text(url: str) -> None:
    """Say that the key can be read on its way."""
    click.echo(f"Warning: over http everybody on the way to {url} can read the key.", err=True)
