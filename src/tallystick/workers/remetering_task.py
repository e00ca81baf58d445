"""Jobs that meter the past of a meter anew: a preview first, then orders in the event log, in portions.

A portion is written down with what it will change before it is ordered, so that it counts once whatever happens in
between: ordered again, it changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.document import encode
from tallystick.kernel.errors import invalid
from tallystick.kernel.job import EntryStatus
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import COUNTED, EventSource
from tallystick.metering.remetering import REMETERED, meter_in
from tallystick.operations.foreseen_purses import ForeseenPurses
from tallystick.operations.remetering_plan import by_position
from tallystick.operations.remetering_preview import PreviewTally, totals_of
from tallystick.operations.remeterings import Chunk, Remetering, RemeteringProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.kernel.job import Job, JobEntry
    from tallystick.operations.remetering_plan import Assessed
    from tallystick.operations.work import Work
    from tallystick.stores.event_store import StoredEvent
    from tallystick.workers.job_desk import Desk

EVENTS_AT_ONCE: Final = 1_000


class RemeteringTask:
    """Meters events anew; what is in a closed cycle stays as it is."""

    def __init__(self) -> None:
        self._previews: dict[str, Iterator[None]] = {}

    def prepare(self, desk: Desk, job: Job) -> bool:
        """Compute what would change in the next events or accounts; at the end, all accounts are listed as entries.

        What was added up so far is not stored: a step that breaks, or a restart, begins anew.
        """
        if job.progress is not None:
            return True
        preview = self._previews.pop(job.id, None) or _previewed(desk, Remetering.of(job))
        for _ in preview:
            self._previews[job.id] = preview
            return False
        return True

    def carry_out(self, desk: Desk, job: Job) -> bool:
        """Order the next portion of events; whether there was none any more."""
        asked, progress = Remetering.of(job), RemeteringProgress.of(job)
        assert progress is not None, "its preview was made before it could be confirmed"
        chunk = progress.chunk
        if chunk is None:
            chunk = self._begun(desk, asked, progress)
            if chunk is None:
                with desk.writing() as (work, current):
                    work.state.jobs.close_entries(current, EntryStatus.COMPLETED)
                return True
        if chunk.positions:
            meter = (asked.usage_meter_id, asked.usage_meter_version)
            with desk.reading() as work:
                nothing = EventColumns.of([], work.organisation.id, EventSource.API)
            desk.order([msgspec.structs.replace(nothing, remetered=chunk.positions, meter=meter, ordered_by=job.id)])
        with desk.writing() as (work, current):
            result = progress.result.plus(chunk.totals)
            done = msgspec.structs.replace(progress, result=result, after=chunk.through, chunk=None)
            work.state.jobs.store(replace(current, progress=_text(done)))
        return False

    def _begun(self, desk: Desk, asked: Remetering, progress: RemeteringProgress) -> Chunk | None:
        """The next portion, written down before it is ordered."""
        with desk.reading() as work:
            events = _next(work, asked, progress.after)
            if not events:
                return None
            found = _assessed(desk, work, asked, events, set(), ForeseenPurses())
        chunk = Chunk(
            positions=[one.stored.position for one in found if one.outcome is not None],
            through=events[-1].position,
            totals=totals_of(asked, found),
        )
        with desk.writing() as (work, current):
            begun = msgspec.structs.replace(progress, chunk=chunk)
            work.state.jobs.store(replace(current, progress=_text(begun)))
        return chunk


def _previewed(desk: Desk, asked: Remetering) -> Iterator[None]:
    """Compute what would change, portion by portion, and list the accounts as entries, once."""
    desk.pass_row(asked.through_row)
    tally, after = PreviewTally(asked), -1
    while True:
        with desk.reading() as work:
            events = _next(work, asked, after)
            if not events:
                break
            tally.add(work, _assessed(desk, work, asked, events, tally.taken, tally.purses))
            after = events[-1].position
        yield
    entries: list[JobEntry] = []
    for portion in tally.portions():
        with desk.reading() as work:
            entries += tally.entries(work, portion, len(entries))
        yield
    with desk.writing() as (work, current):
        progress = RemeteringProgress(preview=tally.preview())
        work.state.jobs.add_entries(replace(current, progress=_text(progress)), entries)


def _next(work: Work, asked: Remetering, after: int) -> list[StoredEvent]:
    return work.events.events_of_schema(
        work.organisation.id,
        asked.event_schema_name,
        asked.span,
        REMETERED,
        account_ids=asked.account_ids,
        through_row=asked.through_row,
        after=after,
        size=EVENTS_AT_ONCE,
    )


def _assessed(
    desk: Desk, work: Work, asked: Remetering, events: list[StoredEvent], taken: set[str], purses: ForeseenPurses
) -> list[Assessed]:
    """What becomes of events as things stand; `taken` are ids that events before them would take, `purses` theirs."""
    references = {event.event.account_id for event in events} | {event.account_id or "" for event in events}
    catalogue = desk.catalogue({asked.event_schema_name}, references)
    meter = meter_in(catalogue, asked.event_schema_name, asked.usage_meter_id, asked.usage_meter_version)
    if meter is None:
        reason = "is not active in the version that was to meter anew: start another remetering"
        raise invalid("", f"usage meter {asked.usage_meter_id!r} {reason}")
    facts = by_position(work.events.units_of(work.organisation.id, [event.position for event in events]))
    failed = [event.event.id for event in events if event.status not in COUNTED and event.event.id is not None]
    named = work.events.events_with_ids(work.organisation.id, failed) if failed else []
    claimed = taken | {event.event.id for event in named if event.status in COUNTED and event.event.id is not None}
    return purses.assessed(work, events, facts, meter, catalogue, claimed)


def _text(progress: RemeteringProgress) -> str:
    return encode(progress).decode()
