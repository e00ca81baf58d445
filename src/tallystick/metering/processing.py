"""What becomes of a batch of events (domain.md 2.4): events x catalogue -> statuses and usage. Pure."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.metering.event import EventStatus
from tallystick.metering.event_data import EventData
from tallystick.metering.units import UnitsInvalidError, units_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from tallystick.metering.catalogue import AccountTerms, Catalogue, MeterTerms, SchemaTerms
    from tallystick.metering.columns import EventColumns
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


class _Refusal(Exception):  # noqa: N818 - it is an answer, not an error
    """The event ends here, with this status."""

    def __init__(self, status: EventStatus, description: str) -> None:
        super().__init__(description)
        self.status = status


def process(columns: EventColumns, received_at: datetime, catalogue: Catalogue, claimed: set[str]) -> Outcomes:
    """Judge every event of the columns, in order.

    `claimed` holds the ids that earlier events of this organisation have taken; the ids of these events are added to
    it, so that the first occurrence of an id has it whatever becomes of the event (domain.md 2.3).
    """
    outcomes = Outcomes.blank(len(columns))
    schemas = {name: _prepared(terms) for name, terms in catalogue.schemas.items()}
    for ordinal, event_id in enumerate(columns.ids):
        account = _account_of(catalogue, columns.account_refs[ordinal], columns.event_ats[ordinal])
        if account is not None:
            outcomes.account_ids[ordinal] = account.id
            outcomes.customer_ids[ordinal] = account.customer_id
        try:
            _claim(event_id, claimed)
            schema = _schema_of(schemas, columns.schema_names[ordinal])
            outcomes.schema_versions[ordinal] = schema.terms.version
            data = EventData(columns.attributes[ordinal], columns.dimensions[ordinal])
            schema.check(data)
            _admit(account, columns.event_ats[ordinal], received_at)
            schema.meter(data, ordinal, outcomes)
        except _Refusal as refusal:
            outcomes.statuses[ordinal] = refusal.status
            outcomes.descriptions[ordinal] = str(refusal)[:LONGEST_DESCRIPTION]
    return outcomes


def _claim(event_id: str | None, claimed: set[str]) -> None:
    if not event_id:
        raise _Refusal(EventStatus.NO_EVENT_ID, "the event has no id")
    if event_id in claimed:
        raise _Refusal(EventStatus.DUPLICATE, "an event with this id came in before")
    claimed.add(event_id)


def _schema_of(schemas: Mapping[str, _Prepared], name: str) -> _Prepared:
    schema = schemas.get(name)
    if schema is None:
        raise _Refusal(EventStatus.SCHEMA_NOT_DEFINED, "no active event schema has this name")
    return schema


def _account_of(catalogue: Catalogue, reference: str, event_at: datetime) -> AccountTerms | None:
    """The account with exactly this id, else the one that had this alias when the event happened (domain.md 2.4)."""
    spans = catalogue.accounts.get(reference, ())
    for span in spans:
        if span.account.id == reference:
            return span.account
    for span in spans:
        if span.effective_from <= event_at < span.effective_until:
            return span.account
    return None


def _admit(account: AccountTerms | None, event_at: datetime, received_at: datetime) -> None:
    if account is None:
        raise _Refusal(
            EventStatus.ACCOUNT_NOT_FOUND, "no account has this id, nor had this alias when the event happened"
        )
    if account.gate.refuses(event_at, received_at):
        raise _Refusal(EventStatus.PAST_GRACE_PERIOD, "the pricing cycle of the event and its grace period were over")


class _Prepared:
    """A schema whose meters have become functions."""

    __slots__ = ("_attributes", "_dimensions", "_meters", "_silent", "terms")

    def __init__(self, terms: SchemaTerms) -> None:
        self.terms = terms
        self._attributes = frozenset(terms.attributes)
        self._dimensions = frozenset(terms.dimensions)
        self._meters: list[tuple[MeterTerms, Units]] = [(meter, units_of(meter)) for meter in terms.meters]
        self._silent: dict[tuple[MeterTerms, ...], str] = {}

    def check(self, data: EventData) -> None:
        """Refuse an event that lacks one of the schema's fields."""
        if self._attributes <= data.attributes.keys() and self._dimensions <= data.dimensions.keys():
            return
        missing = [f"attribute {name}" for name in self.terms.attributes if name not in data.attributes]
        missing += [f"dimension {name}" for name in self.terms.dimensions if name not in data.dimensions]
        raise _Refusal(EventStatus.FAILED, "; ".join(f"{field} is missing" for field in missing))

    def meter(self, data: EventData, ordinal: int, outcomes: Outcomes) -> None:
        """Add the event's units of every meter, or none at all when one of them fails."""
        if not self._meters:
            outcomes.statuses[ordinal] = EventStatus.NO_MATCHING_METERS
            return
        silent: list[MeterTerms] = []
        made: list[tuple[MeterTerms, Decimal]] = []
        try:
            for meter, units_of_meter in self._meters:
                units = units_of_meter(data)
                if units is None:
                    silent.append(meter)
                else:
                    made.append((meter, units))
        except UnitsInvalidError as failure:
            raise _Refusal(EventStatus.UNITS_INVALID, str(failure)) from failure
        if silent:
            outcomes.filtered_out[ordinal] = self._list_of(tuple(silent))
        if not made:
            outcomes.statuses[ordinal] = EventStatus.NOT_METERED
        for meter, units in made:
            outcomes.usage_ordinals.append(ordinal)
            outcomes.usage_meters.append(meter)
            outcomes.usage_values.append(units)

    def _list_of(self, meters: tuple[MeterTerms, ...]) -> str:
        """The same few combinations come again and again."""
        if meters not in self._silent:
            listed = [[meter.id, meter.version] for meter in meters]
            self._silent[meters] = msgspec.json.encode(listed).decode()
        return self._silent[meters]


@functools.lru_cache(maxsize=1024)
def _prepared(terms: SchemaTerms) -> _Prepared:
    return _Prepared(terms)
