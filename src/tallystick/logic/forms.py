"""How operators are written in Python when the kinds of their arguments are known: exact, and nothing evaluated less.

Whatever is not sure has no form here; then the operator's own function or the interpreter does the work.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.logic.arithmetic import quotient
from tallystick.logic.expression import SAME_IN_PYTHON, Expression, Kind, joined, longest, plain, shared_kind
from tallystick.logic.number import EXACT
from tallystick.logic.rule import Constant, Listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tallystick.logic.rule import Rule

    Parts: TypeAlias = Sequence[Expression]
    Bind: TypeAlias = Callable[[object], str]
    Form: TypeAlias = Callable[[Bind, Sequence[Rule], Parts], Expression | None]
    """From the arguments, and what they are in Python, to the operation; `Bind` names whatever is no source."""

_MOST_FOLDED: Final = 4
"""Arguments of one sum or product that are written as calls inside each other."""

_NULL: Final = plain("None", Kind.SCALAR)


def _numeric(write: Callable[[Bind, Sequence[Rule], list[str]], str | None], kind: Kind = Kind.NUMBER) -> Form:
    """The form of an operator all of whose arguments are sure to be numbers."""

    def form(bind: Bind, arguments: Sequence[Rule], parts: Parts) -> Expression | None:
        if not parts or any(part.kind is not Kind.NUMBER for part in parts):
            return None
        value = write(bind, arguments, [part.value for part in parts])
        return None if value is None else plain(value, kind)

    return form


def _folded(function: str, numbers: list[str]) -> str | None:
    value, *others = numbers
    for other in others:
        value = f"{function}({value}, {other})"
    return value if len(numbers) <= _MOST_FOLDED else None


def _sum(bind: Bind, _arguments: Sequence[Rule], numbers: list[str]) -> str | None:
    return _folded(bind(EXACT.add), numbers)


def _product(bind: Bind, arguments: Sequence[Rule], numbers: list[str]) -> str | None:
    """A zero gets a minus sign, which the dialect does not have, only where two factors can be zero or negative."""
    value = _folded(bind(EXACT.multiply), numbers)
    if value is None or sum(not _is_positive(factor) for factor in arguments) <= 1:
        return value
    return f"{bind(EXACT.plus)}({value})"


def _is_positive(factor: Rule) -> bool:
    return isinstance(factor, Constant) and isinstance(factor.constant, Decimal) and factor.constant > 0


def _difference(bind: Bind, _arguments: Sequence[Rule], numbers: list[str]) -> str | None:
    match numbers:
        case [only]:
            return f"{bind(EXACT.minus)}({only})"
        case [one, other]:
            return f"{bind(EXACT.subtract)}({one}, {other})"
        case _:
            return None


def _quotient(bind: Bind, _arguments: Sequence[Rule], numbers: list[str]) -> str | None:
    match numbers:
        case [dividend, divisor]:
            return f"{bind(quotient)}({dividend}, {divisor})"
        case _:
            return None


def _extreme(function: Callable[..., object]) -> Form:
    def write(bind: Bind, _arguments: Sequence[Rule], numbers: list[str]) -> str:
        return f"{bind(function)}({', '.join(numbers)})" if len(numbers) > 1 else numbers[0]

    return _numeric(write)


def _ordered(sign: str, *, between: bool = False) -> Form:
    """Python skips the third of three numbers when the first two are out of order, so it must be a constant."""

    def write(_bind: Bind, arguments: Sequence[Rule], numbers: list[str]) -> str | None:
        match arguments:
            case (_, _):
                return f"({f' {sign} '.join(numbers)})"
            case (_, _, Constant()) if between:
                return f"({f' {sign} '.join(numbers)})"
            case _:
                return None

    return _numeric(write, Kind.TRUTH)


def _equality(sign: str) -> Form:
    def form(_bind: Bind, _arguments: Sequence[Rule], parts: Parts) -> Expression | None:
        match parts:
            case [left, right] if left.kind is right.kind and left.kind in SAME_IN_PYTHON:
                return plain(f"({left.value} {sign} {right.value})", Kind.TRUTH)
            case _:
                return None

    return form


def _membership(bind: Bind, arguments: Sequence[Rule], parts: Parts) -> Expression | None:
    """A number or a text among constants, of which only those of its kind can equal it."""
    match arguments:
        case (_, Listing(members=members)):
            candidates = members
        case (_, _, _, *_):
            candidates = tuple(arguments[1:])
        case _:
            return None
    constants = [candidate.constant for candidate in candidates if isinstance(candidate, Constant)]
    kind = {Kind.NUMBER: Decimal, Kind.TEXT: str}.get(parts[0].kind)
    if kind is None or len(constants) < len(candidates):
        return None
    alike = frozenset(constant for constant in constants if isinstance(constant, kind))
    return plain(f"({parts[0].value} in {bind(alike)})", Kind.TRUTH)


def _junction(word: str) -> Form:
    """`and` and `or` give the value that decides, as they do in Python."""

    def form(_bind: Bind, _arguments: Sequence[Rule], parts: Parts) -> Expression | None:
        kind = shared_kind(parts) if parts else Kind.ANY
        if kind is Kind.ANY:
            return None
        condition = f" {word} ".join(part.condition for part in parts)
        return Expression(f"({joined(parts, f' {word} ')})", kind, f"({condition})", longest(parts))

    return form


def _choice(_bind: Bind, _arguments: Sequence[Rule], parts: Parts) -> Expression:
    """`if` and `?:` are one conditional expression after the other."""
    whens, thens = parts[:-1:2], parts[1::2]
    otherwise = parts[-1] if len(parts) % 2 else _NULL
    value = "".join(f"{then.value} if {when.condition} else " for when, then in zip(whens, thens, strict=True))
    condition = "".join(f"{then.condition} if {when.condition} else " for when, then in zip(whens, thens, strict=True))
    results = [*thens, otherwise]
    return Expression(
        f"({value}{otherwise.value})",
        shared_kind(results),
        f"({condition}{otherwise.condition})",
        longest(results),
    )


def _judgement(write: str) -> Form:
    def form(_bind: Bind, _arguments: Sequence[Rule], parts: Parts) -> Expression | None:
        match parts:
            case [only] if only.kind is not Kind.ANY:  # a list would become the arguments
                return plain(f"({write} {only.condition})", Kind.TRUTH)
            case _:
                return None

    return form


FORMS: Final[Mapping[str, Form]] = {
    "+": _numeric(_sum),
    "-": _numeric(_difference),
    "*": _numeric(_product),
    "/": _numeric(_quotient),
    "min": _extreme(min),
    "max": _extreme(max),
    ">": _ordered(">"),
    ">=": _ordered(">="),
    "<": _ordered("<", between=True),
    "<=": _ordered("<=", between=True),
    "==": _equality("=="),
    "!=": _equality("!="),
    "===": _equality("=="),
    "!==": _equality("!="),
    "in": _membership,
    "if": _choice,
    "?:": _choice,
    "and": _junction("and"),
    "or": _junction("or"),
    "!": _judgement("not"),
    "!!": _judgement("not not"),
}
