"""Which thing of the catalogue a name means, and what an id is called."""

from __future__ import annotations

import re
from typing import Final

from tallystick.catalog.written import Kind
from tallystick.kernel.shapes import nearest

_ID: Final = re.compile(r"\b(?:um|addon|feature|pp)\.[0-9A-Za-z]+\.[0-9A-Za-z]+")


class Names:
    """The names of all things that can be told apart by their name, one kind at a time."""

    def __init__(self) -> None:
        self._ids: dict[Kind, dict[str, str]] = {kind: {} for kind in Kind}
        self._names: dict[str, str] = {}
        self._refused: set[tuple[Kind, str]] = set()

    def learn(self, kind: Kind, name: str, thing_id: str) -> None:
        """Note what a thing is called."""
        self._ids[kind][name] = thing_id
        self._names[thing_id] = name

    def refuse(self, kind: Kind, name: str) -> None:
        """Note that a thing is wanted and cannot be made."""
        self._refused.add((kind, name))

    def id_of(self, kind: Kind, name: str) -> str:
        """The id of what is called so.

        Raises:
            LookupError: saying what is known instead.
        """
        known = self._ids[kind]
        if name in known:
            return known[name]
        if (kind, name) in self._refused:
            raise LookupError(f"{kind.noun} {name!r} is refused itself")
        raise LookupError(f"{kind.noun} {name!r} not found{nearest(name, known)}")

    def name_of(self, kind: Kind, thing_id: str) -> str:
        """What that id is called.

        Raises:
            LookupError: when no name means this thing alone.
        """
        if self._ids[kind].get(self._names.get(thing_id, "")) != thing_id:
            raise LookupError(f"refers to {kind.noun} {thing_id!r}, which no name means alone")
        return self._names[thing_id]

    def told(self, reason: str) -> str:
        """The same words with names in the place of ids."""
        return _ID.sub(lambda found: self._names.get(found[0], found[0]), reason)

    def stray_id(self, text: str) -> str | None:
        """The id of something here that stands in a text, if there is one."""
        return next((found for found in _ID.findall(text) if found in self._names), None)
