"""A rule as Python source: by its operators' forms, else by their own functions, else by the interpreter."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.logic.evaluation import MOST_WORK
from tallystick.logic.expression import Expression, Kind, joined, longest, plain
from tallystick.logic.forms import FORMS
from tallystick.logic.operators import OPERATORS
from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.text import LONGEST_TEXT
from tallystick.logic.value import truthy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST_READ: Final = 1_000
"""Characters of a text that a compiled rule reads by itself."""

_GROUPS: Final = {"attributes": "numbers", "attribute": "numbers", "dimensions": "texts", "dimension": "texts"}
"""Where the variables below these heads are found, by what they are (domain.md 3.2)."""

_RESULTS: Final[Mapping[str, tuple[Kind, int]]] = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "min", "max", "duration.as", "date"), (Kind.SCALAR, 0)),
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "===", "!==", "in", "!", "!!"), (Kind.TRUTH, 0)),
    **dict.fromkeys(("date.add", "date.sub", "duration.of", "duration.between"), (Kind.SCALAR, LONGEST_TEXT)),
    **dict.fromkeys(("cat", "substr"), (Kind.TEXT, LONGEST_TEXT)),
}
"""What the functions of operators give, whatever they are given, and how long it can be where no argument is longer."""


class Source:
    """Writes expressions. Whatever comes from a rule stands in `bound`, under a name made here, never in the text.

    An expression reads `numbers` and `texts`, and `data` and `work` where `interprets` says that a part of it is
    left to the interpreter.
    """

    def __init__(self) -> None:
        self.bound: dict[str, object] = {}
        self.interprets = False

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
        group = _GROUPS.get(head)
        if group is None or not key or not all(isinstance(default, Constant) for default in defaults):
            return None
        value = f"{group}[{self.bind(key)}]"
        kind, made = (Kind.NUMBER, 0) if group == "numbers" else (Kind.TEXT, LONGEST_READ)
        return Expression(value, kind, value, made, 2 + len(defaults) + made)

    def _operation(self, rule: Operation) -> Expression | None:
        parts = [self.expression(argument) for argument in rule.arguments]
        form = FORMS.get(rule.operator)
        written = (form(self.bind, rule.arguments, parts) if form else None) or self._call(rule.operator, parts)
        if written is None:
            return None
        steps = 1 + len(parts) + written.made + _steps(parts)
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


def _steps(parts: Sequence[Expression]) -> int:
    return sum(part.steps for part in parts)
