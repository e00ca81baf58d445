"""The table of contents of the dialect: every operator, what it does and how many arguments it takes."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.logic import arithmetic, choice, comparison, lists, temporal, text, variable
from tallystick.logic.evaluation import OperatorError, Work
from tallystick.logic.rule import Apply, evaluated
from tallystick.logic.value import weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallystick.logic.rule import Rule
    from tallystick.logic.value import Value


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator.

    `fewest` and `most` bound how many arguments make sense, on which `check` insists; evaluation is as
    lenient as the fork. `spreads`: a single argument that is a list becomes the arguments. `function` is what an
    operator does that needs no more than the values of its arguments; `dear`, how many units of work more than others.
    """

    apply: Apply
    fewest: int
    most: int | None
    spreads: bool
    function: Callable[[list[Value]], Value] | None = None
    dear: int = 0


_CALLED: Final = 4
"""What calling a function with a list of values takes, in units of work."""


def _plain(function: Callable[[list[Value]], Value], fewest: int, most: int | None, dear: int = _CALLED) -> Operator:
    """An operator that needs no more than the values of its arguments."""

    def apply(arguments: tuple[Rule, ...], data: object, work: Work) -> Value:
        values = evaluated(arguments, data, work)
        work.weigh(weight(values) + dear)
        return function(values)

    return Operator(apply, fewest, most, spreads=True, function=function, dear=dear)


def _lazy(apply: Apply, fewest: int, most: int | None) -> Operator:
    """An operator that decides itself which arguments it evaluates, and with which data."""
    return Operator(apply, fewest, most, spreads=False)


def _first(values: list[Value]) -> Value:
    """`log`: its first argument. A pure room prints nothing, and `check` refuses the operator."""
    if not values:
        raise OperatorError("needs an argument")
    return values[0]


_DATED: Final = 60
"""What reading dates and durations takes, in units of work."""

_LOOSE: Final = comparison.loosely_equal
_STRICT: Final = comparison.strictly_equal

OPERATORS: Final[Mapping[str, Operator]] = {
    "+": _plain(arithmetic.add, 1, None),
    "-": _plain(arithmetic.subtract, 1, 2),
    "*": _plain(arithmetic.multiply, 1, None),
    "/": _plain(arithmetic.divide, 2, 2),
    "%": _plain(arithmetic.remainder, 2, 2),
    "min": _plain(arithmetic.least, 1, None),
    "max": _plain(arithmetic.greatest, 1, None),
    ">": _plain(comparison.ordered(operator.gt, between=False), 2, 2),
    ">=": _plain(comparison.ordered(operator.ge, between=False), 2, 2),
    "<": _plain(comparison.ordered(operator.lt, between=True), 2, 3),
    "<=": _plain(comparison.ordered(operator.le, between=True), 2, 3),
    "==": _plain(comparison.equality(_LOOSE), 2, 2),
    "!=": _plain(comparison.equality(_LOOSE, negated=True), 2, 2),
    "===": _plain(comparison.equality(_STRICT), 2, 2),
    "!==": _plain(comparison.equality(_STRICT, negated=True), 2, 2),
    "in": _plain(comparison.contained, 2, None),
    "if": _lazy(choice.chosen, 1, None),
    "?:": _lazy(choice.chosen, 1, None),
    "and": _lazy(choice.first_falsy, 1, None),
    "or": _lazy(choice.first_truthy, 1, None),
    "!": _plain(choice.negation, 1, 1),
    "!!": _plain(choice.truth, 1, 1),
    "cat": _plain(text.joined, 1, None),
    "substr": _plain(text.part, 2, 3),
    "map": _lazy(lists.mapped, 2, 2),
    "filter": _lazy(lists.filtered, 2, 2),
    "reduce": _lazy(lists.reduced, 3, 3),
    "all": _lazy(lists.every, 2, 2),
    "some": _lazy(lists.some, 2, 2),
    "none": _lazy(lists.none, 2, 2),
    "merge": _plain(lists.merged, 0, None),
    "var": _lazy(variable.look_up, 1, 2),
    "missing": Operator(variable.missing, 1, None, spreads=True),
    "missing_some": Operator(variable.missing_some, 2, 2, spreads=True),
    "date": _plain(temporal.date, 1, 1, _DATED),
    "date.add": _plain(temporal.shifted(1), 2, 2, _DATED),
    "date.sub": _plain(temporal.shifted(-1), 2, 2, _DATED),
    "duration.of": _plain(temporal.duration_of, 2, 2, _DATED),
    "duration.between": _plain(temporal.duration_between, 2, 2, _DATED),
    "duration.as": _plain(temporal.duration_as, 2, 2, _DATED),
    "log": _plain(_first, 1, None),
}
