"""How many units of a meter an event makes (domain.md 3.1): terms become a function once, which then runs per event."""

from __future__ import annotations

import decimal
import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel import quantity
from tallystick.logic import evaluate, kind_of, truthy
from tallystick.logic.rule import Constant, Listing, Operation
from tallystick.metering.event_data import rule_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.catalog.usage_meter import MeterFilter
    from tallystick.logic import Rule, Value
    from tallystick.metering.catalogue import MeterTerms
    from tallystick.metering.event_data import EventData

    Units: TypeAlias = Callable[[EventData], Decimal | None]
    Texts: TypeAlias = tuple[str | None, ...]

T = TypeVar("T")

MOST_REMEMBERED: Final = 4096
"""Results that one rule over dimensions remembers."""

_SHORT: Final = 64
"""Digits up to which a number needs no look at the limits of the logic room."""

_STORED: Final = decimal.Context(
    prec=quantity.STORED_DIGITS, traps=[decimal.InvalidOperation, decimal.Inexact, decimal.FloatOperation]
)
_STORED_STEP: Final = Decimal(1).scaleb(-quantity.STORED_SCALE)
_ONE: Final = quantity.ONE.quantize(_STORED_STEP)


class UnitsInvalidError(Exception):
    """A meter's rule failed for an event, or gave something else than a number that can be stored."""


def units_of(terms: MeterTerms) -> Units:
    """A function from an event to its units of this meter, None when the meter's filters or matchers say no.

    The function raises EvaluationError where a rule fails, and UnitsInvalidError where the sum is no number that
    DECIMAL(38,12) holds exactly.
    """
    count = _counted(terms) if terms.aggregation is Aggregation.COUNT else _summed(terms)
    if not terms.filters:
        return count
    filters = [_filtered(condition) for condition in terms.filters]
    return lambda data: count(data) if all(allows(data) for allows in filters) else None


def _counted(terms: MeterTerms) -> Units:
    """COUNT: each matching event is 1, whatever its computation says."""
    matchers = [_matched(matcher) for matcher, _ in terms.computations if matcher is not None]
    if len(matchers) < max(len(terms.computations), 1):
        return lambda _data: _ONE

    def units(data: EventData) -> Decimal | None:
        for matches in matchers:
            if matches(data):
                return _ONE
        return None

    return units


def _summed(terms: MeterTerms) -> Units:
    """SUM: the results of all matching computations together."""
    steps = [
        (None if matcher is None else _matched(matcher), _computed(computation))
        for matcher, computation in terms.computations
    ]
    if len(steps) == 1 and steps[0][0] is None:
        always = steps[0][1]
        return lambda data: stored(always(data))

    def units(data: EventData) -> Decimal | None:
        results = [computed(data) for matches, computed in steps if matches is None or matches(data)]
        return stored(functools.reduce(quantity.EXACT.add, results)) if results else None

    return units


def stored(number: Decimal) -> Decimal:
    """The same number with all twelve digits behind the point, as usage facts are stored.

    Raises:
        UnitsInvalidError: when DECIMAL(38,12) does not hold it exactly.
    """
    try:
        held = _STORED.quantize(number, _STORED_STEP)
    except (decimal.InvalidOperation, decimal.Inexact):
        raise UnitsInvalidError("the units need more than 26 digits before or 12 behind the point") from None
    if held.is_nan():
        raise UnitsInvalidError("the units are not a number")
    return held


def _filtered(condition: MeterFilter) -> Callable[[EventData], bool]:
    """Text equality with a field named bare or with its prefix; a bare name means a dimension before an attribute."""
    kind, dot, name = condition.field.partition(".")
    wanted = condition.value
    if dot and kind in ("attributes", "attribute"):
        return lambda data: data.attributes.get(name) == wanted
    if dot and kind in ("dimensions", "dimension"):
        return lambda data: data.dimensions.get(name) == wanted
    field = condition.field
    return lambda data: data.dimensions.get(field, data.attributes.get(field)) == wanted


def _matched(rule: Rule) -> Callable[[EventData], bool]:
    return _evaluated(rule, truthy)


def _computed(rule: Rule) -> Callable[[EventData], Decimal]:
    """The number that a rule gives; a bare attribute, the commonest rule of all, is read without evaluation."""
    evaluated = _evaluated(rule, _number)
    name = _variable(rule, ("attributes", "attribute"))
    if name is None:
        return evaluated

    def computed(data: EventData) -> Decimal:
        digits = data.attributes.get(name)
        return evaluated(data) if digits is None or len(digits) > _SHORT else Decimal(digits)

    return computed


def _evaluated(rule: Rule, read: Callable[[Value], T]) -> Callable[[EventData], T]:
    """A rule's value as it is read; one that depends on dimensions alone is evaluated once for each of their texts."""
    names = _dimensions_read(rule)
    if names is None:
        return lambda data: read(evaluate(rule, data.for_rules()))
    order = sorted(names)

    def answer(texts: Texts) -> T:
        held = {name: text for name, text in zip(order, texts, strict=True) if text is not None}
        return read(evaluate(rule, rule_data({}, held)))

    answers = _Answers(answer)
    if len(order) == 1:
        (only,) = order
        return lambda data: answers[data.dimensions.get(only),]
    return lambda data: answers[tuple([data.dimensions.get(name) for name in order])]


class _Answers(dict["Texts", T]):
    """What a rule says for the texts it reads; dimensions that are worth metering by have few of them."""

    def __init__(self, answer: Callable[[Texts], T]) -> None:
        super().__init__()
        self._answer = answer

    def __missing__(self, texts: Texts) -> T:
        value = self._answer(texts)
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        self[texts] = value
        return value


def _number(value: Value) -> Decimal:
    if isinstance(value, Decimal):
        return value
    raise UnitsInvalidError(f"the computation gives {kind_of(value)}, not a number")


def _dimensions_read(rule: Rule) -> frozenset[str] | None:
    """The dimensions on which alone a rule's value depends; None when it reads, or may read, anything else."""
    match rule:
        case Constant():
            return frozenset()
        case Listing(members=parts) | Operation(arguments=parts) if not _reads(rule):
            found = [_dimensions_read(part) for part in parts]
            known = [names for names in found if names is not None]
            return frozenset().union(*known) if len(known) == len(found) else None
        case _:
            name = _variable(rule, ("dimensions", "dimension"))
            return None if name is None else frozenset({name})


def _reads(rule: Rule) -> bool:
    """Whether the node itself looks into the data."""
    return isinstance(rule, Operation) and rule.operator in ("var", "missing", "missing_some")


def _variable(rule: Rule, kinds: tuple[str, ...]) -> str | None:
    """The name behind `kind.` when the rule is a plain variable of one of these kinds, without a default."""
    match rule:
        case Operation(operator="var", arguments=(Constant(constant=str(text)),)):
            kind, dot, name = text.partition(".")
            return name if dot and name and kind in kinds else None
        case _:
            return None
