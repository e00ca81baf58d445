"""What can be asked of the event store. Sums are exact: DECIMAL throughout, and wider where 38 digits do not do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
import pyarrow as pa

from tallystick.kernel import quantity
from tallystick.metering.event import COUNTED, Attribute, Event, EventSource, EventStatus, stored_status
from tallystick.metering.outcomes import unlisted
from tallystick.stores.event_facts import MeteredEvent, StoredEvent, UsageFact
from tallystick.stores.event_log import position_of
from tallystick.stores.event_store_aggregates import NOT_REVERSED, AggregateQueries
from tallystick.stores.event_store_spans import bucket, conditions, naive
from tallystick.stores.event_store_transactions import readable
from tallystick.stores.known_ids import keys_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tallystick.kernel.period import Period
    from tallystick.stores.event_facts import UsageWindow
    from tallystick.stores.taken_ids import TakenIds

CountsBy: TypeAlias = Literal["account", "schema", "status"]
EventOrder: TypeAlias = Literal["earliest", "latest", "greatest", "least"]

_STATUS: Final = f"""
CASE WHEN status IN ({", ".join(f"'{status.value}'" for status in EventStatus)}) THEN status
ELSE '{EventStatus.UNKNOWN.value}' END
"""
"""The status as this release knows it: a later one may have written others."""

_EVENT_GROUPS: Final[Mapping[CountsBy | None, str]] = {
    "account": "coalesce(account_id, account_ref)",
    "schema": "schema_name",
    "status": _STATUS,
    None: "NULL",
}
_EVENT_COLUMNS: Final = (
    "position, reserved, event_id, schema_name, event_at, account_ref, attributes, dimensions, schema_version, "
    "account_id, customer_id, received_at, source, status, status_description, filtered_out, enrichments, "
    "before_reverting"
)
_ORDERS: Final[Mapping[EventOrder, str]] = {
    "earliest": "metered_at, position",
    "latest": "metered_at DESC, position DESC",
    "greatest": "value DESC, metered_at, position",
    "least": "value, metered_at, position",
}
_BEHIND: Final = """
event_at <= $event_at AND (
    event_at < $event_at
    OR coalesce(event_id, '') > $event_id
    OR coalesce(event_id, '') = $event_id AND position > $position
)"""

CLAIMING: Final = sorted(status.value for status in COUNTED)
"""The statuses of events that have taken their id, as they are stored."""

_PORTION: Final = 1_000_000


class EventQueries(AggregateQueries):
    """The reading side: each query is a transaction of its own, so any thread may ask."""

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
        """(group, index of the bucket, events) between consecutive ascending bounds; empty buckets are left out.

        An event whose account was not found counts under the account as it was sent.
        """
        where, parameters = conditions(
            organisation,
            bounds,
            {
                _EVENT_GROUPS["account"]: account_ids,
                "schema_name": None if schema_name is None else [schema_name],
                _status_column(statuses): statuses,
            },
        )
        query = f"""
            SELECT {_EVENT_GROUPS[by]}, {bucket(bounds)}, count(*) FROM judged WHERE {where}
            GROUP BY ALL HAVING count(*) > 0
        """  # noqa: S608 - made of constants, the values are parameters
        return sorted(self._read(query, parameters))

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
        """The next events by event time, newest first, then id, then position.

        `account_id` is met by the account that was found, and by the name under which the event was sent. `after` is
        the (event time, id or "", position) of the last event seen; events that arrive between two pages move nothing.
        """
        where = ["organisation = $organisation"]
        parameters: dict[str, object] = {"organisation": organisation, "size": size}
        if statuses is not None:
            where.append(f"list_contains($statuses, {_status_column(statuses)})")
            parameters["statuses"] = [status.value for status in statuses]
        if account_id is not None:
            where.append("(account_id = $account_id OR account_ref = $account_id)")
            parameters["account_id"] = account_id
        if schema_name is not None:
            where.append("schema_name = $schema_name")
            parameters["schema_name"] = schema_name
        if after is not None:
            where.append(_BEHIND)
            parameters |= {"event_at": naive(after[0]), "event_id": after[1], "position": after[2]}
        query = f"""
            SELECT {_EVENT_COLUMNS} FROM judged WHERE {" AND ".join(where)}
            ORDER BY event_at DESC, coalesce(event_id, ''), position LIMIT $size
        """  # noqa: S608 - made of constants, the values are parameters
        return [_stored_event(*row) for row in self._read(query, parameters)]

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
        conditions: dict[str, object] = {
            "reserved": reserved,
            "event_id": event_id,
            "event_at": None if event_at is None else naive(event_at),
            "received_at": None if received_at is None else naive(received_at),
        }
        given = {column: value for column, value in conditions.items() if value is not None}
        where = "".join(f" AND {column} = ${column}" for column in given)
        if through_row is not None:
            where += " AND position < $end"
            given["end"] = position_of(through_row + 1)
        if after is not None:
            where += f" AND {_BEHIND}"
            given |= {"event_at": naive(after[0]), "event_id": after[1], "position": after[2]}
        query = f"""
            SELECT {_EVENT_COLUMNS} FROM judged
            WHERE organisation = $organisation AND (account_id = $account_id OR account_ref = $account_id) {where}
            ORDER BY event_at DESC, coalesce(event_id, ''), position LIMIT $size
        """  # noqa: S608 - made of constants, the values are parameters
        parameters = given | {"organisation": organisation, "account_id": account_id, "size": size}
        return [_stored_event(*row) for row in self._read(query, parameters)]

    def positions_of(
        self, organisation: str, account_refs: Sequence[str], status: EventStatus, *, after: int, size: int
    ) -> list[int]:
        """The next positions of events that were sent under one of these names and have this status."""
        query = """
            SELECT position FROM judged
            WHERE organisation = $organisation AND account_ref IN (SELECT unnest($account_refs)) AND status = $status
            AND position > $after ORDER BY position LIMIT $size
        """
        parameters = {
            "organisation": organisation,
            "account_refs": list(account_refs),
            "status": status.value,
            "after": after,
            "size": size,
        }
        return [position for (position,) in self._read(query, parameters)]

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
        """The next events of a schema by position that happened in a span and have one of these statuses.

        They come from the log up to a row; `after` is the position of the last event seen.
        """
        where, parameters = conditions(
            organisation,
            (span.start, span.end),
            {"schema_name": [schema_name], "status": sorted(statuses), "account_id": account_ids},
        )
        # The positions first, from narrow columns: to sort whole events would take longer the more there are.
        query = f"""
            SELECT position FROM judged
            WHERE {where} AND position > $after AND position < $until ORDER BY position LIMIT $size
        """  # noqa: S608 - made of constants, the values are parameters
        parameters |= {"after": after, "until": position_of(through_row + 1), "size": size}
        return self.events_at(organisation, [position for (position,) in self._read(query, parameters)])

    def events_with_id(self, organisation: str, event_id: str) -> list[StoredEvent]:
        """Every event that was sent with this id, the first one first."""
        return self.events_with_ids(organisation, [event_id])

    def events_with_ids(self, organisation: str, event_ids: Sequence[str]) -> list[StoredEvent]:
        """Every event that was sent with one of these ids, in the order in which they came in."""
        query = f"""
            SELECT {_EVENT_COLUMNS} FROM judged
            WHERE organisation = $organisation AND key IN (SELECT unnest($keys))
            AND event_id IN (SELECT unnest($ids)) ORDER BY position
        """  # noqa: S608 - made of constants, the values are parameters
        keys = [int(key) for key in keys_of(organisation, event_ids)]
        rows = self._read(query, {"organisation": organisation, "keys": keys, "ids": list(event_ids)})
        return [_stored_event(*row) for row in rows]

    def events_at(self, organisation: str, positions: Sequence[int]) -> list[StoredEvent]:
        """The events at these positions, in their order."""
        query = f"""
            SELECT {_EVENT_COLUMNS} FROM judged
            WHERE organisation = $organisation AND position IN (SELECT unnest($positions)) ORDER BY position
        """  # noqa: S608 - made of constants, the values are parameters
        rows = self._read(query, {"organisation": organisation, "positions": list(positions)})
        return [_stored_event(*row) for row in rows]

    def units_of(self, organisation: str, positions: Sequence[int]) -> list[UsageFact]:
        """The usage facts of the events at these positions, by position and meter; not those that were reversed."""
        query = f"""
            SELECT position, meter_id, meter_version, sum(value) FROM usage
            WHERE organisation = $organisation AND position IN (SELECT unnest($positions))
            GROUP BY ALL {NOT_REVERSED} ORDER BY position, meter_id
        """  # noqa: S608 - made of constants, the values are parameters
        return self._facts(query, {"organisation": organisation, "positions": list(positions)})

    def units_at(self, organisation: str, account_id: str, event_at: datetime, *, since: int) -> list[UsageFact]:
        """The usage facts of an account's events of one instant, from a position on; not those that were reversed."""
        query = f"""
            SELECT position, meter_id, meter_version, sum(value) FROM usage
            WHERE organisation = $organisation AND account_id = $account_id AND event_at = $event_at
            AND position >= $since GROUP BY ALL {NOT_REVERSED} ORDER BY position, meter_id
        """  # noqa: S608 - made of constants, the values are parameters
        parameters = {"organisation": organisation, "account_id": account_id, "event_at": naive(event_at)}
        return self._facts(query, parameters | {"since": since})

    def _facts(self, query: str, parameters: Mapping[str, object]) -> list[UsageFact]:
        rows = self._read(query, parameters)
        return [UsageFact(position, meter, version, quantity.plain(value)) for position, meter, version, value in rows]

    def metered_events(
        self, organisation: str, window: UsageWindow, meter_id: str, *, first: int, order: EventOrder = "earliest"
    ) -> tuple[int, list[MeteredEvent]]:
        """How many events of an account a meter took units of in a span, and the first of them in some order."""
        bounds = (window.period.start, window.period.end)
        choices = {"account_id": [window.account_id], "meter_id": [meter_id]}
        where, parameters = conditions(organisation, bounds, choices)
        facts = f"""
            SELECT position, event_at AS metered_at, sum(value) AS value FROM usage WHERE {where}
            GROUP BY ALL {NOT_REVERSED}
        """  # noqa: S608 - constants
        count = self._read(f"SELECT count(*) FROM ({facts})", parameters)[0][0]  # noqa: S608 - constants
        query = f"""
            SELECT event_id, metered_at, value FROM event JOIN (
                {facts} ORDER BY {_ORDERS[order]} LIMIT $first
            ) AS first USING (position)
            WHERE organisation = $organisation ORDER BY {_ORDERS[order]}
        """  # noqa: S608 - made of constants, the values are parameters
        rows = self._read(query, parameters | {"first": first})
        return count, [MeteredEvent(name, at.replace(tzinfo=UTC), quantity.plain(value)) for name, at, value in rows]

    def ids_at(self, positions: NDArray[np.int64]) -> TakenIds:
        """The ids of those events at these positions that hold theirs."""
        query = """
            SELECT organisation, list(event_id) FROM event SEMI JOIN asked USING (position)
            LEFT JOIN (
                SELECT position, max_by(status, number) AS status FROM revision SEMI JOIN asked USING (position)
                GROUP BY position
            ) AS latest USING (position)
            WHERE event_id IS NOT NULL AND list_contains($claiming, coalesce(latest.status, event.status))
            GROUP BY organisation
        """
        return dict(self._read(query, {"claiming": CLAIMING}, asked=pa.table({"position": positions})))

    def ids_after(self, position: int) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """(keys, positions) of the events that claimed their id behind a position, by ascending key, in portions."""
        query = """
            SELECT key, position FROM judged WHERE position > $position AND list_contains($claiming, status)
            UNION ALL
            SELECT key, position FROM judged
            SEMI JOIN (SELECT position FROM revision WHERE number > $position) AS revised USING (position)
            WHERE position <= $position AND list_contains($claiming, status) ORDER BY key
        """
        with readable(), self._transaction() as cursor:
            found = cursor.sql(query, params={"position": position, "claiming": CLAIMING})
            for batch in found.to_arrow_reader(_PORTION):
                yield batch.column(0).to_numpy(), batch.column(1).to_numpy()


