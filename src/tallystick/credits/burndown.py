"""Which credit pays what of an invoice (domain.md 6.1): a pure function of open credits and coverable lines.

Credits burn by priority, then earlier `effectiveUntil` (none last), then earlier `effectiveFrom`, then id. A
credit covers usage cards first, then fees, then what rules add, each by billable id, and a true-up last: so the outcome
depends neither on the order of the credits nor on that of the lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from tallystick.credits.credit import EntityGroup
from tallystick.kernel.money import zero

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tallystick.credits.credit import Credit
    from tallystick.kernel.money import Money

_GROUPS: Final = tuple(EntityGroup)


@dataclass(frozen=True, slots=True)
class OpenCredit:
    """An ACTIVE credit, and what of it is neither burned nor held elsewhere."""

    credit: Credit
    left: Money


@dataclass(frozen=True, slots=True)
class CoverableLine:
    """A card's final amount, what a pricing rule adds, or a true-up.

    An addition belongs to no group, a true-up to no item either: a credit that applies to everything covers them.
    """

    amount: Money
    billable_id: str | None = None
    group: EntityGroup | None = None


@dataclass(frozen=True, slots=True)
class Cover:
    """The part of a line that a credit pays."""

    line: CoverableLine
    amount: Money


@dataclass(frozen=True, slots=True)
class Burn:
    """What one credit pays of one invoice, and of which lines; always more than nothing."""

    credit: Credit
    amount: Money
    covers: tuple[Cover, ...]


def is_eligible(credit: Credit, ends_on: date) -> bool:
    """Whether a credit is effective for an invoice whose period ends (exclusively) on a local day."""
    return credit.effective_from < ends_on and (credit.effective_until is None or credit.effective_until >= ends_on)


def applies_to(credit: Credit, line: CoverableLine) -> bool:
    """Whether a credit may pay a line: no applicable entities means every line."""
    entities = credit.applicable_entity_ids
    return not entities or line.billable_id in entities or line.group in entities


def burn_down(open_credits: Iterable[OpenCredit], lines: Iterable[CoverableLine], gross: Money) -> list[Burn]:
    """What each credit pays of an invoice that comes to `gross`, in the order in which the credits burn.

    Never more than a credit has left, a line holds, or the invoice comes to: lines below zero, such as a
    discount, lower the gross and with it what the credits may pay.

    Raises:
        ValueError: when a credit or a line is in another currency than the gross.
    """
    burning = sorted(open_credits, key=_burn_order)
    ranked = sorted(lines, key=_cover_order) if burning else []
    uncovered = [line.amount for line in ranked]
    burns = []
    for open_credit in burning:
        credit, payable = open_credit.credit, min(open_credit.left, gross)
        covers = tuple(_covers(credit, payable, ranked, uncovered))
        if covers:
            paid = sum((cover.amount for cover in covers), start=zero(gross.currency))
            burns.append(Burn(credit, paid, covers))
            gross -= paid
    return burns


def _covers(credit: Credit, payable: Money, lines: Sequence[CoverableLine], uncovered: list[Money]) -> Iterator[Cover]:
    """The parts of the lines that one credit pays; what they leave open is written back into `uncovered`."""
    nothing = zero(payable.currency)
    for position, line in enumerate(lines):
        part = min(payable, uncovered[position])
        if part > nothing and applies_to(credit, line):
            yield Cover(line, part)
            payable -= part
            uncovered[position] -= part


def _burn_order(open_credit: OpenCredit) -> tuple[int, date, date, str]:
    credit = open_credit.credit
    return credit.priority, credit.effective_until or date.max, credit.effective_from, credit.id


def _cover_order(line: CoverableLine) -> tuple[int, bool, str, Money]:
    rank = len(_GROUPS) if line.group is None else _GROUPS.index(line.group)
    return rank, line.billable_id is None, line.billable_id or "", line.amount
