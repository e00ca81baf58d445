"""The product's own source, as the tests of the house read it, and what a rule about it is."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "tallystick"

PURE_ROOMS = frozenset({"kernel", "logic", "catalog", "accounts", "metering", "credits", "rating", "invoicing"})
EXACT_ROOMS = PURE_ROOMS | {"operations", "stores"}
"""Rooms in which money and usage pass by."""


@dataclass(frozen=True)
class Module:
    """One file: its path below `src/tallystick`, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The text, parsed; every node knows its parent."""
        tree = ast.parse(self.text)
        for parent in ast.walk(tree):
            for child in ast.iter_child_nodes(parent):
                child.parent = parent
        return tree

    @property
    def room(self) -> str:
        """The first part of the path."""
        return self.path.partition("/")[0]

    @property
    def is_migration(self) -> bool:
        """Whether it is a step of the database's history, which is as long as it has to be and never edited."""
        return self.path.startswith("stores/migrations/")

    def line(self, node: ast.AST) -> str:
        """The line on which a node begins."""
        return self.text.splitlines()[node.lineno - 1]

    def at(self, node: ast.AST, what: str) -> str:
        """A finding."""
        return f"{self.path}:{node.lineno}: {what}"


@dataclass(frozen=True)
class Rule:
    """A sentence about every module, what breaks it, and the proof that it can be broken."""

    sentence: str
    finds: Callable[[Module], Iterator[str]]
    broken_by: tuple[Module, ...]
    kept_by: tuple[Module, ...] = ()


@cache
def modules() -> tuple[Module, ...]:
    """Every Python file of the product."""
    return tuple(
        Module(path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    )


def example(text: str, path: str = "operations/example.py") -> Module:
    """A module that does not exist."""
    return Module(path, text)


def parents(node: ast.AST) -> Iterator[ast.AST]:
    """What a node stands in, from the inside out."""
    while (outer := getattr(node, "parent", None)) is not None:
        yield outer
        node = outer


def origins(tree: ast.Module) -> dict[str, str]:
    """What each imported name means: `dt` -> `datetime.datetime`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.asname or name.name.partition(".")[0]: name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    return found


def meaning(node: ast.AST, known: dict[str, str]) -> str:
    """The full dotted name that an expression refers to; empty when it does not begin with an imported name."""
    if isinstance(node, ast.Name):
        return known.get(node.id, "")
    if isinstance(node, ast.Attribute):
        outer = meaning(node.value, known)
        return f"{outer}.{node.attr}" if outer else ""
    return ""
