"""What an account would have paid by other terms, line by line, and what that comes to for many accounts.

Revenue is what a plan prices, before credits; a difference is the new revenue less the old.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.invoicing.priced_lines import item_of, priced_lines
from tallystick.kernel.document import Document
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.money import LARGEST_MINOR, Money
from tallystick.kernel.quantity import EXACT, ZERO, plain, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tallystick.invoicing.line import InvoiceLineItem

_LARGEST_SUM: Final = 1000 * LARGEST_MINOR


class ComparedOverage(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What went beyond the units of a feature that either terms grant, and what nobody knows about it.

    `unservedUnits` were used, and the new terms would not have let them be; they cost nothing. What the `refusedEvents`
    would have used, which found too few units, is in neither.
    """

    old_units: Decimal
    new_units: Decimal
    unserved_units: Decimal
    refused_events: int


class ComparedLine(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What one billable item comes to by either terms, nothing by those that do not price it; features with overage."""

    billable_id: str
    description: str
    old_revenue: Decimal
    new_revenue: Decimal
    difference: Decimal
    overage: ComparedOverage | None = None


class Comparison(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What an account's `cycles` come to by either terms, in major units of its currency."""

    account_id: str
    currency: str
    cycles: int
    old_revenue: Decimal
    new_revenue: Decimal
    difference: Decimal
    lines: list[ComparedLine]


class ComparedTotals(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What accounts of one currency come to together, and how many of them would pay more, less, or the same."""

    currency: str
    accounts: int
    cycles: int
    old_revenue: Decimal
    new_revenue: Decimal
    difference: Decimal
    accounts_that_pay_more: int
    accounts_that_pay_less: int
    accounts_that_pay_the_same: int
    lines: list[ComparedLine]


def compared(
    account_id: str,
    currency: str,
    cycles: int,
    old: Iterable[InvoiceLineItem],
    new: Iterable[InvoiceLineItem],
    overage: Mapping[str, ComparedOverage] | None = None,
) -> Comparison:
    """The bills of one account's cycles by the old and by the new terms, given as the roots of their trees.

    With them comes the `overage` of each feature.

    Raises:
        BillingError: of kind UNPROCESSABLE, when they come to more than can be kept.
    """
    lines = _Lines({} if overage is None else dict(overage))
    lines.add_bills(old, new)
    found = lines.compared()
    old_revenue, new_revenue = (plain(summed([getattr(line, name) for line in found])) for name in _SIDES)
    for revenue in (old_revenue, new_revenue):
        if abs(Money(revenue, currency).minor) > _LARGEST_SUM:
            reason = f"its cycles come to {revenue:f} {currency}, which is too much to be kept"
            raise BillingError(Kind.UNPROCESSABLE, "amount_too_large", Problem("", reason))
    return Comparison(
        account_id=account_id,
        currency=currency,
        cycles=cycles,
        old_revenue=old_revenue,
        new_revenue=new_revenue,
        difference=_less(new_revenue, old_revenue),
        lines=found,
    )


def added(totals: Iterable[ComparedTotals], comparisons: Iterable[Comparison]) -> list[ComparedTotals]:
    """The totals of each currency with more accounts in them; in the order of currencies."""
    sums = {one.currency: _Sum.of(one) for one in totals}
    for comparison in comparisons:
        sums.setdefault(comparison.currency, _Sum()).add(comparison)
    return [sums[currency].totals(currency) for currency in sorted(sums)]


_SIDES: Final = ("old_revenue", "new_revenue")


@dataclass(slots=True)
class _Lines:
    """Lines that are being added up by item: description, old and new revenue; and the overage of features."""

    _overage: dict[str, ComparedOverage] = field(default_factory=dict)
    _of: dict[str, tuple[str, Decimal, Decimal]] = field(default_factory=dict)

    def add_bills(self, old: Iterable[InvoiceLineItem], new: Iterable[InvoiceLineItem]) -> None:
        for root in old:
            for line in priced_lines(root):
                self._add(item_of(line), line.description, line.value, ZERO)
        for root in new:
            for line in priced_lines(root):
                self._add(item_of(line), line.description, ZERO, line.value)

    def add_lines(self, lines: Iterable[ComparedLine]) -> None:
        for line in lines:
            self._add(line.billable_id, line.description, line.old_revenue, line.new_revenue)
            if line.overage is not None:
                known = self._overage.get(line.billable_id)
                self._overage[line.billable_id] = line.overage if known is None else _together(known, line.overage)

    def compared(self) -> list[ComparedLine]:
        return [
            ComparedLine(
                billable_id=item,
                description=description,
                old_revenue=plain(old),
                new_revenue=plain(new),
                difference=_less(new, old),
                overage=self._overage.get(item),
            )
            for item, (description, old, new) in self._of.items()
        ]

    def _add(self, item: str, description: str, old: Decimal, new: Decimal) -> None:
        known, old_sum, new_sum = self._of.get(item, (description, ZERO, ZERO))
        self._of[item] = known, EXACT.add(old_sum, old), EXACT.add(new_sum, new)


@dataclass(slots=True)
class _Sum:
    """What is being added up for one currency."""

    accounts: int = 0
    cycles: int = 0
    more: int = 0
    less: int = 0
    lines: _Lines = field(default_factory=_Lines)

    @classmethod
    def of(cls, totals: ComparedTotals) -> _Sum:
        """Where totals stand."""
        begun = cls(totals.accounts, totals.cycles, totals.accounts_that_pay_more, totals.accounts_that_pay_less)
        begun.lines.add_lines(totals.lines)
        return begun

    def add(self, one: Comparison) -> None:
        self.accounts += 1
        self.cycles += one.cycles
        self.more += one.difference > 0
        self.less += one.difference < 0
        self.lines.add_lines(one.lines)

    def totals(self, currency: str) -> ComparedTotals:
        lines = self.lines.compared()
        old, new = (plain(summed([getattr(line, name) for line in lines])) for name in _SIDES)
        return ComparedTotals(
            currency=currency,
            accounts=self.accounts,
            cycles=self.cycles,
            old_revenue=old,
            new_revenue=new,
            difference=_less(new, old),
            accounts_that_pay_more=self.more,
            accounts_that_pay_less=self.less,
            accounts_that_pay_the_same=self.accounts - self.more - self.less,
            lines=lines,
        )


def _together(one: ComparedOverage, other: ComparedOverage) -> ComparedOverage:
    """The overage of one feature in the cycles of two accounts."""
    return ComparedOverage(
        old_units=plain(summed((one.old_units, other.old_units))),
        new_units=plain(summed((one.new_units, other.new_units))),
        unserved_units=plain(summed((one.unserved_units, other.unserved_units))),
        refused_events=one.refused_events + other.refused_events,
    )


def _less(amount: Decimal, other: Decimal) -> Decimal:
    return plain(EXACT.subtract(amount, other))
