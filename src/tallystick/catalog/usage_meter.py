"""Usage meters: how events of one schema become a number."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.event_schema import EventSchema
from tallystick.catalog.fields import Lifecycle, SchemaName, Text50, Text255
from tallystick.kernel.document import Document, Draft


class MeterType(enum.StrEnum):
    """The one kind of meter that the wire knows."""

    COUNTER = "COUNTER"


class Aggregation(enum.StrEnum):
    """How units of events become usage; all but COUNT and SUM are known under /v1 only."""

    COUNT = "COUNT"
    SUM = "SUM"
    MAX = "MAX"
    MIN = "MIN"
    AVERAGE = "AVERAGE"
    DISTINCT_COUNT = "DISTINCT_COUNT"
    LATEST = "LATEST"

    @property
    def adds_up(self) -> bool:
        """Whether usage is the sum of what each event made, and that of a year the sum of its days."""
        return self in {Aggregation.COUNT, Aggregation.SUM}


class MeterFilter(Draft, frozen=True, kw_only=True):
    """A field that must hold exactly this text for the event to be metered."""

    field: str
    value: str


class Computation(Draft, frozen=True, kw_only=True):
    """A rule for the units of one event, and the rule that says whether it applies; JSONLogic as text."""

    id: Text50 | None = None
    matcher: Annotated[str, Meta(max_length=1500)] | None = None
    computation: Annotated[str, Meta(max_length=500)]
    order: int


class ComputationDraft(Draft, frozen=True, kw_only=True):
    """A computation as callers write it: rules may be JSON instead of text, and `order` may be missing."""

    id: Text50 | None = None
    matcher: msgspec.Raw | UnsetType = UNSET
    computation: msgspec.Raw
    order: int | None = None


Filters = Annotated[list[MeterFilter], Meta(max_length=50)]
Computations = Annotated[list[ComputationDraft], Meta(max_length=10)]


class UsageMeterAnswer(Document, frozen=True, kw_only=True):
    """A meter as the wire shows it."""

    id: str
    name: str
    billable_name: str | None = None
    display_name: str
    description: str | None = None
    filters: list[MeterFilter] | None = None
    type: MeterType
    status: Lifecycle
    aggregation: Aggregation
    computations: list[Computation]
    event_schema: EventSchema | None = None
    created_at: datetime
    updated_at: datetime
    last_activated_at: datetime | None = None


class UsageMeter(UsageMeterAnswer, frozen=True, kw_only=True):
    """A meter as it is stored: with the schema it reads, and a version that each edit raises."""

    event_schema_name: str | None = None
    version: int

    def answer(self, event_schema: EventSchema | None = None) -> UsageMeterAnswer:
        """The wire's view of this meter, with its schema when asked for."""
        shown = {field: getattr(self, field) for field in UsageMeterAnswer.__struct_fields__}
        return UsageMeterAnswer(**shown | {"event_schema": event_schema})


class UsageMeterDraft(Draft, frozen=True, kw_only=True):
    """What `POST /usage_meters` takes."""

    name: SchemaName
    billable_name: Text255 | None = None
    description: Text255 | None = None
    filters: Filters | None = None
    type: MeterType
    aggregation: Aggregation
    computations: Computations = []
    event_schema_name: str | None = None


class UsageMeterPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /usage_meters/{id}` takes: fields that are absent stay."""

    name: SchemaName | UnsetType = UNSET
    billable_name: Text255 | UnsetType = UNSET
    description: Text255 | UnsetType = UNSET
    filters: Filters | UnsetType = UNSET
    type: MeterType | UnsetType = UNSET
    aggregation: Aggregation | UnsetType = UNSET
    computations: Computations | UnsetType = UNSET
    event_schema_name: str | UnsetType = UNSET
