"""Which cycle still takes an event is judged by when it was received, however late anything is processed or billed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.engine import engine as engine_module
from tallystick.engine import founding
from tests.operations.shop import Shop, event, fee, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

METERED = "INGESTION_COMPLETED_EVENT_METERED"
TOO_LATE = "INGESTION_FAILED_PAST_GRACE_PERIOD"


class TestGrace:
    def test_events_are_taken_until_the_cycles_end_and_its_grace_are_over(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        statuses = []
        for instant in ("2026-01-31T23:59:59Z", "2026-02-02T23:59:59.999999Z", "2026-02-03T00:00:00Z"):
            shop.api.advance(instant)
            statuses.append(shop.status(shop.use(10, "2026-01-31T23:59:59.999999Z")))
        assert statuses == [METERED, METERED, TOO_LATE]
        assert shop.invoices()[0]["totalAmount"] == 20

    def test_the_next_cycle_is_not_concerned(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-02-03")
        assert shop.status(shop.use(10, "2026-02-01T00:00:00Z")) == METERED
        assert shop.invoices()[1]["totalAmount"] == 10

    def test_every_cycle_that_is_over_refuses(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-04-15")
        refused = [shop.status(shop.use(10, f"2026-0{month}-10T00:00:00Z")) for month in (1, 2, 3)]
        assert refused == [TOO_LATE] * 3
        assert shop.status(shop.use(10, "2026-04-10T00:00:00Z")) == METERED

    def test_without_a_plan_nothing_is_too_late(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        plan = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))])
        shop.associate(plan, since="2026-02-01")
        shop.api.advance("2026-04-15")
        assert shop.status(shop.use(10, "2026-01-10T00:00:00Z")) == METERED
        assert shop.status(shop.use(10, "2020-01-10T00:00:00Z")) == METERED

    def test_it_shows_in_the_list_and_is_not_billed(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-02-03")
        late = shop.use(10)
        (found,) = shop.api.get("/events", status=TOO_LATE).ok()["events"]
        assert found["eventPayload"]["id"] == late
        assert "cycle" in found["ingestionStatus"]["statusDescription"]
        assert shop.invoices()[0]["totalAmount"] == 0
        assert shop.metric("USAGE", "2026-01-01", "2026-03-01")[0]["metricValues"] == [0, 0]

    def test_it_leaves_its_id_to_one_that_is_in_time(self, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        shop.api.advance("2026-02-03")
        late = shop.use(10)
        body = shop.api.get(f"/events/{late}").ok()["events"][0]["eventPayload"]
        shop.api.post("/ingest", {"event": body | {"timestamp": "2026-02-02T00:00:00Z"}}).ok()
        statuses = {one["ingestionStatus"]["status"] for one in shop.api.get(f"/events/{late}").ok()["events"]}
        assert statuses == {TOO_LATE, METERED}
        assert [one["totalAmount"] for one in shop.invoices()] == [0, 10]


class TestWhenTheProcessingIsBehind:
    def set_up(self, data: Path) -> None:
        with inside(data) as server:
            Shop(server.api()).metered_plan((0, 1))

    def test_freezing_waits_for_what_was_received_before(self, tmp_path: Path) -> None:
        self.set_up(tmp_path / "data")
        with inside(tmp_path / "data", works=False) as server, ThreadPoolExecutor(1) as threads:
            shop = Shop(server.api())
            shop.api.post("/ingestBatch", {"events": [event(f"b-{n}") for n in range(30)]}).ok()
            advancing = threads.submit(server.workers.billing.advance, datetime(2026, 2, 3, tzinfo=UTC))
            with pytest.raises(TimeoutError):
                advancing.result(timeout=0.5)
            server.workers.start()
            assert sum(tally.frozen for tally in advancing.result(timeout=30).values()) == 1
            assert shop.invoices()[0]["totalAmount"] == 30

    def test_an_event_counts_by_its_reception_also_after_a_restart(self, tmp_path: Path) -> None:
        self.set_up(tmp_path / "data")
        with inside(tmp_path / "data", works=False) as server:
            server.api().post("/ingest", {"event": event("before")}).ok()
        # Down over two due instants; the event was never processed until now.
        with inside(tmp_path / "data", now="2026-03-10T00:00:00Z") as server:
            shop = Shop(server.api())
            assert shop.status("before") == METERED
            assert shop.status(shop.use(100)) == TOO_LATE
            shop.api.advance("2026-03-10")
            assert [one["totalAmount"] for one in shop.invoices()] == [1, 0, 0]

    def test_a_read_waits_for_what_was_acknowledged_before_it(self, tmp_path: Path) -> None:
        self.set_up(tmp_path / "data")
        with inside(tmp_path / "data", works=False) as server, ThreadPoolExecutor(1) as threads:
            shop = Shop(server.api())
            shop.api.post("/ingest", {"event": event("r-1")}).ok()
            reading = threads.submit(lambda: shop.invoices()[0]["totalAmount"])
            with pytest.raises(TimeoutError):
                reading.result(timeout=0.3)
            server.workers.start()
            assert reading.result(timeout=60) == 1

    def test_reads_that_wait_hold_no_connection_and_keep_nobody_from_writing(self, tmp_path: Path) -> None:
        self.set_up(tmp_path / "data")
        with inside(tmp_path / "data", works=False) as server, ThreadPoolExecutor(30) as threads:
            shop = Shop(server.api())
            shop.api.post("/ingest", {"event": event("w-1")}).ok()
            reading = [threads.submit(shop.api.get, "/invoices") for _ in range(30)]
            time.sleep(0.5)
            pool: Any = server.engine.database._engine.pool
            patience = time.monotonic() + 60
            while pool.checkedout():  # by one that is still on its way to wait
                assert time.monotonic() < patience
                time.sleep(0.01)
            shop.credit(5)
            assert not any(one.done() for one in reading)
            server.workers.start()
            answers = [one.result(timeout=60).ok()["data"][0]["totalAmount"] for one in reading]
            # One call, of which the credit that was granted meanwhile pays all.
            assert answers == [0] * 30


class WallClock:
    """Time that passes when the test says so; it stands for the machine's clock."""

    at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


