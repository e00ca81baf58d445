"""Where the revenue calculator's plan, currency, usage and cycle come from: each mode of domain.md 8.2.

Each part answers for itself: what is wrong with one of them does not hide what is wrong with another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from tallystick.catalog.card_rules import card_problems
from tallystick.catalog.plan_rules import details_of
from tallystick.catalog.price_plan import PlanStatus, PlanType, PricePlanDetails
from tallystick.invoicing.revenue_info import Standing
from tallystick.kernel.errors import Problem, attempted, invalid, refuse_if_any
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.quantity import is_tame, spelled
from tallystick.kernel.recurrence import Cycle
from tallystick.metering.event_groups import NO_EVENTS, EventCuts, EventGroups
from tallystick.operations.cycles import terms_of
from tallystick.operations.metered_usage import event_groups, usage_totals
from tallystick.operations.price_plans import item_problems
from tallystick.operations.revenue_licences import LicenceSource, licences_of
from tallystick.operations.revenue_lookups import account_named, cycle_of, day_of, instant_of, looked_up, needed
from tallystick.operations.revenue_overage import overage_asked
from tallystick.operations.revenue_question import (
    CurrencyConfig,
    CurrencyMode,
    CustomProration,
    CycleMode,
    LookupMode,
    PlanMode,
    PricePlanDetailsConfig,
    ProrationConfig,
    RevenueQuestion,
    UsageConfig,
)
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow

_DAY: Final = timedelta(days=1)
_PLAN: Final = "pricePlanDetailsConfig"
_PRORATION: Final = "prorationConfig"
_NOWHERE: Final = Standing(reference_id="CUSTOM", price_plan_id="CUSTOM")
"""Where cards stand that were sent along and belong to no plan."""


@dataclass(frozen=True, slots=True)
class PlanSource:
    """Terms, the 0-based number of the cycle that is priced, and where the cards stand."""

    details: PricePlanDetails
    ordinal: int
    standing: Standing = _NOWHERE


@dataclass(frozen=True, slots=True)
class UsageSource:
    """What was used of each meter, and by whom and when, if that was looked up."""

    units: Mapping[str, Decimal]
    window: UsageWindow | None = None

    @property
    def within(self) -> Period | None:
        """The time in which usage was looked up."""
        return None if self.window is None else self.window.period

    def events(self, work: Work, cuts: Collection[EventCuts]) -> EventGroups:
        """The events behind the usage, told apart as cards ask for it.

        Raises:
            BillingError: of kind INVALID, when cards ask for them and the usage was sent along.
        """
        if self.window is not None:
            return event_groups(work, [(self.window, cuts)])[0]
        meters = sorted({one.meter_id for one in cuts})
        reason = (
            "says nothing of single events, which the plan's cards have a fee for: use LOOKUP_RANGE or LOOKUP_CYCLE"
        )
        refuse_if_any([Problem(f"usageConfig.usageMap.{meter_id}", reason) for meter_id in meters])
        return NO_EVENTS


@dataclass(frozen=True, slots=True)
class Sources:
    """All that a bill is made from; without proration, cards with proration are priced as if they had none."""

    currency: str
    plan: PlanSource
    usage: UsageSource
    licences: LicenceSource
    overage: Mapping[str, Decimal]
    cycle: Cycle
    has_proration: bool


def sources_of(work: Work, question: RevenueQuestion) -> Sources:
    """What a question asks to be priced.

    Raises:
        BillingError: of kind INVALID, with every problem that any of its parts has.
    """
    problems: list[Problem] = []
    currency = attempted(problems, partial(_currency, work, question.currency_config))
    plan = attempted(problems, partial(_plan, work, question.price_plan_details_config))
    usage = attempted(problems, partial(_usage, work, question.usage_config))
    licences = overage = None
    if plan is not None:
        licences = attempted(problems, partial(licences_of, work, question, plan.details))
        overage = attempted(problems, partial(overage_asked, work, question, plan.details))
    charged = attempted(problems, partial(_charged, work, question.proration_config))
    if currency is not None and plan is not None and currency not in plan.details.supported_currencies:
        known = ", ".join(plan.details.supported_currencies)
        problems.append(Problem("currencyConfig", f"the plan has no rates in {currency}, only in {known}"))
    refuse_if_any(problems)
    assert currency is not None, "what could not be read is among the problems"
    assert plan is not None, "what could not be read is among the problems"
    assert usage is not None, "what could not be read is among the problems"
    assert licences is not None, "what could not be read is among the problems"
    assert overage is not None, "what could not be read is among the problems"
    cycle = charged or _whole(work, licences.within or usage.within)
    return Sources(currency, plan, usage, licences, overage, cycle, has_proration=charged is not None)


def _currency(work: Work, config: CurrencyConfig) -> str:
    if config.mode is CurrencyMode.CUSTOM:
        return needed(config.currency, "currencyConfig.currency", config.mode)
    return account_named(work, config.account_id, "currencyConfig.accountId", config.mode).invoice_currency


def _plan(work: Work, config: PricePlanDetailsConfig) -> PlanSource:
    """The terms asked for; those of an account for its own cycle, others for the one that the caller names."""
    ordinal = (config.pricing_cycle_ordinal or 1) - 1
    if config.mode is PlanMode.CUSTOM:
        return PlanSource(_sent_terms(work, config), ordinal)
    at = instant_of(config.effective_on or work.now, f"{_PLAN}.effectiveOn")
    if config.mode is PlanMode.PRICE_PLAN:
        return _stored_plan(work, config, at, ordinal)
    account = account_named(work, config.account_id, f"{_PLAN}.accountId", config.mode)
    piece, cycle = cycle_of(work, account, at, f"{_PLAN}.effectiveOn")
    return PlanSource(
        terms_of(work, [piece])[piece.id],
        piece.ordinal_of(cycle, work.organisation.zone),
        Standing(
            reference_id=piece.id,
            price_plan_id=piece.price_plan_id,
            account_id=account.id,
        ),
    )


def _sent_terms(work: Work, config: PricePlanDetailsConfig) -> PricePlanDetails:
    """The terms that came along; where in the calendar their cycles would start does not matter here."""
    sent = needed(config.price_plan_details, f"{_PLAN}.pricePlanDetails", config.mode)
    details = details_of(sent, PlanType.BILLING)
    problems = item_problems(work, details)
    problems += [Problem(f"pricePlanDetails.{found.path}", found.reason) for found in card_problems(details)]
    refuse_if_any([Problem(f"{_PLAN}.{found.path}", found.reason) for found in problems])
    return details


def _stored_plan(work: Work, config: PricePlanDetailsConfig, at: datetime, ordinal: int) -> PlanSource:
    path = f"{_PLAN}.pricePlanId"
    plan = work.state.price_plans.find(needed(config.price_plan_id, path, config.mode))
    if plan is None or plan.status is PlanStatus.ARCHIVED:
        raise invalid(path, f"price plan {config.price_plan_id!r} not found")
    version = plan.version
    if not version.start_date <= at < version.end_date:
        raise invalid(f"{_PLAN}.effectiveOn", f"price plan {plan.id!r} has no version in force at {at.isoformat()}")
    return PlanSource(version.price_plan_details, ordinal, Standing(reference_id=version.id, price_plan_id=plan.id))


def _usage(work: Work, config: UsageConfig) -> UsageSource:
    if config.mode is LookupMode.CUSTOM:
        units = needed(config.usage_map, "usageConfig.usageMap", config.mode)
        refuse_if_any(_usage_problems(work, units))
        return UsageSource(units)
    account, within = looked_up(work, config, "usageConfig")
    window = UsageWindow(account.id, within)
    return UsageSource(usage_totals(work, [window])[0], window)


def _usage_problems(work: Work, units: Mapping[str, Decimal]) -> list[Problem]:
    known = work.state.usage_meters.among(units)
    problems = []
    for meter_id, quantity in units.items():
        if meter_id not in known:
            problems.append(Problem(f"usageConfig.usageMap.{meter_id}", f"usage meter {meter_id!r} not found"))
        if not is_tame(quantity):
            reason = f"is {spelled(quantity)}, expected a number between 1e-100 and 1e100"
            problems.append(Problem(f"usageConfig.usageMap.{meter_id}", reason))
    return problems


def _charged(work: Work, config: ProrationConfig | None) -> Cycle | None:
    """The part of a cycle that cards with proration are charged for: from a day on until its end; None for all."""
    if config is None:
        return None
    if config.mode is CycleMode.CUSTOM:
        path = f"{_PRORATION}.customConfig"
        cycle, since = _sent_cycle(work, needed(config.custom_config, path, config.mode), path)
        return _from(cycle, since, f"{path}.currentDate")
    path = f"{_PRORATION}.lookupCycleConfig"
    asked = needed(config.lookup_cycle_config, path, config.mode)
    account = account_named(work, asked.account_id, f"{path}.accountId", config.mode)
    at = instant_of(asked.cycle_effective_on or work.now, f"{path}.cycleEffectiveOn")
    cycle = cycle_of(work, account, at, f"{path}.cycleEffectiveOn")[1]
    since = day_of(work, asked.current_date_time or work.now, f"{path}.currentDateTime")
    return _from(cycle, max(since, cycle.period.start), f"{path}.currentDateTime")


def _sent_cycle(work: Work, sent: CustomProration, path: str) -> tuple[Cycle, datetime]:
    """A cycle that came along, and the day from which on it is charged."""
    start = day_of(work, sent.cycle_start_date, f"{path}.cycleStartDate")
    end = day_of(work, sent.cycle_end_date, f"{path}.cycleEndDate")
    if start >= end:
        raise invalid(f"{path}.cycleEndDate", "must lie at least a day after cycleStartDate")
    return Cycle(Period(start, end), Period(start, end)), day_of(work, sent.current_date, f"{path}.currentDate")


def _from(cycle: Cycle, since: datetime, path: str) -> Cycle:
    if not cycle.period.contains(since):
        within = f"{cycle.period.start.isoformat()} until {cycle.period.end.isoformat()}"
        raise invalid(path, f"lies outside the cycle from {within}")
    return Cycle(Period(since, cycle.period.end), cycle.nominal)


def _whole(work: Work, within: Period | None) -> Cycle:
    """A cycle without proration: the time in which quantities were looked up, or today."""
    today = local_date(work.now, work.organisation.zone)
    midnights = (local_midnight(day, work.organisation.zone) for day in (today, today + _DAY))
    span = within or Period(*midnights)
    return Cycle(span, span)
