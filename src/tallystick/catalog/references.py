"""What a written plan refers to: meters, add-ons and features, by name for people and by id for one server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tallystick.catalog.written import Kind
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallystick.catalog.written import Tree

    Swap: TypeAlias = Callable[[Kind, str, str], str]
    """What stands in the place of a reference: its kind, the name or id that is there, and its path."""

_CARD_KEYS: Final = {
    "usageMeterId": ("usageMeter", Kind.USAGE_METER),
    "featureId": ("feature", Kind.FEATURE),
    "id": ("addOn", Kind.ADD_ON),
}
"""Under which key a card names what it prices, on the wire and in writing."""

_BY_PREFIX: Final = {"um.": "usageMeterId", "feature.": "featureId", "addon.": "id"}
"""What the ids in a credit's `applicableEntityIds` are of; in writing each is a name under the key of its kind."""

_VARIABLE: Final = re.compile(r"((?:usage|revenue|credit)\.(urc|lic|eo|ff|ber|cg)\.)(.+)", re.DOTALL)
_BY_LETTERS: Final = {
    "urc": Kind.USAGE_METER,
    "lic": Kind.ADD_ON,
    "ff": Kind.ADD_ON,
    "cg": Kind.ADD_ON,
    "eo": Kind.FEATURE,
    "ber": Kind.FEATURE,
}
"""What the variables of pricing rules are about (domain.md 4.8)."""

_CARD_ID: Final = re.compile(r"(?<=RateCards\[)(\d+\]\.)(usageMeterId|featureId|id)\b")
_MISSING: Final = re.compile(r"(?<=required field ')(usageMeterId|featureId|id)(?=')")


def with_names(plan: Tree, swap: Swap) -> Tree:
    """A plan with names in the place of ids; `swap` finds the name of an id."""
    return _translated(plan, {wire: shown for wire, (shown, _) in _CARD_KEYS.items()}, swap)


def with_ids(plan: Tree, swap: Swap) -> Tree:
    """A plan with ids in the place of names; `swap` finds the id of a name."""
    return _translated(plan, {shown: wire for wire, (shown, _) in _CARD_KEYS.items()}, swap)


def server_keys(plan: Tree) -> list[Problem]:
    """Cards that name something by the id that it has on one server."""
    return [
        Problem(f"{path}.{wire}", f"is known to one server only: name the {kind.noun} under {shown!r}")
        for path, card in _cards(plan)
        for wire, (shown, kind) in _CARD_KEYS.items()
        if wire in card
    ] + [
        Problem(where, f"is known to one server only: name the {kind.noun} as {{{shown}: ...}}")
        for path, card in _cards(plan)
        for where, entity in _entities(card, path)
        if isinstance(entity, str)
        for prefix, (shown, kind) in _prefixes()
        if entity.startswith(prefix)
    ]


def in_writing(problem: Problem) -> Problem:
    """A problem of a plan with ids, said of the plan as it is written."""
    path = _CARD_ID.sub(lambda found: found[1] + _CARD_KEYS[found[2]][0], problem.path)
    reason = problem.reason
    if re.search(r"RateCards\[\d+\]$", path):
        reason = _MISSING.sub(lambda found: _CARD_KEYS[found[1]][0], reason)
    return Problem(path, reason)


def _translated(plan: Tree, keys: dict[str, str], swap: Swap) -> Tree:
    """A copy of a plan of any shape with other keys and other references."""
    details = plan.get("pricePlanDetails")
    copied = dict(plan)
    if isinstance(details, dict):
        cards = {path: _card(card, path, keys, swap) for path, card in _cards(plan)}
        copied["pricePlanDetails"] = {
            name: [cards.get(f"pricePlanDetails.{name}[{position}]", member) for position, member in enumerate(members)]
            if isinstance(members, list)
            else members
            for name, members in details.items()
        }
    if isinstance(plan.get("pricingRules"), list):
        copied["pricingRules"] = [
            _rule(rule, f"pricingRules[{position}]", swap) for position, rule in enumerate(plan["pricingRules"])
        ]
    return copied


