"""Corrections: usage, the draft invoice and the id follow at once; a closed cycle refuses (domain.md 2.8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Answer


@pytest.fixture
def metered(shop: Shop) -> Shop:
    """Calls cost 2 each since New Year."""
    shop.metered_plan((0, 2))
    return shop


def correct(shop: Shop, action: str, body: Any = None, **query: object) -> Answer:  # noqa: ANN401 - JSON
    query.setdefault("account_id", "acme")
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return shop.api.send("POST", f"/events/correction?action={action}&{asked}", body)


def total(shop: Shop) -> Decimal:
    return Decimal(shop.invoices()[0]["totalAmount"])


def statuses(shop: Shop, event_id: str) -> list[str]:
    found = shop.api.get(f"/events/{event_id}").ok()["events"]
    return [one["ingestionStatus"]["status"].removeprefix("INGESTION_") for one in found]


class TestUndo:
    def test_usage_and_the_draft_follow_at_once(self, metered: Shop) -> None:
        first, second = metered.use(10), metered.use(7)
        assert total(metered) == 34  # (10 + 7) x 2
        (info,) = correct(metered, "UNDO", event_id=first).ok()["data"]
        assert (info["status"], info["reason"]) == ("REVERTED", "taken back")
        assert info["ingestionStatus"]["status"] == "REVERTED"
        assert total(metered) == 14  # 7 x 2
        assert statuses(metered, first) == ["REVERTED"]
        assert statuses(metered, second) == ["COMPLETED_EVENT_METERED"]

    def test_the_id_is_free_again(self, metered: Shop) -> None:
        sent = event("e-x", calls=10)
        metered.api.post("/ingest", {"event": sent}).ok()
        correct(metered, "UNDO", event_id="e-x").ok()
        metered.api.post("/ingest", {"event": sent | {"attributes": [{"name": "calls", "value": "3"}]}}).ok()
        metered.api.post("/ingest", {"event": sent}).ok()
        assert statuses(metered, "e-x") == ["REVERTED", "COMPLETED_EVENT_METERED", "FAILED_DUPLICATE_EVENT"]
        assert total(metered) == 6  # 3 x 2

    def test_what_is_taken_back_is_taken_back_once(self, metered: Shop) -> None:
        name = metered.use(10)
        correct(metered, "UNDO", event_id=name).ok()
        (info,) = correct(metered, "UNDO", event_id=name).ok()["data"]
        assert (info["status"], "REVERTED cannot be corrected" in info["reason"]) == ("FAILED", True)
        assert total(metered) == 0

    def test_the_trace_tells_what_it_was_before(self, metered: Shop) -> None:
        name = metered.use(10)
        correct(metered, "UNDO", event_id=name).ok()
        (traced,) = metered.api.get(f"/events/{name}").ok()["events"]
        assert traced["eventPipelineInfo"]["statusBeforeReverting"] == "INGESTION_COMPLETED_EVENT_METERED"
        assert "usageMeters" not in traced["eventPipelineInfo"]

    def test_all_matches_are_taken_back_at_most_thirty_newest_first(self, metered: Shop) -> None:
        for minute in range(32):
            metered.use(1, at=f"2026-01-10T12:{minute:02d}:00Z")
        data = correct(metered, "UNDO").ok()["data"]
        assert len(data) == 30
        assert data[0]["eventPayload"]["timestamp"] == "2026-01-10T12:31:00Z"
        assert total(metered) == 4  # the two oldest are left, 2 x 2

    def test_metrics_count_reverted_events_under_their_own_status(self, metered: Shop) -> None:
        name = metered.use(10)
        metered.use(5)
        correct(metered, "UNDO", event_id=name).ok()
        series = metered.metric("EVENTS", "2026-01-01", "2026-02-01", groupBy="RAW_EVENT_STATUS")
        counts = {one["groupedBy"]["fieldValue"]: sum(one["metricValues"]) for one in series}
        assert counts == {"REVERTED": 1, "INGESTION_COMPLETED_EVENT_METERED": 1}
        assert [one["eventPayload"]["id"] for one in metered.api.get("/events", status="REVERTED").ok()["events"]] == [
            name
        ]

    def test_an_event_that_failed_is_taken_back_too(self, metered: Shop) -> None:
        metered.api.post("/ingest", {"event": event("e-bad") | {"schemaName": "nothing"}}).ok()
        (info,) = correct(metered, "UNDO", event_id="e-bad").ok()["data"]
        assert info["status"] == "REVERTED"


class TestRedo:
    def test_the_same_event_is_judged_by_what_stands_now(self, metered: Shop) -> None:
        metered.api.post("/ingest", {"event": event("e-early") | {"schemaName": "later", "dimensions": {}}}).ok()
        metered.schema("later", dimensions="")
        metered.meter("Later", schema="later")
        (info,) = correct(metered, "REDO", event_id="e-early").ok()["data"]
        assert info["status"] == "REVERTED_AND_REINGESTED"
        assert statuses(metered, "e-early") == ["REVERTED", "COMPLETED_EVENT_METERED"]

    def test_it_counts_once(self, metered: Shop) -> None:
        name = metered.use(10)
        correct(metered, "REDO", event_id=name).ok()
        assert total(metered) == 20
        assert statuses(metered, name) == ["REVERTED", "COMPLETED_EVENT_METERED"]

    def test_another_event_comes_in_its_place(self, metered: Shop) -> None:
        name = metered.use(10)
        (info,) = correct(metered, "REDO_EVENT", {"event": event(name, calls=4)}, event_id=name).ok()["data"]
        assert info["status"] == "REVERTED_AND_REINGESTED"
        assert total(metered) == 8  # 4 x 2

    def test_the_typed_clients_body_alone_says_what_is_meant(self, metered: Shop) -> None:
        name = metered.use(10)
        answer = metered.api.post("/events/correction?action=REDO_EVENT", {"event": event(name, calls=1)})
        assert [info["status"] for info in answer.ok()["data"]] == ["REVERTED_AND_REINGESTED"]
        assert total(metered) == 2


class TestRefusals:
    def test_a_closed_cycle_stays_as_it_is(self, metered: Shop) -> None:
        name = metered.use(10)
        metered.api.advance("2026-02-03")  # January and its two days of grace are over
        invoice = metered.invoice(0)
        for action in ("UNDO", "REDO"):
            (info,) = correct(metered, action, event_id=name).ok()["data"]
            assert (info["status"], info["reason"]) == ("FAILED", "Event was ingested in past pricing cycle")
        assert statuses(metered, name) == ["COMPLETED_EVENT_METERED"]
        assert metered.invoice(0) == invoice

    def test_an_event_is_not_replaced_by_one_of_a_closed_cycle(self, metered: Shop) -> None:
        metered.api.advance("2026-02-03")
        name = metered.use(10, at="2026-02-02T12:00:00Z")
        late = event(name, calls=4, at="2026-01-10T12:00:00Z")
        (info,) = correct(metered, "REDO_EVENT", {"event": late}, event_id=name).ok()["data"]
        assert (info["status"], info["reason"]) == ("FAILED", "Event was ingested in past pricing cycle")
        assert statuses(metered, name) == ["COMPLETED_EVENT_METERED"], "it stays, and nothing came in its place"

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ({"account_id": ""}, "account_id"),
            ({"created_at": "2026-01-01T00:00:00Z"}, "created_at"),
            ({"id": "event.x.y", "event_id": "e"}, "event_id"),
            ({"event_source_time": "yesterday"}, "event_source_time"),
        ],
    )
    def test_filters_that_do_not_fit_are_named(self, metered: Shop, query: dict[str, object], path: str) -> None:
        assert path in correct(metered, "UNDO", **query).refused(400)

    def test_redo_event_needs_an_event_with_the_same_id(self, metered: Shop) -> None:
        name = metered.use(10)
        assert correct(metered, "REDO_EVENT", event_id=name).refused(400).startswith("event: is missing")
        message = correct(metered, "REDO_EVENT", {"event": event("other")}, event_id=name).refused(400)
        assert message.startswith("event.id: is 'other', expected")
        assert total(metered) == 20

    def test_nothing_that_matches_is_no_error(self, metered: Shop) -> None:
        assert correct(metered, "UNDO", event_id="nothing").ok() == {"data": []}
        assert correct(metered, "UNDO", id="event.26XuXiOl9XO.ZpHoM").ok() == {"data": []}
        assert correct(metered, "UNDO", account_id="somebody").ok() == {"data": []}

    @pytest.mark.parametrize("more", [{}, {"async": "true"}], ids=["at once", "as a job"])
    def test_in_real_time_an_event_is_not_replaced_by_one_too_far_ahead(
        self, tmp_path: Path, more: dict[str, str]
    ) -> None:
        with inside(tmp_path / "data", now=None) as server:
            shop = Shop(server.api())
            shop.metered_plan()
            now = datetime.now(UTC)
            sent = event("e-1", calls=5, at=now.isoformat())
            shop.api.post("/ingest", {"event": sent}).ok()
            ahead = sent | {"timestamp": (now + timedelta(hours=25)).isoformat()}
            message = correct(shop, "REDO_EVENT", {"event": ahead}, **more).refused(422)
            assert message.startswith("event.timestamp: ")
            assert message.endswith(" lies more than 24 hours in the future")
            assert statuses(shop, "e-1") == ["COMPLETED_EVENT_METERED"]
            soon = sent | {"timestamp": (now + timedelta(hours=23)).isoformat()}
            correct(shop, "REDO_EVENT", {"event": soon}, **more).ok()


class TestFilters:
    def test_each_set_of_filters_finds_its_event(self, metered: Shop) -> None:
        name = metered.use(10, at="2026-01-11T08:00:00Z")
        metered.use(3, at="2026-01-12T08:00:00Z")
        (seen,) = metered.api.get(f"/events/{name}").ok()["events"]
        time, created = seen["eventPayload"]["timestamp"], seen["createdAt"]
        for query in (
            {"id": seen["referenceId"]},
            {"event_source_time": time},
            {"event_id": name, "event_source_time": time},
            {"event_id": name, "created_at": created},
        ):
            found = correct(metered, "REDO", **query).ok()["data"]
            assert {one["eventPayload"]["id"] for one in found} == {name}, query
            assert [one["status"] for one in found].count("REVERTED_AND_REINGESTED") == 1, query
        assert total(metered) == 26  # (10 + 3) x 2, however often it was sent again
