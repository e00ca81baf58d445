"""Pages of lists that stand inside one document, such as the cards of a plan: by place, with signed tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

import msgspec

from tallystick.kernel import paging
from tallystick.kernel.errors import invalid
from tallystick.kernel.paging import Query
from tallystick.operations.answers import Listed
from tallystick.operations.work import Work

T = TypeVar("T")

DEFAULT_SIZE: Final = 20
LARGEST_SIZE: Final = 100


def page_of(
    work: Work, listing: str, owner: str, items: Sequence[T], page_size: int | None, next_token: str | None
) -> Listed[T]:
    """One page of a list that belongs to the owner of that id.

    Raises:
        BillingError: of kind INVALID, for a bad token or page size, also for the token of another owner's list.
    """
    asked = _query(work, listing, owner, page_size, next_token)
    start = 0 if asked.after is None else int(asked.after[0])
    end = start + asked.size
    token = paging.sign(msgspec.structs.replace(asked, after=[end]), work.secret) if end < len(items) else None
    return Listed(data=list(items[start:end]), next_token=token)


def refuse_further_pages(page_size: int | None, next_token: str | None) -> None:
    """Refuse a token, or a size that is none, for a list that always is one page, such as a timeline.

    Raises:
        BillingError: of kind INVALID.
    """
    paging.size_of(page_size, DEFAULT_SIZE, LARGEST_SIZE)
    if next_token:
        raise invalid("nextToken", "Invalid nextToken: this list is one page, leave it out")


def _query(work: Work, listing: str, owner: str, page_size: int | None, next_token: str | None) -> Query:
    if not next_token:
        size = paging.size_of(page_size, DEFAULT_SIZE, LARGEST_SIZE)
        return Query(listing=listing, organisation=work.organisation.id, filters={"of": owner}, size=size)
    asked = paging.read(next_token, listing=listing, organisation=work.organisation.id, secret=work.secret)
    if asked.filters != {"of": owner}:
        raise invalid("nextToken", "belongs to another list: pass the value of the last answer unchanged")
    return asked
