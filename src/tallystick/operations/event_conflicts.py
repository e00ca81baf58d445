"""Duplicates that say something else than the event that counted: told when read, so that ingestion pays nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tallystick.metering.conflict import counts, differing_fields
from tallystick.metering.event import EventStatus
from tallystick.operations.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.stores.event_store import StoredEvent


def with_conflicts(work: Work, events: Sequence[StoredEvent]) -> list[StoredEvent]:
    """The events, each duplicate that says something else than the event that counted described as such."""
    ids = {event.event.id for event in events if event.status is EventStatus.DUPLICATE and event.event.id}
    same = work.events.events_with_ids(work.organisation.id, sorted(ids)) if ids else []
    return [_described(event, same) if event.status is EventStatus.DUPLICATE else event for event in events]


def _described(duplicate: StoredEvent, same: Sequence[StoredEvent]) -> StoredEvent:
    counted = [event for event in same if event.event.id == duplicate.event.id and counts(event.status)]
    if not counted:
        return duplicate
    # Usually the last one before it; an event that was looked at again later may be a duplicate of one behind it.
    earlier = [event for event in counted if event.position < duplicate.position]
    differing = differing_fields(duplicate.event, (earlier or counted[:1])[-1].event)
    if not differing:
        return duplicate
    conflict = f"{duplicate.status_description}, and its content differs: {', '.join(differing)}; the first one counts"
    return replace(duplicate, status_description=conflict)
