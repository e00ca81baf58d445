"""All bills of one cycle, whenever they fall due: what it comes to as a whole."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.invoicing.assemble import advance_bill, arrears_bill, change_bill, prepaid_bill
from tallystick.kernel.period import Period, local_midnight
from tallystick.metering.event_groups import NO_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

    from tallystick.invoicing.assemble import Bill, Terms
    from tallystick.metering.event_groups import EventGroups

_DAY: Final = timedelta(days=1)


def cycle_bills(terms: Terms, usage: Mapping[str, Decimal], events: EventGroups = NO_EVENTS) -> Iterator[Bill]:
    """The bills of a cycle before credits: in arrears, in advance, PREPAID, and one for each day of changed licences.

    Raises:
        BillingError: as `arrears_bill`.
    """
    yield arrears_bill(terms, usage, (), events)
    yield advance_bill(terms, ())
    yield prepaid_bill(terms, ())
    if any(card.invoice_timing is InvoiceTiming.IN_ADVANCE for card in terms.details.license_rate_cards):
        booked = {day for held in terms.licences.values() for day in held.booked_on(terms.cycle.period)}
        for day in sorted(booked):
            whole = Period(local_midnight(day, terms.zone), local_midnight(day + _DAY, terms.zone))
            yield change_bill(terms, whole, ())
