"""What parts of the way cost alone, measured in the same run: decoding, appending to DuckDB, one fsync."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import duckdb
import msgspec
import pyarrow as pa

from benchmarks.events import bodies, columns
from benchmarks.figure import Figure
from tallystick.metering.event import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.figure import Scale

DECODE: Final = "msgspec decodes batches of 1,000, nothing else"
APPEND: Final = "DuckDB appends Arrow rows of the same events, nothing else"
FSYNC: Final = "append 4 KiB to a file and fsync"
_EVENTS: Final = 100_000
_PAGE: Final = os.urandom(4096)
_SYNCS: Final = 300


class _Batch(msgspec.Struct):
    events: Annotated[list[Event], msgspec.Meta(max_length=1000)]


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Each alone, on one thread."""
    now = datetime.now(UTC)
    batches = list(bodies(_EVENTS, 1000, scale.accounts, now, seed=0))
    decoder = msgspec.json.Decoder(_Batch)
    yield _rate(DECODE, scale, lambda: _each(decoder.decode, batches), _EVENTS)
    rows = _arrow(scale, now)
    with duckdb.connect(scratch / "baseline.duckdb") as database:
        database.register("rows", rows)
        database.execute("CREATE TABLE event AS FROM rows LIMIT 0")
        yield _rate(APPEND, scale, lambda: database.execute("INSERT INTO event FROM rows"), _EVENTS)
    with (scratch / "baseline.fsync").open("wb", buffering=0) as file:
        yield _rate(FSYNC, scale, lambda: [(file.write(_PAGE), os.fsync(file)) for _ in range(_SYNCS)], _SYNCS)


def _each(work: Callable[[bytes], object], bodies: list[bytes]) -> None:
    for body in bodies:
        work(body)


def _arrow(scale: Scale, now: datetime) -> pa.Table:
    events = columns(_EVENTS, "org", scale.accounts, now, timedelta(hours=1), seed=0)
    return pa.table(
        {
            "event_id": events.ids,
            "schema_name": events.schema_names,
            "account_ref": events.account_refs,
            "event_at": pa.array([instant.replace(tzinfo=None) for instant in events.event_ats], pa.timestamp("us")),
            "attributes": pa.array(events.attributes.splitlines(), pa.string()),
            "dimensions": pa.array(events.dimensions.splitlines(), pa.string()),
        }
    )


def _rate(name: str, scale: Scale, work: Callable[[], object], count: int) -> Figure:
    runs = []
    for _ in range(scale.runs):
        started = time.perf_counter()
        work()
        runs.append(count / (time.perf_counter() - started))
    return Figure(name=name, unit="/s", runs=runs)
