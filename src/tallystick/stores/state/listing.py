"""Key-set pages over a table: filters, search, sort and the token that continues (domain.md 1.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import ColumnElement, TypeDecorator, and_, or_, select, type_coerce
from sqlalchemy.engine.default import DefaultDialect

from tallystick.kernel import paging
from tallystick.kernel.errors import invalid
from tallystick.kernel.paging import BoundedPage, PageRequest, Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping, Table

_DIRECTIONS: Final = {"ASC": True, "DESC": False}
_DIALECT: Final = DefaultDialect()


@dataclass(frozen=True, slots=True)
class Listing:
    """What one list offers: its table, the order it comes in, and what it can be searched and sorted by.

    `sort` pairs a column with whether it ascends; the last one must make the order total.
    """

    name: str
    table: Table
    sort: tuple[tuple[str, bool], ...]
    search: tuple[str, ...] = ()
    sortable: tuple[str, ...] = ()
    default_size: int = 20
    largest_size: int = 100
    hidden: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Values of a column that are only listed when the caller filters by that column."""
    only: ColumnElement[bool] | None = None
    """What every row of the list is, where it does not show all of its table."""
    wider: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    """Values of a column that a filter by another value of it finds too."""
    bounds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Filters on a range: the column, and whether its values lie "from" or "until" the one given, inclusive."""
    expressions: Mapping[str, ColumnElement[Any]] = field(default_factory=dict)
    """What the list is sorted by that no column holds."""


def page(
    connection: Connection,
    listing: Listing,
    organisation: str,
    request: PageRequest,
    filters: Mapping[str, str | None],
    secret: bytes,
) -> tuple[list[RowMapping], str | None]:
    """The rows of one page, and the token of the next page if there is one.

    Raises:
        BillingError: of kind INVALID, for a bad token, page size or sort, and for a search where there is none.
    """
    query = _query(listing, organisation, request, filters, secret)
    size = min(query.size, request.at_most) if isinstance(request, BoundedPage) else query.size
    rows = connection.execute(_statement(listing, query).limit(size + 1)).mappings().all()
    shown = list(rows[:size])
    if len(rows) <= size:
        return shown, None
    after = [_stored(listing, shown[-1], name) for name, _ in query.sort]
    return shown, paging.sign(msgspec.structs.replace(query, after=after), secret)


def _query(
    listing: Listing,
    organisation: str,
    request: PageRequest,
    filters: Mapping[str, str | None],
    secret: bytes,
) -> Query:
    if request.next_token:
        return paging.read(request.next_token, listing=listing.name, organisation=organisation, secret=secret)
    return Query(
        listing=listing.name,
        organisation=organisation,
        filters={name: str(value) for name, value in filters.items() if value is not None},
        search=_searched(listing, request.search),
        sort=_sort(listing, request.sort),
        size=paging.size_of(request.page_size, listing.default_size, listing.largest_size),
    )


def _searched(listing: Listing, text: str | None) -> str | None:
    """The text to look for, in a list that offers it."""
    if text and not listing.search:
        raise invalid("_search", "this list cannot be searched: leave it out")
    return text or None


def _sort(listing: Listing, text: str | None) -> list[tuple[str, bool]]:
    """`updated_at:DESC,id:ASC` as columns; the list's own order breaks what ties remain."""
    if not text:
        return list(listing.sort)
    known = [name for name, _ in listing.sort] + list(listing.sortable)
    asked: list[tuple[str, bool]] = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(":")
        ascending = _DIRECTIONS.get(direction.upper() or "ASC")
        if name not in known or ascending is None:
            names = ", ".join(dict.fromkeys(known))
            raise invalid("_sort", f"{part!r} is unknown: write column:ASC or column:DESC with one of {names}")
        asked.append((name, ascending))
    return asked + [(name, up) for name, up in listing.sort if name not in {column for column, _ in asked}]


def _statement(listing: Listing, query: Query) -> Any:  # noqa: ANN401 - a Select whose row type follows the table
    table = listing.table
    conditions: list[ColumnElement[bool]] = [table.c.organisation_id == query.organisation]
    conditions += [_filter(listing, name, value) for name, value in query.filters.items()]
    conditions += [table.c[name].not_in(values) for name, values in listing.hidden.items() if name not in query.filters]
    if listing.only is not None:
        conditions.append(listing.only)
    if query.search:
        needle = query.search
        conditions.append(or_(*(table.c[name].icontains(needle, autoescape=True) for name in listing.search)))
    if query.after is not None:
        conditions.append(_beyond(listing, query.sort, query.after))
    order = [_raw(listing, name).asc() if up else _raw(listing, name).desc() for name, up in query.sort]
    computed = [expression.label(name) for name, expression in listing.expressions.items()]
    return select(table, *computed).where(and_(*conditions)).order_by(*order)


def _filter(listing: Listing, name: str, value: str) -> ColumnElement[bool]:
    if name not in listing.bounds:
        also = listing.wider.get(name, {}).get(value, ())
        return listing.table.c[name].in_([value, *also])
    column, side = listing.bounds[name]
    stored = _raw(listing, column)
    return stored >= int(value) if side == "from" else stored <= int(value)


def _beyond(listing: Listing, sort: list[tuple[str, bool]], after: Sequence[str | int]) -> ColumnElement[bool]:
    """Rows behind the last one seen, in an order whose columns may run in different directions."""
    branches = []
    for depth, (name, ascending) in enumerate(sort):
        same = [_raw(listing, earlier) == after[place] for place, (earlier, _) in enumerate(sort[:depth])]
        column, value = _raw(listing, name), after[depth]
        branches.append(and_(*same, column > value if ascending else column < value))
    return or_(*branches)


def _raw(listing: Listing, name: str) -> ColumnElement[Any]:
    """The column as the database keeps it: a token carries microseconds, not an instant."""
    if name in listing.expressions:
        return listing.expressions[name]
    column = listing.table.c[name]
    return type_coerce(column, column.type.impl) if isinstance(column.type, TypeDecorator) else column


def _stored(listing: Listing, row: RowMapping, name: str) -> str | int:
    """A row's value as the database keeps it."""
    value: str | int = row[name]
    if name in listing.expressions:
        return value
    kind = listing.table.c[name].type
    stored: str | int = kind.process_bind_param(value, _DIALECT) if isinstance(kind, TypeDecorator) else value
    return stored
