"""Spans of event time in the event store's SQL: their conditions, and the buckets that bounds divide them into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import BEGINNING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DAY: Final = timedelta(days=1)
WITHIN: Final = "event_at >= $start AND event_at < $end"
"""That a fact or event lies in the span that is asked for."""


def naive(instant: datetime) -> datetime:
    """The instant as the store holds it: UTC without saying so, since zones in DuckDB would need its ICU extension."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def conditions(
    organisation: str, bounds: Sequence[datetime], choices: Mapping[str, Sequence[str] | None]
) -> tuple[str, dict[str, object]]:
    """The WHERE clause for a span of event time and the chosen values of some columns."""
    where, parameters = matching(organisation, choices)
    span = {"start": naive(bounds[0]), "end": naive(bounds[-1])}
    return f"{where} AND {WITHIN}", parameters | span


def matching(organisation: str, choices: Mapping[str, Sequence[str] | None]) -> tuple[str, dict[str, object]]:
    """The WHERE clause for the chosen values of some columns."""
    where = ["organisation = $organisation"]
    parameters: dict[str, object] = {"organisation": organisation}
    for number, (column, chosen) in enumerate(choices.items()):
        if chosen is not None:
            where.append(f"{column} IN (SELECT unnest($choice{number}::VARCHAR[]))")
            parameters[f"choice{number}"] = [str(value) for value in chosen]
    return " AND ".join(where), parameters


def bucket(bounds: Sequence[datetime]) -> str:
    """The index of the bucket of `event_at`: by division where all whole buckets are equally wide, else by search."""
    whole = {later - earlier for earlier, later in pairwise(bounds[1:-1])}
    if len(whole) == 1:
        (width,) = whole
        if bounds[1] - bounds[0] <= width and bounds[-1] - bounds[-2] <= width:
            origin = bounds[1] - width - BEGINNING
            if width == _DAY and not origin % _DAY:  # much faster than to divide by any other number
                return f"CAST(event_at AS DATE) - DATE '{(bounds[1] - width).astimezone(UTC).date()}'"
            return f"(epoch_us(event_at) - {origin // MICROSECOND}) // {width // MICROSECOND}"
    return _search(bounds, 0, len(bounds) - 1)


def _search(bounds: Sequence[datetime], first: int, last: int) -> str:
    """A tree of comparisons, which is faster by far than a join with the bounds."""
    if last - first <= 1:
        return str(first)
    middle = (first + last) // 2
    earlier, later = _search(bounds, first, middle), _search(bounds, middle, last)
    return f"CASE WHEN event_at < TIMESTAMP '{naive(bounds[middle])}' THEN {earlier} ELSE {later} END"
