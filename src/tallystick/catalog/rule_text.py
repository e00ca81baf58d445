"""What is wrong with the text of a JSONLogic rule before it is stored, every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.kernel.errors import BillingError, Problem
from tallystick.logic import ValueType, check, parse, told, types_of

if TYPE_CHECKING:
    from collections.abc import Collection

Types: TypeAlias = frozenset[ValueType]

ANYTHING: Final[Types] = frozenset(ValueType)
NUMBER: Final[Types] = frozenset({ValueType.NUMBER})


def text_problems(text: str, path: str, variables: Collection[str] | None, gives: Types = ANYTHING) -> list[Problem]:
    """Problems of a rule that may read these variables (any, for None) and has to give one of these types."""
    try:
        rule = parse(text, path=path)
    except BillingError as malformed:
        return list(malformed.problems)
    problems = [] if variables is None else [issue.problem(path) for issue in check(rule, variables)]
    types = types_of(rule)
    if not types & gives:
        problems.append(Problem(path, f"has to give {told(gives)}, but gives {told(types)}"))
    return problems
