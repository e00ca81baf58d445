"""What is wrong with a rule before it ever meets data: unknown names, arguments that make no sense."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import DecimalException
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

from tallystick.kernel.errors import Problem
from tallystick.logic.misuse import misuses
from tallystick.logic.operators import OPERATORS, Operator
from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.value import as_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tallystick.logic.place import Place

_PLURALS: Final = {"attribute": "attributes", "dimension": "dimensions"}
"""Togai's own examples use both spellings (domain.md X-05)."""

_ITEM_OPERATORS: Final = frozenset({"map", "filter", "all", "some", "none"})
_MAY_BE_LISTS: Final = frozenset(
    {"map", "filter", "merge", "reduce", "missing", "missing_some", "if", "?:", "and", "or", "log"}
)
"""Operators whose value may be a list, which as a single argument becomes all the arguments."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding: `code` is for programs, `reason` for people, `place` stands in the JSON text."""

    code: str
    reason: str
    place: Place

    def __str__(self) -> str:
        return f"{self.reason} ({self.place})"

    def problem(self, path: str) -> Problem:
        """The finding as one of the problems of an input, under the path of the rule's text."""
        return Problem(path, str(self))


class _Scope(NamedTuple):
    """Which variables a rule can read where it stands, and what to say when it reads another."""

    names: Collection[str]
    advice: str = ""
    items: bool = False

    def shows(self, name: str) -> bool:
        head, _, rest = name.partition(".")
        plural = f"{_PLURALS.get(head, head)}.{rest}"
        return name in self.names or plural in self.names or (self.items and head in self.names)


_DEFAULT_SCOPE: Final = _Scope((), "a default is evaluated without data")
_REDUCE_SCOPE: Final = _Scope(
    ("current", "accumulator"), 'the body of "reduce" sees only "current" and "accumulator"', items=True
)


def check(rule: Rule, variables: Collection[str]) -> list[Issue]:
    """Everything about a rule that cannot be meant, in the order of its text (jsonlogic.md 5.4).

    `variables` are the names that the data will hold, such as "attributes.distance": a set, or a mapping from
    name to kind. The singular spellings `attribute.` and `dimension.` are accepted for them (domain.md X-05).
    An empty list means that the rule can be stored.
    """
    return list(_issues(rule, _Scope(variables)))


def _issues(rule: Rule, scope: _Scope) -> Iterator[Issue]:
    if isinstance(rule, Listing):
        for member in rule.members:
            yield from _issues(member, scope)
    if isinstance(rule, Operation):
        operator = OPERATORS.get(rule.operator)
        if operator is None:
            reason = f"unknown operator {rule.operator[:40]!r}{hint(rule.operator, OPERATORS)}"
            yield Issue("unknown_operator", reason, rule.place)
        else:
            yield from _operation_issues(rule, operator, scope)
        for argument, its_scope in zip(rule.arguments, _scopes(rule, scope), strict=True):
            yield from _issues(argument, its_scope)


def _scopes(operation: Operation, scope: _Scope) -> list[_Scope]:
    """What each argument can read: bodies and defaults see other data than the operation itself."""
    scopes = [scope] * len(operation.arguments)
    if len(scopes) > 1:
        if operation.operator in _ITEM_OPERATORS:
            scopes[1] = _Scope(("",), f'the body of {operation.operator!r} sees only its item, as {{"var": ""}}')
        elif operation.operator == "reduce":
            scopes[1] = _REDUCE_SCOPE
        elif operation.operator == "var":
            scopes[1:] = [_DEFAULT_SCOPE] * (len(scopes) - 1)
    return scopes


def _operation_issues(operation: Operation, operator: Operator, scope: _Scope) -> Iterator[Issue]:
    if operation.operator == "log":
        yield Issue("refused_operator", "'log' is for tracing and has no place in a stored rule", operation.place)
    arguments = _effective(operation, operator)
    if arguments is None:
        return
    if not operator.fewest <= len(arguments) <= (operator.most or len(arguments)):
        expected = _arity(operator.fewest, operator.most)
        reason = f"{operation.operator!r} takes {expected}, got {len(arguments)}"
        yield Issue("arity", reason, operation.place)
    if operation.operator in {"/", "%"} and any(map(_is_zero, arguments[1:2])):
        yield Issue("division_by_zero", f"{operation.operator!r} divides by zero", arguments[1].place)
    for reason, place in misuses(operation, arguments):
        yield Issue("wrong_type", reason, place)
    if operation.operator == "var":
        yield from _name_issues(arguments[:1], scope, computed=False)
    if operation.operator == "missing":
        yield from _name_issues(arguments, scope, computed=True)
    if operation.operator == "missing_some" and len(arguments) > 1 and isinstance(arguments[1], Listing):
        yield from _name_issues(arguments[1].members, scope, computed=True)


def _effective(operation: Operation, operator: Operator) -> tuple[Rule, ...] | None:
    """The arguments that the operator will see, or None where only the data tells how many they are."""
    if operator.spreads and len(operation.arguments) == 1:
        (only,) = operation.arguments
        if isinstance(only, Listing):
            return only.members
        if isinstance(only, Operation) and only.operator in _MAY_BE_LISTS:
            return None
    return operation.arguments


def _arity(fewest: int, most: int | None) -> str:
    noun = "argument" if (most or fewest) == 1 else "arguments"
    if most is None:
        return f"at least {fewest} {noun}"
    return f"exactly {most} {noun}" if fewest == most else f"{fewest} or {most} {noun}"


def _is_zero(argument: Rule) -> bool:
    try:
        return isinstance(argument, Constant) and as_number(argument.constant) == 0
    except DecimalException:  # a text of too many digits, which is not zero
        return False


def _name_issues(names: tuple[Rule, ...], scope: _Scope, *, computed: bool) -> Iterator[Issue]:
    for name in names:
        if not isinstance(name, Constant):
            if not computed:
                yield Issue("computed_name", "a variable's name must be written out, not computed", name.place)
        elif not isinstance(name.constant, str) and name.constant is not None:
            yield Issue("unknown_variable", "a variable's name must be a text", name.place)
        elif not scope.shows(name.constant or ""):
            yield Issue("unknown_variable", _unknown(name.constant or "", scope), name.place)


def _unknown(name: str, scope: _Scope) -> str:
    if scope.advice:
        return f"unknown variable {name[:60]!r}: {scope.advice}"
    if not name:
        return "an empty name reads the whole data; name one variable"
    return f"unknown variable {name[:60]!r}{hint(name, scope.names)}"


def hint(name: str, known: Collection[str]) -> str:
    """What to say of the known name that was probably meant: the same below another head, else the nearest."""
    ordered = sorted(known)
    tail = name.partition(".")[2] or name
    meant = [full for full in ordered if full.endswith(f".{tail}")] or get_close_matches(name[:60], ordered, n=1)
    return f"; did you mean {meant[0]!r}?" if meant else ""
