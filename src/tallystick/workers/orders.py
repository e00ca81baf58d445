"""What blocks of the log order about events that are stored already: to take them back, or to judge them again.

Whatever an order finds changed since it was given, such as an event that is taken back already, it leaves alone: an
order may therefore be given twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.metering.columns import EventColumns
from tallystick.metering.correction import CorrectionAction, refusal, taken_back_by
from tallystick.metering.event import STATUS_GROUPS, EventStatus
from tallystick.metering.processing import process
from tallystick.stores.event_facts import Revision
from tallystick.stores.event_log import position_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tallystick.metering.catalogue import Catalogue
    from tallystick.stores.event_facts import StoredEvent
    from tallystick.stores.event_store import EventStore

_CLAIMING: Final = frozenset(STATUS_GROUPS["PROCESSED"])


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an order stands in the log, and what is known there; `claimed` are the ids that are taken."""

    row: int
    received_at: datetime
    catalogue: Catalogue
    claimed: set[str]


class Orders:
    """The orders of one round, carried out one after the other; `revisions` is what comes of them."""

    def __init__(self, stored: Iterable[StoredEvent] = ()) -> None:
        """Take the events that orders of the round are about."""
        self._stored = {event.position: event for event in stored}
        self._given: dict[int, int] = defaultdict(int)
        self.revisions: list[Revision] = []

    @classmethod
    def among(cls, blocks: Iterable[EventColumns], events: EventStore) -> Orders:
        """The orders of blocks, about events of a store."""
        asked: dict[str, set[int]] = defaultdict(set)
        for block in blocks:
            if block.undone or block.rejudged:
                asked[block.organisation].update(block.orders)
        return cls(
            event
            for organisation, positions in asked.items()
            for event in events.events_at(organisation, sorted(positions))
        )

    def references(self, block: EventColumns) -> Iterator[tuple[str, str]]:
        """(schema name, account reference) of the events that a block is about."""
        for position in block.orders:
            stored = self._stored.get(position)
            if stored is not None:
                yield stored.event.schema_name, stored.account_id or stored.event.account_id

    def ids(self, block: EventColumns) -> list[str | None]:
        """The ids that events of a block may take when they are judged again."""
        return [self._stored[position].event.id for position in block.rejudged if position in self._stored]

    def carry_out(self, block: EventColumns, moment: Moment) -> bool:
        """Do what a block orders; whether its own events may be judged, because all is taken back that should be."""
        for position in block.rejudged:
            self._judge_again(block.organisation, position, moment)
        taken_back = [self._take_back(block, position, moment) for position in block.undone]
        return all(taken_back)

    def _take_back(self, block: EventColumns, position: int, moment: Moment) -> bool:
        stored = self._stored.get(position)
        if stored is None or refusal(stored.status, CorrectionAction.UNDO) or _is_closed(stored, moment):
            return False
        if stored.event.id is not None and stored.status in _CLAIMING:
            moment.claimed.discard(stored.event.id)
        reverted = replace(
            stored,
            status=EventStatus.REVERTED,
            status_description=taken_back_by(block.ordered_by),
            before_reverting=stored.status,
        )
        self._keep(block.organisation, reverted, moment)
        return True

    def _judge_again(self, organisation: str, position: int, moment: Moment) -> None:
        """Judge an event whose account was unknown, as if it came now."""
        stored = self._stored.get(position)
        if stored is None or stored.status is not EventStatus.ACCOUNT_NOT_FOUND:
            return
        columns = EventColumns.of([stored.event], organisation, stored.source)
        outcomes = process(columns, moment.received_at, moment.catalogue, moment.claimed)
        if outcomes.statuses[0] is EventStatus.ACCOUNT_NOT_FOUND:
            return
        filtered_out = outcomes.filtered_out[0]
        judged = replace(
            stored,
            status=outcomes.statuses[0],
            status_description=outcomes.descriptions[0],
            schema_version=outcomes.schema_versions[0],
            account_id=outcomes.account_ids[0],
            customer_id=outcomes.customer_ids[0],
            filtered_out=() if filtered_out is None else msgspec.json.decode(filtered_out, type=_Meters),
            enrichments=outcomes.enrichments[0],
        )
        self._keep(organisation, judged, moment)
        usage = tuple((meter, value) for _, meter, value in outcomes.facts())
        self.revisions[-1] = replace(self.revisions[-1], usage=usage)

    def _keep(self, organisation: str, event: StoredEvent, moment: Moment) -> None:
        """Remember what became of an event, also for the orders that come after this one."""
        self._stored[event.position] = event
        number = position_of(moment.row, self._given[moment.row])
        self._given[moment.row] += 1
        self.revisions.append(
            Revision(
                position=event.position,
                number=number,
                organisation=organisation,
                revised_at=moment.received_at,
                status=event.status,
                status_description=event.status_description,
                before=event.before_reverting,
                schema_version=event.schema_version,
                account_id=event.account_id,
                customer_id=event.customer_id,
                filtered_out=msgspec.json.encode(event.filtered_out).decode() if event.filtered_out else None,
                enrichments=event.enrichments,
                event_at=event.event.timestamp,
            )
        )


_Meters = tuple[tuple[str, int], ...]

NO_ORDERS: Final = Orders()
"""For rounds that order nothing."""


def _is_closed(stored: StoredEvent, moment: Moment) -> bool:
    """Whether the cycle of an event takes no more of them, so that its invoice is frozen or about to be."""
    spans = moment.catalogue.accounts.get(stored.account_id or "", ())
    return any(
        span.account.id == stored.account_id and span.account.gate.refuses(stored.event.timestamp, moment.received_at)
        for span in spans
    )
