"""Events that come late, early, or while a meter is changed leave alone what is settled (F-61 to F-66)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tallystick.engine import engine as engine_module
from tallystick.engine import founding
from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Inside


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with inside(tmp_path / "data") as server:
        made = Shop(server.api())
        made.metered_plan((0, "0.37"), (100, "0.11"))
        yield made


def bytes_of(shop: Shop, invoice: str) -> bytes:
    return shop.api.get(f"/invoices/{invoice}").content


class TestLateEvents:
    def test_within_the_grace_period_the_draft_changes_by_exactly_their_price(self, shop: Shop) -> None:
        shop.use(90, "2026-01-10T00:00:00Z")
        shop.api.advance("2026-02-02")
        (january,) = [one for one in shop.invoices() if one["startDate"].startswith("2026-01")]
        assert (january["status"], str(january["totalAmount"])) == ("DRAFT", "33.3")  # 90 x 0.37
        shop.use(20, "2026-01-31T23:59:59.999999Z")
        assert str(shop.invoices()[0]["totalAmount"]) == "38.1"  # 100 x 0.37 + 10 x 0.11
        shop.use("0.5", "2026-01-01T00:00:00Z")
        assert str(shop.invoices()[0]["totalAmount"]) == "38.16"  # + 0.5 x 0.11 = 0.055, rounded with the tier: 1.155

    def test_after_it_the_frozen_invoice_keeps_every_byte(self, shop: Shop) -> None:
        billed = shop.use(90, "2026-01-10T00:00:00Z")
        shop.api.advance("2026-02-03")
        (frozen,) = [one["id"] for one in shop.invoices() if one["status"] != "DRAFT"]
        before = bytes_of(shop, frozen)
        late = [shop.use(value, at) for value, at in ((20, "2026-01-31T23:59:59Z"), (5, "2026-01-01T00:00:00Z"))]
        shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={late[0]}")
        (told,) = shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={billed}").ok()["data"]
        assert told["status"] == "FAILED"
        shop.api.advance("2026-03-10")
        assert bytes_of(shop, frozen) == before
        assert [shop.status(name) for name in late][1] == "INGESTION_FAILED_PAST_GRACE_PERIOD"
        listed = shop.api.get("/events", status="INGESTION_FAILED_PAST_GRACE_PERIOD").ok()["events"]
        assert {one["eventPayload"]["id"] for one in listed} >= {late[1]}
        assert [str(one["totalAmount"]) for one in shop.invoices()] == ["33.3", "0", "0"]

    def test_the_bytes_would_tell_if_it_changed(self, shop: Shop) -> None:
        shop.use(90, "2026-01-10T00:00:00Z")
        draft = shop.invoices()[0]["id"]
        before = bytes_of(shop, draft)
        shop.use(1, "2026-01-11T00:00:00Z")
        assert bytes_of(shop, draft) != before

    def test_a_thousand_old_events_leave_other_months_alone(self, shop: Shop) -> None:
        shop.use(90, "2026-01-10T00:00:00Z")
        shop.api.advance("2026-03-10")
        before = [bytes_of(shop, one["id"]) for one in shop.invoices() if one["status"] != "DRAFT"]
        months = shop.metric("USAGE", "2026-01-01", "2026-04-01")
        old = [event(f"old-{number}", at=f"2025-{number % 12 + 1:02}-15T00:00:00Z") for number in range(1000)]
        shop.api.post("/ingestBatch", {"events": old}).ok()
        assert shop.metric("USAGE", "2026-01-01", "2026-04-01") == months
        assert [bytes_of(shop, one["id"]) for one in shop.invoices() if one["status"] != "DRAFT"] == before


class Noon:
    """A clock that stands."""

    def now(self) -> datetime:
        return datetime(2026, 1, 10, 12, tzinfo=UTC)


class TestFutureEvents:
    @pytest.fixture
    def server(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inside]:
        for module in (engine_module, founding):
            monkeypatch.setattr(module, "SystemClock", Noon)
        with inside(tmp_path / "data", now=None) as running:
            Shop(running.api()).metered_plan((0, 1))
            yield running

    @pytest.mark.parametrize(
        ("at", "status"),
        [
            ("2026-01-10T12:04:00Z", 202),
            ("2026-01-11T12:00:00Z", 202),
            ("2026-01-11T13:00:00+01:00", 202),
            ("2026-01-11T12:00:00.000001Z", 422),
            ("2026-01-11T12:00:01Z", 422),
            ("2027-01-10T12:00:00Z", 422),
            ("9999-12-31T23:59:59.999999Z", 422),
        ],
    )
    def test_a_day_ahead_is_taken_and_a_microsecond_more_is_not(self, server: Inside, at: str, status: int) -> None:
        api = server.api()
        assert api.post("/ingest", {"event": event("e", at=at)}).status == status
        answer = api.post("/ingestBatch", {"events": [event("f", at=at), event("g", at="2026-01-10T00:00:00Z")]})
        assert answer.status == (202 if status == 202 else 207)
        assert Shop(api).invoices()[0]["totalAmount"] == (3 if status == 202 else 1)


class TestAMeterThatIsChanged:
    def test_what_was_metered_stays_and_what_comes_is_metered_anew(self, shop: Shop) -> None:
        first = shop.use(10)
        facts = shop.api.get(f"/events/{first}").content
        meter = shop.api.get("/usage_meters").ok()["data"][0]["id"]
        shop.api.post(f"/usage_meters/{meter}/deactivate").ok()
        unmetered = shop.use(1000)
        twice = {"computations": [{"computation": '{"*":[{"var":"attributes.calls"},2]}', "order": 1}]}
        shop.api.patch(f"/usage_meters/{meter}", twice).ok()
        assert shop.metric("USAGE", "2026-01-01", "2026-02-01")[0]["metricValues"] == [10]
        shop.api.post(f"/usage_meters/{meter}/activate").ok()
        shop.use(3)
        assert shop.metric("USAGE", "2026-01-01", "2026-02-01")[0]["metricValues"] == [16]  # 10 + 3 x 2
        assert shop.api.get(f"/events/{first}").content == facts
        assert shop.status(unmetered) == "INGESTION_COMPLETED_NO_MATCHING_METERS"

    def test_a_frozen_invoice_keeps_every_byte_when_its_meter_changes(self, shop: Shop) -> None:
        shop.use(10)
        shop.api.advance("2026-02-03")
        frozen = shop.invoices()[0]["id"]
        before = bytes_of(shop, frozen)
        meter = shop.api.get("/usage_meters").ok()["data"][0]["id"]
        shop.api.post(f"/usage_meters/{meter}/deactivate").ok()
        shop.api.patch(f"/usage_meters/{meter}", {"computations": [{"computation": "7", "order": 1}]}).ok()
        shop.api.post(f"/usage_meters/{meter}/activate").ok()
        shop.use(1, "2026-02-03T00:00:00Z")
        assert bytes_of(shop, frozen) == before
