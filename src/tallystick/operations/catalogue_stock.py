"""Everything that the catalogue holds, as it is written down, and what of it cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tallystick.catalog.plan_migration import PlanFinalisation
from tallystick.catalog.written import Kind, Tree
from tallystick.kernel.document import Document
from tallystick.operations.catalogue_names import Names
from tallystick.operations.catalogue_parts import TERMS, Part, parts_of
from tallystick.operations.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator


class LeftOut(Document, frozen=True, kw_only=True):
    """A thing that stays as it is, and why."""

    kind: Kind
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A thing as it is kept: its id, the document, and how it is written down."""

    id: str
    document: Any
    tree: Tree


@dataclass(slots=True)
class Stock:
    """The catalogue of one organisation at one moment."""

    work: Work
    names: Names = field(default_factory=Names)
    parts: list[Part[Any, Any]] = field(default_factory=list)
    kept: dict[Kind, dict[str, Kept]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    left_out: dict[tuple[Kind, str], str] = field(default_factory=dict)
    """What cannot be written down, and why."""
    live: dict[Kind, list[Any]] = field(default_factory=dict)
    """All documents that are not archived."""


def stock_of(work: Work, migration: PlanFinalisation | None = None) -> Stock:
    """Look at everything that is not archived; by `migration` accounts move to new versions of plans."""
    stock = Stock(work)
    stock.parts = parts_of(work, stock.names, migration or PlanFinalisation())
    for part in stock.parts:
        stock.live[part.kind] = part.live()
        things = _by_name(stock.live[part.kind])
        for name, found in things.items():
            if len(found) == 1:
                stock.names.learn(part.kind, name, _id_of(part, found[0]))
        for name, found in things.items():
            reason = _shared(part, name, found) if len(found) > 1 else _keep(stock, part, name, found[0])
            if reason is not None:
                stock.left_out[part.kind, name] = reason
    return stock


def _by_name(things: list[Any]) -> dict[str, list[Any]]:
    """The things of a kind, in the order of their names."""
    found: dict[str, list[Any]] = {}
    for thing in sorted(things, key=lambda one: str(one.name)):
        found.setdefault(thing.name, []).append(thing)
    return found


def _shared(part: Part[Any, Any], name: str, found: list[Any]) -> str:
    ids = ", ".join(_id_of(part, one) for one in found)
    return f"{len(found)} {part.kind.noun}s are called {name!r}, so the name means none of them: {ids}"


def _keep(stock: Stock, part: Part[Any, Any], name: str, thing: Any) -> str | None:  # noqa: ANN401 - a document of the part
    """Write a thing down; the reason why that cannot be done, or None."""
    try:
        tree = part.tree(thing)
    except LookupError as unknown:
        return str(unknown.args[0])
    except msgspec.ValidationError as failure:
        return f"cannot be written down: {failure}"
    terms = [tree[key] for key in TERMS & tree.keys()]
    stray = next(filter(None, map(stock.names.stray_id, _texts(terms))), None)
    if stray is not None:
        return f"refers to {stray!r} in a place where no name can stand"
    stock.kept[part.kind][name] = Kept(_id_of(part, thing), thing, tree)
    return None


def _id_of(part: Part[Any, Any], thing: Any) -> str:  # noqa: ANN401 - a document of the part
    return str(thing.name if part.kind is Kind.EVENT_SCHEMA else thing.id)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from _texts(below)
