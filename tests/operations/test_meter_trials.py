"""Trying a meter on sample events judges them as the processor would, and changes nothing (issue 3, part 2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import CALLS, event

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop
    from tests.servers import Answer

METERED = "INGESTION_COMPLETED_EVENT_METERED"
NOT_METERED = "INGESTION_COMPLETED_EVENT_NOT_METERED"
FROM_EU = '{"==": [{"var": "dimensions.region"}, "eu"]}'


def draft(computation: str = CALLS, **more: Any) -> Json:  # noqa: ANN401 - JSON
    body = {
        "name": "Tried",
        "type": "COUNTER",
        "aggregation": "SUM",
        "eventSchemaName": "api_call",
        "computations": [{"computation": computation}],
    }
    return body | more


def tried(shop: Shop, *events: Json, **meter: Any) -> Answer:  # noqa: ANN401 - JSON
    return shop.api.post("/v1/usage-meters/preview", {"events": events} | meter)


@pytest.fixture
def shop(still: Shop) -> Shop:
    still.schema()
    return still


def test_a_draft_says_units_or_why_there_are_none(shop: Shop) -> None:
    meter = draft(computations=[{"matcher": FROM_EU, "computation": '{"*": [{"var": "attributes.calls"}, 0.5]}'}])
    nameless = {name: value for name, value in event("", calls="0.3").items() if name != "id"}
    answer = tried(
        shop,
        event("e-1", calls="3"),
        nameless,
        event("e-3", dimensions={"region": "us"}),
        event("e-4", attributes=[]),
        event("e-5", calls="0.0000000000001"),
        meter=meter,
    ).ok()
    assert (answer["name"], answer["eventSchemaName"], answer["aggregation"]) == ("Tried", "api_call", "SUM")
    # 3 x 0.5 + 0.3 x 0.5
    assert answer["totalUnits"] == Decimal("1.65")
    assert answer["events"] == [
        {
            "index": 0,
            "id": "e-1",
            "status": METERED,
            "statusDescription": "the meter takes these units",
            "units": Decimal("1.5"),
        },
        {
            "index": 1,
            "status": METERED,
            "statusDescription": "the meter takes these units",
            "units": Decimal("0.15"),
        },
        {
            "index": 2,
            "id": "e-3",
            "status": NOT_METERED,
            "statusDescription": "the meter's filters or matchers say no",
        },
        {
            "index": 3,
            "id": "e-4",
            "status": "INGESTION_FAILED",
            "statusDescription": "attribute calls is missing",
        },
        {
            "index": 4,
            "id": "e-5",
            "status": "INGESTION_FAILED_UNITS_INVALID",
            "statusDescription": (
                "usage meter Tried: the units need more than 26 digits before or 12 behind the point"
            ),
        },
    ]


def test_a_stored_meter_is_tried_as_it_is_whatever_its_state(shop: Shop) -> None:
    shop.account()
    meter = shop.meter(filters=[{"field": "region", "value": "eu"}])
    samples = [event("e-1", calls=7), event("e-2", dimensions={"region": "us"})]
    answer = tried(shop, *samples, usageMeterId=meter).ok()
    assert (answer["usageMeterId"], answer["totalUnits"]) == (meter, 7)
    shop.api.post("/ingestBatch", {"events": samples}).ok()
    assert [one["status"] for one in answer["events"]] == [shop.status("e-1"), shop.status("e-2")]
    shop.api.post(f"/usage_meters/{meter}/deactivate").ok()
    assert tried(shop, *samples, usageMeterId=meter).ok() == answer


def test_accounts_and_duplicates_are_not_looked_at(shop: Shop) -> None:
    same = event("e-1", account="nobody", at="1999-01-01T00:00:00Z", calls=2)
    answer = tried(shop, same, same, meter=draft()).ok()
    assert answer["totalUnits"] == 4
    assert [one["status"] for one in answer["events"]] == [METERED, METERED]


def test_a_counting_meter_counts(shop: Shop) -> None:
    assert (
        tried(shop, event("a"), event("b"), meter=draft(aggregation="COUNT", computations=[])).ok()["totalUnits"] == 2
    )


def test_nothing_is_kept(shop: Shop) -> None:
    tried(shop, event("e-1"), meter=draft()).ok()
    assert shop.api.get("/usage_meters").ok()["data"] == []
    assert shop.api.get("/events").ok()["events"] == []


def test_a_draft_is_checked_as_creation_checks_it(shop: Shop) -> None:
    body = draft(computations=[{"computation": '{"var": "attributes.calz"}'}, {"computation": '{"plus": [1, 2]}'}])
    created = shop.api.post("/usage_meters", body).refused(400)
    message = tried(shop, event("e-1"), meter=body).refused(400)
    assert message == created.replace("computations[", "meter.computations[")
    assert message.count("meter.computations[") == 2
    assert "meter.eventSchemaName: event schema 'boat' not found" in tried(
        shop, event("e-1"), meter=draft(eventSchemaName="boat")
    ).refused(400)


@pytest.mark.parametrize("missing", [{}, {"usageMeterId": "um.x", "meter": draft()}])
def test_one_meter_is_tried_neither_none_nor_two(shop: Shop, missing: Json) -> None:
    message = tried(shop, event("e-1"), **missing).refused(400)
    assert message.startswith("usageMeterId: send either usageMeterId of a stored meter or the draft of one")


def test_what_cannot_be_tried_is_refused(shop: Shop) -> None:
    unbound = {name: value for name, value in draft().items() if name != "eventSchemaName"}
    assert "meter.eventSchemaName: the meter has no event schema" in tried(shop, event("e-1"), meter=unbound).refused(
        400
    )
    assert tried(shop, event("e-1"), usageMeterId="um.x").refused(400) == "usageMeterId: usage meter 'um.x' not found"
    other = event("e-2") | {"schemaName": "boat"}
    assert tried(shop, event("e-1"), other, meter=draft()).refused(400) == (
        "events[1].schemaName: is 'boat', the meter reads 'api_call'"
    )
    assert "events" in tried(shop, meter=draft()).refused(400)
    assert "events" in tried(shop, *[event("e-1")] * 101, meter=draft()).refused(400)


class TestStoredEvents:
    def test_the_newest_are_taken_and_their_units_told_by_account(self, shop: Shop) -> None:
        shop.account("acme")
        sent = [
            event("e-old", calls=100, at="2026-01-01T00:00:00Z"),
            event("e-1", calls=3),
            event("e-1", calls=4),  # a duplicate
            event("e-2", calls=5, at="2026-01-11T00:00:00Z", account="stranger"),
            event("e-3", calls=7, at="2026-01-12T00:00:00Z"),
        ]
        shop.api.post("/ingestBatch", {"events": sent}).ok()
        answer = shop.api.post("/v1/usage-meters/preview", {"lastEvents": 3, "meter": draft()}).ok()
        assert [one["id"] for one in answer["events"]] == ["e-3", "e-2", "e-1"]
        assert answer["accounts"] == [{"accountId": "acme", "units": 10}, {"accountId": "stranger", "units": 5}]
        assert answer["totalUnits"] == 15  # 7 + 5 + 3

    def test_none_is_stored_then_nothing_comes_of_it(self, shop: Shop) -> None:
        answer = shop.api.post("/v1/usage-meters/preview", {"lastEvents": 10, "meter": draft()}).ok()
        assert (answer["events"], answer["accounts"], answer["totalUnits"]) == ([], [], 0)

    @pytest.mark.parametrize("asked", [{}, {"lastEvents": 1, "events": [event("e-1")]}])
    def test_it_is_one_or_the_other(self, shop: Shop, asked: Json) -> None:
        message = shop.api.post("/v1/usage-meters/preview", asked | {"meter": draft()}).refused(400)
        assert message.startswith("events: send either events, or lastEvents")

    def test_there_are_bounds(self, shop: Shop) -> None:
        for many in (0, 1001):
            body = {"lastEvents": many, "meter": draft()}
            assert "lastEvents" in shop.api.post("/v1/usage-meters/preview", body).refused(400)
