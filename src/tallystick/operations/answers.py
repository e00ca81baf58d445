"""The shapes that answers of many operations share."""

from __future__ import annotations

from typing import Generic, TypeVar

from tallystick.kernel.document import Document

T = TypeVar("T")


class Listed(Document, Generic[T], frozen=True, kw_only=True, omit_defaults=False):
    """One page of a list; `nextToken` is null on the last one."""

    data: list[T]
    next_token: str | None = None


class Done(Document, frozen=True, kw_only=True):
    """The answer of an operation that has nothing else to say."""

    success: bool


DONE = Done(success=True)
