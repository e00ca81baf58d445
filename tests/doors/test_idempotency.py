"""An Idempotency-Key makes a repeated POST answer what it answered before, and do nothing again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.operations.shop import ADDRESS, Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Answer, Api, Child, Inside

SEATS = {"name": "Seats", "type": "LICENSE"}


def replayed(answer: Answer) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def test_the_same_request_is_answered_byte_for_byte_and_done_once(api: Api) -> None:
    first = api.post("/addons", SEATS, Idempotency_Key="k-1")
    again = api.post("/addons", SEATS, Idempotency_Key="k-1")
    assert (first.status, replayed(first)) == (200, False)
    assert (again.status, again.content, replayed(again)) == (200, first.content, True)
    assert again.headers["content-type"] == "application/json"
    assert len(api.get("/addons").ok()["data"]) == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [("/addons", SEATS | {"name": "Desks"}), ("/addons", {"type": "LICENSE"}), ("/features", {"name": "Seats"})],
)
def test_another_request_under_the_same_key_is_refused(api: Api, path: str, body: dict[str, str]) -> None:
    api.post("/addons", SEATS, Idempotency_Key="k-2").ok()
    assert "another request" in api.post(path, body, Idempotency_Key="k-2").refused(409)


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    api.post("/addons", {"name": "Seats"}, Idempotency_Key="k-3").refused(400)
    api.post("/addons", SEATS, Idempotency_Key="k-3").ok()


def test_a_dry_run_leaves_its_key_free_and_stores_nothing(api: Api) -> None:
    plan = {"name": "Dry", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
    api.post("/price_plans?dry_run=true", plan, Idempotency_Key="k-4").ok()
    assert api.get("/price_plans").ok()["data"] == []
    api.post("/price_plans", plan, Idempotency_Key="k-4").ok()


def test_keys_of_other_organisations_are_others(server: Inside) -> None:
    for caller in (server.new_organisation(), server.new_organisation()):
        assert not replayed(caller.post("/addons", SEATS, Idempotency_Key="k-5"))


@pytest.mark.parametrize(("key", "status"), [("", 400), ("k" * 255, 200), ("k" * 256, 400)])
def test_a_key_has_1_to_255_characters(api: Api, key: str, status: int) -> None:
    answer = api.post("/addons", SEATS, Idempotency_Key=key)
    assert answer.status == status
    if status == 400:
        assert answer.refused(400).startswith("Idempotency-Key: ")


def test_reads_and_changes_take_no_notice_of_a_key(api: Api) -> None:
    addon = api.post("/addons", SEATS).ok()["id"]
    for name in ("Desks", "Chairs"):
        changed = api.send("PATCH", f"/addons/{addon}", {"name": name}, headers={"Idempotency-Key": "k-6"})
        assert changed.ok()["name"] == name


@pytest.mark.parametrize(("path", "field"), [("/ingest", "event"), ("/ingestBatch", "events")])
def test_events_under_a_key_are_taken_once(api: Api, path: str, field: str) -> None:
    one = event("i-1", at="2026-01-05T00:00:00Z")
    sent = {field: [one] if field == "events" else one}
    first = api.post(path, sent, Idempotency_Key=f"k-7-{field}")
    again = api.post(path, sent, Idempotency_Key=f"k-7-{field}")
    assert (first.status, again.status, again.content) == (202, 202, first.content)
    assert (replayed(first), replayed(again)) == (False, True)
    other = {field: [one | {"id": "i-2"}] if field == "events" else one | {"id": "i-2"}}
    api.post(path, other, Idempotency_Key=f"k-7-{field}").refused(409)
    # A second copy would be listed as a duplicate.
    assert [found["eventPayload"]["id"] for found in api.get("/events").ok()["events"]] == ["i-1"]


def test_a_half_taken_batch_is_replayed_with_its_reasons(api: Api) -> None:
    sent = {"events": [event("h-1"), {"id": "h-2"}]}
    first, again = (api.post("/ingestBatch", sent, Idempotency_Key="k-8") for _ in range(2))
    assert (first.status, again.status, again.content) == (207, 207, first.content)


def test_figures_under_a_key_are_those_of_the_first_time(api: Api) -> None:
    asked = {
        "startTime": "2026-01-01T00:00:00Z",
        "endTime": "2026-02-01T00:00:00Z",
        "metricQueries": [{"id": "q", "name": "EVENTS", "aggregationPeriod": "MONTH"}],
    }
    first = api.post("/metrics", asked, Idempotency_Key="k-9")
    api.post("/ingest", {"event": event("m-1")}).ok()
    again = api.post("/metrics", asked, Idempotency_Key="k-9")
    assert (first.status, again.status, again.content) == (200, 200, first.content)
    assert (replayed(first), replayed(again)) == (False, True)
    assert api.post("/metrics", asked).content != first.content
    other = asked | {"endTime": "2026-03-01T00:00:00Z"}
    assert "another request" in api.post("/metrics", other, Idempotency_Key="k-9").refused(409)


def test_time_moves_once_under_a_key(tmp_path: Path) -> None:
    with inside(tmp_path / "data") as server:
        api = server.api()
        Shop(api).metered_plan()
        path, to = "/v1/test-clock/advance", {"to": "2026-02-03T00:00:00Z"}
        first = api.post(path, to, Idempotency_Key="k-10")
        assert first.ok()["invoicesFrozen"] == 1
        api.advance("2026-02-10")
        again = api.post(path, to, Idempotency_Key="k-10")
        assert (again.status, again.content, replayed(again)) == (200, first.content, True)
        other = api.post(path, {"to": "2026-05-01T00:00:00Z"}, Idempotency_Key="k-10")
        assert "another request" in other.refused(409)
        assert api.get("/v1/test-clock").ok() == {"now": "2026-02-10T00:00:00Z"}


def test_a_replayed_key_leaves_no_second_audit_row(server: Inside, api: Api) -> None:
    organisation = api.get("/v1/organization").ok()["id"]

    def rows() -> int:
        with server.engine.database.read() as connection:
            statement = text("SELECT count(*) FROM audit WHERE organisation_id = :organisation")
            return connection.execute(statement, {"organisation": organisation}).scalar_one()

    before = rows()
    for _ in range(3):
        api.post("/addons", SEATS, Idempotency_Key="k-11").ok()
    api.post("/addons", SEATS | {"name": "Desks"}, Idempotency_Key="k-11").refused(409)
    assert rows() == before + 1


class TestTwentyAtOnce:
    """Over real connections."""

    def at_once(self, api: Api, path: str, body: object, key: str) -> list[Answer]:
        with ThreadPoolExecutor(20) as threads:
            return list(threads.map(lambda _: api.post(path, body, Idempotency_Key=key), range(20)))

    def test_have_one_effect_and_one_answer(self, process: Child) -> None:
        api = process.api()
        answers = self.at_once(api, "/addons", {"type": "LICENSE"}, "at-once")
        assert {answer.status for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert sum(map(replayed, answers)) == 19
        assert len(api.get("/addons").ok()["data"]) == 1

    def test_grant_a_credit_once(self, process: Child) -> None:
        api = process.api()
        Shop(api).account("once")
        asked = {
            "accountId": "once",
            "purpose": "Gift",
            "effectiveFrom": "2026-01-01",
            "creditAmount": 5,
            "priority": 1,
        }
        answers = self.at_once(api, "/credits", {"creditRequests": [asked]}, "gift-at-once")
        assert len({answer.content for answer in answers}) == 1
        assert api.get("/accounts/once/credit_balance").ok()["activeCredits"] == 5

    def test_take_an_event_once(self, process: Child) -> None:
        api = process.api()
        answers = self.at_once(api, "/ingest", {"event": event("at-once", "nobody")}, "event-at-once")
        assert {answer.status for answer in answers} == {202}
        found = api.get("/events/at-once").ok()["events"]
        assert [one["ingestionStatus"]["status"] for one in found] == ["INGESTION_FAILED_SCHEMA_NOT_DEFINED"]

    def test_without_a_key_only_one_creates_the_customer(self, process: Child) -> None:
        api = process.api()
        body = {"id": "racer", "name": "Racer", "primaryEmail": "r@racer.test", "address": ADDRESS}
        with ThreadPoolExecutor(20) as threads:
            statuses = list(threads.map(lambda _: api.post("/customers", body).status, range(20)))
        assert sorted(statuses) == [201] + [409] * 19
