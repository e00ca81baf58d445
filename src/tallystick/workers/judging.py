"""Judging a round: rows of the log and what is known at their end, to judged blocks.

A round is judged in two steps, because between them the ids that earlier events took are looked up where the store is:
first the rows are read and the keys of their ids told, then every event is judged by its catalogue and those ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tallystick.metering.event import COUNTED
from tallystick.metering.identity import identified
from tallystick.metering.processing import process
from tallystick.stores.event_facts import MeteredBlock
from tallystick.stores.event_log import position_of, row_of
from tallystick.stores.known_ids import keys_of
from tallystick.workers.orders import Moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import Catalogue, CatalogueSource
    from tallystick.metering.columns import EventColumns
    from tallystick.stores.event_log import LogRow
    from tallystick.stores.event_store import EventStore
    from tallystick.stores.id_run import Keys, Positions
    from tallystick.stores.known_ids import KeysOf, KnownIds
    from tallystick.workers.orders import Orders


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A block of a log row on its way: event i has `position` + i and nanosecond `reserved` + i."""

    position: int
    reserved: int
    received_at: datetime
    columns: EventColumns
    keys: NDArray[np.uint64]


class Round:
    """The rows that are judged together, with the catalogues as they are after the end of the rows."""

    def __init__(
        self, rows: Sequence[LogRow], catalogues: CatalogueSource, orders: Orders, keys: KeysOf = keys_of
    ) -> None:
        self._orders = orders
        self._catalogues = _snapshots([columns for row in rows for columns in row.blocks], catalogues, orders)
        self._arrivals = [arrival for row in rows for arrival in self._arriving(row, keys)]
        self._rejudged = [
            keys(arrival.columns.organisation, orders.ids(arrival.columns))
            for arrival in self._arrivals
            if arrival.columns.rejudged or arrival.columns.remetered
        ]

    @property
    def keys(self) -> Keys:
        """The keys of all ids that may be taken in this round."""
        return np.concatenate([np.empty(0, np.uint64), *(one.keys for one in self._arrivals), *self._rejudged])

    def judged(self, taken: Sequence[tuple[str, str]]) -> list[MeteredBlock]:
        """The blocks with what became of their events; `taken` are the (organisation, id) that earlier events took."""
        claimed: dict[str, set[str]] = {organisation: set() for organisation in self._catalogues}
        for organisation, event_id in taken:
            claimed.setdefault(organisation, set()).add(event_id)
        return [
            MeteredBlock(
                position=arrival.position,
                reserved=arrival.reserved,
                received_at=arrival.received_at,
                columns=arrival.columns,
                outcomes=process(
                    arrival.columns,
                    arrival.received_at,
                    self._catalogues[arrival.columns.organisation],
                    claimed[arrival.columns.organisation],
                ),
                keys=arrival.keys,
            )
            for arrival in self._arrivals
            if self._may_be_judged(arrival, claimed[arrival.columns.organisation])
        ]

    def _may_be_judged(self, arrival: _Arrival, claimed: set[str]) -> bool:
        """Whether a block has events of its own to judge, once what it orders was carried out."""
        columns = arrival.columns
        if columns.orders:
            catalogue = self._catalogues[columns.organisation]
            moment = Moment(row_of(arrival.position), arrival.received_at, catalogue, claimed)
            return self._orders.carry_out(columns, moment) and len(columns) > 0
        return len(columns) > 0

    def _arriving(self, row: LogRow, keys: KeysOf) -> Iterator[_Arrival]:
        ordinal = 0
        for sent in row.blocks:
            columns = identified(sent, self._catalogues[sent.organisation])
            yield _Arrival(
                position=position_of(row.row, ordinal),
                reserved=row.reserved + ordinal,
                received_at=row.received_at,
                columns=columns,
                keys=keys(columns.organisation, columns.ids),
            )
            ordinal += len(columns)


def taken_earlier(keys: Keys, known: KnownIds, events: EventStore) -> list[tuple[str, str]]:
    """The (organisation, id) among these keys that stored events took: looked up by key, read as stored."""
    positions = known.candidates(keys)
    return events.ids_at(positions) if len(positions) else []


def claims_of(blocks: Sequence[MeteredBlock]) -> tuple[Keys, Positions]:
    """The keys of the ids that judged events have taken, and at which positions."""
    keys: list[Keys] = [np.empty(0, np.uint64)]
    positions: list[Positions] = [np.empty(0, np.int64)]
    for block in blocks:
        claims = np.array([status in COUNTED for status in block.outcomes.statuses], dtype=np.bool_)
        keys.append(block.keys[claims])
        positions.append(block.position + np.flatnonzero(claims))
    return np.concatenate(keys), np.concatenate(positions)


def _snapshots(blocks: Sequence[EventColumns], catalogues: CatalogueSource, orders: Orders) -> Mapping[str, Catalogue]:
    schemas: dict[str, set[str]] = {}
    accounts: dict[str, set[str]] = {}
    for columns in blocks:
        schemas.setdefault(columns.organisation, set()).update(columns.schema_names)
        accounts.setdefault(columns.organisation, set()).update(columns.account_refs)
        for schema, account in orders.references(columns):
            schemas[columns.organisation].add(schema)
            accounts[columns.organisation].add(account)
    return {
        organisation: catalogues.snapshot(organisation, names, accounts[organisation])
        for organisation, names in schemas.items()
    }
