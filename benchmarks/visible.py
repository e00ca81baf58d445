"""Measure (c): seconds from sending an event until a read of usage counts it, while others send at half load."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from benchmarks import ingest
from benchmarks.events import SCHEMA, account_name
from benchmarks.figure import Aim, Figure
from benchmarks.load import sent
from benchmarks.server import running
from benchmarks.steady import Pace, loading
from benchmarks.store import Kept
from tallystick.kernel.document import encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.world import World
    from demo.client import Client

_EVERY_S: Final = 0.2
_WARM_UP_S: Final = 3
_BATCH: Final = 1000
_LOOK_AGAIN_S: Final = 0.02
"""Between two reads of usage, which otherwise are a load of their own."""

_PATIENCE_S: Final = 60
_LIMIT: Final = "a round of processing has to end before the next begins, and the one with the event has to end too"


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """One event after the other for an account of its own, and its usage read until it counts."""
    stored = scale.stored[0]
    made = Kept.of(scale, scratch).copied(stored, "visible")
    with running(made.data) as server:
        _, full = [outcome for seed in range(2) for outcome in sent(ingest.job(server, scale, _BATCH, seed))]
        rate = scale.ingested[_BATCH] / full.processed_s
        pace = Pace(port=server.port, rate=rate / 2, accounts=scale.accounts - 1)
        with loading(pace) as load:
            time.sleep(_WARM_UP_S)
            prober = Prober(server.client, made, account_name(scale.accounts - 1))
            seconds = [_paced(prober) for _ in range(scale.probes)]
    assert load.kept is not None, "the load has ended"
    name = f"until an event counts, at {load.kept.events / load.kept.seconds:,.0f} events/s"
    yield Figure(name=f"{name}: median of {scale.probes}", unit="s", runs=[statistics.median(seconds)])
    slowest = statistics.quantiles(seconds, n=100)[98]
    yield Figure(name=f"{name}: p99", unit="s", runs=[slowest], aim=Aim(1, _LIMIT, at_most=True))


class Prober:
    """Sends single events for one account, and reads its usage."""

    def __init__(self, client: Client, made: World, account: str) -> None:
        self._client = client
        self._meter = made.bytes_meter
        self._account = account
        self._counted = self._usage()
        self._number = 0

    def seconds(self) -> float:
        """How long it takes from sending an event until a read counts it.

        Raises:
            RuntimeError: when it never does, or more than it is counted.
        """
        self._number += 1
        event = {
            "schemaName": SCHEMA,
            "id": f"probe-{self._account}-{time.time_ns()}",
            "timestamp": datetime.now(UTC),
            "accountId": self._account,
            "attributes": [{"name": "bytes", "value": "1"}, {"name": "seconds", "value": "1"}],
            "dimensions": {"region": "us-east", "route": "search", "tier": "pro"},
        }
        body = encode({"event": event})
        begun = time.perf_counter()
        self._client.post("/ingest", body)
        while (usage := self._usage()) == self._counted:
            if time.perf_counter() - begun > _PATIENCE_S:
                raise RuntimeError(f"an event of {self._account} was not counted in {_PATIENCE_S} seconds")
            time.sleep(_LOOK_AGAIN_S)
        seconds = time.perf_counter() - begun
        if usage != self._counted + 1:
            raise RuntimeError(f"one more than {self._counted} was sent, {usage} was counted")
        self._counted = usage
        return seconds

    def _usage(self) -> int:
        """What its month has come to, up to tomorrow."""
        now = datetime.now(UTC)
        query: dict[str, Any] = {
            "id": "probe",
            "name": "METER_USAGE",
            "aggregationPeriod": "MONTH",
            "filters": [
                {"fieldName": "USAGE_METER_ID", "fieldValues": [self._meter]},
                {"fieldName": "ACCOUNT_ID", "fieldValues": [self._account]},
            ],
        }
        window = {"startTime": now - timedelta(days=1), "endTime": now + timedelta(days=1)}
        answer = self._client.post("/metrics", encode({**window, "metricQueries": [query]}))
        return int(sum(answer["results"][0]["data"][0]["metricValues"]))


def _paced(prober: Prober) -> float:
    begun = time.perf_counter()
    seconds = prober.seconds()
    time.sleep(max(0.0, _EVERY_S - (time.perf_counter() - begun)))
    return seconds
