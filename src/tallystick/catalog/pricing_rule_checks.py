"""What is wrong with the pricing rules of a plan's terms, every problem at once (domain.md 4.8).

A rule reads and updates the cards of its own timing only: a card of the other stands on another invoice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.catalog.price_plan import PlanType
from tallystick.catalog.pricing_rule import RuleActionType, RuleTiming
from tallystick.catalog.rule_text import NUMBER, text_problems
from tallystick.catalog.rule_variable import known_variables, priced_cards, targets_of
from tallystick.kernel.errors import Problem
from tallystick.logic import ValueType, hint

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Sequence

    from tallystick.catalog.price_plan import PricePlanDetails, PricePlanDetailsDraft
    from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDraft

    AnyRule: TypeAlias = PricingRule | PricingRuleDraft

_TRUTH: Final = NUMBER | {ValueType.TRUTH}


def pricing_rule_problems(
    rules: Sequence[AnyRule],
    details: PricePlanDetails | PricePlanDetailsDraft,
    path: str = "pricingRules",
) -> list[Problem]:
    """All that is wrong with rules for these cards; `path` is where the rules stand in what was sent."""
    if rules and getattr(details, "type", None) is PlanType.PURCHASE:
        return [Problem(path, "are about cycles, and a PURCHASE plan has none: leave them out")]
    timings = {timing: _Timing(details, timing) for timing in RuleTiming}
    problems = _repetitions(rules, path)
    for position, rule in enumerate(rules):
        here = f"{path}[{position}]"
        problems += timings[rule.invoice_timing].problems(rule, here)
        for other in RuleTiming:
            problems += _meant_for(rule, other, timings[other].variables - timings[rule.invoice_timing].variables, here)
    return problems


class _Timing:
    """What rules of one timing may read and update: `variables` are the names that they may read."""

    def __init__(self, details: PricePlanDetails | PricePlanDetailsDraft, timing: RuleTiming) -> None:
        cards = priced_cards(details, timing)
        self._has_no_bill = timing is RuleTiming.IN_ADVANCE and not cards
        self.variables = known_variables(cards)
        self._targets = targets_of(cards)

    def problems(self, rule: AnyRule, path: str) -> list[Problem]:
        """All that is wrong with one rule by itself."""
        problems = []
        if self._has_no_bill:
            reason = "is IN_ADVANCE, but no card is billed in advance: the rule would never be applied"
            problems.append(Problem(f"{path}.invoiceTiming", reason))
        if rule.condition is not None:
            problems += text_problems(rule.condition, f"{path}.condition", self.variables, _TRUTH)
        problems += text_problems(rule.computation, f"{path}.computation", self.variables, NUMBER)
        problems += self._target_problems(rule, f"{path}.action.target")
        return problems

    def _target_problems(self, rule: AnyRule, path: str) -> Iterator[Problem]:
        target = rule.action.target
        if rule.action.type is RuleActionType.ADD:
            if target is not None:
                yield Problem(path, "does not belong to ADD, which makes a line of its own: leave it out")
        elif target is None:
            yield Problem(path, "is missing, an UPDATE names the usage or revenue of a card that it replaces")
        elif target not in self._targets:
            what = "can be read but not updated" if target in self.variables else "is no usage or revenue of a card"
            yield Problem(path, f"{target[:60]!r} {what}{hint(target, self._targets)}")


def _meant_for(rule: AnyRule, other: RuleTiming, variables: Collection[str], path: str) -> Iterator[Problem]:
    """Say of which timing a rule would have to be for what it names and cannot know."""
    texts = f'{rule.condition or ""} {rule.computation} "{rule.action.target}"'
    for name in sorted(name for name in variables if f'"{name}"' in texts):
        reason = f"is {rule.invoice_timing}, but {name[:60]!r} is of cards that are billed {other}"
        yield Problem(f"{path}.invoiceTiming", reason)


def _repetitions(rules: Sequence[AnyRule], path: str) -> list[Problem]:
    """A name is one rule's own, and so is its place among the rules of its timing."""
    seen: set[Hashable] = set()
    problems = []
    for position, rule in enumerate(rules):
        place = rule.invoice_timing, rule.order
        if rule.name in seen:
            reason = f"{rule.name[:60]!r} is the name of another rule, choose a different one"
            problems.append(Problem(f"{path}[{position}].name", reason))
        if place in seen:
            reason = f"{rule.order} is the order of another rule {rule.invoice_timing}, choose a different one"
            problems.append(Problem(f"{path}[{position}].order", reason))
        seen |= {rule.name, place}
    return problems
