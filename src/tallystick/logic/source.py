"""A rule as Python source: by its operators' forms, else by their own functions, else by the interpreter."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import MOST_WORK
from tallystick.logic.expression import Expression, Kind, joined, longest, plain
from tallystick.logic.forms import FORMS
from tallystick.logic.number import EXACT
from tallystick.logic.operators import OPERATORS
from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.text import LONGEST_TEXT
from tallystick.logic.value import HEAVIEST, truthy
from tallystick.logic.variable import name_weight

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_READ: Final = 500
"""Characters of a text that a compiled rule reads by itself."""

_NUMBERS: Final = ("attributes", "attribute")
_TEXTS: Final = ("dimensions", "dimension")
"""Heads of the variables that are sure to be numbers, or texts, where they are there at all (domain.md 3.2)."""

_LONGEST_DATE: Final = 100
"""Characters of a date or a duration that an operator writes: years have four digits, seconds 19."""

_RESULTS: Final[Mapping[str, tuple[Kind, int]]] = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "min", "max", "duration.as", "date"), (Kind.SCALAR, 0)),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "===", "!==", "in", "!", "!!"), (Kind.TRUTH, 0)),
    **dict.fromkeys(("date.add", "date.sub", "duration.of", "duration.between"), (Kind.SCALAR, _LONGEST_DATE)),
    **dict.fromkeys(("cat", "substr"), (Kind.TEXT, LONGEST_TEXT)),
}
"""What the functions of operators give, whatever they are given, and how long it can be where no argument is longer."""


class Source:
    """Writes expressions. Whatever comes from a rule stands in `bound`, under a name made here, never in the text.

    An expression reads `attributes` and `texts`, keeps each number it has read under one of the names in `numbers`,
    which are None at first, and needs `data` and `work` where it leaves a part to the interpreter.
    """

    def __init__(self) -> None:
        self.bound: dict[str, object] = {"read": EXACT.create_decimal, "exact": EXACT.plus}
        self.interprets = False
        self._numbers: dict[str, str] = {}

    @property
    def numbers(self) -> list[str]:
        """Where the numbers are kept that the expressions read."""
        return list(self._numbers.values())

    def bind(self, thing: object) -> str:
        """The name under which an expression finds a thing."""
        name = f"c{len(self.bound)}"
        self.bound[name] = thing
        return name

    def expression(self, rule: Rule) -> Expression:
        """The expression for a rule."""
        match rule:
            case Constant(constant=constant):
                return plain(self.bind(constant), _kind(constant), len(constant) if isinstance(constant, str) else 0)
            case Listing(members=members):
                parts = [self.expression(member) for member in members]
                written = f"[{joined(parts)}]"
                return Expression(written, Kind.ANY, written, len(parts), len(parts) + _steps(parts))
            case Operation(operator="var", arguments=(Constant(constant=str(name)), *defaults)):
                return self._variable(name, defaults) or self._interpreted(rule)
            case Operation(operator=operator) if operator in FORMS or operator in _RESULTS:
                return self._operation(rule) or self._interpreted(rule)
            case _:
                return self._interpreted(rule)

    def _variable(self, name: str, defaults: Sequence[Rule]) -> Expression | None:
        """A look-up that fails where there is nothing: then the interpreter sees to the default."""
        head, _, key = name.partition(".")
        if not key or head not in (*_NUMBERS, *_TEXTS) or not all(isinstance(one, Constant) for one in defaults):
            return None
        steps = 2 + len(defaults) + name_weight(name)
        if head in _TEXTS:
            value = f"texts[{self.bind(key)}]"
            return Expression(value, Kind.TEXT, value, LONGEST_READ, steps + LONGEST_READ)
        number = self._numbers.setdefault(key, f"n{len(self._numbers)}")
        value = f"({number} if {number} is not None else ({number} := exact(read(attributes[{self.bind(key)}]))))"
        return Expression(value, Kind.NUMBER, value, 0, steps)

    def _operation(self, rule: Operation) -> Expression | None:
        parts = [self.expression(argument) for argument in rule.arguments]
        form = FORMS.get(rule.operator)
        written = (form(self.bind, rule.arguments, parts) if form else None) or self._call(rule.operator, parts)
        if written is None:
            return None
        operator = OPERATORS[rule.operator]
        weight = 0 if operator.function is None else operator.dear + sum(map(_heaviest, parts))
        steps = 1 + len(parts) + weight + written.made + _steps(parts)
        return Expression(written.value, written.kind, written.condition, written.made, steps)

    def _call(self, operator: str, parts: Sequence[Expression]) -> Expression | None:
        """The operator's own function; not of a single argument that may be a list, which becomes the arguments."""
        function = OPERATORS[operator].function
        if function is None or operator not in _RESULTS or (len(parts) == 1 and parts[0].kind is Kind.ANY):
            return None
        kind, made = _RESULTS[operator]
        return plain(f"{self.bind(function)}([{joined(parts)}])", kind, made and max(made, longest(parts)))

    def _interpreted(self, rule: Rule) -> Expression:
        self.interprets = True
        value = f"{self.bind(rule.value)}(data.for_rules(), work)"
        return Expression(value, Kind.ANY, f"{self.bind(truthy)}({value})", MOST_WORK)


def _kind(constant: object) -> Kind:
    if isinstance(constant, bool):
        return Kind.TRUTH
    return Kind.NUMBER if isinstance(constant, Decimal) else Kind.TEXT if isinstance(constant, str) else Kind.SCALAR


def _heaviest(part: Expression) -> int:
    """What a value weighs at most as an argument, see `value.weight`."""
    return min(part.made, HEAVIEST) if part.kind in (Kind.TEXT, Kind.TRUTH) else HEAVIEST


def _steps(parts: Sequence[Expression]) -> int:
    return sum(part.steps for part in parts)
