"""Edits of an account's plan timeline: a piece put in, a hole cut, and what an edit moves (domain.md 5.2).

A timeline is a tuple of pieces, oldest first, of which no two overlap. An edit gives another timeline; whatever lies
outside the edited range stays in force for the same days.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.accounts.schedule import Schedule
from tallystick.catalog.pricing_rule import say_the_same
from tallystick.kernel.period import BEGINNING, FOREVER, Period

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from tallystick.catalog.pricing_rule import PricingRule

_ANY_TIME: Final = Period(BEGINNING, FOREVER)

Timeline: TypeAlias = tuple[Schedule, ...]
NewId: TypeAlias = "Callable[[], str]"


def cut(timeline: Timeline, hole: Period, zone: ZoneInfo, new_id: NewId) -> Timeline:
    """The timeline without what lies in a range.

    What is left of a piece keeps its id; where that is a part on either side, the later one gets a new id and goes on
    counting cycles where the earlier one ends.
    """
    return _counted_on([part for piece in timeline for part in _outside(piece, hole, zone, new_id)], hole.end, zone)


def put_in(timeline: Timeline, piece: Schedule, zone: ZoneInfo, new_id: NewId) -> Timeline:
    """The timeline with a piece put in, which cuts whatever lies under it.

    Cycles are counted on where the same plan is in force right before; so a fee that comes once does not come again
    because the terms of its plan changed.
    """
    around = cut(timeline, piece.within, zone, new_id)
    place = sum(one.within.start < piece.within.start for one in around)
    return _counted_on([*around[:place], piece, *around[place:]], piece.within.start, zone)


def merged(timeline: Timeline, since: datetime, zone: ZoneInfo, apart: Collection[str] = ()) -> Timeline:
    """The timeline with neighbours that agree on the same made one, wherever the later one starts at `since` or after.

    The earlier piece stays, and lasts as long as both; so no cycle is cut any more where they met. A later one whose id
    is among `apart` stays by itself.
    """
    pieces: list[Schedule] = []
    for one in timeline:
        last = pieces[-1] if pieces else None
        if last is not None and one.within.start >= since and one.id not in apart and _agree(last, one):
            pieces[-1] = replace(last, within=replace(last.within, end=one.within.end))
        else:
            pieces.append(one)
    return _counted_on(pieces, since, zone)


def piece_at(timeline: Timeline, instant: datetime) -> Schedule | None:
    """The piece in force at an instant, or None."""
    return next((piece for piece in timeline if piece.within.contains(instant)), None)


def moved(before: Timeline, after: Timeline) -> list[datetime]:
    """The instants from which on two timelines differ, in order.

    At each of them another piece comes into force, or there is none any more, or cycles are cut there in one only.
    """
    bounds = [
        {bound for piece in timeline for bound in (piece.within.start, piece.within.end)}
        for timeline in (before, after)
    ]
    differ = {at for at in bounds[0] | bounds[1] if _agreed_at(before, at) != _agreed_at(after, at)}
    return sorted(differ | bounds[0] ^ bounds[1])


def _outside(piece: Schedule, hole: Period, zone: ZoneInfo, new_id: NewId) -> Iterator[Schedule]:
    """What a hole leaves of a piece: nothing, one part, or one on either side."""
    within, ordinal, name = piece.within, piece.first_ordinal, piece.id
    if within.intersect(hole) is None:
        yield piece
        return
    if within.start < hole.start:
        before = replace(piece, within=replace(within, end=hole.start))
        yield before
        ordinal, name = before.ordinal_after(zone), ""
    if hole.end < within.end:
        yield replace(piece, id=name or new_id(), within=replace(within, start=hole.end), first_ordinal=ordinal)


def _counted_on(timeline: Iterable[Schedule], since: datetime, zone: ZoneInfo) -> Timeline:
    """The timeline with the cycles of each piece from an instant on counted on where its plan is in force before it."""
    pieces: list[Schedule] = []
    for one in timeline:
        goes_on = bool(pieces) and one.within.start >= since and _goes_on(pieces[-1], one)
        pieces.append(replace(one, first_ordinal=pieces[-1].ordinal_after(zone)) if goes_on else one)
    return tuple(pieces)


def _goes_on(piece: Schedule, following: Schedule) -> bool:
    """Whether a plan goes on in the following piece without a day in between."""
    return piece.within.end == following.within.start and piece.price_plan_id == following.price_plan_id


def _agree(piece: Schedule, following: Schedule) -> bool:
    """Whether the following piece goes on with the same terms and cycles without a day in between."""
    if piece.within.end != following.within.start or not _same_rules(piece.pricing_rules, following.pricing_rules):
        return False
    return following == replace(
        piece,
        id=following.id,
        within=following.within,
        first_ordinal=following.first_ordinal,
        pricing_rules=following.pricing_rules,
    )


def _same_rules(own: Sequence[PricingRule] | None, others: Sequence[PricingRule] | None) -> bool:
    """Whether two pieces have rules of their own that say the same, or neither has any."""
    if own is None or others is None:
        return own is others
    return say_the_same(own, others)


def _agreed_at(timeline: Timeline, instant: datetime) -> Schedule | None:
    """What was agreed on for an instant, however long it lasts."""
    piece = piece_at(timeline, instant)
    return None if piece is None else replace(piece, within=_ANY_TIME, first_ordinal=0)
