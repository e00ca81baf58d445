"""What becomes of a batch of events (domain.md 2.4): events x catalogue -> statuses and usage. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tallystick.logic import EvaluationError
from tallystick.metering.event import EventStatus
from tallystick.metering.event_data import EventData
from tallystick.metering.identity import NoIdError, id_of
from tallystick.metering.units import UnitsInvalidError, units_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue, MeterTerms, SchemaTerms
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.identity import EventRow
    from tallystick.metering.units import Units

LONGEST_DESCRIPTION: Final = 250


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the events of some columns: entry i of a list belongs to event i.

    Usage facts are lists of their own: fact j says that event `usage_ordinals[j]` made `usage_values[j]` units of
    `usage_meters[j]`, each value already in the form of DECIMAL(38,12). `filtered_out` is null, or the JSON list of
    [meter id, meter version] that said no to the event.
    """

    statuses: list[EventStatus]
    descriptions: list[str | None]
    schema_versions: list[int | None]
    account_ids: list[str | None]
    customer_ids: list[str | None]
    filtered_out: list[str | None]
    usage_ordinals: list[int]
    usage_meters: list[MeterTerms]
    usage_values: list[Decimal]

    @classmethod
    def blank(cls, count: int) -> Outcomes:
        """Outcomes of so many events about which nothing is known yet."""
        return cls(
            statuses=[EventStatus.METERED] * count,
            descriptions=[None] * count,
            schema_versions=[None] * count,
            account_ids=[None] * count,
            customer_ids=[None] * count,
            filtered_out=[None] * count,
            usage_ordinals=[],
            usage_meters=[],
            usage_values=[],
        )


Refusal: TypeAlias = tuple[EventStatus, str]
"""The status with which an event ends before it is metered, and the reason."""

_DUPLICATE: Final[Refusal] = (EventStatus.DUPLICATE, "an event with this id came in before")
_NO_SCHEMA: Final[Refusal] = (EventStatus.SCHEMA_NOT_DEFINED, "no active event schema has this name")
_NO_ACCOUNT: Final[Refusal] = (EventStatus.ACCOUNT_NOT_FOUND, "at its time no account had this id or alias")
_TOO_LATE: Final[Refusal] = (EventStatus.PAST_GRACE_PERIOD, "the pricing cycle of the event takes no more events")


def process(columns: EventColumns, received_at: datetime, catalogue: Catalogue, claimed: set[str]) -> Outcomes:
    """Judge every event of the columns, which come with their ids (`identified`), in order.

    `claimed` holds the ids that earlier events of this organisation have taken; the ids of these events that are
    processed are added to it. An event that fails has not counted, so it leaves its id to the next one (domain.md 2.3).
    """
    judge = _Judge(received_at, catalogue, claimed, Outcomes.blank(len(columns)))
    for ordinal, row in enumerate(columns.rows()):
        refusal = judge.judge(ordinal, row)
        if refusal is not None:
            judge.outcomes.statuses[ordinal], reason = refusal
            judge.outcomes.descriptions[ordinal] = reason[:LONGEST_DESCRIPTION]
        elif row[0] is not None:
            claimed.add(row[0])
    return judge.outcomes


