"""What metering anew makes of stored events: the one judgement that a preview shows and an order carries out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from tallystick.kernel.quantity import EXACT, ZERO
from tallystick.metering.catalogue import Catalogue, MeterTerms
from tallystick.metering.event import COUNTED
from tallystick.metering.purse import Till
from tallystick.metering.remetering import REMETERED, Facts, Judged, Remetered, remetered
from tallystick.stores.event_store import StoredEvent, UsageFact


@dataclass(frozen=True, slots=True)
class Assessed:
    """A stored event, its usage facts, and what becomes of it: None, where nothing changes or nothing may."""

    stored: StoredEvent
    facts: Facts
    outcome: Remetered | None
    is_closed: bool

    @property
    def comes_to_count(self) -> bool:
        """Whether the event failed and counts from now on."""
        return self.outcome is not None and self.stored.status not in COUNTED

    @property
    def ceases_to_count(self) -> bool:
        """Whether the event has counted and fails from now on."""
        return self.outcome is not None and self.outcome.status not in COUNTED

    @property
    def account_id(self) -> str:
        """Whose event it is then."""
        after = None if self.outcome is None else self.outcome.account_id
        return after or self.stored.account_id or ""

    @property
    def differences(self) -> dict[str, Decimal]:
        """How many units more or less of each meter it makes then."""
        after = {} if self.outcome is None else self.outcome.facts
        meters = {*self.facts, *after} if self.outcome is not None else set()
        nothing = (0, ZERO)
        found = {name: EXACT.subtract(after.get(name, nothing)[1], self.facts.get(name, nothing)[1]) for name in meters}
        return {name: units for name, units in found.items() if units}

    @property
    def other_units(self) -> dict[str, Decimal | None]:
        """The units of each meter of which it makes others then; None where it makes none any more."""
        if self.outcome is None:
            return {}
        before = {name: units for name, (_, units) in self.facts.items()}
        after = {name: units for name, (_, units) in self.outcome.facts.items()}
        return {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}

    @property
    def after(self) -> StoredEvent:
        """The event with what became of it."""
        return self.stored if self.outcome is None else with_outcome(self.stored, self.outcome)


def assessed(
    events: Sequence[StoredEvent],
    facts: Mapping[int, Facts],
    meter: MeterTerms,
    catalogue: Catalogue,
    at: datetime,
    claimed: set[str],
    till_of: Callable[[int], Till | None] = lambda _position: None,
) -> list[Assessed]:
    """What becomes of events of the meter's schema when they are metered anew at an instant; `facts` by position.

    `claimed` are the ids that are taken, as for `remetered`; `till_of` says where the event of a position pays, if it
    comes to count. Events of a closed cycle stay as they are.
    """
    fitting = [event for event in events if event.status in REMETERED]
    closed = {event.position for event in fitting if is_closed(event, catalogue, at)}
    able = [event for event in fitting if event.position not in closed]
    judged = [
        Judged(
            event.event,
            event.account_id,
            event.status,
            facts.get(event.position, {}),
            event.filtered_out,
            till_of(event.position),
        )
        for event in able
    ]
    anew = dict(zip((event.position for event in able), remetered(judged, meter, catalogue, at, claimed), strict=True))
    return [
        Assessed(event, facts.get(event.position, {}), anew.get(event.position), event.position in closed)
        for event in fitting
    ]


def with_outcome(stored: StoredEvent, outcome: Remetered) -> StoredEvent:
    """A stored event with what became of it anew."""
    metered = replace(
        stored, status=outcome.status, status_description=outcome.description, filtered_out=outcome.filtered_out
    )
    if not outcome.is_judged:
        return metered
    return replace(
        metered,
        schema_version=outcome.schema_version,
        account_id=outcome.account_id,
        customer_id=outcome.customer_id,
        enrichments=outcome.enrichments,
    )


def is_closed(stored: StoredEvent, catalogue: Catalogue, at: datetime) -> bool:
    """Whether the cycle of an event takes no more of them, so that its invoice is frozen or about to be."""
    spans = catalogue.accounts.get(stored.account_id or "", ())
    return any(
        span.account.id == stored.account_id and span.account.gate.refuses(stored.event.timestamp, at) for span in spans
    )


def by_position(facts: Sequence[UsageFact]) -> dict[int, Facts]:
    """Usage facts as those of each event, by its position."""
    found: dict[int, dict[str, tuple[int, Decimal]]] = {}
    for fact in facts:
        found.setdefault(fact.position, {})[fact.meter_id] = (fact.meter_version, fact.value)
    return dict(found)
