"""`POST /v1/cloudevents`: CloudEvents 1.0 as JSON, as a batch, and with their attributes in headers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec
import pytest

from tallystick.engine.administration import Administration
from tallystick.kernel.scope import Scope
from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Answer, Api, Inside

PATH: Final = "/v1/cloudevents"
ONE: Final = "application/cloudevents+json"
MANY: Final = "application/cloudevents-batch+json"
NUMBERS: Final = count(1)


@pytest.fixture(scope="module")
def api(server: Inside) -> Iterator[Api]:
    """The caller of an organisation with the schema api_call: calls is a number, region a text."""
    shop = Shop(server.new_organisation())
    shop.account()
    shop.schema()
    shop.meter()
    yield shop.api
    assert server.workers.failure is None


def cloud(name: str, **more: object) -> dict[str, Any]:
    body = {
        "specversion": "1.0",
        "id": name,
        "source": "/gateway/eu",
        "type": "api_call",
        "subject": "acme",
        "time": "2026-01-10T12:00:00Z",
        "data": {"calls": 3, "region": "eu"},
    }
    return body | more


def send(api: Api, body: object, kind: str = ONE, **headers: str) -> Answer:
    return api.post(PATH, body, **{"Content-Type": kind}, **headers)


def stored(api: Api, name: str, source: str = "/gateway/eu") -> dict[str, Any]:
    return api.get("/events/" + quote(f"{source} {name}", safe="")).ok()["events"][0]


def test_one_event_is_accepted_and_metered(api: Api) -> None:
    answer = send(api, cloud("one"))
    assert (answer.status, answer.body["details"]) == (202, {"accepted": 1})
    found = stored(api, "one")
    assert found["eventPayload"] == event("/gateway/eu one", calls=3)
    assert found["ingestionStatus"]["status"] == "INGESTION_COMPLETED_EVENT_METERED"


def test_a_batch_is_accepted_with_its_number(api: Api) -> None:
    answer = send(api, [cloud("b-1"), cloud("b-2")], MANY)
    assert (answer.status, answer.body["details"]) == (202, {"accepted": 2})
    assert stored(api, "b-1")["source"]["type"] == "BATCH"


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_plain_json_is_what_it_looks_like(api: Api, kind: str) -> None:
    first, second = f"p-{next(NUMBERS)}", f"p-{next(NUMBERS)}"
    assert send(api, cloud(first), kind).status == 202
    assert send(api, [cloud(second)], kind).status == 202
    assert stored(api, first)["eventPayload"]["id"] != stored(api, second)["eventPayload"]["id"]


def test_source_and_id_together_make_an_event(api: Api) -> None:
    sent = [cloud("same"), cloud("same", source="/gateway/us"), cloud("same", data={"calls": 9, "region": "eu"})]
    assert send(api, sent, MANY).status == 202
    listed = {
        source: [one["ingestionStatus"]["status"] for one in found]
        for source in ("/gateway/eu", "/gateway/us")
        if (found := api.get("/events/" + quote(f"{source} same", safe="")).ok()["events"])
    }
    assert sorted(listed["/gateway/eu"]) == [
        "INGESTION_COMPLETED_EVENT_METERED",
        "INGESTION_FAILED_DUPLICATE_EVENT",
    ]
    assert listed["/gateway/us"] == ["INGESTION_COMPLETED_EVENT_METERED"]


def test_numbers_arrive_with_every_digit(api: Api) -> None:
    body = (
        b'{"specversion":"1.0","id":"exact","source":"/s","type":"api_call","subject":"acme",'
        b'"time":"2026-01-10T12:00:00Z","data":{"calls":12345678901234567890.123456789e-3,"region":"eu"}}'
    )
    api.send("POST", PATH, content=body, headers={"Content-Type": ONE}).ok()
    payload = stored(api, "exact", "/s")["eventPayload"]
    assert payload["attributes"] == [{"name": "calls", "value": "12345678901234567.890123456789"}]


def test_what_the_schema_does_not_know_is_kept_by_its_kind(api: Api) -> None:
    send(api, cloud("more", data={"calls": "4", "region": "eu", "bytes": 17, "tier": "pro"})).ok()
    payload = stored(api, "more")["eventPayload"]
    assert payload["attributes"] == [{"name": "calls", "value": "4"}, {"name": "bytes", "value": "17"}]
    assert payload["dimensions"] == {"region": "eu", "tier": "pro"}


def test_predefined_schemas_know_their_names_too(api: Api) -> None:
    meter = api.get("/usage_meters").ok()["data"][0]["id"]
    send(api, cloud("direct", type="togai-usage", data={"usage": "2.5", "usage_meter_id": meter})).ok()
    found = stored(api, "direct")
    assert found["eventPayload"]["attributes"] == [{"name": "usage", "value": "2.5"}]
    assert found["ingestionStatus"]["status"] == "INGESTION_COMPLETED_EVENT_METERED"


def test_an_unknown_type_is_listed_as_a_schema_that_is_not_there(api: Api) -> None:
    send(api, cloud("nowhere", type="com.example.nothing")).ok()
    assert stored(api, "nowhere")["ingestionStatus"]["status"] == "INGESTION_FAILED_SCHEMA_NOT_DEFINED"


def test_an_event_without_data_is_an_event(api: Api) -> None:
    bare = {name: value for name, value in cloud("bare").items() if name != "data"}
    send(api, bare | {"traceparent": "00-1-2-03", "datacontenttype": "application/json"}).ok()
    assert stored(api, "bare")["eventPayload"]["attributes"] == []


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in cloud("w").items() if key != name}


BAD: Final = [
    (cloud("w", specversion="0.3"), "specversion: Invalid enum value '0.3', expected 1.0"),
    *((without(name), f"required field '{name}' is missing") for name in cloud("w") if name != "data"),
    (cloud(""), "id: Expected `str` of length >= 1"),
    (cloud("w", source="/a b"), "source: "),
    (cloud("w", source=""), "source: "),
    (cloud("w", type="t" * 51), "type: "),
    (cloud("w", subject=""), "subject: "),
    (cloud("w", subject="s" * 513), "subject: "),
    (cloud("w", time="yesterday"), "time: "),
    (cloud("w", time=1767225600), "time: Expected `datetime`, got `int`"),
    (cloud("w", time="0001-01-01T00:00:00+14:00"), "time: 0001-01-01T00:00:00+14:00 lies outside the years"),
    (cloud("w", data=None), "data: Expected `object`, got `null`"),
    (cloud("w", data=[1]), "data: Expected `object`, got `array`"),
    (cloud("w", data="text"), "data: Expected `object`, got `str`"),
    (cloud("w", data={"calls": True}), "data.calls: is true"),
    (cloud("w", data={"calls": "many"}), "data.calls: is 'many'"),
    (cloud("w", data={"calls": 1, "region": "nul\0"}), r"the character \u0000 cannot be stored"),
    (without("data") | {"data_base64": "AAEC"}, "data_base64: cannot be read"),
    (7, "Expected `object`, got `int`"),
]


@pytest.mark.parametrize(("sent", "message"), BAD)
def test_an_event_that_cannot_be_taken_is_refused_with_its_place(api: Api, sent: object, message: str) -> None:
    assert message in send(api, sent).refused(400)
    assert send(api, [sent], MANY).refused(400).startswith("[0]: ")


@pytest.mark.parametrize(("sent", "message"), BAD)
def test_the_others_of_its_batch_are_taken(api: Api, sent: object, message: str) -> None:
    good = f"good-{next(NUMBERS)}"
    answer = send(api, [cloud(good), sent], MANY)
    assert (answer.status, answer.body["code"]) == (207, "PARTIAL_SUCCESS")
    details = answer.body["details"]
    (rejected,) = details["rejected"]
    assert (details["accepted"], rejected["index"]) == (1, 1)
    assert message in rejected["message"]
    assert stored(api, good)["eventPayload"]["accountId"] == "acme"


def test_a_rejected_event_is_named_as_it_would_be_listed(api: Api) -> None:
    sent = [cloud("named", data={"calls": None}), cloud("shaped", time="soon"), without("id"), cloud("fine")]
    details = send(api, sent, MANY).ok()["details"]
    assert [one["id"] for one in details["rejected"]] == ["/gateway/eu named", "/gateway/eu shaped", None]


def test_a_text_that_is_no_utf8_is_refused_with_its_event_only(api: Api) -> None:
    good, bad = (msgspec.json.encode(cloud(f"u-{next(NUMBERS)}")) for _ in range(2))
    body = b"[" + good + b"," + bad.replace(b'"eu"', b'"caf\xe9"') + b"]"
    answer = api.send("POST", PATH, content=body, headers={"Content-Type": MANY})
    assert answer.status == 207
    (rejected,) = answer.body["details"]["rejected"]
    assert (rejected["index"], rejected["message"]) == (1, "data: holds a text that is not UTF-8")


@pytest.mark.parametrize("body", [[], {}, [cloud("x")] * 1001])
def test_a_batch_has_1_to_1000_events(api: Api, body: object) -> None:
    send(api, body, MANY).refused(400)


def test_a_body_that_is_no_json_is_refused(api: Api) -> None:
    for kind, body in ((ONE, b'{"id": '), (MANY, b'[{"id": '), ("application/json", b"[1")):
        answer = api.send("POST", PATH, content=body, headers={"Content-Type": kind})
        assert "not valid JSON" in answer.refused(400)


@pytest.mark.parametrize("kind", ["text/plain", "application/cloudevents+avro", "application/cloudevents", ""])
def test_another_content_type_is_refused_with_those_that_are_known(api: Api, kind: str) -> None:
    message = send(api, cloud("kind"), kind).refused(400)
    assert message.startswith("Content-Type: is " + (repr(kind) if kind else "missing, expected "))
    assert ONE in message


class TestInHeaders:
    HEADERS: Final = {
        "ce_specversion": "1.0",
        "ce_source": "/gateway/eu",
        "ce_type": "api_call",
        "ce_subject": "acme",
        "ce_time": "2026-01-10T12:00:00Z",
    }

    def test_the_body_is_the_data_of_one_event(self, api: Api) -> None:
        answer = send(api, {"calls": "7.50", "region": "eu"}, "application/json", **self.HEADERS, ce_id="h-1")
        assert answer.status == 202
        assert stored(api, "h-1")["eventPayload"] == event("/gateway/eu h-1", calls="7.50")

    def test_texts_are_percent_encoded(self, api: Api) -> None:
        send(api, {"calls": 1, "region": "eu"}, "application/json", **self.HEADERS, ce_id="caf%C3%A9%20%25").ok()
        assert stored(api, "café %")["eventPayload"]["accountId"] == "acme"
        message = send(api, {}, "application/json", **self.HEADERS, ce_id="caf%E9").refused(400)
        assert message == "ce-id: is not percent-encoded UTF-8"

    def test_an_event_without_data_needs_no_content_type(self, api: Api) -> None:
        send(api, None, "", **self.HEADERS, ce_id="h-2").ok()
        assert stored(api, "h-2")["eventPayload"]["dimensions"] == {}

    def test_data_of_another_type_is_refused(self, api: Api) -> None:
        refused = send(api, {"calls": 1}, "text/plain", **self.HEADERS, ce_id="h-3").refused(400)
        assert refused.startswith("Content-Type: is 'text/plain'")

    def test_data_that_is_no_json_is_refused(self, api: Api) -> None:
        headers = {name.replace("_", "-"): value for name, value in self.HEADERS.items()} | {"ce-id": "h-4"}
        for body in (b"{", b'{}, "id": "other"', b"calls"):
            api.send("POST", PATH, content=body, headers=headers | {"Content-Type": "application/json"}).refused(400)

    def test_what_is_missing_is_named(self, api: Api) -> None:
        assert "'id' is missing" in send(api, {"calls": 1}, "application/json", **self.HEADERS).refused(400)


class TestAsEverywhere:
    def test_a_repeated_request_finds_its_answer(self, api: Api) -> None:
        key = f"k-{next(NUMBERS)}"
        first = send(api, cloud("idem"), Idempotency_Key=key)
        again = send(api, cloud("idem"), Idempotency_Key=key)
        assert (first.status, again.status, first.content) == (202, 202, again.content)
        assert len(api.get("/events/" + quote("/gateway/eu idem", safe="")).ok()["events"]) == 1
        send(api, cloud("another"), Idempotency_Key=key).refused(409)

    def test_it_needs_a_key_that_may_write(self, server: Inside) -> None:
        assert server.api(None).post(PATH, cloud("k")).status == 401
        keys = Administration(server.engine.database)
        first = keys.add_organisation("Readers", "USD", "UTC")[0]
        secret = keys.create_key(first.id, "reader", frozenset({Scope.READ}), Decimal(0))[1]
        assert "scope write" in send(server.api(secret), cloud("k")).refused(403)

    def test_a_body_has_at_most_8_megabytes(self, api: Api) -> None:
        answer = api.send("POST", PATH, content=b" " * (8 * 1024 * 1024 + 1), headers={"Content-Type": ONE})
        answer.refused(413)

    def test_one_by_itself_more_than_a_day_ahead_is_refused_as_by_ingest(self, real_time: Inside) -> None:
        caller, late = real_time.api(), (datetime.now(UTC) + timedelta(hours=24, minutes=1)).isoformat()
        reason = caller.post("/ingest", {"event": event("ahead", at=late)}).refused(422).removeprefix("event.timestamp")
        assert "24 hours in the future" in reason
        assert send(caller, cloud("ahead", time=late)).refused(422) == f"time{reason}"
        in_headers = TestInHeaders.HEADERS | {"ce_id": "ahead", "ce_time": late.replace("+", "%2B")}
        assert send(caller, {"calls": 1}, "application/json", **in_headers).refused(422) == f"time{reason}"

    def test_a_batch_more_than_a_day_ahead_is_refused_as_by_ingest_batch(self, real_time: Inside) -> None:
        caller, late = real_time.api(), (datetime.now(UTC) + timedelta(days=2)).isoformat()
        message = send(caller, [cloud("ahead", time=late)], MANY).refused(400)
        assert message.startswith("[0]: time: ")
        assert message.endswith(" lies more than 24 hours in the future (none of the 1 events can be taken)")

    def test_less_than_a_day_ahead_is_taken(self, real_time: Inside) -> None:
        soon = datetime.now(UTC) + timedelta(hours=23, minutes=59)
        assert send(real_time.api(), cloud("soon", time=soon.isoformat())).status == 202
        assert send(real_time.api(), cloud("naive", time=soon.replace(tzinfo=None).isoformat())).status == 202

    def test_the_description_tells_its_content_types(self, api: Api) -> None:
        told = api.get("/openapi.json").ok()["paths"][PATH]["post"]["requestBody"]["content"]
        assert set(told) == {ONE, MANY, "application/json"}
