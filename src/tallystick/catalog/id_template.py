"""Templates from which a schema makes the ids of events that bring none (domain.md 2.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import Problem
from tallystick.logic import hint

if TYPE_CHECKING:
    from collections.abc import Collection

_PLACEHOLDER: Final = re.compile(r"\$\{([^{}]*)\}")
_OF_ANY_EVENT: Final = ("timestamp", "accountId", "schemaName")
_PLURALS: Final = {"attribute": "attributes", "dimension": "dimensions"}
"""Both spellings are accepted, as in rules (domain.md X-05)."""


@dataclass(frozen=True, slots=True)
class IdTemplate:
    """Texts, and between each two of them the name of a variable such as `attributes.calls`."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, template: str) -> IdTemplate:
        """The template that a text stands for; what is no placeholder stands for itself."""
        parts = _PLACEHOLDER.split(template)
        return cls(tuple(parts[::2]), tuple(map(_plural, parts[1::2])))

    def filled(self, values: Collection[str]) -> str:
        """The text with a value in the place of each name, in their order."""
        pieces = zip(self.texts, [*values, ""], strict=True)
        return "".join([piece for pair in pieces for piece in pair])


def problems_of(template: str, variables: Collection[str]) -> list[Problem]:
    """What is wrong with a template; `variables` are the attributes and dimensions of its schema, by full name."""
    read = IdTemplate.of(template)
    known = {*_OF_ANY_EVENT, *variables}
    reasons = [
        f"unknown variable {name[:60]!r}{hint(name, known)}" if name else "a placeholder ${} names no variable"
        for name in read.names
        if name not in known
    ]
    if any("${" in text for text in read.texts):
        reasons.append("a placeholder is not closed: write ${timestamp}, ${accountId} or ${attributes.name}")
    if not reasons and not set(read.names) - {"schemaName"}:
        reasons.append("every event would get the same id: name what tells events apart, such as ${timestamp}")
    return [Problem("eventIdTemplate", reason) for reason in reasons]


def _plural(name: str) -> str:
    head, dot, tail = name.partition(".")
    return f"{_PLURALS.get(head, head)}{dot}{tail}"
