"""Changing an account's plan timeline: what may move, and what becomes of the draft invoices that stand on it.

An edit is made on the timeline as a value (`accounts/timeline.py`); `keep_timeline` then stores the difference.
Whatever is frozen stays as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, TypeVar

from tallystick.accounts.account import Account, AccountStatus
from tallystick.accounts.schedule import Opening, Schedule
from tallystick.accounts.timeline import Timeline, moved, piece_at
from tallystick.catalog.price_plan import PricingCycleConfig
from tallystick.invoicing.invoice import InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.errors import BillingError, Problem, invalid, refuse_if_any
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.recurrence import CycleRule
from tallystick.operations.accounts import live_account
from tallystick.operations.cycles import open_cycles, terms_of
from tallystick.operations.licence_changes import book_all
from tallystick.operations.overage_bills import reason_for, stranded
from tallystick.operations.unit_grants import move_granting, start_granting
from tallystick.operations.work import Work

EARLIEST_START: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)
E = TypeVar("E")


def billed_account(work: Work, account_id: str) -> tuple[Work, Account, Timeline]:
    """An account whose timeline is to be changed, with that timeline; nobody else changes it until the end.

    Raises:
        BillingError: of kind NOT_FOUND; of kind INVALID for an account that is a DRAFT.
    """
    work.state.catalogue_changed()  # first, because it locks: nobody else changes the timeline or the zone meanwhile
    work = dataclasses.replace(work, organisation=work.state.get_organisation())
    account = live_account(work, account_id)
    if account.status is AccountStatus.DRAFT:
        raise invalid("", f"account {account_id!r} is a DRAFT: set its status to ACTIVE first")
    return work, account, timeline_of(work, account)


def timeline_of(work: Work, account: Account) -> Timeline:
    """The pieces of an account's timeline, oldest first."""
    return work.state.schedules.of([account.id])[account.id]


def days_of(work: Work, effective_from: date, effective_until: date) -> Period:
    """The days from one until another, in organisation time.

    Raises:
        BillingError: of kind INVALID, for a range before 1970 or one that is empty.
    """
    if effective_from < EARLIEST_START:
        raise invalid("effectiveFrom", f"{effective_from} is before {EARLIEST_START}")
    if effective_from >= effective_until:
        raise invalid("effectiveUntil", f"{effective_until} must lie after effectiveFrom")
    zone = work.organisation.zone
    within = Period(local_midnight(effective_from, zone), local_midnight(effective_until, zone))
    if within.is_empty:
        raise invalid("effectiveFrom", f"from {effective_from} until {effective_until} there is no day to agree on")
    return within


def early_moves(work: Work, before: Timeline, after: Timeline) -> list[datetime]:
    """The instants at which an edit moves what cannot be changed any more (domain.md 5.2).

    A change starts tomorrow at the earliest, in organisation time; the first plans of an account may start in the past,
    and a plan that allows it changes from the start of the ongoing cycle on, as long as nothing of that is billed.
    """
    earliest = local_midnight(tomorrow(work), work.organisation.zone)
    early = [at for at in moved(before, after) if at < earliest] if before else []
    ongoing = _changeable(work, before) if early else None
    return [at for at in early if ongoing is None or ongoing.billed_by is not None or at != ongoing.starts_at]


def tomorrow(work: Work) -> date:
    """The first day on which a timeline may change."""
    return local_date(work.now, work.organisation.zone) + _DAY


@dataclasses.dataclass(frozen=True, slots=True)
class _Ongoing:
    """The start of a cycle that runs and may be changed; `billed_by` names an invoice that stands against it."""

    starts_at: datetime
    billed_by: str | None


def _changeable(work: Work, timeline: Timeline) -> _Ongoing | None:
    """The cycle that runs now, if its plan allows to change it (domain.md 4.2)."""
    piece = piece_at(timeline, work.now)
    if piece is None or not terms_of(work, [piece])[piece.id].may_change_ongoing_cycle:
        return None
    start = piece.cycle_at(work.now, work.organisation.zone).period.start
    billed = [one.id for one in work.state.invoices.billed_of([piece.id]) if one.cycle.period.start >= start]
    return _Ongoing(start, billed[0] if billed else None)


