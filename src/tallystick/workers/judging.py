"""Judging a round: rows of the log and what is known at their end, to judged blocks.

A round is judged in two steps, because between them the ids that earlier events took are looked up where the store is:
first the rows are read and the keys of their ids told, then every event is judged by its catalogue and those ids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tallystick.kernel.micros import micros_of
from tallystick.metering.event import COUNTED
from tallystick.metering.event_block import EventBlock
from tallystick.metering.identity import identified
from tallystick.metering.processing import process_block
from tallystick.stores.event_facts import MeteredBlock
from tallystick.stores.event_log import position_of
from tallystick.stores.known_ids import keys_of
from tallystick.workers.orders import Moment
from tallystick.workers.round_purses import RoundPurses, uses_features

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import Catalogue, CatalogueSource
    from tallystick.metering.purse import PurseSource
    from tallystick.stores.event_log import LogRow
    from tallystick.stores.event_store import EventStore
    from tallystick.stores.id_run import Keys, Positions
    from tallystick.stores.known_ids import KeysOf, KnownIds
    from tallystick.stores.taken_ids import TakenIds
    from tallystick.workers.orders import Orders


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Events on their way, each with its position, its nanosecond, and the microsecond at which it was received.

    `row` is the one that they, or the first of them, are from.
    """

    row: LogRow
    block: EventBlock
    positions: NDArray[np.int64]
    reserved: NDArray[np.int64]
    received_ats: NDArray[np.int64]

    @classmethod
    def of(cls, row: LogRow, ordinal: int, block: EventBlock) -> _Arrival:
        """A block of a log row, the first of whose events has that ordinal."""
        ordinals = ordinal + np.arange(len(block))
        received_ats = np.full(len(block), micros_of(row.received_at))
        return cls(row, block, position_of(row.row) + ordinals, row.reserved + ordinals, received_ats)

    @classmethod
    def joined(cls, arrivals: Sequence[_Arrival]) -> _Arrival:
        """Events of one organisation that order nothing, as one block."""
        if len(arrivals) == 1:
            return arrivals[0]
        return cls(
            arrivals[0].row,
            EventBlock.joined([arrival.block for arrival in arrivals]),
            np.concatenate([arrival.positions for arrival in arrivals]),
            np.concatenate([arrival.reserved for arrival in arrivals]),
            np.concatenate([arrival.received_ats for arrival in arrivals]),
        )


class Round:
    """The rows that are judged together, with the catalogues as they are after the end of the rows."""

    def __init__(
        self, rows: Sequence[LogRow], catalogues: CatalogueSource, orders: Orders, keys: KeysOf = keys_of
    ) -> None:
        self._orders = orders
        self._through_row = rows[-1].row
        self._purses: RoundPurses | None = None
        arrivals = _gathered(rows)
        self._catalogues = _snapshots([arrival.block for arrival in arrivals], catalogues, orders)
        self._arrivals = [
            replace(one, block=identified(one.block, self._catalogues[one.block.organisation])) for one in arrivals
        ]
        self._keys = [keys(one.block.organisation, one.block.ids) for one in self._arrivals]
        self._rejudged = [
            keys(one.block.organisation, orders.ids(one.block))
            for one in self._arrivals
            if one.block.rejudged or one.block.remetered
        ]

    @property
    def uses_features(self) -> bool:
        """Whether some of its events use up what accounts were granted of features."""
        return uses_features((one.block for one in self._arrivals), self._catalogues)

    def open_purses(self, source: PurseSource, after_row: int) -> None:
        """Let its events use features as far as accounts were granted them; `after_row` is the last that is stored."""
        blocks = [one.block for one in self._arrivals]
        self._purses = RoundPurses(blocks, self._catalogues, self._orders, source, after_row)

    def book(self) -> bool:
        """Store what its events have used of features, before their outcome; False, when it is to be judged anew."""
        return self._purses is None or self._purses.book(self._through_row)

    @property
    def keys(self) -> Keys:
        """The keys of all ids that may be taken in this round."""
        return np.concatenate([np.empty(0, np.uint64), *self._keys, *self._rejudged])

    def judged(self, taken: TakenIds) -> list[MeteredBlock]:
        """The blocks with what became of their events; `taken` are the ids that earlier events took."""
        claimed = {organisation: set(taken.get(organisation, ())) for organisation in self._catalogues}
        return [
            MeteredBlock(
                positions=arrival.positions,
                reserved=arrival.reserved,
                received_ats=arrival.received_ats,
                events=arrival.block,
                outcomes=process_block(
                    arrival.block,
                    arrival.received_ats,
                    self._catalogues[arrival.block.organisation],
                    claimed[arrival.block.organisation],
                    None if self._purses is None else self._purses.till(arrival.block.organisation, arrival.positions),
                ),
                keys=keys,
            )
            for arrival, keys in zip(self._arrivals, self._keys, strict=True)
            if self._may_be_judged(arrival, claimed[arrival.block.organisation])
        ]

    def _may_be_judged(self, arrival: _Arrival, claimed: set[str]) -> bool:
        """Whether a block has events of its own to judge, once what it orders was carried out."""
        block = arrival.block
        if block.orders:
            catalogue = self._catalogues[block.organisation]
            purses = None if self._purses is None else self._purses.of(block.organisation)
            moment = Moment(arrival.row.row, arrival.row.received_at, catalogue, claimed, purses)
            return self._orders.carry_out(block, moment) and len(block) > 0
        return len(block) > 0


def _gathered(rows: Sequence[LogRow]) -> list[_Arrival]:
    """The events of rows, those of an organisation together unless something is ordered between them."""
    arrivals: list[_Arrival] = []
    for row in rows:
        ordinal = 0
        for block in row.blocks:
            arrivals.append(_Arrival.of(row, ordinal, block))
            ordinal += len(block)
    if any(arrival.block.orders for arrival in arrivals):
        return arrivals
    groups: dict[str, list[_Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault(arrival.block.organisation, []).append(arrival)
    return [_Arrival.joined(group) for group in groups.values()]


def taken_earlier(keys: Keys, known: KnownIds, events: EventStore) -> TakenIds:
    """The ids with these keys that stored events took: looked up by key, read as stored."""
    positions = known.candidates(keys)
    return events.ids_at(positions) if len(positions) else {}


def claims_of(blocks: Sequence[MeteredBlock]) -> tuple[Keys, Positions]:
    """The keys of the ids that judged events have taken, and at which positions."""
    keys: list[Keys] = [np.empty(0, np.uint64)]
    positions: list[Positions] = [np.empty(0, np.int64)]
    for block in blocks:
        statuses = block.outcomes.statuses
        claims = np.array([status in COUNTED for status in statuses.values], dtype=np.bool_)[statuses.codes]
        keys.append(block.keys[claims])
        positions.append(block.positions[claims])
    return np.concatenate(keys), np.concatenate(positions)


def _snapshots(blocks: Sequence[EventBlock], catalogues: CatalogueSource, orders: Orders) -> Mapping[str, Catalogue]:
    schemas: dict[str, set[str]] = {}
    accounts: dict[str, set[str]] = {}
    for block in blocks:
        schemas.setdefault(block.organisation, set()).update(block.schema_names.texts)
        accounts.setdefault(block.organisation, set()).update(block.account_refs.texts)
        for schema, account, _ in orders.references(block):
            schemas[block.organisation].add(schema)
            accounts[block.organisation].add(account)
    return {
        organisation: catalogues.snapshot(organisation, names, accounts[organisation])
        for organisation, names in schemas.items()
    }
