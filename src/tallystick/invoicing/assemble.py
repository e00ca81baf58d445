"""Terms, usage and credits assembled into a bill: lines, total, and what each credit pays (domain.md 7.4).

A bill in arrears takes the usage cards, the fees, licences and credit grants in arrears and the minimum commitment of a
cycle; a bill in advance takes the fees, licences and credit grants in advance of the cycle that it opens. The pricing
rules of a bill's timing change its cards and add to them before the commitment is compared (domain.md 7.3). A line
appears whenever the terms call for it, also when it comes to nothing. Each day on which licences in advance are changed
has a bill of its own, which no rule is about.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tallystick.catalog.pricing_rule import RuleTiming
from tallystick.catalog.rate_card import InvoiceTiming, ProratedRefundMode
from tallystick.catalog.rule_variable import CardKind
from tallystick.credits.burndown import Burn, CoverableLine, burn_down, is_eligible
from tallystick.credits.credit import EntityGroup
from tallystick.credits.plan_grant import PlanGrant
from tallystick.invoicing.card_lines import by_tag, fee_line, overage_card_line, usage_card_line, usage_line
from tallystick.invoicing.credit_grant_lines import grant_lines
from tallystick.invoicing.held_overage import NOT_SHARED, shared
from tallystick.invoicing.leaf_lines import slab_leaf
from tallystick.invoicing.licence_lines import licence_card_line
from tallystick.invoicing.line import InvoiceLineItem, LineType
from tallystick.invoicing.rule_lines import CardLine, additions, steps_of, with_updates
from tallystick.invoicing.totals import leaf, money_of, parent, sum_of, true_up
from tallystick.kernel.errors import BillingError
from tallystick.kernel.money import Money
from tallystick.kernel.period import local_date
from tallystick.kernel.quantity import ZERO
from tallystick.metering.event_groups import NO_EVENTS
from tallystick.rating.credit_grant import charge_grant
from tallystick.rating.entitlement import charge_entitlement
from tallystick.rating.fixed_fee import charge_fee, is_charged
from tallystick.rating.licence import LicencePrice, Seats
from tallystick.rating.usage_card import UsagePrice, UsagePrices

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.catalog.pricing_rule import PricingRule
    from tallystick.catalog.rate_card import LicenseRateCard
    from tallystick.credits.burndown import OpenCredit
    from tallystick.invoicing.held_overage import OverageBilling, SharedOverage
    from tallystick.kernel.period import Period
    from tallystick.kernel.recurrence import Cycle
    from tallystick.metering.event_groups import EventCuts, EventGroups
    from tallystick.rating.charge import LicenceCharge, UsageCharge
    from tallystick.rating.licence import Holding
    from tallystick.rating.pricing_rules import RuleStep

_COVERABLE: Final = {
    LineType.USAGE_RATE_CARD_AMOUNT: EntityGroup.ALL_USAGE_METER_RATE_CARDS,
    LineType.FIXED_FEE_RATE_CARD_AMOUNT: EntityGroup.ALL_FIXED_FEE_RATE_CARDS,
    LineType.ADVANCED_FIXED_FEE: EntityGroup.ALL_FIXED_FEE_RATE_CARDS,
    LineType.LICENSE_RATE_CARD_AMOUNT: EntityGroup.ALL_LICENSE_RATE_CARDS,
    LineType.ADVANCED_LICENSE_RATE_CARD_AMOUNT: EntityGroup.ALL_LICENSE_RATE_CARDS,
    LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT: EntityGroup.ALL_BILLING_ENTITLEMENT_RATE_CARDS,
    LineType.ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT: EntityGroup.ALL_BILLING_ENTITLEMENT_RATE_CARDS,
    LineType.ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT: EntityGroup.ALL_ENTITLEMENT_OVERAGE_RATE_CARDS,
    LineType.PRICING_RULE_ADDITION_AMOUNT: None,
    LineType.TRUE_UP_AMOUNT: None,
}
"""The lines that credits may pay, with the group of cards that they belong to."""
_ADVANCE: Final = "Advance fees"
_GIVEN_BACK: Final = frozenset({ProratedRefundMode.CREDITS, ProratedRefundMode.WALLET})
"""The modes in which a decrease gives something back beside the invoices."""
ORDERED: Final = "Purchase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one bill of an account is made from, beside usage and credits.

    `ordinal` counts the account's cycles under the plan from 0; cycles and days are those of the `zone`. `licences` are
    what the account holds of each add-on. Bills that are made together share their `prices`.
    """

    plan_name: str
    details: PricePlanDetails
    rules: Sequence[PricingRule]
    currency: str
    zone: ZoneInfo
    cycle: Cycle
    ordinal: int
    licences: Mapping[str, Holding] = field(default_factory=dict)
    prices: UsagePrices = field(default_factory=UsagePrices)

    @property
    def event_cuts(self) -> tuple[EventCuts, ...]:
        """How the events of the cycle have to be told apart, meter by meter, where cards price them one by one.

        Not at all, where a card has no rate in the currency: then there is no bill either, which says why.
        """
        try:
            prices = self.prices.of(self.details, self.currency)
        except BillingError:
            return ()
        return tuple(price.cuts for price in prices if price.cuts is not None)


