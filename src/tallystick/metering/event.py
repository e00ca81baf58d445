"""One event of a product: who used how much of what, and when."""

from __future__ import annotations

import enum
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.catalog.fields import LONGEST_NUMBER, NUMBER_PATTERN
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import in_utc

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BATCH = 1000
MOST_ATTRIBUTES: Final = 10
MOST_DIMENSIONS: Final = 100
LONGEST_NAME: Final = 50
LONGEST_REFERENCE: Final = 512
"""Characters of an event's id, and of the account's id or alias."""
LONGEST_TEXT: Final = 200
"""Characters of a dimension's value, and of its name."""


class Attribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A number of an event: decimal digits as text, so that nothing is lost on its way."""

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    value: Annotated[
        str,
        Meta(
            pattern=NUMBER_PATTERN,
            max_length=LONGEST_NUMBER,
            description='A number in plain digits, written as text, such as "12.50"',
        ),
    ]
    unit: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)] | None = None


Attributes = Annotated[list[Attribute], Meta(max_length=MOST_ATTRIBUTES)]
Dimensions = Annotated[
    dict[
        Annotated[str, Meta(max_length=LONGEST_TEXT)],
        Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)],
    ],
    Meta(max_length=MOST_DIMENSIONS),
]


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A usage event as it is sent (domain.md 2.1); `account_id` is an account's id or an alias."""

    schema_name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    id: Annotated[str, Meta(max_length=LONGEST_REFERENCE)] | None = None
    timestamp: datetime
    account_id: Annotated[str, Meta(max_length=LONGEST_REFERENCE)]
    attributes: Attributes
    dimensions: Dimensions


class _UncheckedAttribute(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    value: Annotated[str, Meta(max_length=LONGEST_NUMBER)]
    unit: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)] | None = None


class UncheckedEvent(Event, frozen=True, kw_only=True, gc=False):
    """An event of which only `are_numbers` has yet to say whether the values of its attributes are numbers.

    A pattern is matched value by value, which takes as long as everything else that is decoded of an event.
    """

    attributes: Annotated[list[_UncheckedAttribute], Meta(max_length=MOST_ATTRIBUTES)]  # type: ignore[assignment]


_NUMBERS: Final = re.compile(r"(?:-?+[0-9]{1,512}+(?:\.[0-9]++)?+\n)*+")


def are_numbers(values: Sequence[str]) -> bool:
    """Whether every one of the values has NUMBER_PATTERN."""
    lines = "\n".join([*values, ""])
    return lines.count("\n") == len(values) and _NUMBERS.fullmatch(lines) is not None


class _Sent(msgspec.Struct):
    """The time of an event as it was written."""

    timestamp: str


_SENT: Final = msgspec.json.Decoder(_Sent)
NEARLY_A_SECOND: Final = ".999999"
"""What a timestamp must hold for rounding to carry it into the next second."""


def never_rounded_up(event: Event, sent: bytes) -> Event:
    """The event, its time not in a later second than it was sent with; `sent` is its JSON."""
    return msgspec.structs.replace(event, timestamp=not_rounded_up(event.timestamp, _SENT.decode(sent).timestamp))


def not_rounded_up(instant: datetime, sent: str) -> datetime:
    """The instant that a text was decoded to, not in a later second than the text says.

    Times are kept to the microsecond and decoding rounds what is finer. A cycle ends on a whole second, so rounding
    within a second changes no bill, but up to the next one it could move an event into the next cycle.
    """
    return instant if instant.microsecond or NEARLY_A_SECOND not in sent else instant - MICROSECOND


FURTHEST_AHEAD: Final = timedelta(hours=24)
"""How far in the future an event may lie in real time (domain.md 2.2)."""


def timely(event_at: datetime, latest: datetime, path: str = "event.timestamp") -> datetime:
    """The time of an event, in UTC; `latest` is the latest one that an event may have, `path` where it was sent.

    Raises:
        BillingError: of kind INVALID, when UTC has no such time; UNPROCESSABLE, when it is after the latest.
    """
    instant = in_utc(event_at, path)
    if instant > latest:
        reason = f"{instant.isoformat()} lies more than 24 hours in the future"
        raise BillingError(Kind.UNPROCESSABLE, "future_event", Problem(path, reason))
    return instant


class EventStatus(enum.StrEnum):
    """What became of an event (domain.md 2.4): the sixteen statuses of the wire, some of which come to pass later."""

    IN_PROGRESS = "INGESTION_IN_PROGRESS"
    METERED = "INGESTION_COMPLETED_EVENT_METERED"
    NOT_METERED = "INGESTION_COMPLETED_EVENT_NOT_METERED"
    NO_MATCHING_METERS = "INGESTION_COMPLETED_NO_MATCHING_METERS"
    FAILED = "INGESTION_FAILED"
    SCHEMA_NOT_DEFINED = "INGESTION_FAILED_SCHEMA_NOT_DEFINED"
    ENRICHMENT_FAILED = "INGESTION_FAILED_ENRICHMENT_FAILED"
    UNITS_INVALID = "INGESTION_FAILED_UNITS_INVALID"
    PAST_GRACE_PERIOD = "INGESTION_FAILED_PAST_GRACE_PERIOD"
    ACCOUNT_NOT_FOUND = "INGESTION_FAILED_ACCOUNT_NOT_FOUND"
    DUPLICATE = "INGESTION_FAILED_DUPLICATE_EVENT"
    NO_EVENT_ID = "INGESTION_FAILED_NO_EVENT_ID"
    INVALID_NAMED_LICENSE_EVENT = "INGESTION_FAILED_INVALID_NAMED_LICENSE_EVENT"
    INSUFFICIENT_CREDITS = "INGESTION_FAILED_INSUFFICIENT_CREDITS"
    REVERTED = "REVERTED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_processed(self) -> bool:
        """Whether the event counts as PROCESSED in metrics."""
        return self.value.startswith("INGESTION_COMPLETED")

    @property
    def is_unprocessed(self) -> bool:
        """Whether the event counts as UNPROCESSED in metrics."""
        return self.value.startswith("INGESTION_FAILED")


def stored_status(name: str) -> EventStatus:
    """The status that stands in a store; one that this release does not know is UNKNOWN."""
    try:
        return EventStatus(name)
    except ValueError:
        return EventStatus.UNKNOWN


STATUS_GROUPS: Final = {
    "PROCESSED": tuple(status for status in EventStatus if status.is_processed),
    "UNPROCESSED": tuple(status for status in EventStatus if status.is_unprocessed),
    "IN_PROGRESS": (EventStatus.IN_PROGRESS,),
}
"""Words that stand for several statuses (domain.md 2.4)."""

COUNTED: Final = frozenset(STATUS_GROUPS["PROCESSED"])
"""The statuses of events that count: they have taken their id for ever, and what meters made of them is usage."""


def statuses_named(name: str, path: str) -> tuple[EventStatus, ...]:
    """The statuses that a caller means by a raw status or the name of a group.

    Raises:
        BillingError: of kind INVALID, for any other name.
    """
    if name in STATUS_GROUPS:
        return STATUS_GROUPS[name]
    try:
        return (EventStatus(name),)
    except ValueError:
        known = ", ".join([*STATUS_GROUPS, *EventStatus])
        raise invalid(path, f"{name!r} is no event status, expected one of {known}") from None


class EventSource(enum.StrEnum):
    """By which door an event came in."""

    API = "API"
    BATCH = "BATCH"
    ENTITLED = "ENTITLED"
    """By `POST /entitled`: whoever sent it was told what became of it, so what was refused stays refused."""
