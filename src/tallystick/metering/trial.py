"""A meter on trial: what the processor would make of sample events, without accounts, duplicates or lateness."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.kernel.document import Document
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.period import BEGINNING, FOREVER
from tallystick.kernel.quantity import plain
from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import Event, EventSource, EventStatus
from tallystick.metering.processing import process

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tallystick.catalog.setting import Setting
    from tallystick.metering.catalogue import SchemaTerms

_NOT_SAID: Final = {
    EventStatus.METERED: "the meter takes these units",
    EventStatus.NOT_METERED: "the meter's filters or matchers say no",
}
"""What to say where the processor says nothing."""


class TriedEvent(Document, frozen=True, kw_only=True):
    """What a meter makes of the event at an index: its units, or why there are none."""

    index: int
    id: str | None = None
    status: EventStatus
    status_description: str
    units: Decimal | None = None


def try_events(
    schema: SchemaTerms, events: Sequence[Event], settings: Mapping[str, Mapping[str, Setting]]
) -> list[TriedEvent]:
    """Judge sample events as the processor would, were the meters of these terms the schema's active ones.

    `settings` are those that enrichments find for each account, by the text that the events name it by.

    Raises:
        BillingError: of kind INVALID, for events of another schema and times that are no UTC instants.
    """
    _refuse_others(schema, events)
    # The processor wants ids and takes each one once: here every event has one of its own.
    columns = EventColumns.of(
        [msgspec.structs.replace(event, id=str(index)) for index, event in enumerate(events)], "", EventSource.API
    )
    accounts = {name: (_any_account(found),) for name, found in settings.items()}
    outcomes = process(columns, BEGINNING, Catalogue({schema.name: schema}, accounts), set())
    units = {ordinal: plain(value) for ordinal, _, value in outcomes.facts()}
    return [
        TriedEvent(
            index=index,
            id=event.id,
            status=status,
            status_description=description or _NOT_SAID[status],
            units=units.get(index),
        )
        for index, (event, status, description) in enumerate(
            zip(events, outcomes.statuses, outcomes.descriptions, strict=True)
        )
    ]


def _any_account(settings: Mapping[str, Setting]) -> AccountSpan:
    return AccountSpan(AccountTerms("", "", settings=settings), BEGINNING, FOREVER)


def _refuse_others(schema: SchemaTerms, events: Sequence[Event]) -> None:
    refuse_if_any(
        [
            Problem(f"events[{index}].schemaName", f"is {event.schema_name!r}, the meter reads {schema.name!r}")
            for index, event in enumerate(events)
            if event.schema_name != schema.name
        ]
    )
