"""Named licences: who holds one, and since when, as events of a predefined schema tell it (domain.md 2.5)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING

from tallystick.kernel.document import Document
from tallystick.kernel.period import FOREVER, Period

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class NamedLicenseUpdate(Document, frozen=True, kw_only=True):
    """A name and when it holds a licence, as the wire shows it; without `effectiveUntil` it still does."""

    id: str
    license_id: str
    account_id: str
    name: str
    effective_from: datetime
    effective_until: datetime | None = None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NameEvent:
    """An event that gives a name a licence of an account, or takes it; `number` orders those of one instant."""

    id: str
    number: int
    license_id: str
    account_id: str
    name: str
    adds: bool
    at: datetime
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedSpan:
    """A time in which a name holds a licence: from the event that gave it until the one that took it."""

    id: str
    license_id: str
    account_id: str
    name: str
    held: Period
    created_at: datetime
    updated_at: datetime

    def shown(self) -> NamedLicenseUpdate:
        """The span on the wire."""
        return NamedLicenseUpdate(
            id=self.id,
            license_id=self.license_id,
            account_id=self.account_id,
            name=self.name,
            effective_from=self.held.start,
            effective_until=None if self.held.end == FOREVER else self.held.end,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


def spans_of(events: Iterable[NameEvent]) -> list[NamedSpan]:
    """When each name holds each licence, by when that began.

    A name that is given again what it holds goes on holding it; one that holds nothing has nothing to lose.
    """
    spans: list[NamedSpan] = []
    open_spans: dict[tuple[str, str, str], int] = {}
    for event in sorted(events, key=attrgetter("at", "number")):
        holder = event.account_id, event.license_id, event.name
        place = open_spans.get(holder)
        if event.adds and place is None:
            open_spans[holder] = len(spans)
            spans.append(
                NamedSpan(
                    id=event.id,
                    license_id=event.license_id,
                    account_id=event.account_id,
                    name=event.name,
                    held=Period(event.at, FOREVER),
                    created_at=event.received_at,
                    updated_at=event.received_at,
                )
            )
        elif not event.adds and place is not None:
            del open_spans[holder]
            held = Period(spans[place].held.start, event.at)
            spans[place] = replace(spans[place], held=held, updated_at=event.received_at)
    return spans


def names_between(spans: Iterable[NamedSpan], bounds: Sequence[datetime]) -> dict[tuple[str, str], list[int]]:
    """By account and licence: how many different names held it at any time between each two consecutive bounds.

    Bounds ascend; spans of one name come by when they began.
    """
    changes: dict[tuple[str, str], list[int]] = {}
    counted: dict[tuple[str, str, str], int] = {}
    for span in spans:
        holder = span.account_id, span.license_id, span.name
        first = max(bisect_right(bounds, span.held.start) - 1, counted.get(holder, 0))
        behind = min(bisect_left(bounds, span.held.end), len(bounds) - 1)
        if first < behind and not span.held.is_empty:
            counted[holder] = behind
            change = changes.setdefault(holder[:2], [0] * len(bounds))
            change[first] += 1
            change[behind] -= 1
    return {held: list(accumulate(change[:-1])) for held, change in changes.items()}
