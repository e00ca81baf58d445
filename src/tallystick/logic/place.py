"""Where in a rule's JSON text something stands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A position: line and column count from 1, in code points; `pointer` is an RFC 6901 JSON pointer."""

    line: int
    column: int
    pointer: str = ""

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def below(pointer: str, key: str | int) -> str:
    """The pointer of the member `key` of the value that `pointer` names, escaped as in RFC 6901 section 3."""
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
