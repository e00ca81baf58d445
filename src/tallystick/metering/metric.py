"""Metrics on the wire: what can be asked for as a time series, and how it is answered (domain.md 8.1)."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from tallystick.kernel.document import Document, Draft
from tallystick.metering.series import Granularity


class MetricName(enum.StrEnum):
    """What can be measured."""

    EVENTS = "EVENTS"
    USAGE = "USAGE"
    METER_USAGE = "METER_USAGE"
    NAMED_LICENSE_USAGE = "NAMED_LICENSE_USAGE"
    REVENUE = "REVENUE"
    USAGE_FOR_CYCLE = "USAGE_FOR_CYCLE"
    REVENUE_FOR_CYCLE = "REVENUE_FOR_CYCLE"


class Field(enum.StrEnum):
    """What a metric can be filtered or grouped by."""

    ACCOUNT_ID = "ACCOUNT_ID"
    CUSTOMER_ID = "CUSTOMER_ID"
    SCHEMA_NAME = "SCHEMA_NAME"
    EVENT_STATUS = "EVENT_STATUS"
    RAW_EVENT_STATUS = "RAW_EVENT_STATUS"
    USAGE_METER_ID = "USAGE_METER_ID"
    BILLABLE_ID = "BILLABLE_ID"


class MetricFilter(Draft, frozen=True, kw_only=True):
    """Values that a field may have: any of them."""

    field_name: Field
    field_values: Annotated[list[str], Meta(min_length=1, max_length=1000)]


class MetricQuery(Draft, frozen=True, kw_only=True):
    """One series to compute; all filters must hold."""

    id: str
    name: MetricName
    aggregation_period: Granularity
    group_by: Field | None = None
    configs: dict[str, str] = {}
    filters: Annotated[list[MetricFilter], Meta(min_length=1, max_length=5)] | None = None


class MetricsRequest(Draft, frozen=True, kw_only=True):
    """What `POST /metrics` takes; the range is half-open."""

    start_time: datetime
    end_time: datetime
    metric_queries: Annotated[list[MetricQuery], Meta(min_length=1, max_length=5)]


class Grouped(Document, frozen=True, kw_only=True):
    """The group that a series belongs to."""

    field_name: str
    field_value: str


class DataPoints(Document, frozen=True, kw_only=True):
    """One series as parallel lists; empty points are 0 and present."""

    grouped_by: Grouped | None = None
    timestamps: list[datetime]
    metric_values: list[Decimal]


class MetricResult(Document, frozen=True, kw_only=True):
    """The answer to one query."""

    id: str
    name: MetricName
    data: list[DataPoints]


class MetricsAnswer(Document, frozen=True, kw_only=True):
    """The answers to all queries, in their order."""

    results: list[MetricResult]
