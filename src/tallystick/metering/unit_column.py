"""The units of one meter for many events at once, where its terms allow to do most of it once for all of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.catalog.usage_meter import Aggregation
from tallystick.logic import EvaluationError
from tallystick.logic.compile import compiled_condition
from tallystick.logic.reads import variable_of, variables_of
from tallystick.metering.units import filtered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tallystick.catalog.usage_meter import MeterFilter
    from tallystick.logic import Rule
    from tallystick.metering.catalogue import MeterTerms, SchemaTerms
    from tallystick.metering.event_data import EventData
    from tallystick.metering.units import Units

LONGEST_DIGITS: Final = 13
"""Characters of a number that DECIMAL(38,12) holds whatever they are: at most 13 before, or 11 behind the point."""

ONE: Final = "1"
_ATTRIBUTES: Final = ("attributes", "attribute")
_DIMENSIONS: Final = ("dimensions", "dimension")


@dataclass(frozen=True, slots=True)
class UnitColumn:
    """How the units of a meter are found for events of its schema.

    Where `applies` is set, the dimensions of an event alone say whether the meter takes units of it, as many as the
    digits of `attribute` say, or one. Otherwise `rule` says both, event by event.
    """

    meter: MeterTerms
    applies: Callable[[EventData], bool] | None = None
    attribute: str | None = None
    rule: Units | None = None

    def takes(self, event: EventData) -> bool | None:
        """Whether the meter takes units of events with these dimensions; None, when that fails.

        Where a rule says so, True until it is asked.
        """
        try:
            return self.applies is None or self.applies(event)
        except EvaluationError:
            return None


def column_of(terms: MeterTerms, schema: SchemaTerms, units: Units) -> UnitColumn:
    """The plan by which units of the meter are found for events that have all fields of their schema.

    `units` is the function from an event to its units, for meters of which there is no more to know.
    """
    conditions = [_condition(one, schema.dimensions) for one in terms.filters]
    attribute = None
    if terms.aggregation is Aggregation.COUNT:
        matchers = [matcher for matcher, _ in terms.computations]
        conditions.append(_any_of(matchers))
    elif len(terms.computations) == 1 and terms.aggregation is not Aggregation.DISTINCT_COUNT:
        ((matcher, computation),) = terms.computations
        conditions.append(_any_of([matcher]))
        attribute = _attribute(computation, schema.attributes)
    known = [condition for condition in conditions if condition is not None]
    if len(known) < len(conditions) or (terms.aggregation is not Aggregation.COUNT and attribute is None):
        return UnitColumn(terms, rule=units)
    return UnitColumn(terms, lambda data: all(applies(data) for applies in known), attribute)


def _attribute(computation: Rule, attributes: Collection[str]) -> str | None:
    """The attribute whose digits are the units, if the computation is just that."""
    name = variable_of(computation)
    if name is None:
        return None
    head, _, rest = name.partition(".")
    return rest if head in _ATTRIBUTES and rest in attributes else None


def _any_of(matchers: Sequence[Rule | None]) -> Callable[[EventData], bool] | None:
    """Whether one of them says yes; None, when dimensions alone do not tell. No matcher at all is a yes."""
    if not matchers or None in matchers:
        return lambda _data: True
    known = [matcher for matcher in matchers if matcher is not None and _is_about_dimensions(matcher)]
    if len(known) < len(matchers):
        return None
    return functools.partial(_one_says_yes, [compiled_condition(matcher) for matcher in known])


def _one_says_yes(conditions: Sequence[Callable[[EventData], bool]], data: EventData) -> bool:
    return any(says_yes(data) for says_yes in conditions)


def _is_about_dimensions(matcher: Rule) -> bool:
    names = variables_of(matcher)
    return names is not None and all(name.partition(".")[0] in _DIMENSIONS and "." in name for name in names)


def _condition(condition: MeterFilter, dimensions: Collection[str]) -> Callable[[EventData], bool] | None:
    """The filter; None, when it is about an attribute."""
    head, dot, _ = condition.field.partition(".")
    if dot and head in (*_ATTRIBUTES, *_DIMENSIONS):
        return filtered(condition) if head in _DIMENSIONS else None
    return filtered(condition) if condition.field in dimensions else None
