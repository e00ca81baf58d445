"""What every process of the program sets up once, the server, the one that judges, and the gateway."""

from __future__ import annotations

import gc
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

COLLECTED_AFTER: Final = (100_000, 50, 100)
"""How many new containers, and how many collections of the younger ones, before garbage is looked for."""


def log_warnings() -> None:
    """Let the log say on the standard error what is wrong, and nothing else."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@contextmanager
def collecting_rarely() -> Iterator[None]:
    """Batches of events are many short-lived lists that hold no cycles: looking for some took a third of the time."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.unfreeze()  # or DuckDB's bindings complain, at the exit, of what was never collected
