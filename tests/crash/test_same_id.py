"""One id a hundred times at once is one event: every sender is told it was taken, and it counts once (F-05, F-06)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.operations.shop import Shop, event
from tests.servers import child

if TYPE_CHECKING:
    from pathlib import Path

TIMES = 100
JANUARY = ("--test-clock", "2026-01-01T00:00:00Z")


def test_an_id_that_comes_a_hundred_times_at_once_counts_once(tmp_path: Path) -> None:
    with child(tmp_path / "data", *JANUARY) as server:
        shop = Shop(server.api())
        shop.metered_plan((0, 2))

        def send(number: int) -> int:
            same = event("e-same", calls=5)
            if number % 2:
                return server.api().post("/ingest", {"event": same}).status
            others = [event(f"e-{number}-{other}", calls=1) for other in range(3)]
            return server.api().post("/ingestBatch", {"events": [*others, same]}).status

        with ThreadPoolExecutor(TIMES) as senders:
            assert set(senders.map(send, range(TIMES))) == {202}
        found = server.api().get("/events/e-same").ok()["events"]
        statuses = [one["ingestionStatus"]["status"] for one in found]
        assert len(statuses) == TIMES
        assert statuses.count("INGESTION_COMPLETED_EVENT_METERED") == 1
        assert statuses.count("INGESTION_FAILED_DUPLICATE_EVENT") == TIMES - 1
        # 50 batches of three others with one call each, and the one event of five calls
        series = shop.metric("USAGE", "2026-01-01", "2026-02-01")
        assert sum(series[0]["metricValues"]) == 50 * 3 + 5
