"""Jobs over the API: their lists, their steps, who may let them run; with corrections, the first that are jobs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.engine.administration import Administration
from tallystick.kernel.job import JobStatus, JobType
from tallystick.kernel.scope import Scope
from tallystick.operations.jobs import started
from tallystick.operations.organisations import OrganisationPatch
from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

CLOSED = "Event was ingested in past pricing cycle"


@pytest.fixture
def metered(shop: Shop) -> Shop:
    """Calls cost 2 each since New Year."""
    shop.metered_plan((0, 2))
    return shop


def start(shop: Shop, action: str, body: Any = None, **query: object) -> Answer:  # noqa: ANN401 - JSON
    query.setdefault("account_id", "acme")
    query.setdefault("async", "true")
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    return shop.api.send("POST", f"/events/correction?action={action}&{asked}", body)


def job_of(answer: Answer) -> str:
    assert answer.status == 202, answer.content
    assert answer.body == {"success": True, "jobId": answer.body["jobId"]}
    return answer.body["jobId"]


def counts(shop: Shop, job: str) -> tuple[str, int, int, int, int]:
    """Status, total, pending, failed, completed."""
    told = shop.api.get(f"/jobs/{job}").ok()
    names = ("totalJobEntries", "pendingJobEntries", "failedJobEntries", "completedJobEntries")
    return told["status"], *(told[name] for name in names)


def entries(shop: Shop, job: str) -> dict[str, dict[str, Any]]:
    """The entries of a job, by the id of their event."""
    found = [entry for page in shop.api.pages(f"/jobs/{job}/entries") for entry in page]
    return {entry["metadata"]["eventId"]: entry for entry in found}


def total(shop: Shop) -> Decimal:
    return Decimal(shop.invoices()[0]["totalAmount"])


def statuses(shop: Shop, event_id: str) -> list[str]:
    found = shop.api.get(f"/events/{event_id}").ok()["events"]
    return [one["ingestionStatus"]["status"].removeprefix("INGESTION_") for one in found]


class TestCorrections:
    def test_all_matches_are_taken_back_not_only_thirty(self, metered: Shop) -> None:
        for minute in range(45):
            metered.use(1, at=f"2026-01-10T12:{minute:02d}:00Z")
        kept = metered.use(7, at="2026-01-11T00:00:00Z", account="other")
        assert total(metered) == 90  # 45 x 2
        job = job_of(start(metered, "UNDO"))
        assert counts(metered, job) == ("COMPLETED", 45, 0, 0, 45)
        assert total(metered) == 0
        assert statuses(metered, kept) == ["FAILED_ACCOUNT_NOT_FOUND"]

    def test_an_entry_is_an_events_reference_id(self, metered: Shop) -> None:
        name = metered.use(10)
        (seen,) = metered.api.get(f"/events/{name}").ok()["events"]
        job = job_of(start(metered, "UNDO", event_id=name))
        (entry,) = metered.api.get(f"/jobs/{job}/entries").ok()["data"]
        assert entry == {
            "entityId": seen["referenceId"],
            "jobId": job,
            "status": "COMPLETED",
            "createdAt": "2026-01-01T00:00:00Z",
            "metadata": {"eventId": name, "outcome": "REVERTED"},
        }

    def test_the_event_says_which_job_took_it_back(self, metered: Shop) -> None:
        name = metered.use(10)
        job = job_of(start(metered, "UNDO", event_id=name))
        (seen,) = metered.api.get(f"/events/{name}").ok()["events"]
        assert seen["ingestionStatus"]["statusDescription"] == f"taken back by a correction, {job}"

    def test_what_was_sent_again_counts_once(self, metered: Shop) -> None:
        names = [metered.use(units) for units in (10, 20, 30)]
        job = job_of(start(metered, "REDO"))
        assert counts(metered, job) == ("COMPLETED", 3, 0, 0, 3)
        assert total(metered) == 120  # (10 + 20 + 30) x 2
        assert [statuses(metered, name) for name in names] == [["REVERTED", "COMPLETED_EVENT_METERED"]] * 3

    def test_another_event_comes_in_the_place_of_the_first_that_can_be_replaced(self, metered: Shop) -> None:
        name = metered.use(10)
        metered.api.post("/ingest", {"event": event(name, calls=5, at="2026-01-09T00:00:00Z")}).ok()
        job = job_of(start(metered, "REDO_EVENT", {"event": event(name, calls=4)}, event_id=name))
        assert counts(metered, job) == ("COMPLETED", 2, 0, 1, 1)
        assert total(metered) == 8  # 4 x 2, once
        assert sorted(statuses(metered, name)) == ["COMPLETED_EVENT_METERED", "FAILED_DUPLICATE_EVENT", "REVERTED"]

    def test_what_cannot_be_corrected_is_an_entry_that_failed_with_its_reason(self, metered: Shop) -> None:
        good, taken = metered.use(10), metered.use(20)
        metered.api.send("POST", f"/events/correction?action=UNDO&account_id=acme&event_id={taken}").ok()
        job = job_of(start(metered, "UNDO"))
        assert counts(metered, job) == ("COMPLETED", 2, 0, 1, 1)
        told = entries(metered, job)
        assert told[good]["status"] == "COMPLETED"
        assert told[taken]["status"] == "FAILED"
        assert told[taken]["metadata"] == {
            "eventId": taken,
            "outcome": "FAILED",
            "reason": "an event that is REVERTED cannot be corrected by UNDO",
        }

    def test_a_job_of_which_nothing_came_has_failed(self, metered: Shop) -> None:
        name = metered.use(10)
        metered.api.advance("2026-02-03")
        job = job_of(start(metered, "UNDO", event_id=name))
        assert counts(metered, job) == ("FAILED", 1, 0, 1, 0)
        assert entries(metered, job)[name]["metadata"]["reason"] == CLOSED
        assert statuses(metered, name) == ["COMPLETED_EVENT_METERED"]

    def test_a_job_about_nothing_is_completed(self, metered: Shop) -> None:
        job = job_of(start(metered, "UNDO", event_id="nothing"))
        assert counts(metered, job) == ("COMPLETED", 0, 0, 0, 0)

    def test_filters_that_do_not_fit_start_nothing(self, metered: Shop) -> None:
        assert "account_id" in start(metered, "UNDO", account_id="").refused(400)
        assert "created_at" in start(metered, "UNDO", created_at="2026-01-01T00:00:00Z").refused(400)
        assert "event: is missing" in start(metered, "REDO_EVENT", event_id="e").refused(400)
        assert metered.api.get("/jobs").ok() == {"data": [], "nextToken": None}

    def test_without_async_the_answer_is_what_it_was(self, metered: Shop) -> None:
        name = metered.use(10)
        answer = start(metered, "UNDO", event_id=name, **{"async": "false"})
        assert (answer.status, [one["status"] for one in answer.body["data"]]) == (200, ["REVERTED"])
        assert metered.api.get("/jobs").ok()["data"] == []


class TestConfirmation:
    def test_a_job_waits_with_its_entries_listed_and_changes_nothing(self, metered: Shop) -> None:
        metered.use(10)
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        assert counts(metered, job) == ("WAITING_FOR_CONFIRMATION", 1, 1, 0, 0)
        assert [entry["status"] for entry in entries(metered, job).values()] == ["PENDING"]
        assert total(metered) == 20

    def test_whoever_wants_to_confirm_wants_a_job(self, metered: Shop) -> None:
        """The typed client cannot send `async`, only `require_confirmation` (domain.md 2.8)."""
        name = metered.use(10)
        query = "/events/correction?action=REDO_EVENT&require_confirmation=true"
        job = job_of(metered.api.post(query, {"event": event(name, calls=1)}))
        assert counts(metered, job)[0] == "WAITING_FOR_CONFIRMATION"
        metered.api.post(f"/jobs/{job}/confirm").ok()
        assert total(metered) == 2

    def test_it_runs_when_it_is_confirmed_and_once(self, metered: Shop) -> None:
        metered.use(10)
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        assert metered.api.post(f"/jobs/{job}/confirm").ok()["status"] == "IN_PROGRESS"
        assert counts(metered, job) == ("COMPLETED", 1, 0, 0, 1)
        assert "settledAt" in metered.api.get(f"/jobs/{job}").ok()
        assert "only a job that is WAITING_FOR_CONFIRMATION" in metered.api.post(f"/jobs/{job}/confirm").refused(400)
        assert total(metered) == 0

    def test_it_is_called_off_when_it_is_rejected(self, metered: Shop) -> None:
        metered.use(10)
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        told = metered.api.post(f"/jobs/{job}/reject").ok()
        assert (told["status"], told["pendingJobEntries"], told["completedJobEntries"]) == ("CANCELLED", 0, 0)
        assert [entry["status"] for entry in entries(metered, job).values()] == ["CANCELLED"]
        for verb in ("confirm", "reject"):
            assert "is CANCELLED" in metered.api.post(f"/jobs/{job}/{verb}").refused(400)
        assert total(metered) == 20

    def test_what_has_changed_since_fails_with_its_reason_and_the_rest_is_done(self, metered: Shop) -> None:
        taken, closing, good = (
            metered.use(1),
            metered.use(10, at="2026-01-20T00:00:00Z"),
            metered.use(100, at="2026-02-02T00:00:00Z"),
        )
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        metered.api.send("POST", f"/events/correction?action=UNDO&account_id=acme&event_id={taken}").ok()
        metered.api.advance("2026-02-03")  # January and its two days of grace are over
        metered.api.post(f"/jobs/{job}/confirm").ok()
        assert counts(metered, job) == ("COMPLETED", 3, 0, 2, 1)
        told = {name: entry["metadata"].get("reason") for name, entry in entries(metered, job).items()}
        assert told == {
            taken: "an event that is REVERTED cannot be corrected by UNDO",
            closing: CLOSED,
            good: None,
        }
        assert [Decimal(one["totalAmount"]) for one in metered.invoices()] == [20, 0]

    def test_events_that_come_while_it_waits_are_not_its_own(self, metered: Shop) -> None:
        metered.use(10)
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        metered.use(7)
        metered.api.post(f"/jobs/{job}/confirm").ok()
        assert total(metered) == 14  # 7 x 2

    def test_an_idempotency_key_starts_one_job(self, metered: Shop) -> None:
        metered.use(10)
        path = "/events/correction?action=UNDO&account_id=acme&async=true&require_confirmation=true"
        first, second = (metered.api.post(path, Idempotency_Key="once") for _ in range(2))
        assert job_of(first) == job_of(second)
        assert len(metered.api.get("/jobs").ok()["data"]) == 1


class TestKeys:
    def narrow(self, server: Inside, *scopes: Scope) -> Shop:
        admin = Administration(server.engine.database)
        first = admin.organisations()[0]
        return Shop(server.api(admin.create_key(first.id, "narrow", frozenset(scopes), Decimal(100))[1]))

    def test_what_touches_money_is_confirmed_by_a_key_that_may(self, server: Inside, metered: Shop) -> None:
        metered.use(10)
        job = job_of(start(metered, "UNDO", require_confirmation="true"))
        writer = self.narrow(server, Scope.READ, Scope.WRITE)
        for verb in ("confirm", "reject"):
            assert "the scope money" in writer.api.post(f"/jobs/{job}/{verb}").refused(403)
        assert counts(writer, job)[0] == "WAITING_FOR_CONFIRMATION"
        self.narrow(server, Scope.WRITE, Scope.MONEY).api.post(f"/jobs/{job}/confirm").ok()
        assert total(metered) == 0


class TestLists:
    def test_jobs_come_newest_first_in_pages(self, metered: Shop) -> None:
        jobs = [job_of(start(metered, "UNDO", event_id=f"e-{number}")) for number in range(3)]
        pages = metered.api.pages("/jobs", pageSize=2)
        assert [[one["id"] for one in page] for page in pages] == [[jobs[2], jobs[1]], [jobs[0]]]
        assert pages[1][0] == {
            "id": jobs[0],
            "type": "EVENT_CORRECTIONS",
            "status": "COMPLETED",
            "updatedAt": "2026-01-01T00:00:00Z",
        }

    def test_a_job_that_does_not_exist_is_not_found(self, still: Shop) -> None:
        for path in ("/jobs/job.x", "/jobs/job.x/entries", "/v1/jobs/job.x"):
            assert still.api.get(path).refused(404) == "job 'job.x' not found"

    def test_types_that_the_togai_wire_does_not_know_are_told_under_v1_only(
        self, server: Inside, metered: Shop
    ) -> None:
        known = job_of(start(metered, "UNDO"))
        own = remetering(server)
        assert [one["id"] for one in metered.api.get("/jobs").ok()["data"]] == [known]
        assert [one["id"] for one in metered.api.get("/v1/jobs").ok()["data"]] == [own, known]
        metered.api.get(f"/jobs/{own}").refused(404)
        metered.api.get(f"/jobs/{own}/entries").refused(404)
        metered.api.post(f"/jobs/{own}/reject").refused(404)
        assert metered.api.get(f"/v1/jobs/{own}/entries").ok() == {"data": [], "nextToken": None}
        assert metered.api.post(f"/v1/jobs/{own}/reject").ok()["status"] == "CANCELLED"


def remetering(server: Inside) -> str:
    """A job of a type of our own that waits for a confirmation, made beside every worker."""
    organisation = Administration(server.engine.database).organisations()[0].id
    with server.engine.work_for(organisation, "test", writes=True) as (work, _):
        job = started(work, JobType.REMETERING, OrganisationPatch(), requires_confirmation=True)
        for status in (JobStatus.INITIALIZED, JobStatus.WAITING_FOR_CONFIRMATION):
            job = job.moved(status, work.now)
        work.state.jobs.store(job)
    return job.id