def _status_column(wanted: Sequence[EventStatus] | None) -> str:
    """Where wanted statuses are looked for; the plain column, which is faster, unless it could be any other text."""
    return _STATUS if wanted is not None and EventStatus.UNKNOWN in wanted else "status"


def _stored_event(*row: Any) -> StoredEvent:  # noqa: ANN401 - columns of many types, in the order of _EVENT_COLUMNS
    (position, reserved, event_id, schema, event_at, account, attributes, dimensions, version, *rest) = row
    account_id, customer_id, received_at, source, status, description, filtered_out, enrichments, before = rest
    event = Event(
        schema_name=schema,
        id=event_id,
        timestamp=event_at.replace(tzinfo=UTC),
        account_id=account,
        attributes=msgspec.json.decode(attributes, type=list[Attribute]),
        dimensions=msgspec.json.decode(dimensions, type=dict[str, str]),
    )
    return StoredEvent(
        position=position,
        reserved=reserved,
        event=event,
        schema_version=version,
        account_id=account_id,
        customer_id=customer_id,
        received_at=received_at.replace(tzinfo=UTC),
        source=EventSource(source),
        status=stored_status(status),
        status_description=description,
        filtered_out=unlisted(filtered_out),
        enrichments=enrichments,
        before_reverting=None if before is None else stored_status(before),
    )
