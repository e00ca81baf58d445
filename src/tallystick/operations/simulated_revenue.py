"""What a simulation makes of accounts: the bills of their past cycles, by the old terms and by the new.

Both are made by the functions that make invoices, from the same usage. The new terms price the account's own cycles;
where theirs are of another length, they price cycles of that length over the very same days, or none.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import TypeAlias

from tallystick.accounts.schedule import Schedule
from tallystick.credits.other_units import OtherUnits
from tallystick.invoicing.assemble import Terms
from tallystick.invoicing.comparison import ComparedOverage, Comparison, compared
from tallystick.invoicing.cycle_bills import cycle_bills
from tallystick.invoicing.line import InvoiceLineItem
from tallystick.kernel.errors import BillingError, invalid
from tallystick.kernel.period import Period, local_date
from tallystick.kernel.quantity import EXACT, ZERO, plain, summed
from tallystick.kernel.recurrence import CycleRule
from tallystick.metering.event_groups import EventCuts, EventGroups
from tallystick.metering.purse import PurseKey
from tallystick.operations.billed_units import allowed_by, billed_units
from tallystick.operations.cycles import BegunCycle, begun_cycles
from tallystick.operations.metered_usage import event_groups
from tallystick.operations.simulated_overage import (
    OtherGrants,
    features_of,
    granted_otherwise,
    prices_overage,
    refused_events,
    served_otherwise,
)
from tallystick.operations.simulations import Simulation
from tallystick.operations.work import Work
from tallystick.rating.usage_card import UsagePrices
from tallystick.stores.event_store import UsageWindow

_BilledCycle: TypeAlias = tuple[Terms, Mapping[str, Decimal]]
"""A cycle by its terms, and the units that it is billed for."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """What became of one account: the comparison, or why there is none; neither, when it has no such cycle."""

    account_id: str
    comparison: Comparison | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class _Priced:
    """One account's cycles by the old terms and by the new, or why the new do not fit.

    `other` says of which features the new terms grant other units than the account had.
    """

    old: Sequence[Terms]
    new: Sequence[Terms] = ()
    other: OtherGrants | None = None
    failure: str | None = None

    @property
    def feature_ids(self) -> set[str]:
        """The features that any of the terms are about."""
        return set().union(*(features_of(terms.details) for terms in (*self.old, *self.new)))


@dataclass(frozen=True, slots=True)
class _Used:
    """What accounts used in their cycles, what of features with other units, and how often they had too few of one."""

    usage: Mapping[UsageWindow, Mapping[str, Decimal]]
    events: Mapping[UsageWindow, EventGroups]
    served: Mapping[PurseKey, OtherUnits]
    refused: Mapping[tuple[UsageWindow, str], int]


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


def _used(work: Work, priced: Mapping[str, _Priced]) -> _Used:
    """What accounts used in their cycles, and how the events have to be told apart by either terms."""
    cuts: dict[UsageWindow, dict[EventCuts, None]] = defaultdict(dict)
    for name, one in priced.items():
        for terms in (*one.old, *one.new):
            cuts[UsageWindow(name, terms.cycle.period)] |= dict.fromkeys(terms.event_cuts)
    usages = billed_units(work, list(cuts))
    events = event_groups(work, list(cuts.items()))
    short = {
        UsageWindow(name, terms.cycle.period): features
        for name, one in priced.items()
        if (features := one.feature_ids)
        for terms in one.old
    }
    return _Used(
        dict(zip(cuts, usages, strict=True)),
        dict(zip(cuts, events, strict=True)),
        served_otherwise(work, {name: one.other for name, one in priced.items() if one.other is not None}),
        refused_events(work, short),
    )


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
    new: list[Terms] = []
    pieces: list[Schedule] = []
    try:
        for _, of_piece in groupby(cycles, key=lambda cycle: cycle.piece.id):
            recut, piece = _recut(work, simulation, list(of_piece))
            new += [dataclasses.replace(terms, details=details, rules=rules, prices=prices) for terms in recut]
            pieces.append(piece)
        return _Priced(old, new, _other_grants(simulation, cycles, pieces, new))
    except BillingError as failure:
        return _Priced(old, failure=failure.message)


def _other_grants(
    simulation: Simulation, cycles: Sequence[BegunCycle], pieces: Sequence[Schedule], new: Sequence[Terms]
) -> OtherGrants | None:
    """The features of which the new terms grant an account other units, if there are any.

    Raises:
        BillingError: of kind INVALID, when nobody can know when the account would have had them.
    """
    config = simulation.details.pricing_cycle_config
    features = granted_otherwise(
        [cycle.terms.details for cycle in cycles],
        simulation.details,
        has_same_cycles=config is None or all(config.interval is cycle.piece.rule.interval for cycle in cycles),
    )
    if not features:
        return None
    return OtherGrants(simulation.details, features, pieces, [terms.cycle.period for terms in new])


def _recut(work: Work, simulation: Simulation, cycles: Sequence[BegunCycle]) -> tuple[list[Terms], Schedule]:
    """The terms of one piece's cycles, cut as long as those of the new plan are, and the piece that is cut so.

    Raises:
        BillingError: of kind INVALID, when no whole cycles of the new plan cover the same days.
    """
    piece, zone = cycles[0].piece, work.organisation.zone
    config = simulation.details.pricing_cycle_config
    if config is None or config.interval is piece.rule.interval:
        return [cycle.terms for cycle in cycles], piece
    starts_on = local_date(piece.within.start, zone)
    rule = config.calendar_rule or CycleRule.anniversary(config.interval, starts_on)
    days = Period(cycles[0].period.start, cycles[-1].period.end)
    recut = dataclasses.replace(piece, rule=rule)
    found = list(recut.cycles_in(days, zone))
    if (found[0][1].period.start, found[-1][1].period.end) != (days.start, days.end):
        within = f"{local_date(days.start, zone)} until {local_date(days.end, zone)}"
        reason = f"the {piece.rule.interval} cycles from {within} are no whole {config.interval} ones of the new plan"
        raise invalid("", f"{reason}: choose from and to so that both cover the same days")
    return [dataclasses.replace(cycles[0].terms, cycle=cycle, ordinal=ordinal) for ordinal, cycle in found], recut


def _simulated(name: str, priced: _Priced, used: _Used) -> Simulated:
    if priced.failure is not None:
        return Simulated(name, failure=priced.failure)
    try:
        old = [(terms, used.usage[UsageWindow(name, terms.cycle.period)]) for terms in priced.old]
        new = [(terms, _new_units(name, priced, terms, used)) for terms in priced.new]
        old_bills, new_bills = (_bills(name, cycles, used) for cycles in (old, new))
        overage = {feature_id: _overage(name, feature_id, old, new, used) for feature_id in priced.feature_ids}
        currency, cycles = priced.old[0].currency, len(priced.old)
        return Simulated(name, compared(name, currency, cycles, old_bills, new_bills, overage))
    except Exception as failure:  # noqa: BLE001 - one account that cannot be billed must not stop the others
        return Simulated(name, failure=str(failure) or type(failure).__name__)


def _new_units(name: str, priced: _Priced, terms: Terms, used: _Used) -> dict[str, Decimal]:
    """What a cycle is billed for by the new terms: with no more overage than they allow, and by what they grant."""
    units = allowed_by(terms.details, used.usage[UsageWindow(name, terms.cycle.period)])
    if priced.other is not None:
        for feature_id in priced.other.feature_ids:
            units[feature_id] = used.served[name, feature_id].beyond[terms.cycle.period.start]
    return units


def _overage(
    name: str, feature_id: str, old: Sequence[_BilledCycle], new: Sequence[_BilledCycle], used: _Used
) -> ComparedOverage:
    """What went beyond the units of a feature in all cycles, by either terms."""
    old_units = plain(summed(units.get(feature_id, ZERO) for _, units in old))
    new_units = plain(
        summed(units.get(feature_id, ZERO) for terms, units in new if prices_overage(terms.details, feature_id))
    )
    served = used.served.get((name, feature_id))
    windows = [UsageWindow(name, terms.cycle.period) for terms, _ in old]
    return ComparedOverage(
        old_units=old_units,
        new_units=new_units,
        unserved_units=plain(EXACT.subtract(old_units, new_units) if served is None else served.unserved),
        refused_events=sum(used.refused.get((window, feature_id), 0) for window in windows),
    )


def _bills(name: str, cycles: Iterable[_BilledCycle], used: _Used) -> Iterator[InvoiceLineItem]:
    """The invoices of these cycles, each as the root of its lines."""
    for terms, units in cycles:
        for bill in cycle_bills(terms, units, used.events[UsageWindow(name, terms.cycle.period)]):
            yield bill.revenue_info
