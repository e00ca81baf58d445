"""What the processing of events has to know of an organisation, read from the state store and remembered.

A number in the organisation's row moves with every change that matters here, in the transaction of the change;
as long as it stands still, the same objects are handed out again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tallystick.accounts.schedule import LatenessGate
from tallystick.catalog.addon import AddOnType
from tallystick.catalog.event_schema import NAMED_LICENSE_SCHEMA, USAGE_SCHEMA
from tallystick.catalog.fields import Lifecycle, Shelf
from tallystick.catalog.id_template import IdTemplate
from tallystick.logic import parse
from tallystick.metering.catalogue import (
    NEVER_LATE,
    AccountSpan,
    AccountTerms,
    Catalogue,
    MeterTerms,
    SchemaTerms,
    TiedFeature,
)
from tallystick.metering.predefined import license_schema, usage_schema
from tallystick.stores.state import organisations
from tallystick.stores.state.nearest_settings import nearest_settings
from tallystick.stores.state.state import State
from tallystick.stores.state.terms import references

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection

    from tallystick.accounts.schedule import Schedule
    from tallystick.catalog.event_schema import EventSchema, FeatureTie
    from tallystick.catalog.usage_meter import UsageMeter
    from tallystick.metering.catalogue import Gate
    from tallystick.stores.state.database import Database

MOST_REFERENCES: Final = 1_000_000
READ_AT_ONCE: Final = 5_000
_UNKNOWN: Final[tuple[AccountSpan, ...]] = ()


@dataclass(slots=True)
class _Known:
    """What was read of one organisation while its catalogue had this version."""

    version: int
    schemas: dict[str, SchemaTerms | None] = field(default_factory=dict)
    accounts: dict[str, tuple[AccountSpan, ...]] = field(default_factory=dict)


class StateCatalogues:
    """Catalogues over the state store; used by the one thread that processes events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, _Known] = {}

    def snapshot(self, organisation: str, schema_names: AbstractSet[str], account_refs: AbstractSet[str]) -> Catalogue:
        """The catalogue of an organisation as it is now, with at least what these names and references mean."""
        with self._database.read() as connection:
            version = organisations.catalogue_version(connection, organisation)
            known = self._known.get(organisation)
            if known is None or known.version != version or len(known.accounts) > MOST_REFERENCES:
                known = self._known[organisation] = _Known(version)
            new_names = schema_names - known.schemas.keys()
            new_refs = account_refs - known.accounts.keys()
            if new_names:
                known.schemas |= _schemas(State(connection, organisation, b""), new_names)
            if new_refs:
                known.accounts |= _accounts(connection, organisation, new_refs)
        schemas = {name: terms for name, terms in known.schemas.items() if terms is not None}
        return Catalogue(schemas, known.accounts)


def _schemas(state: State, names: Collection[str]) -> dict[str, SchemaTerms | None]:
    """The active schemas of these names with their active meters; None for every other name."""
    found = state.event_schemas.among(names)
    return {
        name: schema_terms(
            found[name],
            state.usage_meters.all(event_schema_name=name, status=Lifecycle.ACTIVE),
            state.ties.of_schema(name),
        )
        if name in found and found[name].status is Lifecycle.ACTIVE
        else _predefined(state, name)
        for name in names
    }


def _predefined(state: State, name: str) -> SchemaTerms | None:
    """A schema that is there from the start, with what its events may name; None for any other."""
    if name == USAGE_SCHEMA:
        return usage_schema(map(_meter_terms, state.usage_meters.all(status=Lifecycle.ACTIVE)))
    if name == NAMED_LICENSE_SCHEMA:
        licenses = state.addons.all(status=Shelf.ACTIVE, type=AddOnType.NAMED_LICENSE)
        return license_schema(addon.id for addon in licenses)
    return None


def schema_terms(schema: EventSchema, meters: Iterable[UsageMeter], tie: FeatureTie | None = None) -> SchemaTerms:
    """A schema with some of its meters and the feature that it is tied to, as the processing of events reads them."""
    return SchemaTerms(
        name=schema.name,
        version=schema.version,
        attributes=tuple(attribute.name for attribute in schema.attributes),
        dimensions=tuple(dimension.name for dimension in schema.dimensions),
        meters=tuple(_meter_terms(meter) for meter in meters),
        enrichments=schema.enrichments,
        id_template=IdTemplate.of(schema.event_id_template) if schema.event_id_template else None,
        feature=None if tie is None else TiedFeature(tie.feature_id, tie.attribute_name),
    )


def _meter_terms(meter: UsageMeter) -> MeterTerms:
    ordered = sorted(meter.computations, key=lambda computation: computation.order)
    return MeterTerms(
        id=meter.id,
        name=meter.name,
        version=meter.version,
        aggregation=meter.aggregation,
        filters=tuple(meter.filters or ()),
        computations=tuple(
            (None if entry.matcher is None else parse(entry.matcher), parse(entry.computation)) for entry in ordered
        ),
    )


def _accounts(connection: Connection, organisation: str, texts: Collection[str]) -> dict[str, tuple[AccountSpan, ...]]:
    """What each text means; an unknown one is remembered as meaning nothing."""
    found: dict[str, tuple[AccountSpan, ...]] = dict.fromkeys(texts, _UNKNOWN)
    zone = organisations.get_organisation(connection, organisation).zone
    schedules = State(connection, organisation, b"").schedules
    for portion in batched(texts, READ_AT_ONCE):
        meant = references(connection, organisation, portion)
        timelines = schedules.of({reference.account_id for reference in meant})
        owners = {(reference.account_id, reference.customer_id) for reference in meant}
        settings = nearest_settings(connection, organisation, owners)
        terms: dict[str, AccountTerms] = {}
        for reference in meant:
            account = terms.setdefault(
                reference.account_id,
                AccountTerms(
                    reference.account_id,
                    reference.customer_id,
                    _gate(timelines[reference.account_id], zone),
                    settings[reference.account_id],
                ),
            )
            span = AccountSpan(account, reference.valid.start, reference.valid.end)
            found[reference.text] = (*found[reference.text], span)
    return found


def _gate(timeline: tuple[Schedule, ...], zone: ZoneInfo) -> Gate:
    return LatenessGate(timeline, zone) if timeline else NEVER_LATE


def batched(texts: Collection[str], size: int) -> Iterator[list[str]]:
    """The texts in portions that fit the variables of one statement."""
    ordered = list(texts)
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
