"""Metering the past anew: what a meter, as it is now, makes of events that were judged before. Pure.

Of an event that counted, only this meter's units change. One that this meter now fails for counts no more at all, and
one that failed for its units and no longer does counts from now on, for every meter of its schema: that is what would
have become of them had they come now (domain.md 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tallystick.kernel.period import BEGINNING, FOREVER
from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue, MeterTerms, SchemaTerms
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import COUNTED, Event, EventSource, EventStatus
from tallystick.metering.outcomes import unlisted
from tallystick.metering.processing import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from tallystick.metering.outcomes import FilteredOut, Outcomes
    from tallystick.metering.purse import Till

Facts: TypeAlias = "Mapping[str, tuple[int, Decimal]]"
"""The units of an event, each with the version of the meter that made them, by meter id."""

REMETERED: Final = COUNTED | {EventStatus.UNITS_INVALID}
"""The statuses of events that are metered anew; the others came to no meter."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An event and what became of it; `filtered_out` are the (meter id, meter version) that said no."""

    event: Event
    account_id: str | None
    status: EventStatus
    facts: Facts
    filtered_out: FilteredOut
    till: Till | None = None
    """Where it pays, if it comes to count."""


@dataclass(frozen=True, slots=True)
class Remetered:
    """What becomes of an event that is metered anew; with `is_judged`, all of it was judged anew, as if it came now.

    Only then do the last four fields say anything.
    """

    status: EventStatus
    description: str | None
    facts: Facts
    filtered_out: FilteredOut
    is_judged: bool = False
    schema_version: int | None = None
    account_id: str | None = None
    customer_id: str | None = None
    enrichments: str | None = None


def meter_in(catalogue: Catalogue, schema_name: str, meter_id: str, version: int) -> MeterTerms | None:
    """The meter, if it is active in this version."""
    schema = catalogue.schemas.get(schema_name)
    meters = () if schema is None else schema.meters
    return next((meter for meter in meters if (meter.id, meter.version) == (meter_id, version)), None)


def remetered(
    events: Sequence[Judged], meter: MeterTerms, catalogue: Catalogue, received_at: datetime, claimed: set[str]
) -> list[Remetered | None]:
    """What becomes of events of the meter's schema; None, where nothing changes.

    `claimed` holds the ids that are taken; those of events that count from now on are added, and those of events that
    count no more are given back.
    """
    counted = [event for event in events if event.status in COUNTED]
    anew = iter(_of_counted(counted, meter, catalogue))
    found: list[Remetered | None] = []
    for event in events:
        if event.status in COUNTED:
            outcome = next(anew)
            if outcome is not None and outcome.status not in COUNTED and event.event.id is not None:
                claimed.discard(event.event.id)
        else:
            outcome = _of_invalid(event, catalogue, received_at, claimed) if event.status in REMETERED else None
        found.append(outcome)
    return found


def _of_counted(events: Sequence[Judged], meter: MeterTerms, catalogue: Catalogue) -> list[Remetered | None]:
    """What the one meter makes of events that have counted."""
    if not events:
        return []
    schema = _of_one_meter(catalogue.schemas[events[0].event.schema_name], meter)
    # Each event has an id and an account of its own here: whose it is, and that it counts once, is settled.
    columns = EventColumns.of(
        [
            msgspec.structs.replace(judged.event, id=str(place), account_id=judged.account_id or "")
            for place, judged in enumerate(events)
        ],
        "",
        EventSource.API,
    )
    accounts = {name: (_open(name, catalogue),) for name in set(columns.account_refs)}
    outcomes = process(columns, BEGINNING, Catalogue({schema.name: schema}, accounts), set())
    units = {place: made for place, _, made in outcomes.facts()}
    return [_merged(judged, meter, outcomes, place, units.get(place)) for place, judged in enumerate(events)]


def _merged(
    judged: Judged, meter: MeterTerms, outcomes: Outcomes, place: int, units: Decimal | None
) -> Remetered | None:
    """What an event comes to, with the units of one meter in the place of the earlier ones."""
    status = outcomes.statuses[place]
    if status is EventStatus.UNITS_INVALID:
        return Remetered(status, outcomes.descriptions[place], {}, ())
    if status not in COUNTED:
        return None  # it cannot be read as the schema is now: what was made of it then stays
    others = {name: fact for name, fact in judged.facts.items() if name != meter.id}
    silent = tuple(one for one in judged.filtered_out if one[0] != meter.id)
    before = judged.facts.get(meter.id)
    if units is None:
        facts, silent = others, (*silent, (meter.id, meter.version))
        changes = before is not None or judged.status is EventStatus.NO_MATCHING_METERS
    else:
        facts = {**others, meter.id: (meter.version, units)}
        changes = before is None or before[1] != units
    if not changes:
        return None
    return Remetered(EventStatus.METERED if facts else EventStatus.NOT_METERED, None, facts, silent)


def judged_anew(
    event: Event, catalogue: Catalogue, received_at: datetime, claimed: set[str], till: Till | None
) -> Remetered:
    """What becomes of an event that is judged as if it came now; if it counts, its id is added to the `claimed`."""
    outcomes = process(EventColumns.of([event], "", EventSource.API), received_at, catalogue, claimed, till)
    return Remetered(
        outcomes.statuses[0],
        outcomes.descriptions[0],
        {meter.id: (meter.version, units) for _, meter, units in outcomes.facts()},
        unlisted(outcomes.filtered_out[0]),
        is_judged=True,
        schema_version=outcomes.schema_versions[0],
        account_id=outcomes.account_ids[0],
        customer_id=outcomes.customer_ids[0],
        enrichments=outcomes.enrichments[0],
    )


def _of_invalid(judged: Judged, catalogue: Catalogue, received_at: datetime, claimed: set[str]) -> Remetered | None:
    """What becomes of an event that failed for its units; None, where it still does not count."""
    outcome = judged_anew(judged.event, catalogue, received_at, claimed, judged.till)
    return outcome if outcome.status in COUNTED else None


def _of_one_meter(schema: SchemaTerms, meter: MeterTerms) -> SchemaTerms:
    """The schema with one meter; events that came before a field was added to it need not have that field.

    Where a schema enriches its events, its fields tell which variables there are, so that they are demanded. What they
    use of a feature stays as it is.
    """
    if schema.enrichments is not None:
        return replace(schema, meters=(meter,), feature=None)
    return replace(schema, meters=(meter,), attributes=(), dimensions=(), feature=None)


def _open(name: str, catalogue: Catalogue) -> AccountSpan:
    """An account by its id with the settings it has, for which no event is too late."""
    spans = catalogue.accounts.get(name, ())
    settings = next((span.account.settings for span in spans if span.account.id == name), {})
    return AccountSpan(AccountTerms(name, "", settings=settings), BEGINNING, FOREVER)
