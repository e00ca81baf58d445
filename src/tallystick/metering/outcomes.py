"""What became of the events of a block: their statuses with the reasons, and their usage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.metering.event import EventStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from tallystick.metering.catalogue import MeterTerms

LONGEST_DESCRIPTION: Final = 250


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the events of some columns: entry i of a list belongs to event i.

    Usage facts are lists of their own: fact j says that event `usage_ordinals[j]` made `usage_values[j]` units of
    `usage_meters[j]`, each value already in the form of DECIMAL(38,12). `filtered_out` is null, or the JSON list of
    [meter id, meter version] that said no to the event; `enrichments` is null, or the JSON of an `EnrichmentTrace`.
    """

    statuses: list[EventStatus]
    descriptions: list[str | None]
    schema_versions: list[int | None]
    account_ids: list[str | None]
    customer_ids: list[str | None]
    filtered_out: list[str | None]
    enrichments: list[str | None]
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
            enrichments=[None] * count,
            usage_ordinals=[],
            usage_meters=[],
            usage_values=[],
        )

    def add_usage(self, ordinal: int, meters: Sequence[MeterTerms], values: Sequence[Decimal]) -> None:
        """Note what an event made: so many units of each meter."""
        self.usage_ordinals.extend([ordinal] * len(meters))
        self.usage_meters.extend(meters)
        self.usage_values.extend(values)


Refusal: TypeAlias = tuple[EventStatus, str]
"""The status with which an event ends before it is metered, and the reason."""
