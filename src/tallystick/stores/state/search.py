"""Finding what a text names, whatever kind of thing it is: by id, name, e-mail address, alias or invoice number."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Table, case, false, func, or_, select

from tallystick.stores.state import bill_tables, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_ARCHIVED: Final = "ARCHIVED"
_SAME_ID, _SAME_NAME, _CONTAINED, _ABSENT = range(4)


class Noun(enum.StrEnum):
    """What can be found."""

    CUSTOMER = "customer"
    ACCOUNT = "account"
    INVOICE = "invoice"
    PRICE_PLAN = "price_plan"
    USAGE_METER = "usage_meter"
    EVENT_SCHEMA = "event_schema"


@dataclass(frozen=True, slots=True)
class Match:
    """Something that was found, and how far it is from what was asked for: 0 is the very id."""

    noun: Noun
    id: str
    distance: int


_PLACES: Final[tuple[tuple[Noun, Table, tuple[str, ...]], ...]] = (
    (Noun.CUSTOMER, tables.customer, ("name", "primary_email")),
    (Noun.ACCOUNT, tables.account, ("name", "primary_email")),
    (Noun.INVOICE, bill_tables.invoice, ("sequence_id",)),
    (Noun.PRICE_PLAN, tables.price_plan, ("name",)),
    (Noun.USAGE_METER, tables.usage_meter, ("name", "billable_name")),
    (Noun.EVENT_SCHEMA, tables.event_schema, ()),
)
"""Where each noun is looked for, and the columns beside its id that name it."""


class Search:
    """The search over everything of one organisation that is not archived, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def matches(self, words: Sequence[str], most: int) -> list[Match]:
        """What one of the words names or is part of, nearest first, at most so many of each noun; case is ignored."""
        found = [match for noun, table, names in _PLACES for match in self._in(noun, table, names, words, most)]
        return sorted(found, key=attrgetter("distance"))

    def _in(self, noun: Noun, table: Table, names: Sequence[str], words: Sequence[str], most: int) -> list[Match]:
        distances = [self._distance(table, names, word) for word in words]
        distance = sum(distances[1:], distances[0])
        rows = self._connection.execute(
            select(table.c.id, distance.label("distance"))
            .where(
                table.c.organisation_id == self._organisation,
                table.c.status != _ARCHIVED,
                or_(*(each < _ABSENT for each in distances)),
            )
            .order_by("distance", table.c.created_at.desc(), table.c.id)
            .limit(most)
        )
        return [Match(noun, row.id, row.distance) for row in rows]

    def _distance(self, table: Table, names: Sequence[str], word: str) -> ColumnElement[int]:
        """How far a row is from one word."""
        columns = [table.c[name] for name in names]
        named = [_is(column, word) for column in columns]
        containing = [_contains(column, word) for column in (table.c.id, *columns)]
        if table is tables.account:
            value = tables.alias.c.value
            named.append(table.c.id.in_(self._with_alias(_is(value, word))))
            containing.append(table.c.id.in_(self._with_alias(_contains(value, word))))
        return case(
            (_is(table.c.id, word), _SAME_ID),
            (or_(false(), *named), _SAME_NAME),
            (or_(*containing), _CONTAINED),
            else_=_ABSENT,
        )

    def _with_alias(self, wanted: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a Select of ids
        """The accounts that have such an alias at any time."""
        return select(tables.alias.c.account_id).where(tables.alias.c.organisation_id == self._organisation, wanted)


def _is(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(word)


def _contains(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    return column.icontains(word, autoescape=True)
