"""Judging events wholesale: the questions of domain.md 2.4 asked of whole columns, as long as nothing speaks against.

Most events are plain: an account's id, a new event id, every field, units as they were sent. What is not plain, for
whatever reason, is left to be judged one by one, where the reason is found and told. So an answer given here is always
the one that would be given there, only sooner.
"""

from __future__ import annotations

from itertools import chain, compress
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from tallystick.logic import EvaluationError
from tallystick.metering.event import EventStatus
from tallystick.metering.event_data import MOST_REMEMBERED, EventData, SentAttribute
from tallystick.metering.outcomes import DigitColumn, listed
from tallystick.metering.unit_column import LONGEST_DIGITS, ONE, column_of
from tallystick.metering.units import UnitsInvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from tallystick.metering.catalogue import SchemaTerms
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.outcomes import Outcomes
    from tallystick.metering.units import Units

T = TypeVar("T")

_Taking: TypeAlias = tuple[bool, ...]
"""Of each meter of a schema, whether it takes units of an event."""

_DOCUMENTS: Final = msgspec.json.Decoder(list[list[SentAttribute]])


class PlainEvents:
    """Events of one schema that nothing speaks against so far: entry i of every list is about event `ordinals[i]`."""

    def __init__(self, columns: EventColumns, ordinals: Sequence[int]) -> None:
        is_whole = len(ordinals) == len(columns)

        def chosen(column: list[T]) -> list[T]:
            return self.beside(column[:] if is_whole else [column[ordinal] for ordinal in ordinals])

        self._lists: list[list[Any]] = []
        self.left: list[int] = []
        self.ordinals = self.beside(list(ordinals))
        self.ids = chosen(columns.ids)
        self.event_ats = chosen(columns.event_ats)
        self.account_refs = chosen(columns.account_refs)
        self.attributes = chosen(columns.attributes)
        self.dimensions = chosen(columns.dimensions)

    def __len__(self) -> int:
        """How many events there are."""
        return len(self.ordinals)

    def beside(self, column: list[T]) -> list[T]:
        """The same list, which from now on loses its entry when an event goes."""
        self._lists.append(column)
        return column

    def keep(self, passing: list[bool]) -> None:
        """Go on with the events for which this is true; the others are `left` to be judged one by one."""
        if not all(passing):
            self.left += self.drop([not passes for passes in passing])

    def drop(self, leaving: list[bool]) -> list[int]:
        """Go on without the events for which this is true; their ordinals."""
        if not any(leaving):
            return []
        dropped = list(compress(self.ordinals, leaving))
        staying = [not leaves for leaves in leaving]
        for column in self._lists:
            column[:] = compress(column, staying)
        return dropped

    def put(self, values: Sequence[T], into: list[T]) -> None:
        """Set the entries of a list that has one for every event of the block."""
        if len(self.ordinals) == len(into):
            into[:] = values
            return
        for ordinal, value in zip(self.ordinals, values, strict=True):
            into[ordinal] = value


