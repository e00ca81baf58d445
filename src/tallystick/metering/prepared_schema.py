"""A schema whose meters have become functions, as events are judged by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.logic import EvaluationError
from tallystick.metering.enrichment import Enrichment, EnrichmentError
from tallystick.metering.event import EventStatus
from tallystick.metering.outcomes import listed
from tallystick.metering.units import UnitsInvalidError, units_of
from tallystick.metering.wholesale import WholesaleSchema

if TYPE_CHECKING:
    from decimal import Decimal

    from tallystick.metering.catalogue import AccountTerms, MeterTerms, SchemaTerms
    from tallystick.metering.event_data import EventData
    from tallystick.metering.outcomes import Outcomes, Refusal
    from tallystick.metering.units import Units


class PreparedSchema:
    """A schema whose meters have become functions."""

    __slots__ = ("_attributes", "_dimensions", "_enrichment", "_meters", "_silent", "feature", "version", "wholesale")

    def __init__(self, terms: SchemaTerms) -> None:
        self.version = terms.version
        self.feature = terms.feature
        self._attributes = terms.attributes
        self._dimensions = terms.dimensions
        self._meters: list[tuple[MeterTerms, Units]] = [(meter, units_of(meter)) for meter in terms.meters]
        self._enrichment = None if terms.enrichments is None else Enrichment(terms.enrichments, _sent(terms))
        self._silent: dict[tuple[MeterTerms, ...], str | None] = {}
        units = [of_meter for _, of_meter in self._meters]
        is_plain = self._enrichment is None and self.feature is None
        self.wholesale = WholesaleSchema(terms, units) if is_plain else None
        """How whole columns of plain events are judged; None, where each event is judged by itself."""

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

    def meter(self, data: EventData, account: AccountTerms, ordinal: int, outcomes: Outcomes) -> Refusal | None:
        """Enrich the event, and add its units of every meter, or none at all when one of them fails."""
        return self.enrich(data, account, ordinal, outcomes) or self.measure(data, ordinal, outcomes)

    def enrich(self, data: EventData, account: AccountTerms, ordinal: int, outcomes: Outcomes) -> Refusal | None:
        """Add to what the event says."""
        if self._enrichment is None:
            return None
        try:
            outcomes.enrichments[ordinal] = self._enrichment.enrich(data, account.settings)
        except EnrichmentError as failure:
            return EventStatus.ENRICHMENT_FAILED, str(failure)
        return None

    def measure(self, data: EventData, ordinal: int, outcomes: Outcomes) -> Refusal | None:
        """Add the units of every meter, or none at all when one of them fails."""
        if not self._meters:
            outcomes.statuses[ordinal] = EventStatus.NO_MATCHING_METERS
            return None
        meters: list[MeterTerms] = []
        values: list[Decimal] = []
        for meter, units_of_event in self._meters:
            try:
                units = units_of_event(data)
            except (EvaluationError, UnitsInvalidError) as failure:
                return EventStatus.UNITS_INVALID, f"usage meter {meter.name}: {failure}"
            if units is not None:
                meters.append(meter)
                values.append(units)
        if len(meters) < len(self._meters):
            outcomes.filtered_out[ordinal] = self._silent_beside(tuple(meters))
        if not meters:
            outcomes.statuses[ordinal] = EventStatus.NOT_METERED
        outcomes.add_usage(ordinal, meters, values)
        return None

    def _silent_beside(self, meters: tuple[MeterTerms, ...]) -> str | None:
        """The list of the other meters; the same few combinations come again and again."""
        if meters not in self._silent:
            self._silent[meters] = listed(
                tuple((meter.id, meter.version) for meter, _ in self._meters if meter not in meters)
            )
        return self._silent[meters]


def _sent(terms: SchemaTerms) -> frozenset[str]:
    """The variables that events of the schema are sent with."""
    attributes = [f"attributes.{name}" for name in terms.attributes]
    return frozenset([*attributes, *(f"dimensions.{name}" for name in terms.dimensions)])
