"""Making the catalogue what somebody wants it to be, thing by thing, and telling what changed and what cannot."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from tallystick.catalog.differences import Difference, differences
from tallystick.catalog.plan_migration import PlanFinalisation
from tallystick.catalog.written import Kind, Tree
from tallystick.kernel.document import Document, decode
from tallystick.kernel.errors import BillingError, Problem, invalid
from tallystick.operations.catalogue_accounts import Payers
from tallystick.operations.catalogue_parts import TERMS, Part
from tallystick.operations.catalogue_stock import Kept, LeftOut, stock_of
from tallystick.operations.work import Work


class Action(enum.StrEnum):
    """What becomes of a thing."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    ARCHIVE = "ARCHIVE"


class CatalogueChange(Document, frozen=True, kw_only=True, omit_defaults=False):
    """One change: of which thing, where in it, from what to what, as a sentence, and how many accounts it is about.

    Affected are the accounts that pay by what changes, now or later; keeping are those that have the plan and stay with
    the version that they agreed on.
    """

    kind: Kind
    name: str
    action: Action
    path: str = ""
    old: str | None = None
    new: str | None = None
    text: str
    affected_accounts: int = 0
    keeping_accounts: int = 0


class CatalogueProblem(Document, frozen=True, kw_only=True):
    """Something that keeps what is wanted from being done; the path begins at the catalogue."""

    path: str
    reason: str

    @property
    def problem(self) -> Problem:
        """The same as one of the problems of an input."""
        return Problem(self.path, self.reason)