class WholesaleSchema:
    """A schema as whole columns of events are judged by it; it does not enrich them."""

    def __init__(self, terms: SchemaTerms, units: Iterable[Units]) -> None:
        """Take the terms, and for each meter the function from an event to its units."""
        self._terms = terms
        self._columns = [column_of(meter, terms, of_meter) for meter, of_meter in zip(terms.meters, units, strict=True)]
        self._rules = {place: column.rule for place, column in enumerate(self._columns) if column.rule is not None}
        self._takes: dict[bytes, _Taking | None] = {}
        self._silent: dict[_Taking, str | None] = {}

    def meter(self, events: PlainEvents, outcomes: Outcomes) -> None:
        """Add the units of every meter; an event that lacks a field or that a meter fails for is left."""
        takes = self._taking(events)
        digits = self._digits(events)
        numbers = self._numbers(events)
        if numbers:
            taken = [
                [one is not None for one in numbers[place]] if place in numbers else [taking[place] for taking in takes]
                for place in range(len(self._columns))
            ]
            takes = list(zip(*taken, strict=True))
        events.put([self._terms.version] * len(events), outcomes.schema_versions)
        self._tell(events, takes, outcomes)
        for place, is_taken in enumerate(zip(*takes, strict=True)):
            if place in numbers:
                self._add_numbers(place, events, numbers[place], outcomes)
            else:
                self._add_digits(place, events, digits, is_taken, outcomes)

    def _taking(self, events: PlainEvents) -> list[_Taking]:
        """Which meters take units of each event; where dimensions do not tell or a matcher fails, it is left."""
        new = set(events.dimensions) - self._takes.keys()
        if len(self._takes) + len(new) > MOST_REMEMBERED:
            self._takes.clear()
            new = set(events.dimensions)
        for document in new:
            data = EventData(b"[]", document)
            taking = [column.takes(data) for column in self._columns]
            is_complete = all(name in data.dimensions for name in self._terms.dimensions)
            self._takes[document] = tuple(map(bool, taking)) if is_complete and None not in taking else None
        found = events.beside([self._takes[document] for document in events.dimensions])
        events.keep([taking is not None for taking in found])
        return events.beside([taking for taking in found if taking is not None])

    def _digits(self, events: PlainEvents) -> dict[str, list[str]]:
        """The digits of every attribute of the schema; events that lack one, or have too many digits, are left."""
        needed = self._terms.attributes
        sent = _DOCUMENTS.decode(b"[%b]" % b",".join(events.attributes))
        names = [attribute.name for attribute in chain.from_iterable(sent)]
        width = len(sent[0]) if sent else 0
        layout = {name: place for place, name in enumerate(names[:width])}  # the last of two equal names counts
        is_alike = set(map(len, sent)) == {width} and names == names[:width] * len(sent)
        if is_alike and all(name in layout for name in needed):
            every = [attribute.value for attribute in chain.from_iterable(sent)]
            digits = {name: events.beside(every[layout[name] :: width]) for name in needed}
        else:
            each = events.beside([{attribute.name: attribute.value for attribute in one} for one in sent])
            events.keep([all(name in attributes for name in needed) for attributes in each])
            digits = {name: events.beside([attributes[name] for attributes in each]) for name in needed}
        for column in self._columns:
            if column.attribute is not None and max(map(len, digits[column.attribute]), default=0) > LONGEST_DIGITS:
                events.keep([len(one) <= LONGEST_DIGITS for one in digits[column.attribute]])
        return digits

    def _numbers(self, events: PlainEvents) -> dict[int, list[Decimal | None]]:
        """What the rules of meters make of each event, by the place of the meter; where one fails, it is left."""
        if not self._rules:
            return {}
        both = zip(events.attributes, events.dimensions, strict=True)
        data = events.beside([EventData(*documents) for documents in both])
        numbers: dict[int, list[Decimal | None]] = {}
        for place, rule in self._rules.items():
            units, is_sure = _asked(rule, data)
            numbers[place] = events.beside(units)
            events.keep(is_sure)
        return numbers

    def _tell(self, events: PlainEvents, takes: list[_Taking], outcomes: Outcomes) -> None:
        """Say of each event which meters took no units of it, and whether all of them did."""
        if not self._columns:
            events.put([EventStatus.NO_MATCHING_METERS] * len(events), outcomes.statuses)
            return
        kinds = set(takes)
        for taking in kinds - self._silent.keys():
            silent = compress(self._terms.meters, (not takes_units for takes_units in taking))
            self._silent[taking] = listed(tuple((meter.id, meter.version) for meter in silent))
        events.put([self._silent[taking] for taking in takes], outcomes.filtered_out)
        if not all(map(any, kinds)):
            metered = [EventStatus.METERED if any(taking) else EventStatus.NOT_METERED for taking in takes]
            events.put(metered, outcomes.statuses)

    def _add_digits(
        self,
        place: int,
        events: PlainEvents,
        digits: dict[str, list[str]],
        is_taken: Sequence[bool],
        outcomes: Outcomes,
    ) -> None:
        """Add the units of the events that a meter takes some of: the digits of an attribute, or one of each."""
        column = self._columns[place]
        ordinals = list(compress(events.ordinals, is_taken))
        units = [ONE] * len(ordinals) if column.attribute is None else compress(digits[column.attribute], is_taken)
        outcomes.digit_columns.append(DigitColumn(column.meter, ordinals, list(units)))

    def _add_numbers(self, place: int, events: PlainEvents, numbers: list[Decimal | None], outcomes: Outcomes) -> None:
        """Add the units that a meter's rule has made."""
        meters = [self._columns[place].meter]
        for ordinal, units in zip(events.ordinals, numbers, strict=True):
            if units is not None:
                outcomes.add_usage(ordinal, meters, [units])


def _asked(rule: Units, events: list[EventData]) -> tuple[list[Decimal | None], list[bool]]:
    """What a rule makes of each event, and whether it made anything at all."""
    units: list[Decimal | None] = []
    is_sure = []
    for event in events:
        try:
            units.append(rule(event))
            is_sure.append(True)
        except (EvaluationError, UnitsInvalidError):
            units.append(None)
            is_sure.append(False)
    return units, is_sure
