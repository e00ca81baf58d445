"""What a simulation makes of accounts: the bills of their past cycles, by the old terms and by the new.

Both are made by the functions that make invoices, from the same usage. The new terms price the account's own cycles;
where theirs are of another length, they price cycles of that length over the very same days, or none.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.invoicing.assemble import Terms
from tallystick.invoicing.comparison import Comparison, compared
from tallystick.invoicing.cycle_bills import cycle_bills
from tallystick.invoicing.line import InvoiceLineItem
from tallystick.kernel.errors import BillingError, invalid
from tallystick.kernel.period import Period, local_date
from tallystick.kernel.recurrence import CycleRule
from tallystick.metering.event_groups import EventCuts, EventGroups
from tallystick.operations.billed_units import allowed_by, billed_units
from tallystick.operations.cycles import BegunCycle, begun_cycles
from tallystick.operations.metered_usage import event_groups
from tallystick.operations.simulations import Simulation
from tallystick.operations.work import Work
from tallystick.rating.usage_card import UsagePrices
from tallystick.stores.event_store import UsageWindow


@dataclass(frozen=True, slots=True)
class Simulated:
    """What became of one account: the comparison, or why there is none; neither, when it has no such cycle."""

    account_id: str
    comparison: Comparison | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Priced:
    """One account's cycles by the old terms and by the new, or why the new do not fit."""

    old: Sequence[Terms]
    new: Sequence[Terms] = ()
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Used:
    """What one account used in one cycle."""

    usage: Mapping[str, Decimal]
    events: EventGroups


def next_accounts(work: Work, simulation: Simulation, after: str, size: int) -> list[str]:
    """The next accounts of a simulation, by id."""
    if simulation.accounts.account_ids is not None:
        return sorted({name for name in simulation.accounts.account_ids if name > after})[:size]
    span = simulation.span(work.organisation.zone)
    return work.state.schedules.next_accounts(span, simulation.accounts.price_plan_id, after=after, size=size)


def simulated(work: Work, simulation: Simulation, account_ids: Sequence[str]) -> Iterator[Simulated]:
    """What becomes of each of these accounts, in their order; their usage is read with one query."""
    prices = UsagePrices()
    past = groupby(_past_cycles(work, simulation, account_ids), key=lambda cycle: cycle.piece.account_id)
    priced = {name: _priced(work, simulation, list(cycles), prices) for name, cycles in past}
    used = _used(work, priced)
    for name in account_ids:
        yield _simulated(name, priced[name], used) if name in priced else Simulated(name)


def _used(work: Work, priced: Mapping[str, _Priced]) -> Mapping[UsageWindow, _Used]:
    """What accounts used in their cycles, and how the events have to be told apart by either terms."""
    cuts: dict[UsageWindow, dict[EventCuts, None]] = defaultdict(dict)
    for name, one in priced.items():
        for terms in (*one.old, *one.new):
            cuts[UsageWindow(name, terms.cycle.period)] |= dict.fromkeys(terms.event_cuts)
    usages = billed_units(work, list(cuts))
    return dict(zip(cuts, map(_Used, usages, event_groups(work, list(cuts.items()))), strict=True))


def _past_cycles(work: Work, simulation: Simulation, account_ids: Sequence[str]) -> Iterator[BegunCycle]:
    """The cycles that started in the simulation's span, under the plan that it asks for, and are over."""
    span, plan_id = simulation.span(work.organisation.zone), simulation.accounts.price_plan_id
    for cycle in begun_cycles(work, account_ids, span, others=[simulation.details]):
        is_asked = plan_id is None or cycle.piece.price_plan_id == plan_id
        if is_asked and span.contains(cycle.period.start) and cycle.period.end <= work.now:
            yield cycle


def _priced(work: Work, simulation: Simulation, cycles: Sequence[BegunCycle], prices: UsagePrices) -> _Priced:
    """One account's cycles by both terms."""
    old = [cycle.terms for cycle in cycles]
    currency, details, rules = old[0].currency, simulation.details, simulation.rules
    if currency not in details.supported_currencies:
        known = ", ".join(details.supported_currencies)
        return _Priced(old, failure=f"the plan has no rates in {currency}, only in {known}")
    untold = _untold_overage(simulation, cycles)
    if untold is not None:
        return _Priced(old, failure=untold)
    new: list[Terms] = []
    for _, of_piece in groupby(cycles, key=lambda cycle: cycle.piece.id):
        try:
            recut = _recut(work, simulation, list(of_piece))
        except BillingError as failure:
            return _Priced(old, failure=failure.message)
        new += [dataclasses.replace(terms, details=details, rules=rules, prices=prices) for terms in recut]
    return _Priced(old, new)


