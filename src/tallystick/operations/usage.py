"""What an account used of each meter, in whole days of the organisation's zone."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tallystick.catalog.usage_meter import Aggregation, UsageMeter
from tallystick.kernel.document import Document
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.period import FOREVER_ON, Period, local_date, local_midnight
from tallystick.kernel.quantity import ZERO, plain
from tallystick.metering.series import Granularity, bounds_of
from tallystick.operations.accounts import live_account
from tallystick.operations.cycles import terms_of
from tallystick.operations.metered_usage import usage_series
from tallystick.operations.work import Work, event_query

_EARLIEST: Final = date(1970, 1, 1)


class UsageGrouping(enum.StrEnum):
    """Whether usage is told as one total, or by day or month as well."""

    NONE = "NONE"
    DAY = "DAY"
    MONTH = "MONTH"


class UsagePoint(Document, frozen=True, kw_only=True):
    """The units of the days from `startDate` on and before `endDate`."""

    start_date: date
    end_date: date
    units: Decimal


class MeterUsage(Document, frozen=True, kw_only=True):
    """The units of one meter; points without usage are there, with 0.

    The units of the points add up to those of the whole time, unless the meter's aggregation is told here.
    """

    usage_meter_id: str
    name: str
    event_schema_name: str | None = None
    aggregation: Aggregation | None = None
    units: Decimal
    points: list[UsagePoint] | None = None


class AccountUsage(Document, frozen=True, kw_only=True):
    """What an account used from `startDate` on and before `endDate`, by meter in the order of their names.

    Meters that the account's plans price in this time are listed also when nothing was used of them.
    """

    account_id: str
    account_name: str
    start_date: date
    end_date: date
    time_zone: str
    group_by: UsageGrouping
    usage_meters: list[MeterUsage]


@event_query
def get_usage(
    work: Work,
    account_id: str,
    *,
    start_date: date,
    end_date: date,
    group_by: UsageGrouping = UsageGrouping.NONE,
) -> AccountUsage:
    """What an account used of each meter from one day until another, in total and by day or month when asked for.

    Days are those of the organisation's time zone; `endDate` is not part of the range. At most 300 points.
    """
    account = live_account(work, account_id)
    span = _span(work, start_date, end_date)
    bounds = [span.start, span.end]
    if group_by is not UsageGrouping.NONE:
        bounds = bounds_of(span, Granularity(group_by), work.organisation.zone, "endDate")
    series = _series(work, account_id, bounds)
    meters = sorted(work.state.usage_meters.among(series).values(), key=lambda meter: meter.name)
    totals = _totals(work, account_id, bounds, series, meters)
    return AccountUsage(
        account_id=account.id,
        account_name=account.name,
        start_date=start_date,
        end_date=end_date,
        time_zone=work.organisation.time_zone,
        group_by=group_by,
        usage_meters=[
            MeterUsage(
                usage_meter_id=meter.id,
                name=meter.name,
                event_schema_name=meter.event_schema_name,
                aggregation=None if meter.aggregation.adds_up else meter.aggregation,
                units=plain(totals[meter.id]),
                points=None if group_by is UsageGrouping.NONE else _points(work, bounds, series[meter.id]),
            )
            for meter in meters
        ],
    )


def _span(work: Work, start_on: date, end_on: date) -> Period:
    refuse_if_any(
        [
            Problem(name, f"{on} lies outside the years 1970 to 9998")
            for name, on in (("startDate", start_on), ("endDate", end_on))
            if not _EARLIEST <= on <= FOREVER_ON
        ]
    )
    if start_on >= end_on:
        raise invalid("endDate", f"{end_on} must lie after startDate: it is the first day that does not count")
    zone = work.organisation.zone
    return Period(local_midnight(start_on, zone), local_midnight(end_on, zone))


def _series(work: Work, account_id: str, bounds: Sequence[datetime]) -> dict[str, list[Decimal]]:
    """The units of each meter between consecutive bounds."""
    nothing = [ZERO] * (len(bounds) - 1)
    series = {meter_id: list(nothing) for meter_id in _priced(work, account_id, Period(bounds[0], bounds[-1]))}
    for meter_id, index, units in usage_series(work, bounds, account_ids=[account_id], by="meter"):
        series.setdefault(meter_id or "", list(nothing))[index] = units
    return series


def _priced(work: Work, account_id: str, span: Period) -> set[str]:
    """The meters that the account's plans price in a span."""
    timeline = work.state.schedules.of([account_id])[account_id]
    terms = terms_of(work, [piece for piece in timeline if piece.within.intersect(span) is not None])
    return {card.usage_meter_id for details in terms.values() for card in details.usage_rate_cards}


def _totals(
    work: Work,
    account_id: str,
    bounds: Sequence[datetime],
    series: Mapping[str, Sequence[Decimal]],
    meters: Sequence[UsageMeter],
) -> dict[str, Decimal]:
    """The units of each meter in the whole time."""
    totals = {meter.id: sum(series[meter.id], ZERO) for meter in meters}
    others = [meter.id for meter in meters if not meter.aggregation.adds_up]
    if others:
        whole = [bounds[0], bounds[-1]]
        for meter_id, _, units in usage_series(work, whole, account_ids=[account_id], meter_ids=others, by="meter"):
            totals[meter_id or ""] = units
    return totals


def _points(work: Work, bounds: Sequence[datetime], units: Sequence[Decimal]) -> list[UsagePoint]:
    zone = work.organisation.zone
    return [
        UsagePoint(start_date=local_date(start, zone), end_date=local_date(end, zone), units=plain(one))
        for (start, end), one in zip(pairwise(bounds), units, strict=True)
    ]