def displaced(work: Work, before: Timeline, after: Timeline) -> list[Schedule]:
    """The pieces that were ordered and paid and have not begun, and whose first cycle an edit gives to other terms.

    Their order has billed that cycle; whatever else is agreed on for a day of it would bill it again. To take them off
    bills nothing.
    """
    ahead = [one for one in before if one.within.start > work.now]
    replaced = [one for one in ahead if not _keeps(one, _first_cycle(work, one), after)]
    ordered = work.state.purchases.ordered([one.id for one in replaced])
    return [one for one in replaced if one.id in ordered]


def reason_against(work: Work, displaced: Schedule) -> str:
    """Why a piece that was ordered and paid cannot be displaced, and what to do."""
    paid = _first_cycle(work, displaced)
    since, until = (local_date(at, work.organisation.zone) for at in (paid.start, paid.end))
    reason = f"the plan of account {displaced.account_id!r} is ordered and paid from {since} until {until}"
    return f"{reason}: take that off first, or change it from then on"


def refuse_change(work: Work, before: Timeline, after: Timeline, edited: Period | None) -> None:
    """Refuse an edit, of a range unless it is None, that moves what cannot be changed any more, was paid, or is owed.

    Raises:
        BillingError: of kind INVALID, naming the day on which the change may start, what was paid, or what is owed.
    """
    _refuse_early(work, before, after, edited)
    path = "" if edited is None else "effectiveFrom"
    refuse_if_any([Problem(path, reason_against(work, piece)) for piece in displaced(work, before, after)])
    refuse_if_any([Problem(path, reason_for(work, owed)) for owed in stranded(work, before, after)])


def _first_cycle(work: Work, piece: Schedule) -> Period:
    return piece.cycle_at(piece.within.start, work.organisation.zone).period


def _keeps(piece: Schedule, days: Period, timeline: Timeline) -> bool:
    """Whether a timeline has nothing on some days but that piece, wherever its cycles are counted."""
    there = (one for one in timeline if one.within.intersect(days) is not None)
    return all(
        piece == dataclasses.replace(one, within=piece.within, first_ordinal=piece.first_ordinal) for one in there
    )


def _refuse_early(work: Work, before: Timeline, after: Timeline, edited: Period | None) -> None:
    early = early_moves(work, before, after)
    if early:
        ends = edited is not None and early[0] >= edited.end
        path = "" if edited is None else "effectiveUntil" if ends else "effectiveFrom"
        day = local_date(early[0], work.organisation.zone)
        reason = f"a change of plan starts tomorrow, on {tomorrow(work)}, at the earliest, not on {day}"
        raise invalid(path, reason + _besides(work, before))


def _besides(work: Work, timeline: Timeline) -> str:
    """What else an account's plan would allow, or why it does not any more."""
    ongoing = _changeable(work, timeline)
    if ongoing is None:
        return ""
    day = local_date(ongoing.starts_at, work.organisation.zone)
    if ongoing.billed_by is not None:
        return f"; the ongoing cycle, from {day} on, is billed already by invoice {ongoing.billed_by!r}"
    return f"; or on {day}, where the ongoing cycle starts"


def retained_rule(timeline: Timeline, within: Period, config: PricingCycleConfig) -> CycleRule:
    """The cycle rule that is in force where the new plan starts (domain.md 4.9).

    Raises:
        BillingError: of kind INVALID, when there is no plan then, or its cycles have another interval.
    """
    present = piece_at(timeline, within.start)
    if present is None:
        raise invalid("retainStartOffsets", "the account has no plan on effectiveFrom whose offsets could be kept")
    if present.rule.interval is not config.interval:
        reason = (
            f"the account's cycle is {present.rule.interval}, that of the plan {config.interval}: they must be equal"
        )
        raise invalid("retainStartOffsets", reason)
    return present.rule