class TestInRealTime:
    @pytest.fixture(autouse=True)
    def _the_machines_clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (engine_module, founding):
            monkeypatch.setattr(module, "SystemClock", WallClock)
        monkeypatch.setattr(WallClock, "at", datetime(2026, 1, 1, tzinfo=UTC))

    def test_a_server_that_was_down_over_several_due_instants_catches_up_in_order(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data", now=None) as server:
            shop = Shop(server.api())
            shop.account()
            shop.schema()
            cards = {
                "usageRateCards": [tiered(shop.meter(), (0, 1))],
                "fixedFeeRateCards": [fee(shop.addon(), 3, timing="IN_ADVANCE")],
            }
            shop.associate(shop.plan(**cards))
            shop.use(10, "2026-01-01T00:00:00Z")
            shop.credit(12, effectiveUntil="2026-04-01")
            shop.credit(5, effectiveUntil="2026-01-20", applicableEntityIds=["um.other"])
        WallClock.at = datetime(2026, 4, 15, 12, tzinfo=UTC)
        with inside(tmp_path / "data", now=None) as server:
            server.workers.billing.catch_up()
            shop = Shop(server.api())
            frozen = [one for one in shop.invoices() if one["status"] != "DRAFT"]
            by_number = sorted(frozen, key=lambda one: one["sequenceId"])
            assert [(one["invoiceDate"][:10], one["totalAmount"]) for one in by_number] == [
                ("2026-01-01", 0),  # January's fee of 3: the credit has 9 left
                ("2026-02-01", 3),  # February's fee: January's draft of 10 is older and holds the 9
                ("2026-02-03", 1),  # January's usage of 10, less the 9
                ("2026-03-01", 3),
                ("2026-03-03", 0),
                ("2026-04-01", 3),
                ("2026-04-03", 0),
            ]
            assert [one["sequenceId"] for one in by_number] == [f"INV-{number:06d}" for number in range(1, 8)]
            (running,) = [one for one in shop.invoices() if one["status"] == "DRAFT"]
            assert running["startDate"] == "2026-04-01T00:00:00Z"
            assert server.workers.billing.catch_up() == {}

    def test_the_clock_bills_by_itself(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data", now=None) as server:
            shop = Shop(server.api())
            shop.metered_plan((0, 1))
            shop.use(10, "2026-01-01T00:00:00Z")
            WallClock.at = datetime(2026, 2, 3, tzinfo=UTC)
            patience = 200
            while shop.invoices()[0]["status"] == "DRAFT" and patience:
                patience -= 1
                server.workers.billing._stopping.wait(0.02)
            assert [one["status"] for one in shop.invoices()] == ["DUE", "DRAFT"]

    def test_an_event_from_the_time_before_it_went_down_counts(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data", now=None) as server:
            Shop(server.api()).metered_plan((0, 1))
        WallClock.at = datetime(2026, 2, 2, 23, 59, 59, tzinfo=UTC)
        with inside(tmp_path / "data", now=None, works=False) as server:
            server.api().post("/ingest", {"event": event("late but in time")}).ok()
        WallClock.at = datetime(2026, 2, 3, 0, 0, 1, tzinfo=UTC)
        with inside(tmp_path / "data", now=None) as server:
            server.api().post("/ingest", {"event": event("too late")}).ok()
            server.workers.billing.catch_up()
            shop = Shop(server.api())
            assert (shop.status("late but in time"), shop.status("too late")) == (METERED, TOO_LATE)
            assert (shop.invoices()[0]["status"], shop.invoices()[0]["totalAmount"]) == ("DUE", 1)
