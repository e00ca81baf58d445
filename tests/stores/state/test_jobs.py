"""Jobs and their entries in the state store: counters follow the entries, and what can go on is found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from tallystick.kernel.errors import BillingError
from tallystick.kernel.job import EntryStatus, JobStatus, JobType
from tallystick.kernel.paging import PageRequest
from tallystick.stores.state.jobs import unsettled
from tests.stores.state.nouns import entry, job
from tests.stores.state.world import ABROAD, HOME, later

if TYPE_CHECKING:
    from tests.stores.state.world import World


def test_a_job_comes_back_as_it_was_stored(world: World) -> None:
    kept = job(
        metadata={"a": "b"},
        progress='{"last":1}',
        requires_confirmation=True,
        total=9,
        failed=1,
        completed=2,
        cancelled=3,
        settled_at=later(5),
    )
    with world.writing() as state:
        state.jobs.add(job())
        state.jobs.store(kept)
        assert state.jobs.get("job.1") == kept
    with pytest.raises(BillingError, match=r"job 'job\.2' not found"), world.reading() as state:
        state.jobs.get("job.2")


def test_entries_come_back_in_their_order_and_by_where_they_stand(world: World) -> None:
    listed = [entry(number, reference=number * 10, details="{}", metadata={"n": str(number)}) for number in (3, 1, 2)]
    with world.writing() as state:
        state.jobs.add(job())
        assert state.jobs.add_entries(job(), listed).total == 3
    with world.reading() as state:
        assert state.jobs.next_entries("job.1", [EntryStatus.PENDING], 2) == [listed[1], listed[2]]
        assert state.jobs.page_entries(PageRequest(page_size=2), "job.1")[0] == [listed[1], listed[2]]
        assert state.jobs.next_entries("job.1", [EntryStatus.FAILED], 2) == []


def test_counters_follow_the_entries(world: World) -> None:
    with world.writing() as state:
        state.jobs.add(job())
        grown = state.jobs.add_entries(job(), [entry(number) for number in range(6)])
        begun = state.jobs.move_entries(grown, [entry(n, status=EntryStatus.IN_PROGRESS) for n in range(3)])
        assert (begun.pending, begun.completed, begun.failed) == (6, 0, 0)
        done = [entry(0, status=EntryStatus.COMPLETED), entry(1, status=EntryStatus.FAILED, metadata={"reason": "x"})]
        settled = state.jobs.move_entries(begun, done)
        closed = state.jobs.close_entries(settled, EntryStatus.CANCELLED)
    assert (settled.pending, settled.completed, settled.failed) == (4, 1, 1)
    assert (closed.pending, closed.completed, closed.failed, closed.cancelled) == (0, 1, 1, 4)
    with world.reading() as state:
        assert state.jobs.get("job.1") == closed
        found = state.jobs.next_entries("job.1", EntryStatus, 9)
    assert [one.status for one in found] == ["COMPLETED", "FAILED", *["CANCELLED"] * 4]
    assert found[1].metadata == {"reason": "x"}


def test_a_thing_is_in_a_job_once(world: World) -> None:
    with world.writing() as state:
        state.jobs.add(job())
        state.jobs.add_entries(job(), [entry(1)])
    with pytest.raises(IntegrityError), world.writing() as state:
        state.jobs.add_entries(job(), [replace(entry(2), entity_id="event.1")])


def test_the_newest_come_first_and_types_of_our_own_only_when_asked_for(world: World) -> None:
    with world.writing() as state:
        for number, kind in enumerate(JobType):
            state.jobs.add(job(f"job.{number}", type=kind))
    with world.reading() as state:
        known, _ = state.jobs.page(PageRequest(), every_type=False)
        every, _ = state.jobs.page(PageRequest(), every_type=True)
    assert [one.id for one in every] == ["job.4", "job.3", "job.2", "job.1", "job.0"]
    assert [one.type for one in known] == [JobType.BILL_RUN, JobType.EVENT_CORRECTIONS, JobType.PRICE_PLAN]


def test_what_can_go_on_is_found_in_every_organisation_the_oldest_first(world: World) -> None:
    for organisation, names in ((HOME, ("job.2", "job.4")), (ABROAD, ("job.3",))):
        with world.writing(organisation) as state:
            for name in names:
                state.jobs.add(job(name))
    with world.writing() as state:
        state.jobs.add(job("job.1", status=JobStatus.WAITING_FOR_CONFIRMATION))
        state.jobs.add(job("job.0", status=JobStatus.COMPLETED, settled_at=later(1)))
    with world.database.read() as connection:
        assert unsettled(connection) == [(HOME, "job.2"), (ABROAD, "job.3"), (HOME, "job.4")]