def keep_timeline(work: Work, account: Account, before: Timeline, after: Timeline) -> None:
    """Store a changed timeline, and move its drafts along: some go, some end sooner or later, new ones appear."""
    kept = {piece.id: piece for piece in after}
    stood = {piece.id: piece for piece in before}
    drafts = work.state.invoices.drafts_of([account.id])
    for piece in before:
        if not _stays(piece, kept.get(piece.id)):
            work.state.invoices.drop_drafts([draft for draft in drafts if draft.schedule_id == piece.id])
            move_granting(work, piece, None)
            work.state.schedules.remove(piece)
    for piece in after:
        old = stood.get(piece.id)
        if old is not None and _stays(old, piece) and old.within.end != piece.within.end:
            _move_end(work, old, piece, [draft for draft in drafts if draft.schedule_id == piece.id])
    for piece in after:
        if not _stays(piece, stood.get(piece.id)):
            work.state.schedules.add(piece, work.now)
            opening = Opening(piece, piece.within.start, piece.first_ordinal)
            open_cycles(work, [opening], until=max(work.now, piece.within.start))
            start_granting(work, piece)
    book_all(work, account.id, terms_of(work, after))


def _stays(piece: Schedule, other: Schedule | None) -> bool:
    """Whether two pieces are the same one, which at most ends at another time."""
    return (
        other is not None
        and piece.within.start == other.within.start
        and dataclasses.replace(piece, within=other.within) == other
    )


def _move_end(work: Work, old: Schedule, piece: Schedule, drafts: Sequence[InvoiceRecord]) -> None:
    """Let a piece end at another time; the cycle that it cuts, or used to cut, ends and falls due accordingly."""
    zone = work.organisation.zone
    gone = [draft for draft in drafts if draft.cycle.period.start >= piece.within.end]
    work.state.invoices.drop_drafts(gone)
    for draft in drafts:
        if draft not in gone:
            cycle = piece.cycle_at(draft.cycle.period.start, zone)
            in_advance = draft.invoice_type is not InvoiceType.STANDARD
            freeze_at = draft.freeze_at if in_advance else piece.due_at(cycle, zone)
            work.state.invoices.move_cycle(dataclasses.replace(draft, cycle=cycle, freeze_at=freeze_at), work.now)
    following = work.state.schedules.next_cycle_of(piece)
    if following is None:
        last = piece.cycle_at(old.within.end - MICROSECOND, zone) if old.within.end < piece.within.end else None
        after_it = None if last is None else piece.cycle_after(last, zone)
        following = None if after_it is None else after_it.period.start
    elif following >= piece.within.end:
        following = None
    work.state.schedules.move_end(piece, following)
    move_granting(work, old, piece)


def renamed(work: Work, before: Timeline, after: Timeline) -> Timeline:
    """A changed timeline in which a piece that has begun goes by another id where it is replaced from its start on.

    What was granted under the old id is void with the old piece, and under that id nothing is granted again.
    """
    stood = {piece.id: piece for piece in before if piece.within.start <= work.now}
    return tuple(
        dataclasses.replace(piece, id=work.ids.mint("sch"))
        if piece.id in stood and not _stays(stood[piece.id], piece)
        else piece
        for piece in after
    )


def one_by_one(timeline: Timeline, edits: Sequence[E], edited: Callable[[Timeline, E], Timeline]) -> Timeline:
    """A timeline with edits made in their order, each on what the ones before it left.

    Raises:
        BillingError: of kind INVALID, with the problems of every edit; one that is wrong is left out meanwhile.
    """
    problems: list[Problem] = []
    for position, edit in enumerate(edits):
        try:
            timeline = edited(timeline, edit)
        except BillingError as refused:
            problems += [Problem(f"edits[{position}].{found.path}", found.reason) for found in refused.problems]
    refuse_if_any(problems)
    return timeline
