"""What the processor must know of an organisation to judge a batch of its events; only what is active is in it.

These values compare by identity: the prepared form of a schema is remembered for the very object, so a source of
catalogues hands out the same object for as long as nothing about it has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from tallystick.accounts.schedule import END_OF_MICROS, TakenUntil

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from tallystick.catalog.enrichment import Enrichments
    from tallystick.catalog.id_template import IdTemplate
    from tallystick.catalog.setting import Setting
    from tallystick.catalog.usage_meter import Aggregation, MeterFilter
    from tallystick.logic import Rule


class Gate(Protocol):
    """Says when it is too late for an event of an account."""

    def refuses(self, event_at: datetime, received_at: datetime) -> bool:
        """Whether the cycle of `event_at` could take no more events at `received_at` (domain.md 2.2)."""
        ...

    def taken_until(self, event_at: int) -> TakenUntil:
        """Until when an event of that time is taken, and which others beside it; in microseconds since 1970."""
        ...


class _Open:
    """The gate of an account that never closes a cycle."""

    def refuses(self, event_at: datetime, received_at: datetime) -> bool:  # noqa: ARG002 - the same for any instants
        return False

    def taken_until(self, event_at: int) -> TakenUntil:  # noqa: ARG002 - the same for any instant
        return _ALWAYS


_ALWAYS: Final = TakenUntil(-END_OF_MICROS, END_OF_MICROS, END_OF_MICROS)
NEVER_LATE: Final[Gate] = _Open()


@dataclass(frozen=True, slots=True, eq=False)
class MeterTerms:
    """One version of an active usage meter; `computations` are (matcher, computation) by ascending order."""

    id: str
    name: str
    version: int
    aggregation: Aggregation
    filters: tuple[MeterFilter, ...]
    computations: tuple[tuple[Rule | None, Rule], ...]


class TiedFeature(NamedTuple):
    """The feature that events of a schema use, and the attribute that says how much."""

    feature_id: str
    attribute: str


@dataclass(frozen=True, slots=True, eq=False)
class SchemaTerms:
    """One version of an active event schema, with the names its events must carry and its active meters.

    `id_template` makes the ids of events that bring none; `enrichments` add fields to what each event says; `feature`
    is what its events use up.
    """

    name: str
    version: int
    attributes: tuple[str, ...]
    dimensions: tuple[str, ...]
    meters: tuple[MeterTerms, ...]
    id_template: IdTemplate | None = None
    enrichments: Enrichments | None = None
    feature: TiedFeature | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LicenseSchemaTerms(SchemaTerms):
    """The predefined schema of named licences, with the ids of the add-ons that its events may name."""

    addon_ids: frozenset[str]


@dataclass(frozen=True, slots=True, eq=False)
class AccountTerms:
    """An account that can take events; `settings` are those nearest to it, by the key that enrichments name."""

    id: str
    customer_id: str
    gate: Gate = NEVER_LATE
    settings: Mapping[str, Setting] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class AccountSpan:
    """An account under one of its names; an alias stands for it in [effective_from, effective_until)."""

    account: AccountTerms
    effective_from: datetime
    effective_until: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The schemas by name, and what may be meant by each account reference, of one organisation."""

    schemas: Mapping[str, SchemaTerms]
    accounts: Mapping[str, tuple[AccountSpan, ...]]


class CatalogueSource(Protocol):
    """Where the processor gets its catalogues; it asks after it has read the end of the batch they are for."""

    def snapshot(self, organisation: str, schema_names: AbstractSet[str], account_refs: AbstractSet[str]) -> Catalogue:
        """The catalogue of an organisation as it is now, with at least what these names and references mean."""
        ...
