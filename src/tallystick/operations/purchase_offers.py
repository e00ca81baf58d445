"""What a purchase comes to: its terms, its bill, and what the order is about (domain.md 5.5).

A purchase of a plan of type PURCHASE is billed on the day on which it is made. The order of an association bills what
the first cycle of the plan would be billed beforehand: its piece of the timeline is agreed on already, and comes in
force when the order is paid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.accounts.account import Account
from tallystick.accounts.purchase import Purchase, PurchaseType, quantity_problems, topup_in_ledger
from tallystick.accounts.schedule import Schedule, ScheduleEdit
from tallystick.accounts.timeline import Timeline
from tallystick.catalog.plan_override import OVERRIDE as AGREED
from tallystick.catalog.plan_override import overridden
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.price_plan import PlanType, PricePlan, PricePlanDetails
from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.credits.burndown import OpenCredit
from tallystick.invoicing.assemble import Bill, Terms, association_bill
from tallystick.invoicing.purchase_bill import purchase_bill, topup_bill
from tallystick.kernel.errors import BillingError, Problem, invalid, refuse_if_any
from tallystick.kernel.money import exact_in_minor_unit
from tallystick.kernel.period import FOREVER_ON, day_of, local_date, local_midnight
from tallystick.kernel.quantity import EXACT, fits
from tallystick.kernel.recurrence import Cycle
from tallystick.operations.agreements import edited, named_plan, refuse_foreign, refuse_inactive
from tallystick.operations.cycles import agreed_rules, agreed_terms, agreed_version
from tallystick.operations.price_plans import item_problems
from tallystick.operations.work import Work
from tallystick.rating.fixed_fee import is_charged

OVERRIDE = "purchasePlanOverride"
_ASSOCIATION_OVERRIDE = "associationOverride"
_TERMS = "pricePlanDetails"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a purchase comes to, and what its order is about: a piece that is agreed on, or the purchase itself."""

    bill: Bill
    cycle: Cycle
    schedule_id: str
    plan: PricePlan | None = None
    ordinal: int = 0
    licences: tuple[str, ...] = ()
    """What it would bill by a quantity that nobody knows yet."""

    @property
    def version(self) -> int | None:
        """The number of the version of the plan that is sold."""
        return None if self.plan is None else self.plan.version.version


def offer_of(
    work: Work, account: Account, timeline: Timeline, purchase: Purchase, credits: Sequence[OpenCredit]
) -> Offer:
    """What a purchase that somebody asks for comes to now.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with it.
    """
    if purchase.type is PurchaseType.ASSOCIATION:
        return _association(work, account, timeline, purchase, credits)
    day = day_of(work.now, work.organisation.zone)
    cycle, currency = Cycle(day, day), account.invoice_currency
    ends_on = local_date(day.end, work.organisation.zone)
    if purchase.wallet_topup_details is not None:
        topup_in_ledger(purchase.wallet_topup_details, currency)
        bill = topup_bill(purchase.wallet_topup_details, currency, ends_on)
        return Offer(bill=bill, cycle=cycle, schedule_id=purchase.id)
    plan = _plan(work, account, purchase)
    details = bought_terms(purchase, plan)
    refuse_if_any(_problems(work, purchase, plan, details, currency))
    bill = purchase_bill(purchase, details, currency, ends_on, credits)
    return Offer(bill=bill, cycle=cycle, schedule_id=purchase.id, plan=plan)


def bought_terms(purchase: Purchase, plan: PricePlan) -> PricePlanDetails:
    """The terms that a purchase is made by: those of the plan's version, with the cards that take their place."""
    override = purchase.purchase_plan_override
    version = plan.version if purchase.price_plan_version is None else plan.numbered(purchase.price_plan_version)
    assert version is not None, "versions of plans are never removed"
    return overridden(version.price_plan_details, None if override is None else override.as_patch())


def association(purchase: Purchase) -> ScheduleEdit:
    """The edit of the timeline that a purchase of type ASSOCIATION stands for."""
    assert purchase.effective_from is not None, "an association says from when on"
    return ScheduleEdit(
        price_plan_id=purchase.price_plan_id,
        effective_from=purchase.effective_from,
        effective_until=purchase.effective_until or FOREVER_ON,
        price_plan_details_override=purchase.association_override,
    )


