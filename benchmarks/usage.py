"""Measure (d): how long it takes to sum the usage of one account, of all, and day by day, over millions of events."""

from __future__ import annotations

import http.client
import time
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from benchmarks.events import account_name
from benchmarks.figure import Aim, Figure
from benchmarks.postgres import asked_of
from benchmarks.server import HOST, KEY, running
from benchmarks.store import EVENTS, Kept, last_month
from tallystick.kernel.document import encode
from tallystick.stores.duck_event_store import DuckEventStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.world import World

_ACCOUNT: Final = account_name(7)
_REPEATED: Final = 3
_AIMED_OVER: Final = 20_000_000
_LIMIT: Final = "DuckDB reads every day of a series that was used, while both cores have other work too"
_AIMS: Final = {"one account": 20, "all accounts": 300, "daily by meter": 500}


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Last month of one account, of all, and of all by day and meter, of the event store itself and over HTTP.

    A dimension becomes a meter with a matcher before its usage can be asked for, as one region has in this world.
    """
    for events in scale.stored:
        made = Kept.of(scale, scratch).copied(events, "usage")
        for way, asked in (("event store alone", _direct), ("over HTTP", _over_http)):
            for question, runs in asked(made, scale):
                yield Figure(
                    name=f"{question}, {events:,} events, {way}",
                    unit="ms",
                    runs=runs,
                    aim=Aim(_AIMS[question], _LIMIT, at_most=True) if events == _AIMED_OVER else None,
                    baselines=(asked_of(events, question),),
                )


def _direct(made: World, scale: Scale) -> Iterator[tuple[str, list[float]]]:
    organisation, month, one = made.organisation, last_month(), [made.bytes_meter]
    days = [month[0] + timedelta(days=number) for number in range((month[1] - month[0]).days + 1)]
    with closing(DuckEventStore(made.data / EVENTS)) as asked:
        yield (
            "one account",
            _timed(scale, lambda: asked.usage_series(organisation, month, account_ids=[_ACCOUNT], meter_ids=one)),
        )
        yield (
            "all accounts",
            _timed(scale, lambda: asked.usage_series(organisation, month, meter_ids=one, by="account")),
        )
        yield "daily by meter", _timed(scale, lambda: asked.usage_series(organisation, days, by="meter"))


def _over_http(made: World, scale: Scale) -> Iterator[tuple[str, list[float]]]:
    with running(made.data) as server, closing(http.client.HTTPConnection(HOST, server.port)) as connection:
        server.settle()
        for question, body in questions(made).items():
            yield question, _timed(scale, partial(ask, connection, body))


def questions(made: World) -> dict[str, bytes]:
    """The body of `POST /metrics` for each question."""
    one = {"fieldName": "USAGE_METER_ID", "fieldValues": [made.bytes_meter]}
    both = {"fieldName": "USAGE_METER_ID", "fieldValues": [made.bytes_meter, made.region_meter]}
    account = {"fieldName": "ACCOUNT_ID", "fieldValues": [_ACCOUNT]}
    return {
        "one account": _query("MONTH", [one, account]),
        "all accounts": _query("MONTH", [one], groupBy="ACCOUNT_ID"),
        "daily by meter": _query("DAY", [both], groupBy="USAGE_METER_ID"),
    }


def _query(period: str, filters: list[dict[str, Any]], **more: str) -> bytes:
    start, end = last_month()
    query = {"id": "q", "name": "METER_USAGE", "aggregationPeriod": period, "filters": filters, **more}
    return encode({"startTime": start, "endTime": end, "metricQueries": [query]})


def ask(connection: http.client.HTTPConnection, body: bytes) -> None:
    """Ask, and read the answer to its last byte.

    Raises:
        RuntimeError: when it is not the answer.
    """
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/metrics", body, headers)
    response = connection.getresponse()
    answer = response.read()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"answered {response.status}: {answer[:500].decode()}")


def _timed(scale: Scale, asked: Callable[[], object]) -> list[float]:
    """Milliseconds of each time but the first."""
    asked()
    runs = []
    for _ in range(scale.runs * _REPEATED):
        started = time.perf_counter()
        asked()
        runs.append((time.perf_counter() - started) * 1000)
    return runs
