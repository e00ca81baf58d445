"""Pricing rules: JSONLogic that changes what the cards of a bill come to, or adds a line of its own (domain.md 4.8)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.catalog.fields import Id, Name255, Text255
from tallystick.kernel.document import Document, Draft

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tallystick.catalog.rate_card import InvoiceTiming

LONGEST_RULE: Final = 5_000
"""Characters of a condition or a computation: the sum of what 100 cards come to fits in."""

MOST_RULES: Final = 100
_LARGEST_ORDER: Final = 2**31 - 1

RuleText = Annotated[str, Meta(max_length=LONGEST_RULE)]


class RuleTiming(enum.StrEnum):
    """Whether a rule is applied to the cards that are billed in advance, or to those in arrears."""

    IN_ADVANCE = "IN_ADVANCE"
    IN_ARREARS = "IN_ARREARS"

    def bills(self, timing: InvoiceTiming) -> bool:
        """Whether a card of that timing stands on the bill that the rule is applied to."""
        return self.value == timing.value


class RuleActionType(enum.StrEnum):
    """Whether a rule adds a line, or updates the usage or the revenue of a card."""

    ADD = "ADD"
    UPDATE = "UPDATE"


class PricingRuleAction(Draft, frozen=True, kw_only=True):
    """What becomes of a rule's result: the new value of `target`, or a line with this id, description and metadata."""

    type: RuleActionType
    target: Text255 | None = None
    id: Id | None = None
    description: Text255 | None = None
    metadata: Annotated[dict[Name255, Text255], Meta(max_length=50)] | None = None


class PricingRuleDraft(Draft, frozen=True, kw_only=True):
    """A rule as a caller writes it; condition and computation are JSONLogic as text."""

    name: Name255
    order: Annotated[int, Meta(ge=1, le=_LARGEST_ORDER)]
    invoice_timing: RuleTiming = RuleTiming.IN_ARREARS
    condition: RuleText | None = None
    computation: RuleText
    action: PricingRuleAction


class PricingRule(Document, frozen=True, kw_only=True):
    """A rule of a plan's terms; `version` counts how often it was changed under its name."""

    id: str
    name: str
    version: int
    invoice_timing: RuleTiming
    order: int
    condition: str | None = None
    computation: str
    action: PricingRuleAction

    @property
    def line_id(self) -> str:
        """The id of the line that the rule adds."""
        return self.action.id or self.id

    @property
    def description(self) -> str:
        """What the rule's line is called on an invoice."""
        return self.action.description or self.name


PricingRuleDrafts = Annotated[list[PricingRuleDraft], Meta(max_length=MOST_RULES)]


class PricingRules(Document, frozen=True, kw_only=True):
    """The rules of some terms, as lists of them show them: all at once."""

    data: list[PricingRule]


class PricingRulesChange(Draft, frozen=True, kw_only=True):
    """What `PUT .../pricing_rules` takes: rules in the place of all that there are.

    Left out, a plan has none, and a schedule those of its plan.
    """

    pricing_rules: PricingRuleDrafts | None = None


def rules_of(
    drafts: Iterable[PricingRuleDraft], kept: Sequence[PricingRule], new_id: Callable[[], str]
) -> list[PricingRule]:
    """The rules that drafts become in the place of those before.

    A rule that keeps its name keeps its id too; its version grows when anything else about it is different.
    """
    before = {rule.name: rule for rule in kept}
    return [_rule(draft, before.get(draft.name), new_id) for draft in drafts]


def said_by(rule: PricingRule) -> PricingRuleDraft:
    """What a rule says, as a caller would write it."""
    return PricingRuleDraft(**{field: getattr(rule, field) for field in PricingRuleDraft.__struct_fields__})


def say_the_same(rules: Iterable[PricingRule], others: Iterable[PricingRule]) -> bool:
    """Whether two lists of rules change bills alike, whatever their ids and versions are."""
    said = [{rule.name: said_by(rule) for rule in each} for each in (rules, others)]
    return said[0] == said[1]


def of_timing(rules: Iterable[PricingRule], timing: RuleTiming) -> list[PricingRule]:
    """The rules of one timing, in the order in which they are applied."""
    return sorted((rule for rule in rules if rule.invoice_timing is timing), key=lambda rule: rule.order)


def _rule(draft: PricingRuleDraft, before: PricingRule | None, new_id: Callable[[], str]) -> PricingRule:
    terms = {field: getattr(draft, field) for field in draft.__struct_fields__}
    if before is None:
        return PricingRule(id=new_id(), version=1, **terms)
    changed = msgspec.structs.replace(before, **terms)
    return changed if changed == before else msgspec.structs.replace(changed, version=before.version + 1)
