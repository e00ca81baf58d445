"""Metrics: time series of events, usage and revenue (domain.md 8.1)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from tallystick.accounts.account import Account
from tallystick.accounts.named_licence import names_between
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.period import BEGINNING, Period, in_utc
from tallystick.kernel.quantity import ZERO, plain
from tallystick.metering.event import STATUS_GROUPS, EventStatus, statuses_named
from tallystick.metering.metric import (
    DataPoints,
    Field,
    Grouped,
    MetricName,
    MetricQuery,
    MetricResult,
    MetricsAnswer,
    MetricsRequest,
)
from tallystick.metering.series import MOST_POINTS, bounds_of
from tallystick.operations.metered_usage import usage_series
from tallystick.operations.named_licences import named_spans
from tallystick.operations.revenue import Earned, revenue_between, revenue_by_cycle, usage_by_cycle
from tallystick.operations.work import Work, event_query
from tallystick.stores.event_store_queries import CountsBy

Point = tuple[str | None, int, Decimal]
"""A group (None without grouping), the index of a point, and what it counts."""

_LATEST: Final = datetime(9998, 12, 31, tzinfo=UTC)
"""The end of what can be measured: the point behind it must still be an instant, in every zone."""
_REVENUE: Final = frozenset({MetricName.REVENUE, MetricName.REVENUE_FOR_CYCLE})
_BY_CYCLE: Final = frozenset({MetricName.USAGE_FOR_CYCLE, MetricName.REVENUE_FOR_CYCLE})
_ITEM: Final = (Field.USAGE_METER_ID, Field.BILLABLE_ID)
_EVENT_FILTERS: Final = frozenset({Field.ACCOUNT_ID, Field.CUSTOMER_ID, Field.SCHEMA_NAME, Field.EVENT_STATUS})
_EVENT_GROUPS: Final = frozenset({Field.ACCOUNT_ID, Field.SCHEMA_NAME, Field.EVENT_STATUS, Field.RAW_EVENT_STATUS})
_OTHER_FIELDS: Final = frozenset({Field.ACCOUNT_ID, Field.CUSTOMER_ID, *_ITEM})
_COUNTED_BY: Final[Mapping[Field | None, CountsBy]] = {
    Field.ACCOUNT_ID: "account",
    Field.SCHEMA_NAME: "schema",
    Field.EVENT_STATUS: "status",
    Field.RAW_EVENT_STATUS: "status",
}


@event_query
def get_metrics(work: Work, request: MetricsRequest) -> MetricsAnswer:
    """Time series of events, usage and revenue, up to five at once; empty points are 0."""
    span = _span(request)
    for index, asked in enumerate(request.metric_queries):
        refuse_if_any(_problems(work, asked, f"metricQueries[{index}]"))
    return MetricsAnswer(
        results=[
            MetricResult(id=asked.id, name=asked.name, data=_measured(work, asked, span))
            for asked in request.metric_queries
        ]
    )


def _measured(work: Work, asked: MetricQuery, span: Period) -> list[DataPoints]:
    if asked.name in _BY_CYCLE:
        return _cycle_series(work, asked, span)
    bounds = bounds_of(span, asked.aggregation_period, work.organisation.zone)
    if asked.name is MetricName.EVENTS:
        points = _event_points(work, asked, bounds)
    elif asked.name is MetricName.REVENUE:
        points = _revenue_points(work, asked, bounds)
    elif asked.name is MetricName.NAMED_LICENSE_USAGE:
        points = _name_points(work, asked, bounds)
    else:
        points = _usage_points(work, asked, bounds)
    return _series(asked, bounds[:-1], points)


def _event_points(work: Work, asked: MetricQuery, bounds: Sequence[datetime]) -> Iterator[Point]:
    schemas = _values(asked, Field.SCHEMA_NAME)
    if schemas == []:  # two filters that contradict each other
        return
    counts = work.events.event_counts(
        work.organisation.id,
        bounds,
        account_ids=_account_ids(work, asked),
        schema_name=schemas[0] if schemas else None,
        statuses=_statuses(asked),
        by=_COUNTED_BY.get(asked.group_by),
    )
    for group, index, count in counts:
        yield _status_group(group) if asked.group_by is Field.EVENT_STATUS else group, index, Decimal(count)


def _usage_points(work: Work, asked: MetricQuery, bounds: Sequence[datetime]) -> Iterator[Point]:
    by_account = asked.group_by in {Field.ACCOUNT_ID, Field.CUSTOMER_ID}
    found = usage_series(
        work,
        bounds,
        account_ids=_account_ids(work, asked),
        meter_ids=_items(asked),
        by="account" if by_account else "meter" if asked.group_by in _ITEM else None,
    )
    if asked.group_by is not Field.CUSTOMER_ID:
        yield from found
        return
    accounts = work.state.accounts.among({group for group, _, _ in found if group is not None})
    for group, index, units in found:
        yield accounts[group or ""].customer_id, index, units


def _name_points(work: Work, asked: MetricQuery, bounds: Sequence[datetime]) -> Iterator[Point]:
    """The different names that hold a licence of an account in each point; the next account or licence counts anew.

    Whoever holds one goes on holding it, but what has not begun yet is not measured.
    """
    items, begun = _items(asked), bisect_right(bounds[:-1], work.now)
    found = names_between(named_spans(work, _account_ids(work, asked)), bounds)
    accounts = work.state.accounts.among({account_id for account_id, _ in found})
    for (account_id, license_id), names in found.items():
        if items is None or license_id in items:
            for index, count in enumerate(names[:begun]):
                one = Earned(account_id, license_id, bounds[index], Decimal(count))
                yield _group(asked, one, accounts), index, one.amount


def _revenue_points(work: Work, asked: MetricQuery, bounds: Sequence[datetime]) -> Iterator[Point]:
    accounts = _billed_accounts(work, asked)
    for earned in _wanted(asked, revenue_between(work, accounts, bounds)):
        yield _group(asked, earned, accounts), bisect_right(bounds, earned.at) - 1, earned.amount


def _cycle_series(work: Work, asked: MetricQuery, span: Period) -> list[DataPoints]:
    """Points sit at the starts of cycles; accounts whose cycles start together share them."""
    accounts = _billed_accounts(work, asked)
    measure = revenue_by_cycle if asked.name in _REVENUE else usage_by_cycle
    found = list(_wanted(asked, measure(work, accounts, span)))
    starts = sorted({earned.at for earned in found})
    if len(starts) > MOST_POINTS:
        raise invalid("endTime", f"the range has more than {MOST_POINTS} points, one per cycle: ask for less time")
    places = {start: index for index, start in enumerate(starts)}
    points = [(_group(asked, earned, accounts), places[earned.at], earned.amount) for earned in found]
    return _series(asked, starts, points)


def _series(asked: MetricQuery, timestamps: Sequence[datetime], points: Iterable[Point]) -> list[DataPoints]:
    """One list of values for each group, or one for all."""
    sums: dict[str | None, list[Decimal]] = {} if asked.group_by else {None: [ZERO] * len(timestamps)}
    for group, index, value in points:
        sums.setdefault(group, [ZERO] * len(timestamps))[index] += value
    return [
        DataPoints(
            grouped_by=None if asked.group_by is None else Grouped(field_name=asked.group_by, field_value=group or ""),
            timestamps=list(timestamps),
            metric_values=[plain(value) for value in sums[group]],
        )
        for group in sorted(sums, key=str)
    ]


def _wanted(asked: MetricQuery, found: Iterable[Earned]) -> Iterator[Earned]:
    items = _items(asked)
    return (earned for earned in found if items is None or earned.billable_id in items)


def _group(asked: MetricQuery, earned: Earned, accounts: dict[str, Account]) -> str | None:
    if asked.group_by is Field.ACCOUNT_ID:
        return earned.account_id
    if asked.group_by is Field.CUSTOMER_ID:
        return accounts[earned.account_id].customer_id
    return None if asked.group_by is None else earned.billable_id


def _span(request: MetricsRequest) -> Period:
    start, end = in_utc(request.start_time, "startTime"), in_utc(request.end_time, "endTime")
    refuse_if_any(
        [
            Problem(name, f"{instant.isoformat()} lies outside the years 1970 to 9998")
            for name, instant in (("startTime", start), ("endTime", end))
            if not BEGINNING <= instant <= _LATEST
        ]
    )
    if start >= end:
        raise invalid("endTime", "must lie after startTime")
    return Period(start, end)


def _problems(work: Work, asked: MetricQuery, path: str) -> list[Problem]:
    """Filters and groupings that a metric does not have, and amounts that cannot be added up."""
    is_events = asked.name is MetricName.EVENTS
    filters = _EVENT_FILTERS if is_events else _OTHER_FIELDS
    groups = _EVENT_GROUPS if is_events else _OTHER_FIELDS
    problems = [
        Problem(f"{path}.filters[{index}].fieldName", f"{entry.field_name} does not filter {asked.name}")
        for index, entry in enumerate(asked.filters or [])
        if entry.field_name not in filters
    ]
    if asked.group_by is not None and asked.group_by not in groups:
        problems.append(Problem(f"{path}.groupBy", f"{asked.name} cannot be grouped by {asked.group_by}"))
    if len(_values(asked, Field.SCHEMA_NAME) or ()) > 1:
        problems.append(Problem(f"{path}.filters", "SCHEMA_NAME takes one value"))
    return problems + (_currency_problems(work, asked, path) if asked.name in _REVENUE else [])


def _currency_problems(work: Work, asked: MetricQuery, path: str) -> list[Problem]:
    """Amounts of different currencies are never added up, and nothing is converted without a stored factor."""
    wanted = asked.configs.get("CURRENCY", "BASE")
    currencies = {account.invoice_currency for account in _billed_accounts(work, asked).values()}
    if wanted not in {"BASE", "INVOICE"}:
        return [Problem(f"{path}.configs.CURRENCY", f"{wanted!r} is unknown: send BASE or INVOICE")]
    if wanted == "BASE" and currencies - {work.organisation.base_currency}:
        foreign = ", ".join(sorted(currencies - {work.organisation.base_currency}))
        reason = f"accounts billed in {foreign} have no conversion to {work.organisation.base_currency}: ask INVOICE"
        return [Problem(f"{path}.configs.CURRENCY", reason)]
    if len(currencies) > 1 and asked.group_by is not Field.ACCOUNT_ID:
        return [Problem(f"{path}.groupBy", "accounts of several currencies: group by ACCOUNT_ID, or filter")]
    return []


def _values(asked: MetricQuery, field: Field) -> list[str] | None:
    """The values that every filter on a field allows; None when it is not filtered."""
    allowed: list[str] | None = None
    for entry in asked.filters or ():
        if entry.field_name is field:
            allowed = [value for value in entry.field_values if allowed is None or value in allowed]
    return allowed


def _items(asked: MetricQuery) -> list[str] | None:
    """The billable items asked for, under either of the two names of the field."""
    meters, billables = _values(asked, Field.USAGE_METER_ID), _values(asked, Field.BILLABLE_ID)
    if meters is None or billables is None:
        return meters if billables is None else billables
    return [item for item in meters if item in billables]


def _account_ids(work: Work, asked: MetricQuery) -> list[str] | None:
    """The accounts asked for, by id or by customer; None for all."""
    accounts, customers = _values(asked, Field.ACCOUNT_ID), _values(asked, Field.CUSTOMER_ID)
    if customers is None:
        return accounts
    owned = [account.id for customer in customers for account in work.state.accounts.all(customer_id=customer)]
    return owned if accounts is None else [account for account in owned if account in accounts]


def _billed_accounts(work: Work, asked: MetricQuery) -> dict[str, Account]:
    """The accounts asked for that ever had a plan or bought anything."""
    wanted = _account_ids(work, asked)
    billed = {*work.state.schedules.account_ids(), *work.state.purchases.account_ids()}
    return work.state.accounts.among(billed if wanted is None else [one for one in wanted if one in billed])


def _statuses(asked: MetricQuery) -> list[EventStatus] | None:
    """What was asked for; else what succeeded or failed, or every status where each stands by itself."""
    names = _values(asked, Field.EVENT_STATUS)
    if names is None and asked.group_by is Field.RAW_EVENT_STATUS:
        return None
    wanted = ["PROCESSED", "UNPROCESSED"] if names is None else names
    return [status for name in wanted for status in statuses_named(name, "metricQueries.filters.fieldValues")]


def _status_group(status: str | None) -> str:
    return next((name for name, statuses in STATUS_GROUPS.items() if status in statuses), status or "")
