"""Pricing rules applied to the cards of one bill, as an ordered tuple of steps (domain.md 4.8).

Rules run by ascending order, each on the figures that the one before it left. They see usage as it was measured, never
rounded, and amounts as they stand on the bill, rounded: whoever checks a rule does it with the figures of the invoice,
and the lines of rules are computed from rounded amounts (domain.md 1.9). Rounding itself is `invoicing`'s: it is handed
in, and every result that becomes an amount passes through it once.

A usage that is updated moves its card by what the change of the usage costs, so that whatever an earlier rule did to
the card's amount stays. What a rule adds is a line of its own: no card and no total that rules see.

A rule that fails changes nothing and says why; those behind it go on.
"""

from __future__ import annotations

import enum
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tallystick.catalog.pricing_rule import RuleActionType
from tallystick.catalog.rule_variable import CardFigures, targets_of, variable_names, variable_values
from tallystick.kernel.errors import BillingError
from tallystick.kernel.quantity import EXACT, ZERO, is_tame, spelled
from tallystick.logic import Work, evaluate, kind_of, parse, texts_in, truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tallystick.catalog.pricing_rule import PricingRule
    from tallystick.catalog.rule_variable import PricedCard, Values
    from tallystick.logic import Rule, Value

MOST_WORK: Final = 200_000
"""Units of work for all rules of one bill together: a fifth of a second at the most, whatever they say."""


class Outcome(enum.StrEnum):
    """What became of a rule."""

    CONDITION_TRUE = "CONDITION_TRUE"
    CONDITION_FALSE = "CONDITION_FALSE"
    CONDITION_ERROR = "CONDITION_ERROR"
    COMPUTATION_ERROR = "COMPUTATION_ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledCard:
    """A card of a bill before any rule.

    `price` answers what the card comes to for another usage, rounded as on the bill. A fee that the cycle does not
    charge is there with a revenue of zero, which no rule updates.
    """

    card: PricedCard
    revenue: Decimal = ZERO
    usage: Decimal | None = None
    price: Callable[[Decimal], Decimal] | None = None
    is_charged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """A revenue, and a usage where there is one."""

    revenue: Decimal
    usage: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ReadVariable:
    """A variable that stands in a rule: what people call it, and its value before the rule."""

    name: str
    value: Decimal | str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleStep:
    """One rule of one bill: what it saw, what it decided, what it changed.

    `card` is the one that it updates, None for a rule that adds a line; then `after.revenue` is the line's amount.
    `reads` are the variables that stand in the rule.
    """

    rule: PricingRule
    outcome: Outcome
    card: PricedCard | None
    before: Figures
    after: Figures
    reads: Mapping[str, ReadVariable]
    error: str | None = None

    @property
    def revenue_change(self) -> Decimal:
        """By how much the bill's revenue moves."""
        return EXACT.subtract(self.after.revenue, self.before.revenue)

    @property
    def usage_change(self) -> Decimal | None:
        """By how much the card's usage moves, for a rule that updates a usage."""
        if self.after.usage is None or self.before.usage is None:
            return None
        return EXACT.subtract(self.after.usage, self.before.usage)


class _NotComputableError(Exception):
    """A rule's result is nothing that could be put in the place of what it updates."""


def apply_rules(
    rules: Iterable[PricingRule],
    cards: Sequence[RuledCard],
    dates: tuple[str, str],
    rounded: Callable[[Decimal], Decimal],
) -> tuple[RuleStep, ...]:
    """The steps of rules of one timing, in their order, on the cards of a bill of that timing.

    `dates` are the start and the exclusive end of the billed period as ISO 8601 texts; `rounded` brings an amount to
    the minor unit of the bill's currency and raises BillingError for one that cannot be billed.
    """
    bill = _Bill(cards, dates, rounded)
    return tuple(bill.step(rule) for rule in rules)


