"""The ingest doors check shape and nothing else; what they acknowledge is there (domain.md 2.1, 2.2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import pytest

from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

NUMBERS: Final = count(1)


@pytest.fixture(scope="module")
def shop(server: Inside) -> Iterator[Shop]:
    """One organisation for all tests here; each sends events of its own."""
    opened = Shop(server.new_organisation())
    opened.account()
    opened.schema()
    opened.meter()
    yield opened
    assert server.workers.failure is None


@pytest.fixture(scope="module")
def api(shop: Shop) -> Api:
    return shop.api


def stored(api: Api, event_id: str) -> dict[str, Any]:
    """The payload of an event as it was stored."""
    return api.get(f"/events/{event_id}").ok()["events"][0]["eventPayload"]


def test_a_single_event_is_accepted(api: Api) -> None:
    answer = api.post("/ingest", {"event": event("single")})
    assert (answer.status, answer.body) == (202, {"success": True, "statusCode": 202, "message": "Event accepted"})
    assert stored(api, "single") == event("single")


def test_a_batch_is_accepted_with_its_number(api: Api) -> None:
    answer = api.post("/ingestBatch", {"events": [event("b-1"), event("b-2")]})
    assert (answer.status, answer.body["details"]) == (202, {"accepted": 2})


BAD: Final = [
    ({"attributes": [{"name": "calls", "value": "1e3"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "+1"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": ".5"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "1."}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": ""}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "1\n"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "1\n2"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": " 1"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "1,5"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "\N{ARABIC-INDIC DIGIT ONE}"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "NaN"}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": "9" * 513}]}, "attributes[0].value"),
    ({"attributes": [{"name": "calls", "value": 1}]}, "attributes[0].value: Expected `str`, got `int`"),
    ({"attributes": [{"name": "", "value": "1"}]}, "attributes[0].name"),
    ({"attributes": [{"name": "c" * 51, "value": "1"}]}, "attributes[0].name"),
    ({"attributes": [{"name": "calls", "value": "1", "unit": ""}]}, "attributes[0].unit"),
    ({"attributes": [{"name": "calls", "vaule": "1"}]}, "attributes[0]: unknown field 'vaule': did you mean 'value'?"),
    ({"attributes": [{"name": f"a{n}", "value": "1"} for n in range(11)]}, "attributes: Expected `array`"),
    ({"attributes": {"calls": "1"}}, "attributes: Expected `array`, got `object`"),
    ({"dimensions": {"region": ""}}, "dimensions"),
    ({"dimensions": {"region": "r" * 201}}, "dimensions"),
    ({"dimensions": {f"d{n}": "x" for n in range(101)}}, "dimensions"),
    ({"schemaName": ""}, "schemaName"),
    ({"schemaName": "s" * 51}, "schemaName"),
    ({"id": "i" * 513}, "id"),
    ({"id": "nul\0"}, r"\u0000"),
    ({"accountId": "a" * 513}, "accountId"),
    ({"timestamp": "yesterday"}, "timestamp"),
    ({"timestamp": 1767225600}, "timestamp"),
    ({"timestamp": "2026-02-30T00:00:00Z"}, "timestamp"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp: 0001-01-01T00:00:00+14:00 lies outside the years"),
    ({"timestamp": "9999-12-31T23:59:59-01:00"}, "timestamp: 9999-12-31T23:59:59-01:00 lies outside the years"),
    ({"accountID": "acme"}, "unknown field 'accountID': did you mean 'accountId'?"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_an_event_of_the_wrong_shape_is_refused_with_its_path(api: Api, change: dict[str, Any], message: str) -> None:
    name = f"bad-{next(NUMBERS)}"
    refusal = api.post("/ingest", {"event": event(name) | change}).refused(400)
    assert message in refusal
    assert refusal.startswith(("event", "the character"))
    api.get(f"/events/{name}").refused(404)


@pytest.mark.parametrize(("change", "message"), BAD)
def test_the_other_events_of_its_batch_are_taken(api: Api, change: dict[str, Any], message: str) -> None:
    bad, good = f"bad-{next(NUMBERS)}", f"good-{next(NUMBERS)}"
    answer = api.post("/ingestBatch", {"events": [event(bad) | change, event(good)]})
    assert (answer.status, answer.body["code"], answer.body["success"]) == (207, "PARTIAL_SUCCESS", False)
    assert answer.body["message"] == "1 of 2 events were rejected"
    (rejected,) = answer.body["details"].pop("rejected")
    assert answer.body["details"]["accepted"] == 1
    assert rejected["index"] == 0
    assert message.removeprefix("event.") in rejected["message"]
    assert stored(api, good) == event(good)
    api.get(f"/events/{bad}").refused(404)


def test_each_rejected_event_is_told_apart(api: Api) -> None:
    events = [event("p-0"), event("p-1", schemaName=""), event("p-2"), {"id": "p-3"}, {"nothing": 1}, 7]
    details = api.post("/ingestBatch", {"events": events}).ok()["details"]
    assert details["accepted"] == 2
    assert [(one["index"], one["id"]) for one in details["rejected"]] == [(1, "p-1"), (3, "p-3"), (4, None), (5, None)]


def test_a_batch_of_which_nothing_can_be_taken_is_refused(api: Api) -> None:
    message = api.post("/ingestBatch", {"events": [event("n-1", schemaName=""), {"id": "n-2"}]}).refused(400)
    assert message.startswith("events[0]: schemaName")
    assert "none of the 2 events" in message


@pytest.mark.parametrize(("size", "status"), [(0, 400), (1000, 202), (1001, 400)])
def test_a_batch_has_1_to_1000_events(api: Api, size: int, status: int) -> None:
    answer = api.post("/ingestBatch", {"events": [event(f"m-{number}") for number in range(size)]})
    assert answer.status == status
    if status == 400:
        assert answer.refused(400).startswith("events: Expected `array` of length")


@pytest.mark.parametrize("body", [{"events": event("x")}, {"event": event("x")}, [event("x")], {"events": None}])
def test_a_batch_of_another_shape_is_refused(api: Api, body: object) -> None:
    api.post("/ingestBatch", body).refused(400)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("2026-01-10T12:00:00", "2026-01-10T12:00:00Z"),
        ("2022-06-15T07:30:35.123", "2022-06-15T07:30:35.123000Z"),
        ("2026-01-10T12:00:00+05:30", "2026-01-10T06:30:00Z"),
        ("2026-01-10T00:30:00+01:00", "2026-01-09T23:30:00Z"),
        ("2026-01-10 12:00:00Z", "2026-01-10T12:00:00Z"),
        ("2026-01-31T23:59:59.9999999Z", "2026-01-31T23:59:59.999999Z"),
        ("2026-01-31T23:59:59.999999500", "2026-01-31T23:59:59.999999Z"),
        ("2026-01-31T23:59:59.9999995+01:00", "2026-01-31T22:59:59.999999Z"),
        ("2026-01-31T23:59:59.99999949Z", "2026-01-31T23:59:59.999999Z"),
        ("2026-02-01T00:00:00.0000001Z", "2026-02-01T00:00:00Z"),
    ],
)
def test_a_timestamp_is_read_in_its_zone_and_without_one_in_utc(api: Api, sent: str, meant: str) -> None:
    name = f"at-{next(NUMBERS)}"
    api.post("/ingest", {"event": event(name, at=sent)}).ok()
    api.post("/ingestBatch", {"events": [event(f"{name}-before"), event(f"{name}-batch", at=sent)]}).ok()
    assert stored(api, name)["timestamp"] == stored(api, f"{name}-batch")["timestamp"] == meant


def test_only_the_time_tells_whether_a_time_was_rounded(api: Api) -> None:
    sent = event("not-rounded", dimensions={"region": "2026-01-10T12:00:00.9999999Z"})
    api.post("/ingest", {"event": sent}).ok()
    assert stored(api, "not-rounded") == sent


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": "9999-12-31T23:59:59.999999Z"},
        {"attributes": [{"name": "calls", "value": "9" * 512}]},
        {"attributes": [{"name": "calls", "value": f"-0.{'0' * 400}1"}]},
        {"attributes": []},
        {"attributes": [{"name": "calls", "value": "1"}, {"name": "calls", "value": "2"}]},
        {"dimensions": {"region": "\U0001f600'\"\\\n"}},
        {"dimensions": {"": "x", "region": "x"}},
        {"accountId": ""},
        {"accountId": "'; DROP TABLE event; --"},
        {"schemaName": "togai-usage"},
    ],
    ids=str,
)
def test_an_odd_event_neither_stops_the_processing_nor_changes_on_its_way(api: Api, change: dict[str, Any]) -> None:
    name = f"odd-{next(NUMBERS)}"
    odd = event(name) | change
    api.post("/ingest", {"event": odd}).ok()
    found = stored(api, name)
    assert found | {"timestamp": None} == odd | {"timestamp": None}
    assert datetime.fromisoformat(found["timestamp"]) == datetime.fromisoformat(odd["timestamp"])


@pytest.mark.parametrize("name", ["with/slash", "with space", "?query=1", "#", "%2F", "é", "i" * 512])
def test_an_event_is_found_under_any_id(api: Api, name: str) -> None:
    api.post("/ingest", {"event": event(name)}).ok()
    path = f"/events/{quote(name, safe='')}"
    assert api.get(path).ok()["events"][0]["eventPayload"]["id"] == name


def test_an_event_without_an_id_is_taken_and_then_failed(api: Api) -> None:
    nameless = {name: value for name, value in event("x", at="2026-01-03T00:00:00Z").items() if name != "id"}
    api.post("/ingest", {"event": nameless}).ok()
    (found,) = api.get("/events", status="INGESTION_FAILED_NO_EVENT_ID").ok()["events"]
    assert "id" not in found["eventPayload"]


class TestInRealTime:
    def at(self, **ahead: float) -> str:
        return (datetime.now(UTC) + timedelta(**ahead)).isoformat()

    def test_an_event_more_than_a_day_ahead_is_unprocessable(self, real_time: Inside) -> None:
        message = real_time.api().post("/ingest", {"event": event("f", at=self.at(hours=24, minutes=1))}).refused(422)
        assert message.startswith("event.timestamp: ")
        assert "24 hours in the future" in message

    def test_less_than_a_day_ahead_is_taken(self, real_time: Inside) -> None:
        assert real_time.api().post("/ingest", {"event": event("g", at=self.at(hours=23, minutes=59))}).status == 202

    def test_in_a_batch_only_the_events_that_lie_ahead_are_refused(self, real_time: Inside) -> None:
        events = [
            event("h", at=self.at(days=2)),
            event("i", at=self.at()),
            event("j", "acme", 1, "0001-01-01T00:00+14:00"),
        ]
        answer = real_time.api().post("/ingestBatch", {"events": events})
        assert answer.status == 207
        assert [one["id"] for one in answer.body["details"]["rejected"]] == ["h", "j"]

    def test_a_batch_that_lies_ahead_is_refused(self, real_time: Inside) -> None:
        real_time.api().post("/ingestBatch", {"events": [event("k", at=self.at(days=2))]}).refused(400)

    def test_a_naive_timestamp_is_utc_here_too(self, real_time: Inside) -> None:
        naive = (datetime.now(UTC) + timedelta(hours=20)).replace(tzinfo=None).isoformat()
        assert real_time.api().post("/ingest", {"event": event("l", at=naive)}).status == 202


def test_any_future_is_taken_on_a_test_clock(api: Api) -> None:
    assert api.post("/ingest", {"event": event("future", at="2030-01-01T00:00:00Z")}).status == 202
