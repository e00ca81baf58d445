"""Measure (b): how long it takes to sum the usage of one account, and of all, over millions of stored events."""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from benchmarks import store, world
from benchmarks.events import account_name
from benchmarks.figure import Aim, Figure
from benchmarks.server import HOST, KEY, running
from tallystick.kernel.document import encode
from tallystick.stores.event_store import DuckEventStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.world import World

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2026, 2, 1, tzinfo=UTC)
_ACCOUNT: Final = account_name(7)
_REPEATED: Final = 3
_LIMIT: Final = (
    "DuckDB reads and groups every fact of the month, 12.5 million, which keeps both cores busy all the time"
)
_AIM_OVER: Final = 10_000_000


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """The month of one account and of all, asked over HTTP and of the event store itself; one warm-up each."""
    made = world.build(scratch / "usage", scale.accounts, test_clock=START)
    before = 0
    for events in scale.stored:
        store.fill(made, events - before, scale.accounts, START, START, END - START)
        before = events
        yield from _asked_directly(made, events, scale)
        yield from _asked_over_http(made, events, scale)


def _asked_directly(made: World, events: int, scale: Scale) -> Iterator[Figure]:
    with closing(DuckEventStore(made.data / "events.duckdb")) as asked:
        bounds, meters = (START, END), [made.bytes_meter]
        yield _figure(
            f"one account, {events:,} events, event store alone",
            scale,
            lambda: asked.usage_series(made.organisation, bounds, account_ids=[_ACCOUNT], meter_ids=meters),
        )
        yield _figure(
            f"all {scale.accounts:,} accounts, {events:,} events, event store alone",
            scale,
            lambda: asked.usage_series(made.organisation, bounds, meter_ids=meters, by="account"),
        )


def _asked_over_http(made: World, events: int, scale: Scale) -> Iterator[Figure]:
    aim = Aim(300, _LIMIT, at_most=True) if events == _AIM_OVER else None
    with running(made.data, START.isoformat()) as server:
        one = _query(made, [{"fieldName": "ACCOUNT_ID", "fieldValues": [_ACCOUNT]}])
        every = _query(made, [], groupBy="ACCOUNT_ID")
        yield _figure(f"one account, {events:,} events, over HTTP", scale, lambda: _ask(server.port, one))
        name = f"all {scale.accounts:,} accounts, {events:,} events, over HTTP"
        yield _figure(name, scale, lambda: _ask(server.port, every), aim)


def _query(made: World, filters: list[dict[str, Any]], **more: str) -> bytes:
    meter = {"fieldName": "USAGE_METER_ID", "fieldValues": [made.bytes_meter]}
    query = {"id": "q", "name": "METER_USAGE", "aggregationPeriod": "MONTH", "filters": [meter, *filters], **more}
    return encode({"startTime": START, "endTime": END, "metricQueries": [query]})


def _ask(port: int, body: bytes) -> None:
    """Ask, and read the answer to its last byte."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection(HOST, port)) as connection:
        connection.request("POST", "/metrics", body, headers)
        response = connection.getresponse()
        answer = response.read()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"answered {response.status}: {answer[:500].decode()}")


def _figure(name: str, scale: Scale, ask: Callable[[], object], aim: Aim | None = None) -> Figure:
    ask()
    runs = []
    for _ in range(scale.runs * _REPEATED):
        started = time.perf_counter()
        ask()
        runs.append((time.perf_counter() - started) * 1000)
    return Figure(name=name, unit="ms", runs=runs, aim=aim)
