"""Which event is which: the id that came with it, or the one that its schema's template makes (domain.md 2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.metering.event_data import EventData

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.metering.catalogue import Catalogue, SchemaTerms
    from tallystick.metering.event_block import EventBlock

    EventRow: TypeAlias = tuple[str | None, str, datetime, str, bytes, bytes]

LONGEST_ID: Final = 512


class NoIdError(Exception):
    """An event brings no id, and no template makes one."""


def identified(block: EventBlock, catalogue: Catalogue) -> EventBlock:
    """The events with the ids that their schemas' templates make; the same object where every event has its own.

    An event that gets none keeps None: it is refused when it is judged.
    """
    if all(block.ids):
        return block
    return block.with_ids([row[0] or _id_or_none(row, catalogue.schemas.get(row[1])) for row in block.rows()])


def id_of(row: EventRow, schema: SchemaTerms | None) -> str:
    """The id that a schema's template makes for an event without one: its fields as they were sent.

    The time is written in UTC, so that it does not matter in which zone it was sent.

    Raises:
        NoIdError: when there is no template, a field is absent, or the id is empty or longer than 512 characters.
    """
    _, schema_name, event_at, account_ref, attributes, dimensions = row
    if schema is None:
        raise NoIdError("the event has no id, and there is no active event schema of its name that could make one")
    if schema.id_template is None:
        raise NoIdError("the event has no id, and its schema has no eventIdTemplate")
    data = EventData(attributes, dimensions)
    values = {"timestamp": _written(event_at), "accountId": account_ref, "schemaName": schema_name}
    values |= {f"attributes.{name}": digits for name, digits in data.attributes.items()}
    values |= {f"dimensions.{name}": text for name, text in data.dimensions.items()}
    absent = [name for name in schema.id_template.names if name not in values]
    if absent:
        raise NoIdError(f"the event has no id, and lacks what its eventIdTemplate asks for: {', '.join(absent)}")
    made = schema.id_template.filled([values[name] for name in schema.id_template.names])
    if not 0 < len(made) <= LONGEST_ID:
        raise NoIdError(f"the eventIdTemplate makes an id of {len(made)} characters, expected 1 to {LONGEST_ID}")
    return made


def _id_or_none(row: EventRow, schema: SchemaTerms | None) -> str | None:
    try:
        return id_of(row, schema)
    except NoIdError:
        return None


def _written(event_at: datetime) -> str:
    return event_at.isoformat().replace("+00:00", "Z")