class _Judge:
    """Asks the questions of domain.md 2.4, in their order, about each event of a block."""

    __slots__ = ("_accounts", "_claimed", "_received_at", "_schemas", "_terms", "outcomes")

    def __init__(self, received_at: datetime, catalogue: Catalogue, claimed: set[str], outcomes: Outcomes) -> None:
        self._received_at = received_at
        self._accounts = catalogue.accounts
        self._terms = catalogue.schemas
        self._schemas = {name: _prepared(terms) for name, terms in catalogue.schemas.items()}
        self._claimed = claimed
        self.outcomes = outcomes

    def _identify(self, ordinal: int, reference: str, event_at: datetime) -> AccountTerms | None:
        """Whose event it is, which is written down whatever becomes of it."""
        account = _account_of(self._accounts.get(reference, ()), reference, event_at)
        if account is not None:
            self.outcomes.account_ids[ordinal] = account.id
            self.outcomes.customer_ids[ordinal] = account.customer_id
        return account

    def judge(self, ordinal: int, row: EventRow) -> Refusal | None:  # noqa: PLR0911 - one for each answer of 2.4
        """Meter the event, unless there is a reason against it."""
        event_id, schema_name, event_at, account_ref, attributes, dimensions = row
        account = self._identify(ordinal, account_ref, event_at)
        if not event_id:
            return self._without_id(row)
        if event_id in self._claimed:
            return _DUPLICATE
        schema = self._schemas.get(schema_name)
        if schema is None:
            return _NO_SCHEMA
        self.outcomes.schema_versions[ordinal] = schema.version
        data = EventData(attributes, dimensions)
        if schema.lacks(data):
            return schema.refusal(data)
        if account is None:
            return _NO_ACCOUNT
        if account.gate.refuses(event_at, self._received_at):
            return _TOO_LATE
        return schema.meter(data, ordinal, self.outcomes)

    def _without_id(self, row: EventRow) -> Refusal:
        """Why neither the event nor its schema's template gave an id."""
        try:
            made = id_of(row, self._terms.get(row[1]))
        except NoIdError as reason:
            return EventStatus.NO_EVENT_ID, str(reason)
        return EventStatus.NO_EVENT_ID, f"the event came without its id {made}"


def _account_of(spans: Sequence[AccountSpan], reference: str, event_at: datetime) -> AccountTerms | None:
    """The account with exactly this id, else the one that had this alias when the event happened (domain.md 2.4)."""
    for span in spans:
        if span.account.id == reference:
            return span.account
    for span in spans:
        if span.effective_from <= event_at < span.effective_until:
            return span.account
    return None


class _Prepared:
    """A schema whose meters have become functions."""

    __slots__ = ("_attributes", "_dimensions", "_meters", "_silent", "version")

    def __init__(self, terms: SchemaTerms) -> None:
        self.version = terms.version
        self._attributes = terms.attributes
        self._dimensions = terms.dimensions
        self._meters: list[tuple[MeterTerms, Units]] = [(meter, units_of(meter)) for meter in terms.meters]
        self._silent: dict[tuple[MeterTerms, ...], str] = {}

    def lacks(self, data: EventData) -> bool:
        """Whether the event lacks one of the schema's fields."""
        for name in self._attributes:
            if name not in data.attributes:
                return True
        for name in self._dimensions:  # noqa: SIM110 - a generator would take three times as long, for each event
            if name not in data.dimensions:
                return True
        return False

    def refusal(self, data: EventData) -> Refusal:
        """What to say of an event that lacks a field: all that it lacks."""
        missing = [f"attribute {name} is missing" for name in self._attributes if name not in data.attributes]
        missing += [f"dimension {name} is missing" for name in self._dimensions if name not in data.dimensions]
        return EventStatus.FAILED, "; ".join(missing)

    def meter(self, data: EventData, ordinal: int, outcomes: Outcomes) -> Refusal | None:
        """Add the event's units of every meter, or none at all when one of them fails."""
        if not self._meters:
            outcomes.statuses[ordinal] = EventStatus.NO_MATCHING_METERS
            return None
        made = []
        silent = []
        for meter, units_of_event in self._meters:
            try:
                units = units_of_event(data)
            except (EvaluationError, UnitsInvalidError) as failure:
                return EventStatus.UNITS_INVALID, f"usage meter {meter.name}: {failure}"
            if units is None:
                silent.append(meter)
            else:
                made.append((meter, units))
        if silent:
            outcomes.filtered_out[ordinal] = self._list_of(tuple(silent))
        if not made:
            outcomes.statuses[ordinal] = EventStatus.NOT_METERED
        for meter, units in made:
            outcomes.usage_ordinals.append(ordinal)
            outcomes.usage_meters.append(meter)
            outcomes.usage_values.append(units)
        return None

    def _list_of(self, meters: tuple[MeterTerms, ...]) -> str:
        """The same few combinations come again and again."""
        if meters not in self._silent:
            listed = [[meter.id, meter.version] for meter in meters]
            self._silent[meters] = msgspec.json.encode(listed).decode()
        return self._silent[meters]


@functools.lru_cache(maxsize=1024)
def _prepared(terms: SchemaTerms) -> _Prepared:
    return _Prepared(terms)
