"""The lines of pricing rules: updates below the cards that they change, additions beside the cards (domain.md 7.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tallystick.catalog.pricing_rule import RuleActionType, RuleTiming, of_timing
from tallystick.catalog.rule_variable import priced_cards
from tallystick.invoicing.line import Explanation, InvoiceLineItem, LineType
from tallystick.invoicing.totals import leaf, parent, rounded, shown, sum_of
from tallystick.kernel.money import Money
from tallystick.kernel.quantity import EXACT, ZERO, plain
from tallystick.rating.pricing_rules import Outcome, RuledCard, apply_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from decimal import Decimal

    from tallystick.catalog.price_plan import PricePlanDetails
    from tallystick.catalog.pricing_rule import PricingRule
    from tallystick.catalog.rule_variable import CardKind, PricedCard
    from tallystick.kernel.period import Period
    from tallystick.rating.pricing_rules import RuleStep


@dataclass(frozen=True, slots=True, kw_only=True)
class CardLine:
    """The line of a card before any rule; `price` answers the line of another usage, for cards that price one."""

    kind: CardKind
    tag: str | None
    line: InvoiceLineItem
    price: Callable[[Decimal], InvoiceLineItem] | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        """Which card of the plan it is."""
        return self.kind, self.line.id


def steps_of(
    rules: Sequence[PricingRule],
    timing: RuleTiming,
    details: PricePlanDetails,
    lines: Sequence[CardLine],
    period: Period,
    currency: str,
) -> tuple[RuleStep, ...]:
    """What the rules of one timing make of the cards on a bill of that timing, step by step.

    A cycle that charges nothing in advance has no bill in advance: there no rule has anything to add to.
    """
    if not rules or (timing is RuleTiming.IN_ADVANCE and not lines):
        return ()
    stands = {line.key: line for line in lines}
    return apply_rules(
        of_timing(rules, timing),
        [_ruled(card, stands.get((card.kind, card.billable_id))) for card in priced_cards(details, timing)],
        (msgspec.to_builtins(period.start), msgspec.to_builtins(period.end)),
        lambda amount: rounded(amount, currency).amount,
    )


def with_updates(card: CardLine, steps: Sequence[RuleStep]) -> InvoiceLineItem:
    """The line of a card with a line below it for every step that changes it.

    A fee, which has no lines of its own, keeps what it was as a line below it too, so that its lines add up to it.
    """
    line = card.line
    updates = [_update_line(step, line.units) for step in steps if _changes(step, card)]
    if not updates:
        return line
    before = line.line_items or (
        msgspec.structs.replace(line, type=LineType.PROXY_AMOUNT, id=None, description="Before pricing rules"),
    )
    return msgspec.structs.replace(
        line,
        value=plain(sum_of([*before, *updates], line.units).amount),
        quantity=_quantity(line, updates),
        explanation=None,
        line_items=(*before, *updates),
    )


def additions(steps: Sequence[RuleStep], currency: str) -> Iterator[InvoiceLineItem]:
    """The line of all that rules add, when one adds something, be it nothing."""
    lines = [_addition_line(step, currency) for step in steps if _adds(step)]
    if lines:
        yield parent(LineType.TOTAL_PRICING_RULE_ADDITION_AMOUNT, "Pricing rules", lines, currency)


def _ruled(card: PricedCard, stands: CardLine | None) -> RuledCard:
    if stands is None:
        return RuledCard(card=card, usage=ZERO if card.kind.has_usage else None, is_charged=False)
    price = stands.price
    return RuledCard(
        card=card,
        revenue=stands.line.value,
        usage=stands.line.quantity if card.kind.has_usage else None,
        price=None if price is None else lambda usage: price(usage).value,
    )


def _changes(step: RuleStep, card: CardLine) -> bool:
    if step.card is None or (step.card.kind, step.card.billable_id) != card.key:
        return False
    return bool(step.revenue_change or step.usage_change)


def _adds(step: RuleStep) -> bool:
    return step.rule.action.type is RuleActionType.ADD and step.outcome is Outcome.CONDITION_TRUE


def _update_line(step: RuleStep, currency: str) -> InvoiceLineItem:
    usage = step.usage_change
    kind = LineType.PRICING_RULE_REVENUE_UPDATE_AMOUNT if usage is None else LineType.PRICING_RULE_USAGE_UPDATE_AMOUNT
    amount = Money(step.revenue_change, currency)
    return leaf(kind, step.rule.description, amount, quantity=usage, explanation=_explanation(step.rule))


def _addition_line(step: RuleStep, currency: str) -> InvoiceLineItem:
    return leaf(
        LineType.PRICING_RULE_ADDITION_AMOUNT,
        step.rule.description,
        Money(step.after.revenue, currency),
        entity_id=step.rule.line_id,
        explanation=_explanation(step.rule),
    )


def _explanation(rule: PricingRule) -> Explanation:
    return Explanation(rule_id=rule.id, rule_metadata=rule.action.metadata)


def _quantity(line: InvoiceLineItem, updates: Sequence[InvoiceLineItem]) -> Decimal | None:
    """The usage that a card prices after its updates."""
    quantity = line.quantity
    if quantity is None:
        return None
    for update in updates:
        quantity = EXACT.add(quantity, update.quantity or ZERO)
    return shown(quantity)
