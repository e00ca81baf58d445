"""What can go wrong, as a small closed set of kinds.

The domain never knows HTTP: each door translates a kind once (`api/errors.py`).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Kind(enum.Enum):
    """The closed set of reasons for which an operation does not do what was asked."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    UNPROCESSABLE = "unprocessable"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    LIMIT_EXCEEDED = "limit_exceeded"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input: where (a JSON path, may be empty) and what."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


class BillingError(Exception):
    """An operation refused or failed; `code` is stable text for programs, `problems` are for people."""

    def __init__(self, kind: Kind, code: str, *problems: Problem) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.kind = kind
        self.code = code
        self.problems = problems

    @property
    def message(self) -> str:
        """Every problem in one line, first one first."""
        return str(self)

    def with_paths(self, sent_as: Callable[[str], str]) -> BillingError:
        """The same error for a caller who sent the input under other paths; `sent_as` tells each of them."""
        problems = (Problem(sent_as(problem.path), problem.reason) for problem in self.problems)
        return BillingError(self.kind, self.code, *problems)


def invalid(path: str, reason: str, code: str = "invalid") -> BillingError:
    """The input breaks a rule; nothing was changed."""
    return BillingError(Kind.INVALID, code, Problem(path, reason))


def refuse_if_any(problems: list[Problem], code: str = "invalid") -> None:
    """Raise one error that names every problem, if there is one.

    Raises:
        BillingError: of kind INVALID, when the list is not empty.
    """
    if problems:
        raise BillingError(Kind.INVALID, code, *problems)


def attempted(problems: list[Problem], read: Callable[[], T]) -> T | None:
    """What `read` gives, or None, once what it finds wrong with the input is among the problems."""
    try:
        return read()
    except BillingError as refused:
        if refused.kind is not Kind.INVALID:
            raise
        problems += refused.problems
        return None


def not_found(noun: str, name: str, path: str = "") -> BillingError:
    """The entity that was asked for does not exist in this organisation; the code says which noun it is."""
    code = f"{noun.replace(' ', '_')}_not_found"
    return BillingError(Kind.NOT_FOUND, code, Problem(path, f"{noun} {name!r} not found"))


def conflict(reason: str, path: str = "", code: str = "conflict") -> BillingError:
    """The request collides with what is already there."""
    return BillingError(Kind.CONFLICT, code, Problem(path, reason))
