"""Judging events wholesale: the questions of domain.md 2.4 asked of whole columns, as long as nothing speaks against.

Most events are plain: an account's id, a new event id, every field, units as they were sent. What is not plain, for
whatever reason, is left to be judged one by one, where the reason is found and told. So an answer given here is always
the one that would be given there, only sooner.
"""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.logic import EvaluationError
from tallystick.metering.attribute_layout import MOST_LAYOUTS, AttributeLayout
from tallystick.metering.event import EventStatus
from tallystick.metering.event_data import MOST_REMEMBERED, EventData
from tallystick.metering.outcomes import DigitColumn, listed
from tallystick.metering.unit_column import LONGEST_DIGITS, ONE, column_of
from tallystick.metering.units import UnitsInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from decimal import Decimal

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import SchemaTerms
    from tallystick.metering.event_block import EventBlock
    from tallystick.metering.outcomes import Outcomes
    from tallystick.metering.units import Units

_Taking: TypeAlias = tuple[bool, ...]
"""Of each meter of a schema, whether it takes units of an event."""

_Ordinals: TypeAlias = "NDArray[np.int64]"
_NO_ATTRIBUTES: Final = b"[]"


class _Alike(NamedTuple):
    """Events whose attributes are written in one way: their ordinals, and the digits of each attribute."""

    ordinals: _Ordinals
    digits: Mapping[str, pa.StringArray]

    def kept(self, passing: NDArray[np.bool_]) -> _Alike:
        """Those for which this is true."""
        if passing.all():
            return self
        mask = pa.array(passing)
        return _Alike(self.ordinals[passing], {name: digits.filter(mask) for name, digits in self.digits.items()})


