"""What a folder changes on a server, as lines for people."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tallystick.catalog.written import Kind
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.pricebook.counterpart import Change, LeftAlone, Outcome
    from tallystick.pricebook.folder import Folder

_LISTS: Final = {
    Kind.EVENT_SCHEMA: "eventSchemas",
    Kind.USAGE_METER: "usageMeters",
    Kind.ADD_ON: "addOns",
    Kind.FEATURE: "features",
    Kind.PRICE_PLAN: "pricePlans",
}


def told(outcome: Outcome, folder: Folder) -> Iterator[str]:
    """The changes of each thing, what is left alone, and how many changes there are."""
    for (kind, name), changes in groupby(outcome.changes, lambda one: (one.kind, one.name)):
        file = folder.file_of(_LISTS[Kind(kind)], name)
        head = f"{shown(kind, name)} ({file}):" if file is not None else f"{shown(kind, name)}:"
        first, *others = map(_sentence, changes)
        yield from [head, *(f"  {one}" for one in (first, *others))] if others else [f"{head} {first}"]
    yield from left(outcome.left_alone)
    if not outcome.problems:
        yield counted(len(outcome.changes))


def left(things: list[LeftAlone]) -> Iterator[str]:
    """What stays as it is, and why."""
    return (f"Left alone: {shown(one.kind, one.name)}: {one.reason}" for one in things)


def counted(changes: int) -> str:
    """How many changes there are."""
    return "No changes." if changes == 0 else "1 change." if changes == 1 else f"{changes} changes."


def faults(outcome: Outcome, folder: Folder) -> Iterator[str]:
    """Everything that keeps a folder from being applied, with file and line."""
    return (str(folder.place(Problem(fault.path, fault.reason))) for fault in outcome.problems)


def shown(kind: str, name: str) -> str:
    """A thing, as people call it."""
    return f"{Kind(kind).noun} {name!r}"


def _sentence(change: Change) -> str:
    about = []
    if change.affected_accounts:
        about.append(f"{_accounts(change.affected_accounts)} affected")
    if change.keeping_accounts:
        keep = "keeps" if change.keeping_accounts == 1 else "keep"
        about.append(f"{_accounts(change.keeping_accounts)} {keep} the version agreed on")
    return "; ".join([change.text, *about])


def _accounts(count: int) -> str:
    return f"{count} account" if count == 1 else f"{count} accounts"
