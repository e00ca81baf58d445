"""A schedule by its id (v2): as it is in force or in a draft, and one of a draft that gets other terms."""

from __future__ import annotations

from collections.abc import Callable

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.schedule_draft import DraftTimeline, TimelineMode
from tallystick.kernel.errors import not_found
from tallystick.operations.schedule_drafts import opened_draft
from tallystick.operations.timelines import billed_account, refuse_change
from tallystick.operations.work import Work


def schedule_in(work: Work, schedule_id: str, mode: TimelineMode) -> Schedule:
    """The schedule of an id in force, or in a draft.

    Raises:
        BillingError: of kind NOT_FOUND.
    """
    piece = _in_force(work, schedule_id) if mode is TimelineMode.ACTIVE else _in_draft(work, schedule_id)
    if piece is None:
        raise not_found("schedule", schedule_id)
    return piece


def known_schedule(work: Work, schedule_id: str) -> Schedule | None:
    """The schedule of an id in a draft, or else in force, if there is one."""
    return _in_draft(work, schedule_id) or _in_force(work, schedule_id)


def changed_in_draft(work: Work, schedule_id: str, changed: Callable[[Schedule], Schedule]) -> Schedule:
    """Change a schedule in a draft, and keep it; where there is no draft, a copy of the timeline in force becomes one.

    Raises:
        BillingError: of kind NOT_FOUND; of kind CONFLICT for a draft of a timeline that has changed; of kind INVALID,
            when the schedule cannot be changed any more, and for whatever `changed` refuses.
    """
    known = known_schedule(work, schedule_id)
    if known is None:
        raise not_found("schedule", schedule_id)
    work, account, active = billed_account(work, known.account_id)
    draft = opened_draft(work, account, active)
    piece = next((one for one in draft.pieces if one.id == schedule_id), None)
    if piece is None:
        raise not_found("schedule", schedule_id)
    after = changed(piece)
    pieces = tuple(after if one.id == piece.id else one for one in draft.pieces)
    refuse_change(work, active, pieces, None)
    work.state.timeline_drafts.keep(account.id, DraftTimeline(draft.base, pieces), work.now)
    return after


def _in_force(work: Work, schedule_id: str) -> Schedule | None:
    return work.state.schedules.among([schedule_id]).get(schedule_id)


def _in_draft(work: Work, schedule_id: str) -> Schedule | None:
    account_id = work.state.timeline_drafts.owner_of(schedule_id)
    draft = None if account_id is None else work.state.timeline_drafts.find(account_id)
    return None if draft is None else next(piece for piece in draft.pieces if piece.id == schedule_id)