def _cards(plan: Tree) -> Iterator[tuple[str, Tree]]:
    """The cards of a plan of any shape, each with its path."""
    details = plan.get("pricePlanDetails")
    for name, members in details.items() if isinstance(details, dict) else ():
        if name.endswith("RateCards") and isinstance(members, list):
            for position, card in enumerate(members):
                if isinstance(card, dict):
                    yield f"pricePlanDetails.{name}[{position}]", card


def _card(card: Tree, path: str, keys: dict[str, str], swap: Swap) -> Tree:
    """A card with another reference, which comes first."""
    kinds = {key: kind for wire, (shown, kind) in _CARD_KEYS.items() for key in (wire, shown)}
    card = {key: card[key] for key in keys if key in card} | card
    entities = [_entity(one, where, keys, swap) for where, one in _entities(card, path)]
    if entities:
        card["grantDetails"] = card["grantDetails"] | {"applicableEntityIds": entities}
    return {
        keys.get(key, key): swap(kinds[key], value, f"{path}.{key}")
        if key in keys and isinstance(value, str)
        else value
        for key, value in card.items()
    }


def _entities(card: Tree, path: str) -> list[tuple[str, Any]]:
    """What the credit of a card applies to, each with its path."""
    grant = card.get("grantDetails")
    found = grant.get("applicableEntityIds") if isinstance(grant, dict) else None
    where = f"{path}.grantDetails.applicableEntityIds"
    return [(f"{where}[{position}]", one) for position, one in enumerate(found if isinstance(found, list) else [])]


def _entity(one: Any, path: str, keys: dict[str, str], swap: Swap) -> Any:  # noqa: ANN401 - JSON of any shape
    """An id as a name under the key of its kind, or the other way round; a group of cards is the same in both."""
    for prefix, (shown, kind) in _prefixes():
        if shown not in keys and isinstance(one, str) and one.startswith(prefix):
            return {shown: swap(kind, one, path)}
        if shown in keys and isinstance(one, dict) and list(one) == [shown] and isinstance(one[shown], str):
            return swap(kind, one[shown], f"{path}.{shown}")
    return one


def _prefixes() -> Iterator[tuple[str, tuple[str, Kind]]]:
    """How the ids of each kind begin, with the key and the kind."""
    return ((prefix, _CARD_KEYS[wire]) for prefix, wire in _BY_PREFIX.items())


def _rule(rule: Any, path: str, swap: Swap) -> Any:  # noqa: ANN401 - JSON of any shape
    """A pricing rule with other references in its variables and its target."""
    if not isinstance(rule, dict):
        return rule
    copied = {
        key: _variables(below, f"{path}.{key}", swap) if key in {"condition", "computation"} else below
        for key, below in rule.items()
    }
    action = rule.get("action")
    if isinstance(action, dict) and isinstance(action.get("target"), str):
        copied["action"] = action | {"target": _variable(action["target"], f"{path}.action.target", swap)}
    return copied


def _variables(rule: Any, path: str, swap: Swap) -> Any:  # noqa: ANN401 - JSON of any shape
    match rule:
        case {"var": str(name), **rest} if not rest:
            return {"var": _variable(name, path, swap)}
        case {"var": [str(name), *others], **rest} if not rest:
            return {"var": [_variable(name, path, swap), *others]}
        case dict():
            return {key: _variables(below, path, swap) for key, below in rule.items()}
        case list():
            return [_variables(below, path, swap) for below in rule]
        case _:
            return rule


def _variable(name: str, path: str, swap: Swap) -> str:
    found = _VARIABLE.fullmatch(name)
    return name if found is None else f"{found[1]}{swap(_BY_LETTERS[found[2]], found[3], path)}"
