"""What a rule is: an immutable tree of constants, lists and operations, each of which knows its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import TYPE_CHECKING, TypeAlias

from tallystick.logic.evaluation import EvaluationError, OperatorError, Work
from tallystick.logic.number import MOST_DIGITS
from tallystick.logic.value import Value, items

if TYPE_CHECKING:
    from tallystick.logic.place import Place


class Rule:
    """A node of the tree; each one is a rule of its own. Equal when the JSON is equal, wherever it stands."""

    __slots__ = ()
    place: Place

    def value(self, data: object, work: Work) -> Value:
        """What this node stands for, given the data.

        Raises:
            EvaluationError: where it has no value.
        """
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Rule):
    """A JSON number, text, truth value or null: stands for itself."""

    constant: Decimal | str | bool | None
    place: Place = field(repr=False)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and repr(self) == repr(other)  # since True == 1 and 1 == 1.0 in Python

    def __hash__(self) -> int:
        return hash(repr(self))

    def value(self, data: object, work: Work) -> Value:  # noqa: ARG002 - the same for any data
        """The constant."""
        return self.constant


@dataclass(frozen=True, slots=True)
class Listing(Rule):
    """A JSON array: stands for the list of what its members stand for."""

    members: tuple[Rule, ...]
    place: Place = field(compare=False, repr=False)

    def value(self, data: object, work: Work) -> Value:
        """A new list."""
        work.spend(len(self.members), self.place)
        return [member.value(data, work) for member in self.members]


Apply: TypeAlias = Callable[[tuple[Rule, ...], object, Work], Value]
"""What an operator does with its arguments, which it evaluates itself, and the data."""


@dataclass(frozen=True, slots=True)
class Operation(Rule):
    """A JSON object with one name: an operator and its arguments.

    `apply` is bound when the rule is parsed; None means that there is no such operator, which matters only
    when the operation is reached. `place` is where the operator's name stands.
    """

    operator: str
    arguments: tuple[Rule, ...]
    place: Place = field(compare=False, repr=False)
    apply: Apply | None = field(compare=False, repr=False)

    def value(self, data: object, work: Work) -> Value:
        """What the operator makes of its arguments."""
        if self.apply is None:
            raise EvaluationError(f"there is no operator {self.operator[:40]!r}", self.place)
        try:
            result = self.apply(self.arguments, data, work)
        except OperatorError as failure:
            raise EvaluationError(f"{self.operator!r}: {failure}", self.place) from failure
        except DecimalException as failure:
            reason = f"{self.operator!r}: a number needs more than {MOST_DIGITS:,} digits"
            raise EvaluationError(reason, self.place) from failure
        made = len(result) if isinstance(result, (str, list)) else 0
        work.spend(1 + len(self.arguments) + made, self.place)
        return result


def evaluated(arguments: tuple[Rule, ...], data: object, work: Work) -> list[Value]:
    """The values of all arguments; a single list becomes the arguments: {"+": [[1, 2]]} is 3."""
    values = [argument.value(data, work) for argument in arguments]
    if len(values) == 1 and isinstance(values[0], list):
        return items(values[0])
    return values