def _untold_overage(simulation: Simulation, cycles: Sequence[BegunCycle]) -> str | None:
    """Why nobody knows which units would have been overage; that depends on all that was granted, and when."""
    config = simulation.details.pricing_cycle_config
    for card in simulation.details.entitlement_overage_rate_cards:
        granted = _granted(simulation.details, card.feature_id)
        for cycle in cycles:
            if not _is_about(cycle.terms.details, card.feature_id):
                continue  # whatever it used, it was granted elsewhere, and none of it was overage
            if _granted(cycle.terms.details, card.feature_id) != granted:
                reason = (
                    "grants other units of it than the account had, so that nobody knows what would have gone beyond"
                )
                return f"the plan prices overage of feature {card.feature_id!r} and {reason}"
            if config is not None and config.interval is not cycle.piece.rule.interval:
                reason = f"is counted by {cycle.piece.rule.interval} cycles, which the plan does not have"
                return f"overage of feature {card.feature_id!r} {reason}"
    return None


def _is_about(details: PricePlanDetails, feature_id: str) -> bool:
    """Whether terms grant units of a feature, or price those beyond."""
    return feature_id in {card.feature_id for card in details.entitlement_overage_rate_cards} or any(
        card.feature_id == feature_id for card in details.billing_entitlement_rate_cards
    )


def _granted(details: PricePlanDetails, feature_id: str) -> object:
    """What decides how many units of a feature cycles grant, and when."""
    return [
        (card.feature_configs, card.recurrence_config, card.invoice_timing)
        for card in details.billing_entitlement_rate_cards
        if card.feature_id == feature_id
    ]


def _recut(work: Work, simulation: Simulation, cycles: Sequence[BegunCycle]) -> list[Terms]:
    """The terms of one piece's cycles, cut as long as those of the new plan are.

    Raises:
        BillingError: of kind INVALID, when no whole cycles of the new plan cover the same days.
    """
    piece, zone = cycles[0].piece, work.organisation.zone
    config = simulation.details.pricing_cycle_config
    if config is None or config.interval is piece.rule.interval:
        return [cycle.terms for cycle in cycles]
    starts_on = local_date(piece.within.start, zone)
    rule = config.calendar_rule or CycleRule.anniversary(config.interval, starts_on)
    days = Period(cycles[0].period.start, cycles[-1].period.end)
    found = list(dataclasses.replace(piece, rule=rule).cycles_in(days, zone))
    if (found[0][1].period.start, found[-1][1].period.end) != (days.start, days.end):
        within = f"{local_date(days.start, zone)} until {local_date(days.end, zone)}"
        reason = f"the {piece.rule.interval} cycles from {within} are no whole {config.interval} ones of the new plan"
        raise invalid("", f"{reason}: choose from and to so that both cover the same days")
    return [dataclasses.replace(cycles[0].terms, cycle=cycle, ordinal=ordinal) for ordinal, cycle in found]


def _simulated(name: str, priced: _Priced, used: Mapping[UsageWindow, _Used]) -> Simulated:
    if priced.failure is not None:
        return Simulated(name, failure=priced.failure)
    try:
        old, new = _bills(name, priced.old, used), _bills(name, priced.new, used, is_new=True)
        return Simulated(name, compared(name, priced.old[0].currency, len(priced.old), old, new))
    except Exception as failure:  # noqa: BLE001 - one account that cannot be billed must not stop the others
        return Simulated(name, failure=str(failure) or type(failure).__name__)


def _bills(
    name: str, cycles: Sequence[Terms], used: Mapping[UsageWindow, _Used], *, is_new: bool = False
) -> Iterator[InvoiceLineItem]:
    """The invoices of these cycles, each as the root of its lines; new terms with no more overage than they allow."""
    for terms in cycles:
        of_cycle = used[UsageWindow(name, terms.cycle.period)]
        units = allowed_by(terms.details, of_cycle.usage) if is_new else of_cycle.usage
        for bill in cycle_bills(terms, units, of_cycle.events):
            yield bill.revenue_info
