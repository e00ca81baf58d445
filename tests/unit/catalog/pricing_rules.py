"""Short ways to write pricing rules, for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.price_plan import PlanType, PricePlanDetails
from tallystick.catalog.pricing_rule import PricingRule, PricingRuleAction, RuleActionType, RuleTiming
from tallystick.catalog.rate_card import FixedFeeRateCard, LicenseRateCard, UsageRateCard

if TYPE_CHECKING:
    from collections.abc import Mapping

TOTAL = "revenue.rate_card_total"


def var(name: str) -> dict[str, str]:
    return {"var": name}


def logic(rule: object) -> str:
    """A rule as text: a text is taken as it is."""
    return rule if isinstance(rule, str) else json.dumps(rule)


def rule(
    computation: object,
    *,
    when: object = None,
    target: str | None = None,
    order: int = 1,
    timing: str = "IN_ARREARS",
    name: str | None = None,
    line: str | None = None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    kind: str | None = None,
) -> PricingRule:
    """A rule that updates its target, or adds a line when it has none, unless told otherwise."""
    return PricingRule(
        id=f"pp_rule.{order}",
        name=name or f"Rule {order} {timing}",
        version=1,
        invoice_timing=RuleTiming(timing),
        order=order,
        condition=None if when is None else logic(when),
        computation=logic(computation),
        action=PricingRuleAction(
            type=RuleActionType(kind or ("ADD" if target is None else "UPDATE")),
            target=target,
            id=line,
            description=description,
            metadata=None if metadata is None else dict(metadata),
        ),
    )


def details(*cards: UsageRateCard | FixedFeeRateCard | LicenseRateCard | CreditGrantRateCard) -> PricePlanDetails:
    """The terms that these cards are."""
    return PricePlanDetails(
        supported_currencies=["USD"],
        active_currencies=["USD"],
        usage_rate_cards=[card for card in cards if isinstance(card, UsageRateCard)],
        fixed_fee_rate_cards=[card for card in cards if isinstance(card, FixedFeeRateCard)],
        license_rate_cards=[card for card in cards if isinstance(card, LicenseRateCard)],
        credit_grant_rate_cards=[card for card in cards if isinstance(card, CreditGrantRateCard)],
        type=PlanType.BILLING,
    )
