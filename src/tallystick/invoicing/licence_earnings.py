"""What licences earn in a cycle, and when: each change of a quantity counts on its own day (domain.md 8.1).

In arrears the days of a cycle add up to its invoice. In advance they add up to its invoices, less what became credits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.credits.credit import EntityGroup
from tallystick.invoicing.assemble import advance_bill, change_bill, coverable_lines, licences_in_arrears
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.quantity import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date, datetime
    from decimal import Decimal

    from tallystick.invoicing.assemble import Bill, Terms

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LicenceEarning:
    """What a licence earned at an instant, or gave back; in major units of the bill's currency."""

    license_id: str
    at: datetime
    amount: Decimal


def licence_earnings(terms: Terms, until: datetime) -> Iterator[LicenceEarning]:
    """What the licences of a cycle have earned until an instant, those in arrears first."""
    yield from _in_arrears(terms, until)
    yield from _in_advance(terms, until)


def _in_arrears(terms: Terms, until: datetime) -> Iterator[LicenceEarning]:
    """What each day's changes make of the bill as it would be without all later ones."""
    within = terms.cycle.period
    before: dict[str, Decimal] = {}
    for day in _days(terms, (held.changed_on(within) for held in terms.licences.values()), until):
        held = {license_id: held.until(day.end) for license_id, held in terms.licences.items()}
        for card, line in licences_in_arrears(replace(terms, licences=held)):
            yield LicenceEarning(card.id, day.start, line.value - before.get(card.id, ZERO))
            before[card.id] = line.value


def _in_advance(terms: Terms, until: datetime) -> Iterator[LicenceEarning]:
    """What was billed when the cycle started, and for the changes of each day."""
    start = terms.cycle.period.start
    for license_id, amount in _licences(advance_bill(terms, ())):
        yield LicenceEarning(license_id, start, amount)
    booked = (held.booked_on(terms.cycle.period) for held in terms.licences.values())
    for day in _days(terms, booked, until):
        bill = change_bill(terms, day, ())
        for license_id, amount in _licences(bill):
            yield LicenceEarning(license_id, day.start, amount)
        for refund in bill.refunds:
            yield LicenceEarning(refund.license_id, day.start, -refund.amount.amount)


def _days(terms: Terms, changed: Iterable[Iterable[date]], until: datetime) -> list[Period]:
    """The first day of a cycle and those with changes, in their order, as far as they have begun."""
    zone = terms.zone
    days = {local_date(terms.cycle.period.start, zone), *(day for of_one in changed for day in of_one)}
    periods = (Period(local_midnight(day, zone), local_midnight(day + _DAY, zone)) for day in sorted(days))
    return [period for period in periods if period.start <= until]


def _licences(bill: Bill) -> Iterator[tuple[str, Decimal]]:
    for line in coverable_lines(bill.revenue_info):
        if line.group is EntityGroup.ALL_LICENSE_RATE_CARDS:
            yield line.billable_id or "", line.amount.amount