class _Bill:
    """The figures of the cards of one bill, as the rules so far left them."""

    def __init__(
        self, cards: Sequence[RuledCard], dates: tuple[str, str], rounded: Callable[[Decimal], Decimal]
    ) -> None:
        self._targets = {name: one for one in cards for name in targets_of([one.card])}
        self._figures = {one.card.key: CardFigures(one.card, one.revenue, one.usage) for one in cards}
        self._names = variable_names(one.card for one in cards)
        self._dates = dates
        self._rounded = rounded
        self._work = Work(MOST_WORK)

    def step(self, rule: PricingRule) -> RuleStep:
        """Apply one rule."""
        values = variable_values(self._figures.values(), *self._dates)
        target = self._targets.get(rule.action.target or "")
        before = self._before(rule, target)
        step = RuleStep(
            rule=rule,
            outcome=Outcome.CONDITION_TRUE,
            card=None if target is None else target.card,
            before=before,
            after=before,
            reads={name: ReadVariable(self._names[name], values[name]) for name in _texts(rule) if name in values},
        )
        failed = Outcome.CONDITION_ERROR
        try:
            if rule.condition is not None and not truthy(self._value(rule.condition, values)):
                return replace(step, outcome=Outcome.CONDITION_FALSE)
            failed = Outcome.COMPUTATION_ERROR
            after = self._after(rule, target, before, _number(self._value(rule.computation, values)))
        except (BillingError, _NotComputableError) as failure:
            return replace(step, outcome=failed, error=str(failure))
        if target is not None:
            self._keep(target, after)
        return replace(step, after=after)

    def _value(self, text: str, values: Values) -> Value:
        return evaluate(_read(text).rule, values, self._work)

    def _before(self, rule: PricingRule, target: RuledCard | None) -> Figures:
        if target is None:
            return Figures(revenue=ZERO)
        figures = self._figures[target.card.key]
        return Figures(revenue=figures.revenue, usage=figures.usage if _updates_usage(rule, target) else None)

    def _after(self, rule: PricingRule, target: RuledCard | None, before: Figures, result: Decimal) -> Figures:
        """What a rule's result makes of its target, or of the line that it adds.

        Raises:
            BillingError: of kind UNPROCESSABLE, when an amount is more than can be billed.
        """
        if rule.action.type is RuleActionType.ADD:
            return Figures(revenue=self._rounded(result))
        if target is None:
            raise _NotComputableError(f"no card stands behind {rule.action.target!r}")
        if not target.is_charged:
            raise _NotComputableError(f"{target.card.name!r} is not charged in this cycle")
        if before.usage is None:
            return Figures(revenue=self._rounded(result))
        if target.price is None:
            raise _NotComputableError(f"{target.card.name!r} cannot be priced for another usage")
        change = EXACT.subtract(target.price(result), target.price(before.usage))
        return Figures(revenue=EXACT.add(before.revenue, change), usage=result)

    def _keep(self, target: RuledCard, after: Figures) -> None:
        key = target.card.key
        usage = self._figures[key].usage if after.usage is None else after.usage
        self._figures[key] = CardFigures(target.card, after.revenue, usage)


@dataclass(frozen=True, slots=True)
class _Read:
    """A rule's text, taken apart, and the texts in it."""

    rule: Rule
    texts: frozenset[str]


@lru_cache(maxsize=4_096)
def _read(text: str) -> _Read:
    """Thousands of accounts share the rules of a plan, which never change."""
    rule = parse(text)
    return _Read(rule, texts_in(rule))


def _texts(rule: PricingRule) -> list[str]:
    """The texts in a rule; none of a part that cannot be read, of which the evaluation tells."""
    texts: set[str] = set()
    for text in filter(None, (rule.condition, rule.computation)):
        with suppress(BillingError):
            texts |= _read(text).texts
    return sorted(texts)


def _updates_usage(rule: PricingRule, target: RuledCard) -> bool:
    return rule.action.target == target.card.usage


def _number(result: Value) -> Decimal:
    if not isinstance(result, Decimal):
        raise _NotComputableError(f"the computation gives {kind_of(result)}, expected a number")
    if not is_tame(result):
        raise _NotComputableError(
            f"the computation gives {spelled(result)}, expected a number between 1e-100 and 1e100"
        )
    return result
