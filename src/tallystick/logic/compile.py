"""Rules over events as Python functions: what is hot and sure is generated, everything else is left to `evaluate`.

A generated function gives the very value that `evaluate` gives or, on the least doubt, asks it: so a rule has one
meaning and an error one text. Nothing of a rule ever becomes source: its names, texts and numbers are bound as globals
of its function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from tallystick.logic.evaluation import MOST_WORK, EvaluationError, OperatorError, Work, evaluate
from tallystick.logic.rule import Listing, Operation
from tallystick.logic.source import Source
from tallystick.logic.value import truthy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from tallystick.logic.expression import Expression
    from tallystick.logic.rule import Rule
    from tallystick.logic.value import Value

T = TypeVar("T")

DEEPEST: Final = 20
"""Operations and lists inside each other: Python takes 200 brackets, of which a level of a rule has up to five."""

MOST_NODES: Final = 200
"""Constants, lists and operations."""

_UNSURE: Final = (KeyError, ArithmeticError, OperatorError, EvaluationError)
"""Nothing of that name, too many digits, no value, too much work: the interpreter knows what to say of it."""


class Readings(Protocol):
    """What a compiled rule reads of an event; what is in neither mapping is looked for in `for_rules`."""

    @property
    def numbers(self) -> Mapping[str, Decimal]:
        """Attributes that rules can calculate with: finite, within the limits of digits, no zero with a minus sign."""
        ...

    @property
    def texts(self) -> Mapping[str, str]:
        """Dimensions of at most `source.LONGEST_READ` characters."""
        ...

    def for_rules(self) -> object:
        """All of them as `evaluate` takes them, below both spellings of their heads (domain.md 3.2, X-05)."""
        ...


def compiled(rule: Rule) -> Callable[[Readings], Value]:
    """A function with the value of `evaluate(rule, readings.for_rules())`, digit for digit.

    It raises EvaluationError where `evaluate` does. The thread's decimal context plays no part.
    """

    def interpreted(data: Readings) -> Value:
        return evaluate(rule, data.for_rules())

    return _generated(rule, interpreted, lambda expression: expression.value)


def compiled_condition(rule: Rule) -> Callable[[Readings], bool]:
    """A function that says whether the value of `evaluate(rule, readings.for_rules())` counts as true.

    It raises EvaluationError where `evaluate` does.
    """

    def interpreted(data: Readings) -> bool:
        return truthy(evaluate(rule, data.for_rules()))

    return _generated(rule, interpreted, lambda expression: f"True if {expression.condition} else False")


def _generated(
    rule: Rule, interpreted: Callable[[Readings], T], result: Callable[[Expression], str]
) -> Callable[[Readings], T]:
    """The function for a rule; `interpreted` itself where the rule is large or might use up the budget.

    The parts that the interpreter does share what the others can leave of the budget; where that is not enough, the
    interpreter does the whole.
    """
    if _is_large(rule):
        return interpreted
    source = Source()
    expression = source.expression(rule)
    left = MOST_WORK - expression.steps
    if left < 0:
        return interpreted
    lines = [
        "def compiled(data):",
        "    try:",
        "        numbers, texts = data.numbers, data.texts",
        f"        work = new_work({left})" if source.interprets else "        pass",
        f"        return {result(expression)}",
        "    except unsure:",
        "        pass",
        "    return interpreted(data)",
    ]
    known: dict[str, Any] = {"__builtins__": {}, "unsure": _UNSURE, "new_work": Work, "interpreted": interpreted}
    known |= source.bound
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
