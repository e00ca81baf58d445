"""Sums of usage: what accounts used within spans of time. They are exact: DECIMAL, and wider where 38 digits do not do.

Facts that are sorted are read as the sums of their days (UTC), but for the days that a bound of the question cuts.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import duckdb
import pyarrow as pa

from tallystick.kernel import quantity
from tallystick.stores.event_store_spans import bucket, conditions, naive
from tallystick.stores.event_store_transactions import EventTransactions

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tallystick.stores.event_facts import UsageWindow

SeriesBy: TypeAlias = Literal["account", "meter"]

NARROW_SUM: Final = "sum(value), NULL"
WIDE_SUM: Final = "sum(CAST(trunc(value) AS HUGEINT)), sum(value - trunc(value))"
"""Whole units and the rest of a sum that 38 digits may not hold."""

GROUPS: Final[Mapping[SeriesBy | None, str]] = {"account": "account_id", "meter": "meter_id", None: "NULL"}
_DAY: Final = timedelta(days=1)

_ARRIVED: Final = "SELECT series, event_at, value FROM fact_arrived WHERE event_at >= $start AND event_at < $end"
_SORTED: Final = "SELECT series, event_at, value FROM fact_sorted WHERE event_at >= {start} AND event_at < {end}"
_DAYS: Final = """
SELECT series, CAST(day AS TIMESTAMP) AS event_at, value FROM fact_day
WHERE day >= CAST($start AS DATE) AND day <= CAST($end AS DATE)
"""


class UsageQueries(EventTransactions):
    """Questions about usage: each is a transaction of its own, so any thread may ask."""

    def usage_totals(
        self, organisation: str, windows: Sequence[UsageWindow], *, but: Collection[str] = ()
    ) -> list[dict[str, Decimal]]:
        """The usage by meter id in each window, in the order of the windows; one query, however many there are.

        Facts are added up, but for the meters whose units do not add up: these have to be left out.
        """
        totals: list[dict[str, Decimal]] = [{} for _ in windows]
        if not windows:
            return totals
        starts = [naive(window.period.start) for window in windows]
        ends = [naive(window.period.end) for window in windows]
        within = "" if len(set(starts)) == len(set(ends)) == 1 else "AND event_at >= start_at AND event_at < end_at"
        parameters: dict[str, object] = {"organisation": organisation, "start": min(starts), "end": max(ends)}
        query = f"""
            SELECT ordinal, meter_id, {{total}} FROM ({_usage({*starts, *ends})}) JOIN windows USING (account_id)
            WHERE organisation = $organisation AND event_at >= $start AND event_at < $end {within}
            {_without(but, parameters)} GROUP BY ALL
        """  # noqa: S608 - made of constants
        for ordinal, meter_id, total in self._sums(query, parameters, table_of(windows)):
            totals[ordinal][meter_id] = total
        return totals

    def usage_series(
        self,
        organisation: str,
        bounds: Sequence[datetime],
        *,
        account_ids: Sequence[str] | None = None,
        meter_ids: Sequence[str] | None = None,
        by: SeriesBy | None = None,
        but: Collection[str] = (),
    ) -> list[tuple[str | None, int, Decimal]]:
        """(group, index of the bucket, usage) between consecutive ascending bounds; empty buckets are left out.

        Facts are added up, as by `usage_totals`.
        """
        where, parameters = conditions(organisation, bounds, {"account_id": account_ids, "meter_id": meter_ids})
        query = f"""
            SELECT {GROUPS[by]}, {bucket(bounds)}, {{total}} FROM ({_usage(map(naive, bounds))}) WHERE {where}
            {_without(but, parameters)} GROUP BY ALL HAVING count(*) > 0
        """  # noqa: S608 - made of constants, the values are parameters
        return sorted(self._sums(query, parameters))

    def _sums(
        self, query: str, parameters: Mapping[str, object], windows: pa.Table | None = None
    ) -> list[tuple[Any, Any, Decimal]]:
        """Two columns and an exact total.

        DuckDB refuses a sum beyond 38 digits, also when it is one only in between. Such a sum is taken in two parts
        that cannot overflow: the whole units, below 10^26 each, so that 10^12 of them fit HUGEINT, and the rest.
        """
        tables = {} if windows is None else {"windows": windows}
        try:
            rows = self._read(query.format(total=NARROW_SUM), parameters, **tables)
        except duckdb.OutOfRangeException:
            rows = self._read(query.format(total=WIDE_SUM), parameters, **tables)
        return [(first, second, quantity.plain(whole(total, rest))) for first, second, total, rest in rows]


def whole(total: Decimal | int, rest: Decimal | None) -> Decimal:
    """A sum that was taken in one part, or in two."""
    return Decimal(total) if rest is None else quantity.EXACT.add(Decimal(total), rest)


def table_of(windows: Sequence[UsageWindow]) -> pa.Table:
    """Windows as a table, each with its place among them."""
    return pa.table(
        {
            "ordinal": pa.array(range(len(windows)), pa.int32()),
            "account_id": pa.array([window.account_id for window in windows], pa.string()),
            "start_at": pa.array([naive(window.period.start) for window in windows], pa.timestamp("us")),
            "end_at": pa.array([naive(window.period.end) for window in windows], pa.timestamp("us")),
        }
    )


def _without(meter_ids: Collection[str], parameters: dict[str, object]) -> str:
    """The condition that leaves meters out, with its parameter."""
    if not meter_ids:
        return ""
    parameters["but"] = list(meter_ids)
    return "AND NOT list_contains($but, meter_id)"


def _usage(bounds: Iterable[datetime]) -> str:
    """The facts from $start to $end for a question that these bounds divide, as the store's instants.

    A sum stands at the first instant of its day, and so on the side of each bound where all facts of that day are;
    the days that have a bound within them are left out, and their facts stand there one by one.
    """
    cut = sorted({bound.date() for bound in bounds if bound.time() != time.min})
    without = ", ".join(f"DATE '{day}'" for day in cut)
    days = f"{_DAYS} AND day NOT IN ({without})" if cut else _DAYS
    spans = [_SORTED.format(start=f"TIMESTAMP '{start}'", end=f"TIMESTAMP '{end}'") for start, end in _runs(cut)]
    return f"""
        SELECT organisation, account_id, meter_id, event_at, value
        FROM ({" UNION ALL ".join([_ARRIVED, days, *spans])}) JOIN series USING (series)
    """  # noqa: S608 - made of constants and dates


def _runs(days: Sequence[date]) -> list[tuple[date, date]]:
    """Ascending days as spans: the first of consecutive ones, and the day behind the last."""
    runs: list[tuple[date, date]] = []
    for day in days:
        if runs and runs[-1][1] == day:
            runs[-1] = runs[-1][0], day + _DAY
        else:
            runs.append((day, day + _DAY))
    return runs
