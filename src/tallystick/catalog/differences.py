"""What is different between two states of a written thing, in the words of those who price it.

Members of a list are the same when they price, name or number the same: a slab that is inserted is one difference, not
one for every slab behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tallystick.catalog.rate_card import PriceType
from tallystick.catalog.written import plain_tree
from tallystick.kernel.document import encode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tallystick.catalog.written import Tree

LONGEST_VALUE: Final = 200
"""Characters of a value in a sentence."""

_IDENTITIES: Final = (
    ("usageMeter",),
    ("addOn",),
    ("feature",),
    ("currency",),
    ("name",),
    ("schemaName",),
    ("field",),
    ("order",),
)
"""By what the members of a list are told apart: the first of these that all have, and no two share."""

_ORDERLESS: Final = frozenset({("currency",), ("order",)})
"""Members whose place in the list means nothing."""

_RULES: Final = frozenset({"matcher", "computation", "condition", "value"})
"""Fields that are looked at as a whole: half a rule tells nobody anything."""

_SILENT: Final = frozenset({"pricePlanDetails", "ratePlan", "rateDetails"})
"""Objects that hold the parts of a thing and are no part themselves."""

_BY_CURRENCY: Final = frozenset({"rateValues", "currencySlabRateDetails"})
_SLABS: Final = frozenset({"slabs", "slabRates", "slabDetails"})
_BARE: Final = re.compile(r"[A-Za-z][\w.-]*|-?[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference: where it is in the newer state, the values in words (None: nothing there), and the sentence."""

    path: str
    old: str | None
    new: str | None
    text: str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: its path, and what it is in and of, the innermost first."""

    path: str = ""
    words: tuple[str, ...] = ()
    percentages: frozenset[int] = frozenset()
    """The slabs of its card whose rates are per cent, by their order."""
    is_percentage: bool = False
    """Whether it is the rate of such a slab."""

    def field(self, key: str) -> _Place:
        return replace(self, path=f"{self.path}.{key}" if self.path else key)

    def inside(self, words: str) -> _Place:
        return replace(self, words=(words, *self.words))

    def member(self, position: int) -> _Place:
        return replace(self, path=f"{self.path}[{position}]")

    def of(self, old: Tree, new: Tree) -> _Place:
        """The place of a thing; in that of a card, rates per cent are known from its slabs."""
        slabs = [_percentages(one["ratePlan"]) for one in (old, new) if isinstance(one.get("ratePlan"), dict)]
        return replace(self, percentages=frozenset.intersection(*slabs)) if slabs else self

    def rates(self, key: str, order: object) -> _Place:
        """The place of a member of a list, which may be the rate of a slab."""
        return replace(self, is_percentage=True) if key == "slabRates" and order in self.percentages else self

    @property
    def told(self) -> str:
        return "".join(f" {words}" for words in self.words)


def differences(old: Tree, new: Tree) -> list[Difference]:
    """Everything that is different, in the order of the newer state."""
    return list(_objects(old, new, _Place()))


def in_words(value: Any) -> str:  # noqa: ANN401 - JSON
    """A value within a sentence: exact numbers, texts in quotes where they are more than a word."""
    said = _said(value)
    return said if len(said) <= LONGEST_VALUE else said[: LONGEST_VALUE - 3] + "..."


def _said(value: Any) -> str:  # noqa: ANN401 - JSON
    match value:
        case str():
            said = value if _BARE.fullmatch(value) else f"'{value}'"
        case dict():
            said = ", ".join(f"{key} {_part(below)}" for key, below in value.items())
        case list():
            said = f"[{', '.join(map(_part, value))}]"
        case Decimal():
            said = f"{value:f}"
        case _:
            said = encode(value).decode()
    return said


def _part(value: Any) -> str:  # noqa: ANN401 - JSON
    return f"({_said(value)})" if isinstance(value, dict) else _said(value)


def _objects(old: Tree, new: Tree, place: _Place) -> Iterator[Difference]:
    if encode(old) == encode(new):  # to the digit, and quickly: most of most things stays as it is
        return
    place = place.of(old, new)
    for key in [*new, *(key for key in old if key not in new)]:
        yield from _fields(key, old.get(key), new.get(key), place)


def _fields(key: str, old: Any, new: Any, place: _Place) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    here = place.field(key)
    if key in _RULES:
        if encode(plain_tree(old)) != encode(plain_tree(new)):
            yield _changed(key, _rule(old), _rule(new), here)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _objects(old, new, here if key in _SILENT else here.inside(f"in {key}"))
    elif isinstance(old or new, list) and isinstance(new or old, list):
        yield from _lists(key, old or [], new or [], here)
    elif isinstance(old or new, dict) and None in (old, new):
        yield _came(key, new, here) if old is None else _went(key, old, place)
    elif old != new:
        what = "percentage" if key == "rate" and place.is_percentage else key
        yield _changed(what, None if old is None else in_words(old), None if new is None else in_words(new), here)


def _percentages(plan: Tree) -> frozenset[int]:
    """The slabs of a card that price per cent."""
    slabs = plan.get("slabs")
    return frozenset(
        one["order"]
        for one in (slabs if isinstance(slabs, list) else ())
        if isinstance(one, dict) and one.get("priceType") == PriceType.PERCENTAGE and isinstance(one.get("order"), int)
    )


def _rule(rule: Any) -> str | None:  # noqa: ANN401 - JSON
    if rule is None:
        return None
    text = rule if isinstance(rule, str) else encode(rule).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _changed(what: str, old: str | None, new: str | None, place: _Place) -> Difference:
    text = f"{what} {'none' if old is None else old} -> {'none' if new is None else new}{place.told}"
    return Difference(path=place.path, old=old, new=new, text=text)


def _lists(key: str, old: list[Any], new: list[Any], place: _Place) -> Iterator[Difference]:
    if not all(isinstance(one, dict) for one in [*old, *new]):
        yield from _values(key, old, new, place)
        return
    identity = _identity(old, new)
    before = {_name(one, identity, position): one for position, one in enumerate(old)}
    after = {_name(one, identity, position): one for position, one in enumerate(new)}
    for position, (name, member) in enumerate(after.items()):
        here = place.member(position)
        if name in before:
            yield from _objects(before[name], member, here.rates(key, name[0]).inside(_within(key, name)))
        else:
            yield _came(_label(key, name), _rest(member, identity), here)
    for name, member in before.items():
        if name not in after:
            yield _went(_label(key, name), _rest(member, identity), place)
    if identity not in _ORDERLESS:
        yield from _moved(
            key, [name for name in before if name in after], [name for name in after if name in before], place
        )


def _values(key: str, old: list[Any], new: list[Any], place: _Place) -> Iterator[Difference]:
    """Lists of plain values, whose order means nothing."""
    for position, value in enumerate(new):
        if value not in old:
            said = in_words(value)
            here = place.member(position)
            yield Difference(path=here.path, old=None, new=said, text=f"{said} added to {key}{place.told}")
    for value in old:
        if value not in new:
            said = in_words(value)
            yield Difference(path=place.path, old=said, new=None, text=f"{said} removed from {key}{place.told}")


def _moved(key: str, before: Sequence[Any], after: Sequence[Any], place: _Place) -> Iterator[Difference]:
    if before != after:
        old, new = (", ".join(_shown(name) for name in names) for names in (before, after))
        yield _changed(f"order of {key}", old, new, place)


def _came(label: str, value: Tree, place: _Place) -> Difference:
    said = in_words(value)
    return Difference(path=place.path, old=None, new=said, text=_with(f"{label}{place.told} added", said))


def _went(label: str, value: Tree, place: _Place) -> Difference:
    said = in_words(value)
    return Difference(path=place.path, old=said, new=None, text=_with(f"{label}{place.told} removed", said))


def _with(text: str, said: str) -> str:
    return f"{text}: {said}" if said else text


def _rest(member: Tree, identity: tuple[str, ...]) -> Tree:
    return {key: value for key, value in member.items() if key not in identity}


def _identity(old: Sequence[Tree], new: Sequence[Tree]) -> tuple[str, ...]:
    """By which fields the members of both lists are told apart; by none, when they are by their place alone."""
    for identity in _IDENTITIES:
        names = [[tuple(one.get(key) for key in identity) for one in members] for members in (old, new)]
        parts = [part for members in names for name in members for part in name]
        are_names = all(isinstance(part, str | int) for part in parts)
        if are_names and all(len(members) == len(set(members)) for members in names):
            return identity
    return ()


def _name(member: Tree, identity: tuple[str, ...], position: int) -> tuple[Any, ...]:
    return tuple(member[key] for key in identity) if identity else (position + 1,)


def _shown(name: tuple[Any, ...]) -> str:
    return " ".join(in_words(part) for part in name)


def _noun(key: str) -> str:
    """What a member of a list is called: usageRateCards -> usage card, slabRates -> slab."""
    words = re.sub(r"([A-Z])", lambda letter: f" {letter[1].lower()}", key)
    words = words.replace(" rate cards", " cards").replace("rate values", "rates")
    words = words.replace("slab rates", "slabs").replace("slab details", "slabs")
    return re.sub(r"ies$", "y", words) if words.endswith("ies") else words.removesuffix("s")


def _label(key: str, name: tuple[Any, ...]) -> str:
    return f"rates in {_shown(name)}" if key in _BY_CURRENCY else f"{_noun(key)} {_quoted(name)}"


def _within(key: str, name: tuple[Any, ...]) -> str:
    if key in _BY_CURRENCY:
        return f"in {_shown(name)}"
    return f"{'in' if key in _SLABS else 'of'} {_noun(key)} {_quoted(name)}"


def _quoted(name: tuple[Any, ...]) -> str:
    return " ".join(f"'{part}'" if isinstance(part, str) else str(part) for part in name)
