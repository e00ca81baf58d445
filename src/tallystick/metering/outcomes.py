"""What became of the events of a block: their statuses with the reasons, and their usage."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tallystick.metering.coded import CodedColumn
from tallystick.metering.event import EventStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tallystick.metering.catalogue import MeterTerms

LONGEST_DESCRIPTION: Final = 250

FilteredOut: TypeAlias = "tuple[tuple[str, int], ...]"
"""The (meter id, meter version) that said no to an event."""

_METERS: Final = msgspec.json.Decoder(tuple[tuple[str, int], ...])


@dataclass(frozen=True, slots=True, eq=False)
class DigitColumn:
    """Usage facts of one meter: event `ordinals[i]` made as many units as the digits `units[i]` say.

    The digits are few enough that DECIMAL(38,12) holds every number of so many.
    """

    meter: MeterTerms
    ordinals: NDArray[np.int64]
    units: pa.StringArray


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of the events of some columns: entry i of a column belongs to event i.

    Usage facts are lists of their own: fact j says that event `usage_ordinals[j]` made `usage_values[j]` units of
    `usage_meters[j]`, each value already in the form of DECIMAL(38,12). Facts that many events have in common are
    `digit_columns`. `filtered_out` is null, or the JSON list of [meter id, meter version] that said no to the event;
    `enrichments` is null, or the JSON of an `EnrichmentTrace`.
    """

    statuses: CodedColumn[EventStatus]
    descriptions: CodedColumn[str | None]
    schema_versions: CodedColumn[int | None]
    account_ids: CodedColumn[str | None]
    customer_ids: CodedColumn[str | None]
    filtered_out: CodedColumn[str | None]
    enrichments: CodedColumn[str | None]
    usage_ordinals: list[int]
    usage_meters: list[MeterTerms]
    usage_values: list[Decimal]
    digit_columns: list[DigitColumn]

    @classmethod
    def blank(cls, count: int) -> Outcomes:
        """Outcomes of so many events about which nothing is known yet."""
        return cls(
            statuses=CodedColumn(count, EventStatus.METERED),
            descriptions=CodedColumn(count, None),
            schema_versions=CodedColumn(count, None),
            account_ids=CodedColumn(count, None),
            customer_ids=CodedColumn(count, None),
            filtered_out=CodedColumn(count, None),
            enrichments=CodedColumn(count, None),
            usage_ordinals=[],
            usage_meters=[],
            usage_values=[],
            digit_columns=[],
        )

    def add_usage(self, ordinal: int, meters: Sequence[MeterTerms], values: Sequence[Decimal]) -> None:
        """Note what an event made: so many units of each meter."""
        self.usage_ordinals.extend([ordinal] * len(meters))
        self.usage_meters.extend(meters)
        self.usage_values.extend(values)

    def facts(self) -> Iterator[tuple[int, MeterTerms, Decimal]]:
        """Every usage fact: which event made how many units of which meter."""
        yield from zip(self.usage_ordinals, self.usage_meters, self.usage_values, strict=True)
        for column in self.digit_columns:
            for ordinal, digits in zip(column.ordinals.tolist(), column.units.to_pylist(), strict=True):
                yield ordinal, column.meter, Decimal(digits)


def listed(meters: FilteredOut) -> str | None:
    """Meters as `Outcomes.filtered_out` holds them; null, when there are none."""
    return msgspec.json.encode(meters).decode() if meters else None


def unlisted(text: str | None) -> FilteredOut:
    """The meters that `listed` has written."""
    return () if text is None else _METERS.decode(text)


Refusal: TypeAlias = tuple[EventStatus, str]
"""The status with which an event ends before it is metered, and the reason."""
