"""Running a server: open the engine, start the workers, listen, and drain on SIGTERM."""

from __future__ import annotations

import gc
import logging
import signal
import socket
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
import uvicorn

from tallystick.api.app import create_app
from tallystick.engine import Engine
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.workers.running import Workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.engine import Settings

DRAIN_SECONDS: Final = 10
COLLECTED_AFTER: Final = (100_000, 50, 100)
"""How many new containers, and how many collections of the younger ones, before garbage is looked for."""

_BACKLOG: Final = 2048


class _Server(uvicorn.Server):
    """Ends with exit status 0 when it is asked to stop: that is not a failure."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Drain on SIGTERM and SIGINT, and do not raise them again afterwards."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until asked to stop.

    Raises:
        BillingError: when the address is taken, or the directory cannot be used.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with _listening(host, port) as listener, _running(settings) as (engine, workers):
        app = create_app(engine, workers)
        _greet(engine, settings, host, listener.getsockname()[1])
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        with _collecting_rarely():
            _Server(config).run(sockets=[listener])


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as failure:
            reason = f"cannot listen on {host}:{port} ({failure.strerror}): choose another --port"
            raise BillingError(Kind.UNAVAILABLE, "address_in_use", Problem("", reason)) from None
        listener.listen(_BACKLOG)
        yield listener


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Batches of events are many short-lived lists that hold no cycles: looking for some took a third of the time."""
    gc.freeze()
    gc.set_threshold(*COLLECTED_AFTER)
    try:
        yield
    finally:
        gc.unfreeze()  # or DuckDB's bindings complain, at the exit, of what was never collected


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[Engine, Workers]]:
    engine = Engine(settings)
    workers = Workers(engine)
    workers.start()
    try:
        yield engine, workers
    finally:
        workers.stop()
        engine.close()


def _greet(engine: Engine, settings: Settings, host: str, port: int) -> None:
    """Say where the server is, and show the first key once."""
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Tallystick serves http://{shown}:{port} (docs: /docs), data in {settings.data}")
    if engine.is_test:
        click.echo(f"The test clock stands at {engine.clock.now().isoformat()}.")
    if engine.first_key is not None and settings.first_key is not None:
        click.echo("The first API key is the value of TOGAI_API_TOKEN.")
    elif engine.first_key is not None:
        click.echo(f"API key, shown only now: {engine.first_key}")
    sys.stdout.flush()