@dataclass(slots=True)
class _Item:
    """One thing that is wanted, and how far it has come."""

    part: Part[Any, Any]
    path: str
    sent: bytes
    name: str
    wanted: Any = None
    target: Tree = field(default_factory=dict)
    id: str | None = None
    is_new: bool = False
    found: list[Difference] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether something was done to reach it."""
        return self.is_new or bool(self.found)


_STAYS: Final = {
    "status": "what was active does not become a draft again",
    "activeCurrencies": "a currency that is active in a plan stays so",
    "type": "a type never changes",
}
"""Why a field that is still different cannot be changed."""


class Changing:
    """One run through everything that is wanted; whoever begins it ends the transaction."""

    def __init__(self, work: Work, migration: PlanFinalisation) -> None:
        self._work = work
        self._stock = stock_of(work, migration)
        live = self._stock.live
        self._payers = Payers(work, live[Kind.PRICE_PLAN], live[Kind.USAGE_METER], migration)
        self._counted: dict[tuple[Kind, str], tuple[int, int]] = {}
        self.changes: list[CatalogueChange] = []
        self.problems: list[CatalogueProblem] = []
        self.left_alone: list[LeftOut] = []
        self.steps: list[tuple[Kind, str, Tree | None, Tree | None]] = []
        """Each thing that changes, as it was and as it is wanted."""

    def to(self, wanted: Mapping[Kind, Sequence[msgspec.Raw]], *, prune: bool) -> None:
        """Bring everything to what is wanted; what else there is is archived or left alone."""
        items = {part.kind: self._items(part, wanted[part.kind]) for part in self._stock.parts}
        for of_kind in items.values():
            self._bring(of_kind)
        done = [item for of_kind in items.values() for item in of_kind if item.is_changed and not item.problems]
        for item in done:
            self._try(item, self._settle)
        for item in done:
            if not item.problems:
                item.problems = self._shortfall(item)
        for item in (item for of_kind in items.values() for item in of_kind):
            self.changes += self._told(item)
            self.problems += [self._placed(item, problem) for problem in item.problems]
        self._others({(kind, item.name) for kind, of_kind in items.items() for item in of_kind}, prune=prune)

    def _items(self, part: Part[Any, Any], sent: Sequence[msgspec.Raw]) -> list[_Item]:
        """What is wanted of a kind; a name that stands twice is a problem of the second."""
        items: list[_Item] = []
        names: set[str] = set()
        for position, raw in enumerate(sent):
            item = _Item(part, f"{part.field}[{position}]", bytes(raw), _name_in(bytes(raw)))
            if item.name and item.name in names:
                item.problems = [Problem("name", f"{item.name!r} stands twice")]
            elif (part.kind, item.name) in self._stock.left_out:
                item.problems = [Problem("", self._stock.left_out[part.kind, item.name])]
            names.add(item.name)
            items.append(item)
        return items

    def _bring(self, items: list[_Item]) -> None:
        """Bring things of a kind to what is wanted, again and again: one may have to give up what another one takes."""
        pending = [item for item in items if not item.problems]
        while pending:
            for item in pending:
                self._try(item, self._reach)
            refused = [item for item in pending if item.problems]
            if len(refused) == len(pending):
                break
            pending = refused
        for item in pending:
            self._stock.names.refuse(item.part.kind, item.name)

    def _try(self, item: _Item, step: Callable[[_Item], None]) -> None:
        item.problems = []
        try:
            with self._work.state.attempt():
                step(item)
        except BillingError as refused:
            item.problems = list(refused.problems)
        except RecursionError:
            item.problems = [Problem("", "is nested too deeply")]

    def _reach(self, item: _Item) -> None:
        """Make or change a thing as it is wanted."""
        part = item.part
        item.wanted = part.wanted(item.sent)
        item.target = part.target(item.wanted)
        kept = self._stock.kept[part.kind].get(item.name)
        if kept is None:
            part.refuse_taken(item.name)
            item.id, item.is_new = part.create(item.wanted), True
            self._stock.names.learn(part.kind, item.name, item.id)
            return
        item.id = kept.id
        item.found = differences(kept.tree, item.target)
        if item.found:
            part.change(kept.document, item.wanted, {_field(one.path) for one in item.found})

    def _settle(self, item: _Item) -> None:
        if item.id is not None:
            item.part.settle(item.part.shelf.get(item.id), item.wanted)

    def _shortfall(self, item: _Item) -> list[Problem]:
        """What is still different from what is wanted: nobody refused it, and nobody can change it."""
        assert item.id is not None, "it was made or found"
        reached = item.part.tree(item.part.shelf.get(item.id))
        return [
            Problem(one.path, f"cannot be changed ({one.text}): {_STAYS.get(one.path, 'there is no way to do it')}")
            for one in differences(reached, item.target)
        ]

    def _told(self, item: _Item) -> list[CatalogueChange]:
        """The changes of a thing, also where they are refused: whoever looks wants to see what was meant."""
        kind, name = item.part.kind, item.name
        kept = self._stock.kept[kind].get(name)
        if kept is None or item.found:
            self.steps.append((kind, name, None if kept is None else kept.tree, item.target))
        if kept is None:
            if item.problems:
                return []
            status = item.target.get("status")
            text = "new" if status is None else f"new, {status}"
            return [CatalogueChange(kind=kind, name=name, action=Action.CREATE, text=text)]
        return [self._changed(kind, kept, one) for one in item.found]

    def _changed(self, kind: Kind, kept: Kept, found: Difference) -> CatalogueChange:
        affected, keeping = self._accounts(kind, kept, found.path)
        return CatalogueChange(
            kind=kind,
            name=kept.document.name,
            action=Action.UPDATE,
            path=found.path,
            old=found.old,
            new=found.new,
            text=found.text,
            affected_accounts=affected,
            keeping_accounts=keeping,
        )

    def _placed(self, item: _Item, problem: Problem) -> CatalogueProblem:
        """A problem with its place in the catalogue: where the operation names none, that of the first change."""
        path = problem.path or (item.found[0].path if item.found else "")
        place = f"{item.path}.{path}" if path else item.path
        return CatalogueProblem(path=place, reason=self._stock.names.told(problem.reason))

    def _accounts(self, kind: Kind, kept: Kept, path: str) -> tuple[int, int]:
        """How many accounts a change at that place affects, and how many keep what they agreed on."""
        is_plan = kind is Kind.PRICE_PLAN
        if is_plan and _field(path) not in TERMS:
            return 0, 0
        if (kind, kept.id) not in self._counted:
            found = self._payers.of_terms(kept.document) if is_plan else (self._payers.of_item(kind, kept.id), ())
            self._counted[kind, kept.id] = len(found[0]), len(found[1])
        return self._counted[kind, kept.id]

    def _others(self, wanted: set[tuple[Kind, str]], *, prune: bool) -> None:
        """What is there and not wanted, those first that refer to others."""
        for part in reversed(self._stock.parts):
            for name in self._stock.kept[part.kind]:
                if (part.kind, name) not in wanted:
                    self._other(part, name, prune=prune)
        for (kind, name), reason in self._stock.left_out.items():
            if (kind, name) not in wanted:
                self.left_alone.append(LeftOut(kind=kind, name=name, reason=reason))

    def _other(self, part: Part[Any, Any], name: str, *, prune: bool) -> None:
        kept = self._stock.kept[part.kind][name]
        try:
            if not prune:
                raise invalid("", "is not in what was sent")
            with self._work.state.attempt():
                part.archive(kept.document)
        except BillingError as refused:
            reason = self._stock.names.told(refused.message)
            self.left_alone.append(LeftOut(kind=part.kind, name=name, reason=reason))
            return
        self.steps.append((part.kind, name, kept.tree, None))
        status = kept.tree.get("status")
        text = "archived" if status is None else f"archived, was {status}"
        self.changes.append(CatalogueChange(kind=part.kind, name=name, action=Action.ARCHIVE, text=text))


def _field(path: str) -> str:
    """The field of a thing in which a path begins."""
    return path.partition(".")[0].partition("[")[0]


def _name_in(sent: bytes) -> str:
    """The name in what was sent, whatever else is wrong with it; empty where there is none."""
    try:
        name = decode(sent, dict[str, msgspec.Raw]).get("name")
        return "" if name is None else decode(bytes(name), str)
    except msgspec.MsgspecError:
        return ""
