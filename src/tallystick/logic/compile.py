"""Rules over events as Python functions: what is hot and sure is generated, everything else is left to `evaluate`.

A generated function gives the very value that `evaluate` gives or, on the least doubt, asks it: so a rule has one
meaning and an error one text. Nothing of a rule ever becomes source: its names, texts and numbers are bound as globals
of its function.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypeVar

from tallystick.logic.evaluation import MOST_WORK, EvaluationError, OperatorError, Work, evaluate
from tallystick.logic.rule import Listing, Operation
from tallystick.logic.source import Source
from tallystick.logic.value import truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tallystick.logic.expression import Expression
    from tallystick.logic.rule import Rule
    from tallystick.logic.value import Value

    _Step: TypeAlias = tuple[Rule, Callable[[Expression], str]]
    """A rule and the statement that its expression becomes."""

T = TypeVar("T")

DEEPEST: Final = 20
"""Operations and lists inside each other: Python takes 200 brackets, of which a level of a rule has up to five."""

MOST_NODES: Final = 200
"""Constants, lists and operations."""

_MOST_ASIDE: Final = MOST_WORK // 4
"""What the parts left to the interpreter may use up before it is asked for all: most of the time is taken once."""

_UNSURE: Final = (KeyError, ArithmeticError, OperatorError, EvaluationError)
"""Nothing of that name, too many digits, no value, too much work: the interpreter knows what to say of it."""


class Readings(Protocol):
    """What a compiled rule reads of an event; what is in neither mapping is looked for in `for_rules`."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """Attributes as plain decimal digits."""
        ...

    @property
    def texts(self) -> Mapping[str, str]:
        """Dimensions of at most `source.LONGEST_READ` characters."""
        ...

    def for_rules(self) -> object:
        """All of them as `evaluate` takes them, below both spellings of their heads (domain.md 3.2, X-05)."""
        ...


class Unmatched(enum.Enum):
    """The answer for an event that a rule is not asked about."""

    UNMATCHED = "the matcher says no"


Answer: TypeAlias = "Value | Unmatched"


def compiled(rule: Rule, when: Rule | None = None) -> Callable[[Readings], Answer]:
    """A function with the value of `evaluate(rule, readings.for_rules())`, digit for digit.

    It gives UNMATCHED for an event for which the value of `when` does not count as true, and raises EvaluationError
    where `evaluate` does. The thread's decimal context plays no part.
    """

    def interpreted(data: Readings) -> Answer:
        if when is not None and not truthy(evaluate(when, data.for_rules())):
            return Unmatched.UNMATCHED
        return evaluate(rule, data.for_rules())

    steps: list[_Step] = [] if when is None else [(when, lambda it: f"if not {it.condition}: return unmatched")]
    return _generated([*steps, (rule, lambda it: f"return {it.value}")], interpreted)


def compiled_condition(rule: Rule) -> Callable[[Readings], bool]:
    """A function that says whether the value of `evaluate(rule, readings.for_rules())` counts as true.

    It raises EvaluationError where `evaluate` does.
    """

    def interpreted(data: Readings) -> bool:
        return truthy(evaluate(rule, data.for_rules()))

    return _generated([(rule, lambda it: f"return True if {it.condition} else False")], interpreted)


def _generated(steps: Sequence[_Step], interpreted: Callable[[Readings], T]) -> Callable[[Readings], T]:
    """A function that takes these steps and, when unsure, asks the interpreter, or the interpreter itself.

    The interpreter has the steps of the budget that the rest of a rule can leave for the parts it does, or a quarter of
    the whole if that is less. If it needs more, it is asked for all of the rule.
    """
    source = Source()
    body = []
    for rule, statement in steps:
        if _is_large(rule):
            return interpreted
        expression = source.expression(rule)
        left = MOST_WORK - expression.steps
        if left < 0:
            return interpreted
        body += [f"work = new_work({min(left, _MOST_ASIDE)})"] * source.interprets
        body.append(statement(expression))
    lines = [
        "def compiled(data):",
        " try:",
        "  attributes, texts = data.attributes, data.texts",
        *(f"  {number} = None" for number in source.numbers),
        *(f"  {line}" for line in body),
        " except unsure:",
        "  return interpreted(data)",
    ]
    known: dict[str, Any] = {"__builtins__": {}, "unsure": _UNSURE, "new_work": Work, "interpreted": interpreted}
    known |= {"unmatched": Unmatched.UNMATCHED, **source.bound}
    exec("\n".join(lines), known)  # noqa: S102 - every word of it is written in this room
    generated: Callable[[Readings], T] = known["compiled"]
    return generated


def _is_large(rule: Rule) -> bool:
    nodes, pending = 0, [(rule, 0)]
    while pending:
        node, depth = pending.pop()
        nodes += 1
        if nodes > MOST_NODES or depth > DEEPEST:
            return True
        parts = node.members if isinstance(node, Listing) else node.arguments if isinstance(node, Operation) else ()
        pending.extend((part, depth + 1) for part in parts)
    return False