class WholesaleSchema:
    """A schema as whole columns of events are judged by it; it does not enrich them."""

    def __init__(self, terms: SchemaTerms, units: Iterable[Units]) -> None:
        """Take the terms, and for each meter the function from an event to its units."""
        self._terms = terms
        self._columns = [column_of(meter, terms, of_meter) for meter, of_meter in zip(terms.meters, units, strict=True)]
        self._rules = {place: column.rule for place, column in enumerate(self._columns) if column.rule is not None}
        self._measured = {column.attribute for column in self._columns if column.attribute is not None}
        self._takes: dict[str, _Taking | None] = {}

    def meter(self, block: EventBlock, ordinals: _Ordinals, outcomes: Outcomes) -> _Ordinals:
        """Add the units of every meter; the ordinals of those events that were metered.

        An event that lacks a field or that a meter fails for is left as it was.
        """
        kinds, takes = self._kinds(block, ordinals)
        known = kinds[block.dimensions.codes[ordinals]]
        done = [np.empty(0, dtype=np.int64)]
        for alike in self._by_layout(block, ordinals[known >= 0]):
            of_events = kinds[block.dimensions.codes[alike.ordinals]]
            done.append(self._meter_alike(block, alike, of_events, takes, outcomes))
        return np.concatenate(done)

    def _kinds(self, block: EventBlock, ordinals: _Ordinals) -> tuple[NDArray[np.int64], list[_Taking]]:
        """For every text of dimensions the number of the kind of events it makes, and which meters take of each kind.

        It is -1 where dimensions do not tell, a matcher fails, or no event of these has the text.
        """
        texts = block.dimensions.texts
        used = np.unique(block.dimensions.codes[ordinals]).tolist()
        if len(self._takes) + len(used) > MOST_REMEMBERED:
            self._takes.clear()
        kinds = np.full(len(texts), -1, dtype=np.int64)
        numbers: dict[_Taking, int] = {}
        for place in used:
            text = texts[place]
            if text not in self._takes:
                self._takes[text] = self._taking(text)
            taking = self._takes[text]
            if taking is not None:
                kinds[place] = numbers.setdefault(taking, len(numbers))
        return kinds, list(numbers)

    def _taking(self, dimensions: str) -> _Taking | None:
        """Which meters take units of events with these dimensions; None, where they do not tell or a matcher fails."""
        data = EventData(_NO_ATTRIBUTES, dimensions.encode())
        taking = [column.takes(data) for column in self._columns]
        is_complete = all(name in data.dimensions for name in self._terms.dimensions)
        return tuple(map(bool, taking)) if is_complete and None not in taking else None

    def _by_layout(self, block: EventBlock, ordinals: _Ordinals) -> Iterator[_Alike]:
        """The events by the way in which their attributes are written; not those that lack one of the schema's."""
        for _ in range(MOST_LAYOUTS):
            if not len(ordinals):
                return
            documents = block.attributes.take(pa.array(ordinals))
            layout = AttributeLayout.of(documents[0].as_py())
            if layout is None:
                ordinals = ordinals[1:]
                continue
            found, digits = layout.digits(documents)
            if layout.names.issuperset(self._terms.attributes):
                yield self._short(_Alike(ordinals, digits).kept(found))
            ordinals = ordinals[~found]

    def _short(self, events: _Alike) -> _Alike:
        """The events whose units have so few digits that every number of so many can be stored."""
        for name in self._measured:
            lengths = pc.binary_length(events.digits[name]).to_numpy(zero_copy_only=False)
            events = events.kept(lengths <= LONGEST_DIGITS)
        return events

    def _meter_alike(
        self, block: EventBlock, events: _Alike, kinds: NDArray[np.int64], takes: list[_Taking], outcomes: Outcomes
    ) -> _Ordinals:
        """Add the units of events that are written alike, and say what became of them; which they were."""
        if self._rules:
            numbers, is_sure = self._numbers(block, events.ordinals)
            events, kinds = events.kept(is_sure), kinds[is_sure]
            kinds, takes = _with_numbers(kinds, takes, numbers)
            self._add_numbers(events.ordinals, numbers, outcomes)
        self._tell(events.ordinals, kinds, takes, outcomes)
        for place, column in enumerate(self._columns):
            if place not in self._rules:
                is_taken = np.array([taking[place] for taking in takes], dtype=np.bool_)[kinds]
                taken = events.kept(is_taken)
                one = pa.repeat(ONE, len(taken.ordinals))
                units = one if column.attribute is None else taken.digits[column.attribute]
                outcomes.digit_columns.append(DigitColumn(column.meter, taken.ordinals, units))
        return events.ordinals

    def _numbers(
        self, block: EventBlock, ordinals: _Ordinals
    ) -> tuple[dict[int, list[Decimal | None]], NDArray[np.bool_]]:
        """What the rules of meters make of each event that none fails for, by the place of the meter; and for which."""
        data = [EventData(*documents) for documents in block.documents(ordinals)]
        is_sure = np.ones(len(data), dtype=np.bool_)
        numbers: dict[int, list[Decimal | None]] = {}
        for place, rule in self._rules.items():
            numbers[place] = _asked(rule, data, is_sure)
        return {place: list(compress(units, is_sure)) for place, units in numbers.items()}, is_sure

    def _add_numbers(
        self, ordinals: _Ordinals, numbers: Mapping[int, Sequence[Decimal | None]], outcomes: Outcomes
    ) -> None:
        """Add the units that the rules of meters have made."""
        for place, column in numbers.items():
            meters = [self._columns[place].meter]
            for ordinal, units in zip(ordinals.tolist(), column, strict=True):
                if units is not None:
                    outcomes.add_usage(ordinal, meters, [units])

    def _tell(
        self, ordinals: _Ordinals, kinds: NDArray[np.int64], takes: Sequence[_Taking], outcomes: Outcomes
    ) -> None:
        """Say of each event which meters took no units of it, and whether all of them did."""
        outcomes.schema_versions.put_same(ordinals, self._terms.version)
        if not self._columns:
            outcomes.statuses.put_same(ordinals, EventStatus.NO_MATCHING_METERS)
            return
        outcomes.filtered_out.put(ordinals, kinds, [self._silent_beside(taking) for taking in takes])
        is_unmetered = np.array([not any(taking) for taking in takes], dtype=np.bool_)
        outcomes.statuses.put_same(ordinals[is_unmetered[kinds]], EventStatus.NOT_METERED)

    def _silent_beside(self, taking: _Taking) -> str | None:
        """The list of the meters that take no units."""
        silent = compress(self._terms.meters, (not takes_units for takes_units in taking))
        return listed(tuple((meter.id, meter.version) for meter in silent))


def _asked(rule: Units, events: list[EventData], is_sure: NDArray[np.bool_]) -> list[Decimal | None]:
    """What a rule makes of each event; where it fails, the event is not sure any more."""
    made: list[Decimal | None] = []
    for place, event in enumerate(events):
        units = None
        try:
            units = rule(event)
        except (EvaluationError, UnitsInvalidError):
            is_sure[place] = False
        made.append(units)
    return made


def _with_numbers(
    kinds: NDArray[np.int64], takes: Sequence[_Taking], numbers: Mapping[int, Sequence[Decimal | None]]
) -> tuple[NDArray[np.int64], list[_Taking]]:
    """The kinds of events anew, now that it is known of which of them rules have made units."""
    takings = [list(takes[kind]) for kind in kinds.tolist()]
    for place, column in numbers.items():
        for taking, units in zip(takings, column, strict=True):
            taking[place] = units is not None
    every: dict[_Taking, int] = {}
    anew = [every.setdefault(tuple(taking), len(every)) for taking in takings]
    return np.array(anew, dtype=np.int64), list(every)