@dataclass(frozen=True, slots=True)
class Refund:
    """What is given back for licences that were paid in advance: as a credit, or into the wallet."""

    license_id: str
    display_name: str
    amount: Money
    mode: ProratedRefundMode = ProratedRefundMode.CREDITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The lines of an invoice as the wire shows them, what each credit pays of it, and what becomes a credit.

    `rule_steps` are what pricing rules did to it. Credit among the `grants` pays nothing of the bill: it is there once
    that has fallen due. `overage` of other cycles is asked for, or is left to a later bill.
    """

    usage_info: tuple[InvoiceLineItem, ...] = ()
    revenue_info: InvoiceLineItem
    gross: Money
    burns: tuple[Burn, ...]
    refunds: tuple[Refund, ...] = ()
    rule_steps: tuple[RuleStep, ...] = ()
    grants: tuple[PlanGrant, ...] = ()
    overage: SharedOverage = NOT_SHARED

    @property
    def total(self) -> Money:
        """What is to be paid, after credits."""
        return money_of(self.revenue_info)


def arrears_bill(
    terms: Terms,
    usage: Mapping[str, Decimal],
    open_credits: Iterable[OpenCredit],
    events: EventGroups = NO_EVENTS,
    billing: OverageBilling | None = None,
) -> Bill:
    """The bill of a cycle that has been used, given the usage of each meter and the overage of each feature by its id.

    What is not there is zero.

    `events` are those of the cycle, told apart as the terms ask for it with their `event_cuts`. Without the place where
    it stands among other bills, it is that of all that the cycle comes to, whenever its overage is asked for.

    Raises:
        BillingError: of kind BROKEN, when a card has no rate in the currency, or lacks the events that it prices one
            by one; of kind UNPROCESSABLE, when an amount is more than the ledger holds.
    """
    currency = terms.currency
    prices = terms.prices.of(terms.details, currency)
    charges = [_charge(price, usage, events) for price in prices]
    cards = [_usage_card(price, charge, currency) for price, charge in zip(prices, charges, strict=True)]
    cards += _fees(terms, InvoiceTiming.IN_ARREARS, LineType.FIXED_FEE_RATE_CARD_AMOUNT)
    cards += _licence_cards(
        terms, InvoiceTiming.IN_ARREARS, lambda price, held: price.charge(held, terms.cycle, terms.zone)
    )
    cards += _entitlements(terms, InvoiceTiming.IN_ARREARS, LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT)
    cards += _overages(terms, usage)
    granted = _grants(terms, InvoiceTiming.IN_ARREARS, LineType.CREDIT_GRANT_RATE_CARD_AMOUNT)
    cards += [line for _, line in granted]
    ruled = _ruled(terms, RuleTiming.IN_ARREARS, cards)
    overage, lines = NOT_SHARED, ruled.lines
    missing = list(_true_up(terms, sum_of(lines, currency)))
    if billing is not None:
        overage, cards = shared(billing, ruled.cards, terms.zone)
        lines = replace(ruled, cards=cards).lines
    sub_total = parent(LineType.SUB_TOTAL_AMOUNT, "Sub total", lines, currency)
    plan = parent(LineType.PRICE_PLAN_AMOUNT, terms.plan_name, [sub_total, *missing], currency)
    bill = _bill(terms, plan, tuple(map(usage_line, charges)), ruled.steps, open_credits)
    return replace(bill, grants=tuple(grant for grant, _ in granted), overage=overage)


def advance_bill(terms: Terms, open_credits: Iterable[OpenCredit]) -> Bill:
    """The bill that falls due when a cycle starts.

    Raises:
        BillingError: as `arrears_bill`.
    """
    lines, steps, grants = _in_advance(terms)
    advance = parent(LineType.TOTAL_ADVANCED_FEES, _ADVANCE, lines, terms.currency)
    return replace(_bill(terms, advance, (), steps, open_credits), grants=grants)


def prepaid_bill(terms: Terms, open_credits: Iterable[OpenCredit]) -> Bill:
    """The order that is raised when a cycle starts: what is granted once it is paid. No rule is about it.

    Raises:
        BillingError: as `arrears_bill`.
    """
    lines, grants = _prepaid(terms)
    ordered = parent(LineType.TOTAL_PURCHASE_AMOUNT, ORDERED, lines, terms.currency)
    return replace(_bill(terms, ordered, (), (), open_credits), grants=grants)


def association_bill(terms: Terms, open_credits: Iterable[OpenCredit]) -> Bill:
    """The order of a plan that comes on an account once it is paid: all that its first cycle bills beforehand.

    Raises:
        BillingError: as `arrears_bill`.
    """
    lines, steps, grants = _in_advance(terms)
    prepaid, prepaid_grants = _prepaid(terms)
    ordered = parent(LineType.TOTAL_PURCHASE_AMOUNT, ORDERED, [*lines, *prepaid], terms.currency)
    return replace(_bill(terms, ordered, (), steps, open_credits), grants=(*grants, *prepaid_grants))


def _in_advance(terms: Terms) -> tuple[list[InvoiceLineItem], tuple[RuleStep, ...], tuple[PlanGrant, ...]]:
    """The lines that a cycle bills in advance, what rules did to them, and the credit that they grant."""
    cards = _fees(terms, InvoiceTiming.IN_ADVANCE, LineType.ADVANCED_FIXED_FEE)
    cards += _licence_cards(
        terms, InvoiceTiming.IN_ADVANCE, lambda price, held: price.opening(held, terms.cycle, terms.zone)
    )
    cards += _entitlements(terms, InvoiceTiming.IN_ADVANCE, LineType.ADVANCED_BILLING_ENTITLEMENT_RATE_CARD_AMOUNT)
    granted = _grants(terms, InvoiceTiming.IN_ADVANCE, LineType.ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT)
    cards += [line for _, line in granted]
    ruled = _ruled(terms, RuleTiming.IN_ADVANCE, cards)
    return ruled.lines, ruled.steps, tuple(grant for grant, _ in granted)


def _prepaid(terms: Terms) -> tuple[list[InvoiceLineItem], tuple[PlanGrant, ...]]:
    """The lines that a cycle bills by an order, and the credit among what is granted once that is paid."""
    cards = _entitlements(terms, InvoiceTiming.PREPAID, LineType.BILLING_ENTITLEMENT_RATE_CARD_AMOUNT)
    granted = _grants(terms, InvoiceTiming.PREPAID, LineType.CREDIT_GRANT_RATE_CARD_AMOUNT)
    cards += [line for _, line in granted]
    return by_tag([(card.tag, card.line) for card in cards], terms.currency), tuple(grant for grant, _ in granted)


def change_bill(terms: Terms, day: Period, open_credits: Iterable[OpenCredit]) -> Bill:
    """What the licences in advance that were changed on one day of a cycle are billed for, or what is given back.

    A change that comes to nothing has no line. What a decrease gives back is a line below zero when it is paid out,
    and no line when it becomes a credit, goes into the wallet, or when nothing is given back.

    Raises:
        BillingError: as `arrears_bill`.
    """
    changed = _licences(
        terms, InvoiceTiming.IN_ADVANCE, lambda price, held: price.change(held, terms.cycle, day, terms.zone)
    )
    lines = [(card.tag, line) for card, line in changed if line.value > 0 or (line.value < 0 and _is_paid_out(card))]
    refunds = tuple(
        Refund(card.id, line.description, -money_of(line), _refund_mode(card))
        for card, line in changed
        if line.value < 0 and _refund_mode(card) in _GIVEN_BACK
    )
    advance = parent(LineType.TOTAL_ADVANCED_FEES, _ADVANCE, by_tag(lines, terms.currency), terms.currency)
    return replace(_bill(terms, advance, (), (), open_credits), refunds=refunds)


def licences_in_arrears(terms: Terms) -> list[tuple[LicenseRateCard, InvoiceLineItem]]:
    """The licences in arrears that a cycle is charged, each with its line.

    Raises:
        BillingError: as `arrears_bill`.
    """
    return _licences(terms, InvoiceTiming.IN_ARREARS, lambda price, held: price.charge(held, terms.cycle, terms.zone))


def coverable_lines(line: InvoiceLineItem) -> Iterator[CoverableLine]:
    """The lines at or below a line that credits may pay: whole cards, fees, what rules add, and true-ups."""
    if line.type in _COVERABLE:
        yield CoverableLine(money_of(line), line.id, _COVERABLE[line.type])
    else:
        for child in line.line_items:
            yield from coverable_lines(child)


def _charge(price: UsagePrice, usage: Mapping[str, Decimal], events: EventGroups) -> UsageCharge:
    return price.charge(usage.get(price.billable_id, ZERO), None if price.cuts is None else events.get(price.cuts))


def _usage_card(price: UsagePrice, charge: UsageCharge, currency: str) -> CardLine:
    return CardLine(
        kind=CardKind.USAGE,
        tag=charge.tag,
        line=usage_card_line(charge, currency),
        price=None if price.cuts is not None else lambda units: usage_card_line(price.charge(units), currency),
    )


def _fees(terms: Terms, timing: InvoiceTiming, kind: LineType) -> list[CardLine]:
    """The fees of that timing that this cycle is charged."""
    cards = [
        card
        for card in terms.details.fixed_fee_rate_cards
        if card.invoice_timing is timing and is_charged(card, terms.ordinal)
    ]
    days, cycle_days = terms.cycle.days(terms.zone), terms.cycle.nominal_days(terms.zone)
    charges = [charge_fee(card, terms.currency, days, cycle_days) for card in cards]
    return [
        CardLine(kind=CardKind.FIXED_FEE, tag=charge.tag, line=fee_line(charge, kind, terms.currency))
        for charge in charges
    ]


@dataclass(frozen=True, slots=True)
class _Ruled:
    """The cards of a bill as rules leave them, and the steps that lead there."""

    cards: Sequence[CardLine]
    steps: tuple[RuleStep, ...]
    currency: str

    @property
    def lines(self) -> list[InvoiceLineItem]:
        """The lines of the cards by tag, with what rules add."""
        tagged = [(card.tag, card.line) for card in self.cards]
        return [*by_tag(tagged, self.currency), *additions(self.steps, self.currency)]


def _ruled(terms: Terms, timing: RuleTiming, cards: Sequence[CardLine]) -> _Ruled:
    """The cards of one timing as the rules of that timing leave them."""
    steps = steps_of(terms.rules, timing, terms.details, cards, terms.cycle.period, terms.currency)
    ruled = [replace(card, line=with_updates(card, steps)) for card in cards] if steps else cards
    return _Ruled(ruled, steps, terms.currency)


def _licence_cards(
    terms: Terms, timing: InvoiceTiming, charge: Callable[[LicencePrice, Holding], LicenceCharge]
) -> list[CardLine]:
    return [
        CardLine(
            kind=CardKind.LICENCE,
            tag=card.tag,
            line=line,
            price=partial(_licence_of, terms, card, line.type),
        )
        for card, line in _licences(terms, timing, charge)
    ]


def _licence_of(terms: Terms, card: LicenseRateCard, kind: LineType, quantity: Decimal) -> InvoiceLineItem:
    """The line of a licence of which one quantity is held all the time."""
    charge = LicencePrice(card, terms.currency).of(quantity, terms.cycle, terms.zone)
    return licence_card_line(charge, kind, terms.currency)


def _licences(
    terms: Terms, timing: InvoiceTiming, charge: Callable[[LicencePrice, Holding], LicenceCharge]
) -> list[tuple[LicenseRateCard, InvoiceLineItem]]:
    """The licences of that timing that this cycle is charged, by what the charge makes of what is held."""
    in_advance = timing is InvoiceTiming.IN_ADVANCE
    kind = LineType.ADVANCED_LICENSE_RATE_CARD_AMOUNT if in_advance else LineType.LICENSE_RATE_CARD_AMOUNT
    cards = [
        card
        for card in terms.details.license_rate_cards
        if card.invoice_timing is timing and is_charged(card, terms.ordinal)
    ]
    charges = [
        charge(LicencePrice(card, terms.currency), terms.licences.get(card.id) or Seats((), terms.zone))
        for card in cards
    ]
    return [
        (card, licence_card_line(charged, kind, terms.currency)) for card, charged in zip(cards, charges, strict=True)
    ]


def _grants(terms: Terms, timing: InvoiceTiming, kind: LineType) -> list[tuple[PlanGrant, CardLine]]:
    """The credit of that timing that this cycle grants, each with the line of its price."""
    currency = terms.currency
    cards = [
        card
        for card in terms.details.credit_grant_rate_cards
        if card.invoice_timing is timing and is_charged(card, terms.ordinal)
    ]
    charges = [charge_grant(card, currency) for card in cards]
    return [
        (
            PlanGrant(card, charge.display_name, Money(charge.quantity, currency)),
            CardLine(kind=CardKind.CREDIT_GRANT, tag=charge.tag, line=slab_leaf(charge, kind, currency)),
        )
        for card, charge in zip(cards, charges, strict=True)
    ]


def _entitlements(terms: Terms, timing: InvoiceTiming, kind: LineType) -> list[CardLine]:
    """The units of features of that timing that this cycle grants, each with their price."""
    charges = [
        charge_entitlement(card, terms.currency)
        for card in terms.details.billing_entitlement_rate_cards
        if card.invoice_timing is timing and is_charged(card, terms.ordinal)
    ]
    return [
        CardLine(kind=CardKind.ENTITLEMENT, tag=charge.tag, line=slab_leaf(charge, kind, terms.currency))
        for charge in charges
    ]


def _overages(terms: Terms, usage: Mapping[str, Decimal]) -> list[CardLine]:
    """What went beyond the units that there were, in a cycle where that costs something."""
    currency = terms.currency
    prices = [
        UsagePrice(card, currency)
        for card in terms.details.entitlement_overage_rate_cards
        if card.is_charged(terms.ordinal)
    ]
    return [
        CardLine(
            kind=CardKind.OVERAGE,
            tag=charge.tag,
            line=overage_card_line(charge, currency),
            price=partial(_overage_of, price, currency),
        )
        for price in prices
        for charge in (price.charge(usage.get(price.billable_id, ZERO)),)
    ]


def _overage_of(price: UsagePrice, currency: str, quantity: Decimal) -> InvoiceLineItem:
    return overage_card_line(price.charge(quantity), currency)


def _refund_mode(card: LicenseRateCard) -> ProratedRefundMode:
    """How a decrease is given back; without proration nothing is: the next cycle is lower."""
    if not card.enable_proration or card.prorated_refund_mode is None:
        return ProratedRefundMode.NONE
    return card.prorated_refund_mode


def _is_paid_out(card: LicenseRateCard) -> bool:
    return _refund_mode(card) is ProratedRefundMode.PAYMENT


def _true_up(terms: Terms, charged: Money) -> Iterator[InvoiceLineItem]:
    """The line of the minimum commitment, when there is one in this currency, beside what the cycle itself comes to."""
    commitment = terms.details.minimum_commitment
    if commitment is None:
        return
    for value in commitment.rate_values:
        if value.currency == terms.currency:
            amount = true_up(value.rate, charged)
            yield leaf(LineType.TRUE_UP_AMOUNT, commitment.display_name, amount)


def _bill(
    terms: Terms,
    charged: InvoiceLineItem,
    usage_info: tuple[InvoiceLineItem, ...],
    rule_steps: tuple[RuleStep, ...],
    open_credits: Iterable[OpenCredit],
) -> Bill:
    """The bill of charges after credits."""
    ends_on = local_date(terms.cycle.period.end, terms.zone)
    return replace(after_credits(charged, ends_on, open_credits), usage_info=usage_info, rule_steps=rule_steps)


def after_credits(charged: InvoiceLineItem, ends_on: date, open_credits: Iterable[OpenCredit]) -> Bill:
    """Credits that are effective when what is billed ends come off the charges; the rest is to be paid.

    They pay nothing of what credit costs, so lines below zero lower what they may pay of the others.
    """
    currency = charged.units
    gross = parent(LineType.GROSS_AMOUNT, "Gross amount", [charged], currency)
    eligible = [credit for credit in open_credits if is_eligible(credit.credit, ends_on)]
    for_credit = sum_of(grant_lines(gross), currency)
    payable = min(money_of(gross), money_of(gross) - for_credit)
    burns = burn_down(eligible, coverable_lines(gross), payable)
    net = parent(LineType.NET_AMOUNT, "Net amount", [gross, *_credits(burns, currency)], currency)
    total = parent(LineType.TOTAL_AMOUNT, "Total", [net], currency)
    return Bill(
        revenue_info=parent(LineType.GRAND_TOTAL_AMOUNT, "Grand total", [total], currency),
        gross=money_of(gross),
        burns=tuple(burns),
    )


def _credits(burns: Sequence[Burn], currency: str) -> Iterator[InvoiceLineItem]:
    """The negative lines of the credits that pay something."""
    if burns:
        lines = [
            leaf(LineType.SUB_CREDITS, burn.credit.purpose, -burn.amount, entity_id=burn.credit.id) for burn in burns
        ]
        yield parent(LineType.TOTAL_CREDITS, "Credits", lines, currency)