def _plan(work: Work, account: Account, purchase: Purchase) -> PricePlan:
    """The plan that is bought; it must be ACTIVE, also in the account's currency."""
    plan = named_plan(work, purchase.price_plan_id, purchase.price_plan_version)
    if plan.type is not PlanType.PURCHASE:
        raise invalid("pricePlanId", f"price plan {plan.id!r} is a {plan.type} plan: buy it as an ASSOCIATION")
    refuse_inactive(plan)
    refuse_foreign(plan, account)
    return plan


def _problems(
    work: Work, purchase: Purchase, plan: PricePlan, details: PricePlanDetails, currency: str
) -> list[Problem]:
    """What is wrong with the cards that are bought, and with how many of them."""
    problems: list[Problem] = []
    if purchase.purchase_plan_override is not None:
        found = terms_problems(details, plan.type) + item_problems(work, details)
        problems += [Problem(f"{OVERRIDE}{one.path.removeprefix(_TERMS)}", one.reason) for one in found]
    problems += quantity_problems(purchase.rate_card_quantities, details)
    return problems or _grant_problems(purchase, details, currency)


def _grant_problems(purchase: Purchase, details: PricePlanDetails, currency: str) -> list[Problem]:
    """Credit or units that come to more than the ledger holds, or to finer parts."""
    problems: list[Problem] = []
    for units in details.billing_entitlement_rate_cards:
        quantity = purchase.quantity_of(units.feature_id)
        if not all(fits(EXACT.multiply(config.feature_credit_limit, quantity)) for config in units.feature_configs):
            reason = "makes more units, or finer ones, than can be counted: 26 digits before the point, 12 behind it"
            problems.append(Problem(f"rateCardQuantities.{units.feature_id}", reason))
    for card in details.credit_grant_rate_cards:
        for granted in card.rate_details.currency_slab_rate_details:
            if granted.currency == currency:
                try:
                    amount = granted.credit_amount * purchase.quantity_of(card.id)
                    exact_in_minor_unit(amount, currency, f"rateCardQuantities.{card.id}")
                except BillingError as refused:
                    problems += refused.problems
    return problems


def first_cycle(work: Work, account: Account, piece: Schedule) -> Terms:
    """The terms of the first cycle of a piece, in force or only agreed on."""
    zone, plan = work.organisation.zone, work.state.price_plans.get(piece.price_plan_id)
    version = agreed_version(piece, plan)
    return Terms(
        plan_name=plan.name,
        details=agreed_terms(piece, version),
        rules=agreed_rules(piece, version),
        currency=account.invoice_currency,
        zone=zone,
        cycle=piece.cycle_at(piece.within.start, zone),
        ordinal=piece.first_ordinal,
    )


def _association(
    work: Work, account: Account, timeline: Timeline, purchase: Purchase, credits: Sequence[OpenCredit]
) -> Offer:
    """The order of a plan that comes on an account, from the first cycle that it would have there."""
    change = association(purchase)
    starts_at = local_midnight(change.effective_from, work.organisation.zone)
    try:
        after = edited(work, account, timeline, timeline, change, version=purchase.price_plan_version)
    except BillingError as refused:
        raise refused.with_paths(_as_bought) from None
    piece = next(one for one in after if one.within.start == starts_at)
    terms = first_cycle(work, account, piece)
    plan = work.state.price_plans.get(piece.price_plan_id)
    return Offer(
        bill=association_bill(terms, credits),
        cycle=terms.cycle,
        schedule_id=piece.id,
        plan=plan.up_to(agreed_version(piece, plan).version),
        ordinal=terms.ordinal,
        licences=_licences_in_advance(terms),
    )


def _as_bought(path: str) -> str:
    """A path in an edit of the timeline as a purchase has it, where the override is called otherwise."""
    return f"{_ASSOCIATION_OVERRIDE}{path.removeprefix(AGREED)}" if path.startswith(AGREED) else path


def _licences_in_advance(terms: Terms) -> tuple[str, ...]:
    """The licences that a first cycle bills in advance: how many there will be is not known before it starts."""
    return tuple(
        card.id
        for card in terms.details.license_rate_cards
        if card.invoice_timing is InvoiceTiming.IN_ADVANCE and is_charged(card, terms.ordinal)
    )
