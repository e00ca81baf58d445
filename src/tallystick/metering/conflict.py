"""Two events under one id: a retry says the same again, anything else is a conflict that people should see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.metering.event import EventStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.metering.event import Attribute, Event


def counts(status: EventStatus) -> bool:
    """Whether an event with this status holds its id, or did so until it was taken back."""
    return status.is_processed or status is EventStatus.REVERTED


def differing_fields(event: Event, counted: Event) -> list[str]:
    """The fields, by their names on the wire, in which an event says something else than the one that counted.

    Neither the order of attributes and dimensions nor the zone of the time makes a difference.
    """
    pairs = {
        "schemaName": (event.schema_name, counted.schema_name),
        "timestamp": (event.timestamp, counted.timestamp),
        "accountId": (event.account_id, counted.account_id),
        "attributes": (_by_name(event.attributes), _by_name(counted.attributes)),
        "dimensions": (event.dimensions, counted.dimensions),
    }
    return [name for name, (one, other) in pairs.items() if one != other]


def _by_name(attributes: Iterable[Attribute]) -> dict[str, Attribute]:
    return {attribute.name: attribute for attribute in attributes}
