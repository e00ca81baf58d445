"""A folder of YAML files, one for each thing of a catalogue, in folders by kind."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tallystick.catalog.differences import differences
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.shapes import nearest
from tallystick.pricebook.exact_yaml import Reading, read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    Things = Mapping[str, Sequence[dict[str, Any]]]
    """The things of a catalogue, by the names of the wire's lists."""

FOLDERS: Final = {
    "event_schemas": "eventSchemas",
    "usage_meters": "usageMeters",
    "add_ons": "addOns",
    "features": "features",
    "price_plans": "pricePlans",
}
"""Folders, and the lists of the wire that they hold."""

SUFFIXES: Final = (".yaml", ".yml")
_PLACE: Final = re.compile(r"(\w+)\[([0-9]+)\]\.?(.*)", re.DOTALL)
_UNQUOTED: Final = re.compile(r"Expected `str.*got `(int|float|bool)`")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST_STEM: Final = 60


@dataclass(frozen=True, slots=True)
class File:
    """One file: its path below the folder, and what it says."""

    path: str
    reading: Reading

    @property
    def thing(self) -> dict[str, Any]:
        """The thing that is written in it."""
        value: dict[str, Any] = self.reading.value
        return value

    @property
    def name(self) -> str:
        """What the thing is called; empty where it has no name."""
        name = self.thing.get("name")
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a catalogue has done: files that are new or changed, and files of things that it does not hold."""

    files: list[str]
    stale: list[str]


class Folder:
    """The files below one folder, as they were when it was read."""

    def __init__(self, root: Path) -> None:
        """Read all files; one that is missing altogether is like an empty one.

        Raises:
            BillingError: of kind INVALID, with every problem of every file.
        """
        self._root = root
        problems = list(_misplaced(root))
        self._files: dict[str, list[File]] = {listed: [] for listed in FOLDERS.values()}
        for folder, listed in FOLDERS.items():
            for path in _yaml_below(root / folder):
                try:
                    self._files[listed].append(_file(path, path.relative_to(root).as_posix()))
                except BillingError as refused:
                    problems += refused.problems
        problems += self._twins()
        if problems:
            raise BillingError(Kind.INVALID, "yaml", *problems)

    @property
    def is_empty(self) -> bool:
        """Whether there is no file at all."""
        return not any(self._files.values())

    @property
    def things(self) -> dict[str, list[dict[str, Any]]]:
        """Everything that is written here, as the wire lists it."""
        return {listed: [file.thing for file in files] for listed, files in self._files.items()}

    def file_of(self, listed: str, name: str) -> str | None:
        """The path of the file of a thing."""
        return next((file.path for file in self._files[listed] if file.name == name), None)

    def place(self, problem: Problem) -> Problem:
        """A problem of what was sent, said of the file and line in which it stands."""
        found = _PLACE.fullmatch(problem.path)
        if found is None or found[1] not in self._files:
            return problem
        file = self._files[found[1]][int(found[2])]
        path, inner = f"{file.path}:{file.reading.line(found[3])}", found[3]
        reason = f"{problem.reason}: put it in quotes" if _UNQUOTED.match(problem.reason) else problem.reason
        return Problem(path, f"{inner}: {reason}" if inner else reason)

    def write(self, things: Things, *, prune: bool) -> Written:
        """Make the files say what a catalogue holds; those that say it already stay as they are, comments and all.

        Files of other things stay, or are deleted (`prune`).
        """
        changed: list[str] = []
        stale: list[str] = []
        for folder, listed in FOLDERS.items():
            there = {file.name: file for file in self._files[listed]}
            stems = _stems([str(thing["name"]) for thing in things[listed]])
            for thing in things[listed]:
                name = str(thing["name"])
                file = there.pop(name, None)
                if file is None or differences(file.thing, thing):
                    path = f"{folder}/{stems[name]}.yaml" if file is None else file.path
                    self._put(path, write(thing))
                    changed.append(path)
            stale += [file.path for file in there.values()]
        if prune:
            for path in stale:
                (self._root / path).unlink()
        return Written(changed, stale)

    def _put(self, path: str, text: str) -> None:
        """Write a file; one that is interrupted is left as it was."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.new")
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(target)

    def _twins(self) -> Iterator[Problem]:
        """Things of a kind that two files name alike."""
        for files in self._files.values():
            first: dict[str, File] = {}
            for file in files:
                if file.name and first.setdefault(file.name, file) is not file:
                    place = f"{file.path}:{file.reading.line('name')}"
                    yield Problem(place, f"{file.name!r} stands in {first[file.name].path} already")


def existing(root: Path) -> Folder:
    """A folder that has files.

    Raises:
        BillingError: of kind INVALID, when it has none, or with every problem of them.
    """
    folder = Folder(root)
    if folder.is_empty:
        reason = f"holds no YAML file in {', '.join(FOLDERS)}: 'tallystick plans export' writes them"
        raise invalid(str(root), reason)
    return folder


def _file(path: Path, shown: str) -> File:
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise invalid(shown, f"cannot be read: {failure.strerror}") from None
    reading = read(content, shown)
    if not isinstance(reading.value, dict):
        raise invalid(f"{shown}:1", "is no object: begin with the name of a field, such as 'name:'")
    return File(shown, reading)


def _yaml_below(root: Path) -> list[Path]:
    """The YAML files in a folder and the folders in it, in one order on every machine; hidden ones are left out."""
    found = (path for path in root.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    seen = ((path.relative_to(root).parts, path) for path in found)
    return [path for parts, path in sorted(seen) if not any(part.startswith(".") for part in parts)]


def _misplaced(root: Path) -> Iterator[Problem]:
    """Folders whose names look like ours and are not: what is in them would be left out without a word."""
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        meant = nearest(path.name, FOLDERS) if path.is_dir() and path.name not in FOLDERS else ""
        if meant and _yaml_below(path):
            yield Problem(path.name, f"is none of {', '.join(FOLDERS)}{meant}")


def _stems(names: Iterable[str]) -> dict[str, str]:
    """The names of new files, the same wherever they are written: plain letters and digits.

    A name that is not told by these alone, or is so like another one, gets a digest of itself.
    """
    plain = {name: _OTHER.sub("-", name.lower()).strip("-")[:_LONGEST_STEM] for name in names}
    shared = Counter(plain.values())
    return {
        name: stem if stem and name.isascii() and shared[stem] == 1 else f"{stem}-{_digest(name)}".lstrip("-")
        for name, stem in plain.items()
    }


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]
