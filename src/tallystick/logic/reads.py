"""Which variables a rule reads, as far as that stands in its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.logic.rule import Constant, Listing, Operation

if TYPE_CHECKING:
    from tallystick.logic.rule import Rule

_READ_MORE: Final = frozenset({"map", "filter", "reduce", "all", "some", "none", "missing", "missing_some"})
"""Operators whose arguments name variables of another scope, or without `var`."""


def variables_of(rule: Rule) -> frozenset[str] | None:
    """The names that a rule reads, as they are spelled in it; None, when only its evaluation could tell."""
    names: set[str] = set()
    pending = [rule]
    while pending:
        node = pending.pop()
        if isinstance(node, Listing):
            pending.extend(node.members)
        elif isinstance(node, Operation):
            if node.operator in _READ_MORE:
                return None
            if node.operator != "var":
                pending.extend(node.arguments)
                continue
            name = variable_of(node)
            if name is None:
                return None
            names.add(name)
    return frozenset(names)


def texts_in(rule: Rule) -> frozenset[str]:
    """Every text that is written out in a rule, among them the names of all that it can read."""
    texts: set[str] = set()
    pending = [rule]
    while pending:
        match pending.pop():
            case Listing(members=members):
                pending.extend(members)
            case Operation(arguments=arguments):
                pending.extend(arguments)
            case Constant(constant=str(text)):
                texts.add(text)
    return frozenset(texts)


def variable_of(rule: Rule) -> str | None:
    """The name of the one variable that a rule is, such as "attributes.distance"; None, when it is anything else."""
    match rule:
        case Operation("var", (Constant(str() as name),)):
            return name
        case _:
            return None
