"""Events and catalogues for the tests of metering: flights, with a distance and an origin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.catalog.usage_meter import Aggregation, MeterFilter
from tallystick.kernel.period import BEGINNING, FOREVER
from tallystick.logic import parse
from tallystick.metering.catalogue import (
    NEVER_LATE,
    AccountSpan,
    AccountTerms,
    Catalogue,
    Gate,
    MeterTerms,
    SchemaTerms,
)
from tallystick.metering.columns import EventColumns
from tallystick.metering.event import Attribute, Event, EventSource
from tallystick.metering.event_block import EventBlock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORGANISATION: Final = "org.1"
NOON: Final = datetime(2026, 3, 14, 12, tzinfo=UTC)
MILES: Final = '{"var": "attributes.distance"}'
FROM_JFK: Final = '{"==": [{"var": "dimensions.origin"}, "JFK"]}'


def flight(
    event_id: str | None = "e1",
    *,
    at: datetime = NOON,
    account: str = "acme",
    schema: str = "flight",
    attributes: Mapping[str, str] | None = None,
    dimensions: Mapping[str, str] | None = None,
) -> Event:
    """An event; by default 100 miles from JFK on Pi Day at noon."""
    held = {"distance": "100"} if attributes is None else attributes
    return Event(
        schema_name=schema,
        id=event_id,
        timestamp=at,
        account_id=account,
        attributes=[Attribute(name, value) for name, value in held.items()],
        dimensions={"origin": "JFK"} if dimensions is None else dict(dimensions),
    )


def columns(*events: Event, organisation: str = ORGANISATION, source: EventSource = EventSource.BATCH) -> EventColumns:
    """The events as one request."""
    return EventColumns.of(events, organisation, source)


def block(*events: Event) -> EventBlock:
    """The events as they lie in the log."""
    return EventBlock.of(columns(*events))


def meter(
    name: str = "miles",
    *computations: tuple[str | None, str],
    aggregation: Aggregation = Aggregation.SUM,
    filters: Mapping[str, str] | None = None,
) -> MeterTerms:
    """A meter of (matcher, computation) rules; by default it sums the distance."""
    return MeterTerms(
        id=f"um.{name}",
        name=name,
        version=1,
        aggregation=aggregation,
        filters=tuple(MeterFilter(field=field, value=value) for field, value in (filters or {}).items()),
        computations=tuple(
            (None if matcher is None else parse(matcher), parse(computation))
            for matcher, computation in computations or [(None, MILES)]
        ),
    )


def departures() -> MeterTerms:
    """A meter that counts flights from JFK."""
    return meter("departures", (FROM_JFK, "1"), aggregation=Aggregation.COUNT)


def schema(*meters: MeterTerms, name: str = "flight") -> SchemaTerms:
    """The schema of flights with these meters."""
    return SchemaTerms(name=name, version=3, attributes=("distance",), dimensions=("origin",), meters=meters)


def span(
    account: str, *, since: datetime = BEGINNING, until: datetime = FOREVER, gate: Gate = NEVER_LATE
) -> AccountSpan:
    """An account of a customer of the same name."""
    return AccountSpan(AccountTerms(account, f"customer of {account}", gate), since, until)


def catalogue(*schemas: SchemaTerms, accounts: Mapping[str, Sequence[AccountSpan]] | None = None) -> Catalogue:
    """A catalogue with the account `acme`."""
    known = {"acme": [span("acme")]} if accounts is None else accounts
    return Catalogue({terms.name: terms for terms in schemas}, {name: tuple(spans) for name, spans in known.items()})


class FixedCatalogue:
    """A source of one catalogue, the same for every organisation."""

    def __init__(self, fixed: Catalogue) -> None:
        self.fixed = fixed
        self.asked: list[tuple[str, set[str], set[str]]] = []

    def snapshot(self, organisation: str, schema_names: Any, account_refs: Any) -> Catalogue:  # noqa: ANN401
        """The catalogue, whatever is asked for."""
        self.asked.append((organisation, set(schema_names), set(account_refs)))
        return self.fixed
