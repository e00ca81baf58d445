"""What blocks of the log order about events that are stored already: take back, judge again, meter anew.

Whatever an order finds changed since it was given, such as an event that is taken back already, it leaves alone: an
order may therefore be given twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tallystick.metering.correction import stays, taken_back_by
from tallystick.metering.event import COUNTED, EventSource, EventStatus
from tallystick.metering.outcomes import listed
from tallystick.metering.processing import any_is_late
from tallystick.metering.purse import Till
from tallystick.metering.remetering import judged_anew, meter_in
from tallystick.operations.remetering_plan import assessed, by_position, is_closed, with_outcome
from tallystick.stores.event_facts import MeterVersion, Revision
from tallystick.stores.event_log import position_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from decimal import Decimal

    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event_block import EventBlock
    from tallystick.metering.purse import Purses
    from tallystick.metering.remetering import Facts
    from tallystick.stores.event_facts import StoredEvent, UsageFact
    from tallystick.stores.event_store import EventStore


@dataclass(frozen=True, slots=True)
class Moment:
    """Where an order stands in the log, and what is known there; `claimed` are the ids that are taken."""

    row: int
    received_at: datetime
    catalogue: Catalogue
    claimed: set[str]
    purses: Purses | None = None

    def till_of(self, position: int) -> Till | None:
        """Where a stored event pays when it comes to count by the order."""
        return None if self.purses is None else Till(self.purses, [self.row], [position])


class Orders:
    """The orders of one round, carried out one after the other; `revisions` is what comes of them."""

    def __init__(self, stored: Iterable[StoredEvent] = (), facts: Iterable[UsageFact] = ()) -> None:
        """Take the events that orders of the round are about, and the usage facts that stand of them."""
        self._stored = {event.position: event for event in stored}
        self._facts: dict[int, Facts] = defaultdict(dict, by_position(list(facts)))
        self._given: dict[int, int] = defaultdict(int)
        self.revisions: list[Revision] = []

    @classmethod
    def among(cls, blocks: Iterable[EventBlock], events: EventStore) -> Orders:
        """The orders of blocks, about events of a store."""
        asked: dict[str, set[int]] = defaultdict(set)
        for block in blocks:
            if block.orders:
                asked[block.organisation].update(block.orders)
        about = {organisation: sorted(positions) for organisation, positions in asked.items()}
        return cls(
            [event for organisation, positions in about.items() for event in events.events_at(organisation, positions)],
            [fact for organisation, positions in about.items() for fact in events.units_of(organisation, positions)],
        )

    def references(self, block: EventBlock) -> Iterator[tuple[str, str, datetime]]:
        """(schema name, account reference, event time) of the events that a block is about."""
        for position in block.orders:
            stored = self._stored.get(position)
            if stored is not None:
                yield stored.event.schema_name, stored.event.account_id, stored.event.timestamp
                if stored.account_id is not None:
                    yield stored.event.schema_name, stored.account_id, stored.event.timestamp

    def ids(self, block: EventBlock) -> list[str | None]:
        """The ids that events of a block may take when they are judged again."""
        anew = [position for position in block.remetered if self._is_invalid(position)]
        return [self._stored[position].event.id for position in block.rejudged + anew if position in self._stored]

    def carry_out(self, block: EventBlock, moment: Moment) -> bool:
        """Do what a block orders; whether its own events may be judged, because all is taken back that should be.

        Nothing is taken back for an event whose own cycle takes no more.
        """
        for position in block.rejudged:
            self._judge_again(block.organisation, position, moment)
        if block.meter is not None:
            self._meter_anew(block, block.meter, moment)
        if block.undone and any_is_late(block, moment.catalogue, moment.received_at):
            return False
        taken_back = [self._take_back(block, position, moment) for position in block.undone]
        return all(taken_back)

    def _take_back(self, block: EventBlock, position: int, moment: Moment) -> bool:
        stored = self._stored.get(position)
        if stored is None or stays(stored.status) or is_closed(stored, moment.catalogue, moment.received_at):
            return False
        if stored.event.id is not None and stored.status in COUNTED:
            moment.claimed.discard(stored.event.id)
        reverted = replace(
            stored,
            status=EventStatus.REVERTED,
            status_description=taken_back_by(block.ordered_by),
            before_reverting=stored.status,
        )
        self._keep(block.organisation, reverted, moment, {})
        return True

    def _is_invalid(self, position: int) -> bool:
        return position in self._stored and self._stored[position].status is EventStatus.UNITS_INVALID

    def _judge_again(self, organisation: str, position: int, moment: Moment) -> None:
        """Judge an event whose account was unknown, as if it came now."""
        stored = self._stored.get(position)
        if stored is None or stored.status is not EventStatus.ACCOUNT_NOT_FOUND:
            return
        if stored.source is EventSource.ENTITLED:  # its sender was refused, and did not use the feature
            return
        till = moment.till_of(position)
        outcome = judged_anew(stored.event, moment.catalogue, moment.received_at, moment.claimed, till)
        if outcome.status is not EventStatus.ACCOUNT_NOT_FOUND:
            self._keep(organisation, with_outcome(stored, outcome), moment, outcome.facts)

    def _meter_anew(self, block: EventBlock, wanted: tuple[str, int], moment: Moment) -> None:
        """Let one meter, as it is now, make units of events of which it made others, or none."""
        found = [self._stored[position] for position in block.remetered if position in self._stored]
        meter = meter_in(moment.catalogue, found[0].event.schema_name, *wanted) if found else None
        if meter is None:
            return
        facts = {stored.position: self._facts[stored.position] for stored in found}
        for one in assessed(found, facts, meter, moment.catalogue, moment.received_at, moment.claimed, moment.till_of):
            if one.outcome is not None:
                self._keep(block.organisation, one.after, moment, one.outcome.facts)

    def _keep(self, organisation: str, event: StoredEvent, moment: Moment, facts: Facts) -> None:
        """Remember what became of an event and its usage, also for the orders that come after this one."""
        earlier, stood = self._stored[event.position], self._facts[event.position]
        self._stored[event.position], self._facts[event.position] = event, facts
        number = position_of(moment.row, self._given[moment.row])
        self._given[moment.row] += 1
        if moment.purses is not None and earlier.status in COUNTED and event.status not in COUNTED:
            moment.purses.give_back(moment.row, event.position)
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
                filtered_out=listed(event.filtered_out),
                enrichments=event.enrichments,
                event_at=event.event.timestamp,
                usage=tuple(_changes(stood, facts)),
                is_outcome=earlier != event,
            )
        )


NO_ORDERS: Final = Orders()
"""For rounds that order nothing."""


def _changes(stood: Facts, stands: Facts) -> Iterator[tuple[MeterVersion, Decimal]]:
    """The facts that make usage of what stood what stands: each that is gone is reversed, each new one added."""
    for meter_id, (version, units) in stood.items():
        if stands.get(meter_id) != (version, units):
            yield MeterVersion(meter_id, version), -units
    for meter_id, (version, units) in stands.items():
        if stood.get(meter_id) != (version, units):
            yield MeterVersion(meter_id, version), units
