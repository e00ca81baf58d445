"""Overage that a later bill asks for: what a card of several cycles came to in each of them (domain.md 4.5, 4.7).

Every cycle is priced by itself, with its own slabs and rules, as if it were billed at once; `billingConfig` of the card
only moves the finished line to the bill of another cycle. All bills together come to the same, whatever the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tallystick.catalog.rule_variable import CardKind
from tallystick.invoicing.line import Explanation
from tallystick.invoicing.rule_lines import CardLine
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import local_date

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.invoicing.line import InvoiceLineItem
    from tallystick.invoicing.record import InvoiceRecord
    from tallystick.kernel.period import Period


class ArrearsKey(NamedTuple):
    """The bill in arrears of a cycle, whichever invoice it is: one that is void may be made again."""

    schedule_id: str
    cycle_start: datetime

    @classmethod
    def of(cls, record: InvoiceRecord) -> ArrearsKey:
        """The key of an invoice, and of those that are made in its place."""
        return cls(record.schedule_id, record.cycle.period.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOverage:
    """The line of an overage card that the bill of its cycle leaves to a later one, as that shows it.

    It is there to be asked for as long as no bill has done so.
    """

    invoice_id: str
    account_id: str
    price_plan_id: str
    schedule_id: str
    cycle: Period
    tag: str | None
    line: InvoiceLineItem
    asked_by: ArrearsKey | None = None

    @property
    def left_by(self) -> ArrearsKey:
        """The bill that leaves it."""
        return ArrearsKey(self.schedule_id, self.cycle.start)

    @property
    def feature_id(self) -> str:
        """The feature whose overage it is."""
        assert self.line.id is not None, "the line of an overage card has the id of its feature"
        return self.line.id


@dataclass(frozen=True, slots=True, kw_only=True)
class OverageBilling:
    """Where a bill stands among those of its account.

    It `leaves` the overage of some features to a later one of the same plan, its own and what was left to it; `left` is
    what earlier ones leave. A bill that is made in the place of a void one asks `again` for what that asked for, and
    not for its own overage of those features of which a later one has asked for it (`elsewhere`).
    """

    record: InvoiceRecord
    leaves: Collection[str] = ()
    left: Sequence[HeldOverage] = ()
    again: Sequence[HeldOverage] = ()
    elsewhere: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class SharedOverage:
    """What a bill asks for that earlier ones left, and what it leaves to later ones."""

    asked: tuple[HeldOverage, ...] = ()
    held: tuple[HeldOverage, ...] = ()


NOT_SHARED: Final = SharedOverage()
"""What most bills have: all that their cycle comes to, and nothing else."""


def held_features(details: PricePlanDetails, ordinal: int) -> set[str]:
    """The features whose overage a cycle leaves to a later one of the same plan, if there is one."""
    return {card.feature_id for card in details.entitlement_overage_rate_cards if card.is_held(ordinal)}


def shared(billing: OverageBilling, cards: Sequence[CardLine], zone: ZoneInfo) -> tuple[SharedOverage, list[CardLine]]:
    """What the bill of a cycle asks for and leaves, and the finished lines of cards that it has so."""
    lines: list[CardLine] = []
    held: list[HeldOverage] = []
    for card in cards:
        feature_id = card.line.id if card.kind is CardKind.OVERAGE else None
        if feature_id in billing.elsewhere:
            continue
        if feature_id in billing.leaves:
            held.append(_held(billing.record, card, zone))
        else:
            lines.append(card)
    stay = {(billing.record.price_plan_id, feature_id) for feature_id in billing.leaves}
    asked = [*billing.again, *(one for one in billing.left if (one.price_plan_id, one.feature_id) not in stay)]
    lines += [CardLine(kind=CardKind.OVERAGE, tag=one.tag, line=one.line) for one in asked]
    return SharedOverage(tuple(asked), tuple(held)), lines


def _held(record: InvoiceRecord, card: CardLine, zone: ZoneInfo) -> HeldOverage:
    """A finished line as a later bill shows it: with the days of its cycle, and the bill that leaves it."""
    cycle = record.cycle.period
    days = f"{local_date(cycle.start, zone)} to {local_date(cycle.end - MICROSECOND, zone)}"
    origin = Explanation(cycle_start=cycle.start, cycle_end=cycle.end, invoice_id=record.id)
    return HeldOverage(
        invoice_id=record.id,
        account_id=record.account_id,
        price_plan_id=record.price_plan_id,
        schedule_id=record.schedule_id,
        cycle=cycle,
        tag=card.tag,
        line=msgspec.structs.replace(card.line, description=f"{card.line.description}, {days}", explanation=origin),
    )
