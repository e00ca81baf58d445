"""Usage that is no sum: the greatest, the least, the latest and the average of values, and how many of them differ.

Such a figure needs every event that counts, so it is read from facts, never from the sums of days. An event whose fact
was reversed has it there again with the other sign. So one with an odd number of facts counts, by what they add up to.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel import quantity
from tallystick.kernel.period import Period
from tallystick.metering.aggregation import average
from tallystick.metering.event_groups import MOST_CUTS, MOST_UNITS, EventGroup
from tallystick.stores.event_facts import UsageWindow
from tallystick.stores.event_store_spans import WITHIN, bucket, matching, naive
from tallystick.stores.event_store_usage import GROUPS, NARROW_SUM, WIDE_SUM, UsageQueries, table_of, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from tallystick.metering.event_groups import EventCuts
    from tallystick.stores.event_store_usage import SeriesBy

NOT_REVERSED: Final = "HAVING count(*) % 2 = 1"
"""A fact that was reversed stands there twice, once with each sign."""

_FIGURES: Final = {
    Aggregation.MAX: "max(value), NULL, 1",
    Aggregation.MIN: "min(value), NULL, 1",
    Aggregation.AVERAGE: "{total}, count(*)",
    Aggregation.DISTINCT_COUNT: "count(DISTINCT value), NULL, 1",
    Aggregation.LATEST: "arg_max(value, (event_at, position)), NULL, 1",
}
"""What is asked of the events of a series: a total in one part or two, and by what it is divided."""

_NARROW_VALUE: Final = "sum(value)"
_WIDE_VALUE: Final = "CAST(sum(CAST(trunc(value) AS HUGEINT)) AS DECIMAL(38, 12)) + sum(value - trunc(value))"
"""The value of an event, also where its facts come to more than 38 digits in between."""

_COUNTED: Final = f"""
WITH chosen AS MATERIALIZED (
    SELECT series, account_id, meter_id FROM series WHERE {{where}}
), stood AS NOT MATERIALIZED (
    SELECT series, event_at, value, position FROM fact SEMI JOIN chosen USING (series) WHERE {WITHIN}
), suspect AS MATERIALIZED (
    SELECT DISTINCT series, position FROM stood WHERE value <= 0
), counted AS (
    SELECT series, event_at, value, position FROM stood ANTI JOIN suspect USING (series, position)
    UNION ALL
    SELECT series, any_value(event_at), {{value}}, position FROM stood SEMI JOIN suspect USING (series, position)
    GROUP BY series, position {NOT_REVERSED}
)
"""  # noqa: S608 - constants
"""The events that count. Of a fact and its reversal one is not above zero: only such events are looked at closely."""

_STANDING: Final = "SELECT account_id, meter_id, event_at, value, position FROM counted JOIN chosen USING (series)"
_REPLACED: Final = f"""
FROM ({_STANDING}) ANTI JOIN instead USING (account_id, meter_id, position)
UNION ALL
SELECT account_id, meter_id, event_at, value, position FROM instead
WHERE value IS NOT NULL AND list_contains($replaced, meter_id)
"""  # noqa: S608 - constants
"""The same with other units in the place of some."""

_NEW_VALUES: Final = f"""
{_COUNTED}, whole AS (
    SELECT span, account_id, min(start_at) AS start_at, max(end_at) AS end_at FROM steps GROUP BY span, account_id
), begun AS (
    SELECT span, meter_id, min(event_at) AS begun_at FROM ({_STANDING}) JOIN whole USING (account_id)
    WHERE event_at >= start_at AND event_at < end_at GROUP BY span, meter_id, value
)
SELECT ordinal, meter_id, count(*), NULL, 1 FROM begun JOIN steps USING (span)
WHERE begun_at >= start_at AND begun_at < end_at GROUP BY ordinal, meter_id
"""  # noqa: S608 - constants
"""When each value is first there within its span, counted by the steps of it."""


_GROUP: Final = " + ".join(f"CAST(value > cut{number} AS INTEGER)" for number in range(MOST_CUTS))
"""In which group an event is: behind as many cuts as its units exceed."""
_UNITS: Final = pa.decimal128(quantity.STORED_DIGITS, quantity.STORED_SCALE)


class AggregateQueries(UsageQueries):
    """Questions about the usage of meters whose units do not add up; the caller names them."""

    def aggregate_totals(
        self,
        organisation: str,
        windows: Sequence[UsageWindow],
        kinds: Mapping[str, Aggregation],
        instead: pa.Table | None = None,
    ) -> list[dict[str, Decimal]]:
        """The usage of these meters in each window, in the order of the windows; of no event, there is none.

        It is what there is, or what there would be with the `Replacements` in the place of what they replace.
        """
        totals: list[dict[str, Decimal]] = [{} for _ in windows]
        if not windows:
            return totals
        start, end = min(window.period.start for window in windows), max(window.period.end for window in windows)
        accounts = list({window.account_id for window in windows})
        for kind, meter_ids in _by_kind(kinds):
            where, parameters = matching(organisation, {"account_id": accounts, "meter_id": meter_ids})
            parameters |= {"start": naive(start), "end": naive(end)}
            tables = {"windows": table_of(windows)}
            if instead is not None:
                parameters["replaced"] = meter_ids
                tables["instead"] = instead
            query = f"""
                {_COUNTED} SELECT ordinal, meter_id, {_FIGURES[kind]}
                FROM ({_STANDING if instead is None else _REPLACED}) JOIN windows USING (account_id)
                WHERE event_at >= start_at AND event_at < end_at GROUP BY ordinal, meter_id
            """  # noqa: S608 - made of constants
            for ordinal, meter_id, figure in self._figures(query, where, parameters, **tables):
                totals[ordinal][meter_id] = figure
        return totals

    def event_groups(
        self, organisation: str, asked: Sequence[tuple[UsageWindow, EventCuts]], instead: pa.Table | None = None
    ) -> list[tuple[EventGroup, ...]]:
        """The events of each window and meter, told apart by their units; one query, however many are asked for.

        They are those that there are, or that there would be, as in `aggregate_totals`.
        """
        found = [[EventGroup(0, quantity.ZERO)] * (len(cuts.cuts) + 1) for _, cuts in asked]
        if not asked:
            return []
        windows = [window for window, _ in asked]
        meter_ids = list({cuts.meter_id for _, cuts in asked})
        where, parameters = matching(
            organisation, {"account_id": list({window.account_id for window in windows}), "meter_id": meter_ids}
        )
        parameters |= {"start": naive(min(window.period.start for window in windows))}
        parameters |= {"end": naive(max(window.period.end for window in windows))}
        tables = {"windows": _with_cuts(asked)}
        if instead is not None:
            parameters["replaced"] = meter_ids
            tables["instead"] = instead
        query = f"""
            {_COUNTED} SELECT ordinal, {_GROUP} AS place, count(*), {{total}}
            FROM ({_STANDING if instead is None else _REPLACED}) JOIN windows USING (account_id, meter_id)
            WHERE event_at >= start_at AND event_at < end_at GROUP BY ordinal, place
        """  # noqa: S608 - made of constants
        for ordinal, place, events, total, rest in self._rows(query, where, parameters, **tables):
            found[ordinal][place] = EventGroup(events, quantity.plain(whole(total, rest)))
        return list(map(tuple, found))

    def new_values(
        self, organisation: str, spans: Sequence[tuple[str, Sequence[datetime]]], meter_ids: Sequence[str]
    ) -> list[dict[str, Decimal]]:
        """How many values of these meters appear between each two consecutive instants, in the order of these steps.

        A span is an account with its ascending instants: a value appears in the first step that it stands in.
        """
        steps = [
            (span, UsageWindow(account_id, Period(*ends)))
            for span, (account_id, instants) in enumerate(spans)
            for ends in pairwise(instants)
        ]
        counts: list[dict[str, Decimal]] = [{} for _ in steps]
        if not steps:
            return counts
        start, end = min(step.period.start for _, step in steps), max(step.period.end for _, step in steps)
        accounts = list({account_id for account_id, _ in spans})
        where, parameters = matching(organisation, {"account_id": accounts, "meter_id": list(meter_ids)})
        parameters |= {"start": naive(start), "end": naive(end)}
        windows = table_of([step for _, step in steps])
        tables = {"steps": windows.append_column("span", pa.array([span for span, _ in steps], pa.int32()))}
        for ordinal, meter_id, count in self._figures(_NEW_VALUES, where, parameters, **tables):
            counts[ordinal][meter_id] = count
        return counts

    def aggregate_series(
        self,
        organisation: str,
        bounds: Sequence[datetime],
        kinds: Mapping[str, Aggregation],
        *,
        account_ids: Sequence[str] | None = None,
        by: SeriesBy | None = None,
    ) -> list[tuple[str | None, int, Decimal]]:
        """(group, index of the bucket, usage) of these meters between consecutive bounds; empty buckets are left out.

        The usage of a group is what its accounts and meters come to, each by itself, added up.
        """
        found: dict[tuple[str | None, int], Decimal] = defaultdict(Decimal)
        for kind, meter_ids in _by_kind(kinds):
            where, parameters = matching(organisation, {"account_id": account_ids, "meter_id": meter_ids})
            parameters |= {"start": naive(bounds[0]), "end": naive(bounds[-1])}
            query = f"""
                {_COUNTED} SELECT {GROUPS[by]}, {bucket(bounds)} AS bucket, {_FIGURES[kind]}
                FROM ({_STANDING}) GROUP BY account_id, meter_id, bucket
            """  # noqa: S608 - made of constants, the values are parameters
            for group, place, figure in self._figures(query, where, parameters):
                found[group, place] = quantity.EXACT.add(found[group, place], figure)
        return sorted((group, place, quantity.plain(figure)) for (group, place), figure in found.items())

    def _figures(
        self, query: str, where: str, parameters: Mapping[str, object], **tables: pa.Table
    ) -> Iterator[tuple[Any, Any, Decimal]]:
        """Two columns and an exact figure."""
        for first, second, total, rest, count in self._rows(query, where, parameters, **tables):
            yield first, second, quantity.plain(average(whole(total, rest), count))

    def _rows(
        self, query: str, where: str, parameters: Mapping[str, object], **tables: pa.Table
    ) -> list[tuple[Any, ...]]:
        """What is found; where 38 digits do not do, sums are taken in wider parts."""
        try:
            return self._read(query.format(where=where, value=_NARROW_VALUE, total=NARROW_SUM), parameters, **tables)
        except duckdb.OutOfRangeException:
            return self._read(query.format(where=where, value=_WIDE_VALUE, total=WIDE_SUM), parameters, **tables)


def _with_cuts(asked: Sequence[tuple[UsageWindow, EventCuts]]) -> pa.Table:
    """Windows as a table, each with a meter and with cuts; no event is beyond the greatest, so it fills the rest."""
    table = table_of([window for window, _ in asked])
    table = table.append_column("meter_id", pa.array([cuts.meter_id for _, cuts in asked], pa.string()))
    for number in range(MOST_CUTS):
        column = [cuts.cuts[number] if number < len(cuts.cuts) else MOST_UNITS for _, cuts in asked]
        table = table.append_column(f"cut{number}", pa.array(column, _UNITS))
    return table


def _by_kind(kinds: Mapping[str, Aggregation]) -> Iterator[tuple[Aggregation, list[str]]]:
    """The meters of each kind, which one query asks for."""
    for kind in _FIGURES:
        meter_ids = [meter_id for meter_id, of_meter in kinds.items() if of_meter is kind]
        if meter_ids:
            yield kind, meter_ids
