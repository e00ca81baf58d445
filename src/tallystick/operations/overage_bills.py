"""Which overage the drafts of accounts ask for, and which they leave to later ones (domain.md 4.5, ADR 0042)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.timeline import Timeline, piece_at
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.invoicing.assemble import Bill
from tallystick.invoicing.held_overage import NOT_SHARED, ArrearsKey, HeldOverage, OverageBilling, held_features
from tallystick.invoicing.invoice import InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.period import Period, local_date
from tallystick.operations.work import Work


class OverageBills:
    """What the drafts of accounts, billed oldest cycle first, leave to each other.

    What is about to be frozen asks only for what frozen bills have left: those before it may still change.
    """

    def __init__(
        self,
        work: Work,
        records: Sequence[InvoiceRecord],
        details: Callable[[InvoiceRecord], PricePlanDetails],
        freezing: Collection[str],
    ) -> None:
        self._now = work.now
        self._freezing = freezing
        in_arrears = [record for record in records if record.invoice_type is InvoiceType.STANDARD]
        self._drafts = {record.id: record for record in in_arrears}
        held = {record.id: held_features(details(record), record.ordinal) for record in in_arrears}
        self._leaving = {name: features for name, features in held.items() if features}
        self._held: dict[str, list[HeldOverage]] = defaultdict(list)
        if in_arrears:
            since = min(record.cycle.period.start for record in in_arrears)
            for one in work.state.held_overage.of({record.account_id for record in in_arrears}, since):
                self._held[one.account_id].append(one)
        leaving = {record.account_id for record in in_arrears if record.id in self._leaving}
        self._timelines = work.state.schedules.of(leaving) if leaving else {}
        self._following = work.state.invoices.drafts_of(leaving) if leaving else []

    def billing(self, record: InvoiceRecord) -> OverageBilling | None:
        """Where a draft stands among the others; None for one that has nothing to do with the overage of others."""
        held = self._held[record.account_id] if record.id in self._drafts else []
        if not (held or record.id in self._leaving):
            return None
        key = ArrearsKey.of(record)
        return OverageBilling(
            record=record,
            leaves=self._leaving[record.id] if record.id in self._leaving and self._is_followed(record) else (),
            left=[one for one in held if one.asked_by is None and self._is_left_to(record, one)],
            again=[one for one in held if one.asked_by == key],
            elsewhere={one.feature_id for one in held if one.left_by == key and one.asked_by is not None},
        )

    def after(self, record: InvoiceRecord, bill: Bill) -> None:
        """Count what a bill has asked for, and what it leaves to those behind it."""
        asked = {(one.left_by, one.feature_id) for one in bill.overage.asked}
        rest = [one for one in self._held[record.account_id] if (one.left_by, one.feature_id) not in asked]
        self._held[record.account_id] = [*rest, *bill.overage.held]

    def _is_left_to(self, record: InvoiceRecord, one: HeldOverage) -> bool:
        """Whether the bill that leaves it stands before a draft, and is frozen by the time the draft falls due."""
        if one.cycle.end > record.cycle.period.start:
            return False
        source = self._drafts.get(one.invoice_id)
        return source is None or (record.id not in self._freezing and source.freeze_at <= record.freeze_at)

    def _is_followed(self, record: InvoiceRecord) -> bool:
        """Whether a cycle of the same plan follows whose bill is still open."""
        end = record.cycle.period.end
        if end > self._now:
            piece = piece_at(self._timelines[record.account_id], end)
            return piece is not None and piece.price_plan_id == record.price_plan_id
        return any(
            (draft.account_id, draft.price_plan_id) == (record.account_id, record.price_plan_id)
            and draft.invoice_type is InvoiceType.STANDARD
            and draft.cycle.period.start >= end
            for draft in self._following
        )


def keep_overage(work: Work, billed: Iterable[tuple[InvoiceRecord, Bill]]) -> None:
    """Store what frozen bills leave to later ones, and that they have asked for what was left to them."""
    for record, bill in billed:
        if bill.overage is not NOT_SHARED:
            key = ArrearsKey.of(record)
            work.state.held_overage.hold(key, bill.overage.held)
            work.state.held_overage.ask(key, [one for one in bill.overage.asked if one.asked_by is None])


def stranded(work: Work, before: Timeline, after: Timeline) -> list[HeldOverage]:
    """The overage that no bill would ask for any more, once a changed timeline is in force."""
    accounts = {piece.account_id for piece in before}
    left = [one for one in work.state.held_overage.of(accounts) if one.line.value]
    drafts = work.state.invoices.drafts_of(accounts) if left else []
    stood = {piece.id for piece in before}
    return [
        one
        for one in left
        if not any(
            piece.id not in stood or _has_draft(piece, drafts, one.cycle.end)
            for piece in after
            if piece.within.end > one.cycle.end
        )
    ]


def reason_for(work: Work, one: HeldOverage) -> str:
    """Why overage must not be stranded, and what to do."""
    until = local_date(one.cycle.end, work.organisation.zone)
    owed = f"{one.line.value:f} {one.line.units} of overage until {until} are to be billed with a later cycle"
    return f"{owed}, and none would be left: end the plan later, or put another in its place"


def _has_draft(piece: Schedule, drafts: Sequence[InvoiceRecord], since: datetime) -> bool:
    """Whether a cycle of a piece is not billed that starts at an instant or later: the first one has a draft early."""
    within = Period(since, piece.within.end)
    return any(
        draft.schedule_id == piece.id
        and draft.invoice_type is InvoiceType.STANDARD
        and within.contains(draft.cycle.period.start)
        for draft in drafts
    )
