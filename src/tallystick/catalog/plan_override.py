"""What an account agreed on in the place of a part of its plan's terms (domain.md 5.3).

Each key of an override that is present takes the place of the plan's whole list of that kind, or of its cycle, its
currencies or its commitment; an empty list, and a commitment that is null, mean none. Pricing rules that an account
agreed on take the place of all that its plan has, likewise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from tallystick.catalog.card_rates import has_rates, kept_in, rates_of
from tallystick.catalog.percentage_rules import beyond_togai
from tallystick.catalog.plan_rules import terms_problems
from tallystick.catalog.price_plan import PricePlanDetails, PricePlanDetailsPatch
from tallystick.catalog.pricing_rule import rules_of, said_by, say_the_same
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tallystick.catalog.pricing_rule import PricingRule, PricingRuleDraft

OVERRIDE: Final = "pricePlanDetailsOverride"
RULES_OVERRIDE: Final = "pricingRulesOverride"
_TERMS: Final = "pricePlanDetails"


def overridden(details: PricePlanDetails, override: PricePlanDetailsPatch | None) -> PricePlanDetails:
    """The terms of a plan with what an override puts in their place.

    Where that names fewer currencies, the cards that the plan lends are left with their rates in these.
    """
    if override is None:
        return details
    known = set(PricePlanDetails.__struct_fields__)
    changes = {name: value for name, value in given(override).items() if name in known}
    currencies = changes.get("supported_currencies")
    if currencies is not None:
        changes["active_currencies"] = [one for one in details.active_currencies if one in currencies]
        changes = _lent(details, currencies) | changes
    return msgspec.structs.replace(details, **changes)


def override_between(details: PricePlanDetails, wanted: PricePlanDetails) -> PricePlanDetailsPatch:
    """The override that makes the terms of a plan price what other terms do, in their currencies."""
    fields = set(PricePlanDetailsPatch.__struct_fields__) & set(PricePlanDetails.__struct_fields__)
    changes = {
        name: getattr(wanted, name)
        for name in fields - {"pricing_cycle_config"}
        if getattr(wanted, name) != getattr(details, name)
    }
    return PricePlanDetailsPatch(**changes)


def override_problems(details: PricePlanDetails, override: PricePlanDetailsPatch, currency: str) -> list[Problem]:
    """All that is wrong with an override of these terms for an account that is billed in a currency.

    The terms that it leaves follow the same rules as those of a plan; whether meters and add-ons exist is the
    operation's business.
    """
    named = override.supported_currencies
    supported = details.supported_currencies if named is UNSET else named
    path = f"{OVERRIDE}.supportedCurrencies"
    problems = [
        Problem(f"{path}[{position}]", f"{one!r} is not among the plan's supportedCurrencies")
        for position, one in enumerate(supported)
        if one not in details.supported_currencies
    ]
    if currency not in supported:
        problems.append(Problem(path, f"leaves {currency} out, in which the account is billed"))
    cards = override.usage_rate_cards
    if cards is not UNSET:
        problems += beyond_togai(f"{OVERRIDE}.usageRateCards", cards)
    return problems + in_override(terms_problems(overridden(details, override), details.type))


def rules_between(rules: Sequence[PricingRule], wanted: Sequence[PricingRule]) -> list[PricingRuleDraft] | None:
    """What an account has to agree on so that other rules than its plan's hold; None, when they say the same."""
    return None if say_the_same(rules, wanted) else [said_by(rule) for rule in wanted]


def own_rules(
    rules: Sequence[PricingRule], override: Sequence[PricingRuleDraft] | None, new_id: Callable[[], str]
) -> tuple[PricingRule, ...] | None:
    """The rules that an override puts in the place of a plan's; None, when it names none, and the plan has none."""
    if override is None or not (override or rules):
        return None
    return tuple(rules_of(override, rules, new_id))


def in_override(problems: Iterable[Problem]) -> list[Problem]:
    """Problems of terms, with the paths that they have in an override."""
    return [Problem(f"{OVERRIDE}{found.path.removeprefix(_TERMS)}", found.reason) for found in problems]


def shown(override: PricePlanDetailsPatch) -> PricePlanDetailsPatch:
    """An override as answers show it: without empty lists, which official clients do not read (domain.md 12)."""
    empty = {name: UNSET for name, value in given(override).items() if value == []}
    return msgspec.structs.replace(override, **empty)


def _lent(details: PricePlanDetails, currencies: Collection[str]) -> dict[str, Any]:
    """What is priced in the terms, with rates in some currencies only; a commitment in none of them is left out."""
    lent: dict[str, Any] = {}
    for name in PricePlanDetails.__struct_fields__:
        value = getattr(details, name)
        if isinstance(value, list):
            lent[name] = [kept_in(card, currencies) if has_rates(card) else card for card in value]
        elif has_rates(value):
            left = kept_in(value, currencies)
            lent[name] = left if rates_of(left) else None
    return lent
