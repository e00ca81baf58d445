"""The revenue calculator: what a plan would come to, by the very functions that make bills (domain.md 8.2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tallystick.catalog.plan_rules import without_proration
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.invoicing.assemble import Terms
from tallystick.invoicing.cycle_bills import cycle_bills
from tallystick.invoicing.revenue_info import CardRevenue, RevenueInfo, RevenueInfoV2, card_revenues
from tallystick.kernel.document import Document
from tallystick.kernel.period import local_date
from tallystick.operations.revenue_question import RevenueQuestion
from tallystick.operations.revenue_sources import Sources, sources_of
from tallystick.operations.work import Work, event_query


class UsageLookupRange(Document, frozen=True, kw_only=True):
    """The time in which usage was looked up: half-open."""

    start: datetime
    end: datetime


class CalculatedRevenueV2(Document, frozen=True, kw_only=True):
    """What each card comes to."""

    currency: str
    usage_lookup_range: UsageLookupRange | None = None
    revenue_info: list[RevenueInfoV2]


class CalculatedRevenue(Document, frozen=True, kw_only=True):
    """What each card comes to, and the terms."""

    currency: str
    usage_lookup_range: UsageLookupRange | None = None
    price_plan_details: PricePlanDetails
    revenue_info: list[RevenueInfo]


@event_query
def calculate_revenue(work: Work, question: RevenueQuestion) -> CalculatedRevenue:
    """What an existing or a new plan comes to for some usage, card by card; nothing is stored."""
    sources = sources_of(work, question)
    return CalculatedRevenue(
        currency=sources.currency,
        usage_lookup_range=_lookup_range(sources),
        price_plan_details=sources.plan.details,
        revenue_info=[card.info() for card in _cards(work, sources)],
    )


@event_query
def calculate_revenue_v2(work: Work, question: RevenueQuestion) -> CalculatedRevenueV2:
    """What an existing or a new plan comes to for some usage, each card as v2 has it; nothing is stored."""
    sources = sources_of(work, question)
    return CalculatedRevenueV2(
        currency=sources.currency,
        usage_lookup_range=_lookup_range(sources),
        revenue_info=[card.info_v2(sources.plan.standing) for card in _cards(work, sources)],
    )


def _cards(work: Work, sources: Sources) -> Iterator[CardRevenue]:
    """Every card with its lines on the bills of the cycle."""
    details = sources.plan.details
    terms = Terms(
        plan_name="",
        details=details if sources.has_proration else without_proration(details),
        rules=(),  # domain.md 8.2: cards alone
        currency=sources.currency,
        zone=work.organisation.zone,
        cycle=sources.cycle,
        ordinal=sources.plan.ordinal,
        licences=sources.licences.held,
    )
    first, behind = (local_date(instant, terms.zone) for instant in (terms.cycle.period.start, terms.cycle.period.end))
    held = {license_id: held.during(first, behind) for license_id, held in terms.licences.items()}
    units = {**sources.usage.units, **sources.overage}
    bills = cycle_bills(terms, units, sources.usage.events(work, terms.event_cuts))
    infos = (bill.revenue_info for bill in bills)
    return card_revenues(details, terms.currency, infos, {**units, **held})


def _lookup_range(sources: Sources) -> UsageLookupRange | None:
    within = sources.usage.within
    return None if within is None else UsageLookupRange(start=within.start, end=within.end)
