"""What each pricing rule did to an invoice, as logs tell it (domain.md 4.8)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.invoicing.totals import shown
from tallystick.kernel.document import Document
from tallystick.kernel.ids import base62
from tallystick.kernel.quantity import plain
from tallystick.rating.pricing_rules import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.rating.pricing_rules import ReadVariable, RuleStep

_PLACE_LETTERS: Final = 5


class RuleChange(Document, frozen=True, kw_only=True):
    """What a rule moved: a card such as `urc.um.X`, or by the id of its line what it added, then from nothing.

    Usages are there when the rule updates one, `errorMessage` when it failed and changed nothing.
    """

    key: str
    key_name: str
    old_revenue: Decimal
    new_revenue: Decimal
    old_usage: Decimal | None = None
    new_usage: Decimal | None = None
    error_message: str | None = None


class LoggedRule(Document, frozen=True, kw_only=True):
    """The rule as it was applied."""

    id: str
    name: str
    condition: str | None = None
    computation: str


class VariableValue(Document, frozen=True, kw_only=True):
    """A variable that stands in a rule, in words, and its value before the rule."""

    name: str
    value: str


class PricingRuleLog(Document, frozen=True, kw_only=True):
    """One rule of one invoice: what its condition said, and what it changed; variables by name."""

    id: str
    type: Outcome
    order: int
    changes: RuleChange
    rule: LoggedRule
    variables_value: dict[str, VariableValue]


class PricingRuleLogs(Document, frozen=True, kw_only=True):
    """The logs of an invoice, in the order in which its rules were applied."""

    data: list[PricingRuleLog]


def logs_of(invoice_id: str, steps: Sequence[RuleStep]) -> list[PricingRuleLog]:
    """The logs of the steps of an invoice, each under the same id however often they are made."""
    return [
        PricingRuleLog(
            id=_log_id(invoice_id, place),
            type=step.outcome,
            order=step.rule.order,
            changes=_change(step),
            rule=LoggedRule(
                id=step.rule.id,
                name=step.rule.name,
                condition=step.rule.condition,
                computation=step.rule.computation,
            ),
            variables_value={name: _value(read) for name, read in step.reads.items()},
        )
        for place, step in enumerate(steps, start=1)
    ]


def _log_id(invoice_id: str, place: int) -> str:
    """An id in the native format: no two invoices share their time part, no two logs of one their place."""
    return f"rule_log.{invoice_id.split('.')[1]}.{base62(place, _PLACE_LETTERS)}"


def _change(step: RuleStep) -> RuleChange:
    card = step.card
    return RuleChange(
        key=step.rule.line_id if card is None else card.key,
        key_name=step.rule.description if card is None else card.name,
        old_revenue=plain(step.before.revenue),
        new_revenue=plain(step.after.revenue),
        old_usage=shown(step.before.usage),
        new_usage=shown(step.after.usage),
        error_message=step.error,
    )


def _value(read: ReadVariable) -> VariableValue:
    value = read.value if isinstance(read.value, str) else f"{plain(read.value):f}"
    return VariableValue(name=read.name, value=value)
