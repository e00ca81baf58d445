"""The schemas that are there from the start (domain.md 2.5): usage sent as such, and named licences."""

from __future__ import annotations

import functools
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.event_schema import NAMED_LICENSE_SCHEMA, USAGE_SCHEMA
from tallystick.catalog.usage_meter import Aggregation
from tallystick.metering.catalogue import LicenseSchemaTerms, SchemaTerms
from tallystick.metering.event import EventStatus
from tallystick.metering.prepared_schema import PreparedSchema
from tallystick.metering.units import UnitsInvalidError, different, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tallystick.metering.catalogue import AccountTerms, MeterTerms
    from tallystick.metering.event_data import EventData
    from tallystick.metering.outcomes import Outcomes, Refusal

VERSION: Final = 1
LONGEST_NAME: Final = 50
"""What the wire takes as the name of a named licence (`NamedLicenseUpdate`)."""


def usage_schema(meters: Iterable[MeterTerms]) -> SchemaTerms:
    """The terms of `togai-usage`, by which usage goes straight to one of the active meters."""
    return SchemaTerms(USAGE_SCHEMA, VERSION, ("usage",), ("usage_meter_id",), tuple(meters))


def license_schema(addon_ids: Iterable[str]) -> LicenseSchemaTerms:
    """The terms of `togai-named-license`; the ids are those of the active add-ons of type NAMED_LICENSE."""
    terms = (NAMED_LICENSE_SCHEMA, VERSION, ("action",), ("license_id", "name"), ())
    return LicenseSchemaTerms(*terms, addon_ids=frozenset(addon_ids))


@functools.lru_cache(maxsize=1024)
def prepared(terms: SchemaTerms) -> PreparedSchema:
    """A schema ready to judge events by; the same one for the same terms."""
    if isinstance(terms, LicenseSchemaTerms):
        return _NamedLicenses(terms)
    return _DirectUsage(terms) if terms.name == USAGE_SCHEMA else PreparedSchema(terms)


class _DirectUsage(PreparedSchema):
    """`togai-usage`: the attribute is the usage of the meter that the dimension names, whatever the meter's rules."""

    __slots__ = ("_by_id",)

    def __init__(self, terms: SchemaTerms) -> None:
        super().__init__(replace(terms, meters=()))
        self._by_id = {meter.id: meter for meter in terms.meters}
        self.wholesale = None

    def meter(
        self,
        data: EventData,
        account: AccountTerms,  # noqa: ARG002 - the same for any account
        ordinal: int,
        outcomes: Outcomes,
    ) -> Refusal | None:
        """Add the usage to the meter."""
        meter_id = data.dimensions["usage_meter_id"]
        meter = self._by_id.get(meter_id)
        if meter is None:
            return EventStatus.FAILED, f"usage_meter_id: no active usage meter has the id {meter_id!r}"
        usage = Decimal(data.attributes["usage"])
        try:
            units = different(usage) if meter.aggregation is Aggregation.DISTINCT_COUNT else stored(usage)
        except UnitsInvalidError as failure:
            return EventStatus.UNITS_INVALID, f"usage: {failure}"
        outcomes.add_usage(ordinal, [meter], [units])
        return None


class _NamedLicenses(PreparedSchema):
    """`togai-named-license`: well-formed events are the ledger of named licences."""

    __slots__ = ("_addon_ids",)

    def __init__(self, terms: LicenseSchemaTerms) -> None:
        super().__init__(terms)
        self._addon_ids = terms.addon_ids
        self.wholesale = None

    def lacks(self, data: EventData) -> bool:
        """Whether the event is malformed."""
        return bool(self._problems(data))

    def refusal(self, data: EventData) -> Refusal:
        """Everything that is wrong with the event."""
        return EventStatus.INVALID_NAMED_LICENSE_EVENT, "; ".join(self._problems(data))

    def meter(
        self,
        data: EventData,
        account: AccountTerms,
        ordinal: int,
        outcomes: Outcomes,
    ) -> None:
        """Leave it at that: the event is an entry of the ledger by itself, and makes no usage."""

    def _problems(self, data: EventData) -> list[str]:
        if super().lacks(data):
            return [super().refusal(data)[1]]
        action, license_id, name = data.attributes["action"], data.dimensions["license_id"], data.dimensions["name"]
        problems = []
        if license_id not in self._addon_ids:
            problems.append(f"license_id: no active add-on of type NAMED_LICENSE has the id {license_id!r}")
        if len(name) > LONGEST_NAME:
            problems.append(f"name: {len(name)} characters are too many: at most {LONGEST_NAME}")
        if Decimal(action) not in {1, -1}:
            problems.append(f"action: is {action[:40]}, expected 1 to add the name or -1 to remove it")
        return problems
