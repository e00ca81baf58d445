"""The rules inside a meter: from what callers write to checked JSONLogic text, every problem at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.catalog.rule_text import ANYTHING, NUMBER, text_problems
from tallystick.catalog.usage_meter import Aggregation, Computation
from tallystick.kernel.errors import Problem
from tallystick.logic import ValueType

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tallystick.catalog.rule_text import Types
    from tallystick.catalog.usage_meter import ComputationDraft, MeterFilter, UsageMeter

LONGEST_MATCHER: Final = 1500
LONGEST_COMPUTATION: Final = 500
COUNT_OF_ONE: Final = "1"
_TOLD_APART: Final[Types] = frozenset({ValueType.NUMBER, ValueType.TEXT, ValueType.NUMERAL})
"""Of what different values are counted."""


def computations_of(drafts: Sequence[ComputationDraft], aggregation: Aggregation) -> list[Computation]:
    """The computations as they are kept: rules as text, every one with its order (domain.md 11.1 a).

    A COUNT meter without a computation counts each event as 1.
    """
    if not drafts and aggregation is Aggregation.COUNT:
        return [Computation(computation=COUNT_OF_ONE, order=1)]
    return [
        Computation(
            id=draft.id,
            matcher=_rule_text(draft.matcher),
            computation=_rule_text(draft.computation) or "",
            order=position if draft.order is None else draft.order,
        )
        for position, draft in enumerate(drafts, start=1)
    ]


def problems_of(
    computations: Sequence[Computation],
    filters: Sequence[MeterFilter],
    aggregation: Aggregation,
    variables: Collection[str] | None,
) -> list[Problem]:
    """What is wrong with a meter's rules; `variables` are the names its schema offers, None without a schema."""
    problems: list[Problem] = []
    gives = _TOLD_APART if aggregation is Aggregation.DISTINCT_COUNT else NUMBER
    for index, computation in enumerate(computations):
        path = f"computations[{index}]"
        if computation.matcher is not None:
            problems += _rule_problems(computation.matcher, f"{path}.matcher", LONGEST_MATCHER, variables)
        problems += _rule_problems(
            computation.computation, f"{path}.computation", LONGEST_COMPUTATION, variables, gives
        )
        if aggregation is Aggregation.COUNT and computation.computation.strip() != COUNT_OF_ONE:
            reason = f"a COUNT meter counts each event as 1: send {COUNT_OF_ONE!r}, or use aggregation SUM"
            problems.append(Problem(f"{path}.computation", reason))
    if aggregation is not Aggregation.COUNT and variables is not None and not computations:
        problems.append(Problem("computations", f"a {aggregation} meter needs at least one computation"))
    if aggregation is Aggregation.DISTINCT_COUNT and len(computations) > 1:
        reason = (
            f"a DISTINCT_COUNT meter has one computation, whose values it tells apart: {len(computations)} were sent"
        )
        problems.append(Problem("computations", reason))
    return problems + _filter_problems(filters, variables)


def change_problems(before: UsageMeter, after: UsageMeter) -> list[Problem]:
    """What is wrong with a change: what was metered stays, and has to mean the same by another aggregation."""
    means_the_same = after.aggregation is before.aggregation or (
        before.aggregation.adds_up and after.aggregation.adds_up
    )
    if before.last_activated_at is None or means_the_same:
        return []
    reason = (
        f"cannot become {after.aggregation}, since the meter has been active by {before.aggregation}: make another one"
    )
    return [Problem("aggregation", reason)]


def _rule_text(rule: msgspec.Raw | msgspec.UnsetType) -> str | None:
    """A rule as JSON text: a text stands for itself, anything else for its compact JSON; null is no rule."""
    if isinstance(rule, msgspec.UnsetType) or (raw := bytes(rule)) == b"null":
        return None
    return msgspec.json.decode(raw, type=str) if raw.startswith(b'"') else _compact(raw)


def _compact(raw: bytes) -> str:
    return msgspec.json.format(raw, indent=-1).decode()


def _rule_problems(
    text: str, path: str, longest: int, variables: Collection[str] | None, gives: Types = ANYTHING
) -> list[Problem]:
    if len(text) > longest:
        return [Problem(path, f"{len(text)} characters are too many: at most {longest}")]
    return text_problems(text, path, variables, gives)


def _filter_problems(filters: Sequence[MeterFilter], variables: Collection[str] | None) -> list[Problem]:
    if variables is None:
        return []
    names = {name.partition(".")[2] for name in variables if not name.startswith("dependencies.")}
    return [
        Problem(
            f"filters[{index}].field",
            f"{entry.field!r} is neither an attribute nor a dimension of the schema",
        )
        for index, entry in enumerate(filters)
        if entry.field.rpartition(".")[2] not in names
    ]
