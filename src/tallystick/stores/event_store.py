"""What the rooms above ask of the event store; `duck_event_store.py` is the one that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tallystick.stores.event_facts import MeteredBlock, MeteredEvent, Revision, StoredEvent, UsageFact, UsageWindow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tallystick.catalog.usage_meter import Aggregation
    from tallystick.kernel.period import Period
    from tallystick.metering.event import EventStatus
    from tallystick.metering.event_groups import EventCuts, EventGroup
    from tallystick.stores.event_store_arrow import Arriving
    from tallystick.stores.event_store_queries import CountsBy, EventOrder
    from tallystick.stores.event_store_usage import SeriesBy
    from tallystick.stores.taken_ids import TakenIds
    from tallystick.stores.watermark import Watermark

__all__ = ["EventStore", "MeteredBlock", "MeteredEvent", "StoredEvent", "UsageFact", "UsageWindow"]


class EventStore(Protocol):
    """Events, usage and the offset in the log up to which they are in here; all queries are of one organisation."""

    def apply(
        self,
        blocks: Sequence[MeteredBlock],
        through_row: int,
        received_at: datetime,
        revisions: Sequence[Revision] = (),
    ) -> None:
        """Store judged events, revisions, usage and the offset in one transaction, unless the offset is there."""
        ...

    def apply_rows(self, arriving: Arriving, through_row: int, received_at: datetime) -> None:
        """As `apply`, for events whose rows were made elsewhere."""
        ...

    def count_unsorted(self) -> int:
        """How many usage facts have arrived and are not sorted yet."""
        ...

    def sort_portion(self) -> int:
        """Sort some of the usage facts that arrived first, while others may arrive; how many."""
        ...

    @property
    def watermark(self) -> Watermark:
        """How far the store has come in the log."""
        ...

    def offset(self) -> int:
        """The last log row whose events are in here."""
        ...

    def processed_until(self) -> datetime | None:
        """When that row was received; None before the first."""
        ...

    def wait_until(self, row: int, timeout: float) -> bool:
        """Wait at most so many seconds until a log row is in here; whether it is."""
        ...

    def events_at(self, organisation: str, positions: Sequence[int]) -> list[StoredEvent]:
        """The events at these positions."""
        ...

    def events_matching(
        self,
        organisation: str,
        account_id: str,
        *,
        reserved: int | None = None,
        event_id: str | None = None,
        event_at: datetime | None = None,
        received_at: datetime | None = None,
        through_row: int | None = None,
        after: tuple[datetime, str, int] | None = None,
        size: int,
    ) -> list[StoredEvent]:
        """The newest events of an account, or sent under its name, that meet every condition; of the log up to a row.

        `after` is the (event time, id or "", position) of the last event seen.
        """
        ...

    def positions_of(
        self, organisation: str, account_refs: Sequence[str], status: EventStatus, *, after: int, size: int
    ) -> list[int]:
        """The next positions of events that were sent under one of these names and have this status."""
        ...

    def events_of_schema(
        self,
        organisation: str,
        schema_name: str,
        span: Period,
        statuses: Collection[EventStatus],
        *,
        account_ids: Sequence[str] | None = None,
        through_row: int,
        after: int,
        size: int,
    ) -> list[StoredEvent]:
        """The next events of a schema by position that happened in a span and have one of these statuses."""
        ...

    def ids_at(self, positions: NDArray[np.int64]) -> TakenIds:
        """The ids of those events at these positions that hold theirs."""
        ...

    def ids_after(self, position: int) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """(keys, positions) of the events behind a position that claimed their id, by ascending key."""
        ...

    def usage_totals(
        self, organisation: str, windows: Sequence[UsageWindow], *, but: Collection[str] = ()
    ) -> list[dict[str, Decimal]]:
        """The usage by meter id in each window, in the order of the windows, of all meters but some: facts added up."""
        ...

    def aggregate_totals(
        self,
        organisation: str,
        windows: Sequence[UsageWindow],
        kinds: Mapping[str, Aggregation],
        instead: pa.Table | None = None,
    ) -> list[dict[str, Decimal]]:
        """The usage in each window of the meters named, whose units do not add up: what there is, or would be."""
        ...

    def event_groups(
        self, organisation: str, asked: Sequence[tuple[UsageWindow, EventCuts]], instead: pa.Table | None = None
    ) -> list[tuple[EventGroup, ...]]:
        """The events of each window and meter, told apart by their units: those that there are or that would be."""
        ...

    def new_values(
        self, organisation: str, spans: Sequence[tuple[str, Sequence[datetime]]], meter_ids: Sequence[str]
    ) -> list[dict[str, Decimal]]:
        """For accounts with ascending instants, between each two of these: values that were not there before."""
        ...

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
        """(group, index of the bucket, usage) between consecutive bounds: facts added up, of all meters but some."""
        ...

    def aggregate_series(
        self,
        organisation: str,
        bounds: Sequence[datetime],
        kinds: Mapping[str, Aggregation],
        *,
        account_ids: Sequence[str] | None = None,
        by: SeriesBy | None = None,
    ) -> list[tuple[str | None, int, Decimal]]:
        """As `usage_series`, of the meters whose units do not add up, which the caller names."""
        ...

    def event_counts(
        self,
        organisation: str,
        bounds: Sequence[datetime],
        *,
        account_ids: Sequence[str] | None = None,
        schema_name: str | None = None,
        statuses: Sequence[EventStatus] | None = None,
        by: CountsBy | None = None,
    ) -> list[tuple[str | None, int, int]]:
        """(group, index of the bucket, events) between consecutive bounds; empty buckets are left out."""
        ...

    def page_events(
        self,
        organisation: str,
        *,
        size: int,
        statuses: Sequence[EventStatus] | None = None,
        account_id: str | None = None,
        schema_name: str | None = None,
        after: tuple[datetime, str, int] | None = None,
    ) -> list[StoredEvent]:
        """The next events by event time, newest first, then id, then position."""
        ...

    def events_with_id(self, organisation: str, event_id: str) -> list[StoredEvent]:
        """Every event that was sent with this id, the first one first."""
        ...

    def events_with_ids(self, organisation: str, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Every event that was sent with one of these ids, in the order in which they came in."""
        ...

    def units_of(self, organisation: str, positions: Sequence[int]) -> list[UsageFact]:
        """The usage facts of the events at these positions."""
        ...

    def units_at(self, organisation: str, account_id: str, event_at: datetime, *, since: int) -> list[UsageFact]:
        """The usage facts of an account's events of one instant, from a position on."""
        ...

    def metered_events(
        self, organisation: str, window: UsageWindow, meter_id: str, *, first: int, order: EventOrder = "earliest"
    ) -> tuple[int, list[MeteredEvent]]:
        """How many events of an account a meter took units of in a span, and the first of them in some order."""
        ...
