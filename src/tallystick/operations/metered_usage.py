"""What accounts used of each meter, whatever its aggregation: the one way from operations to usage in the event store.

Most meters add up what events made. Those that do not are looked up here for each question, since the event store does
not know of aggregations; an organisation without them pays one small query of the state for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import ZERO
from tallystick.metering.aggregation import average, grown
from tallystick.metering.event_groups import NO_EVENTS, EventCuts, EventGroup, EventGroups
from tallystick.operations.work import Work
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow
from tallystick.stores.event_store_usage import SeriesBy

_STANDS: Final = frozenset({Aggregation.MAX, Aggregation.MIN, Aggregation.LATEST})
"""Usage that one value of all decides, and so one of the values that decided parts of the time."""


def usage_totals(work: Work, windows: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
    """The usage by meter id in each window, in the order of the windows; a meter without events may be left out."""
    if not windows:
        return []
    aggregates = work.state.aggregates()
    totals = work.events.usage_totals(work.organisation.id, windows, but=aggregates)
    if aggregates:
        others = work.events.aggregate_totals(work.organisation.id, windows, aggregates)
        totals = [total | other for total, other in zip(totals, others, strict=True)]
    return totals


def usage_series(
    work: Work,
    bounds: Sequence[datetime],
    *,
    account_ids: Sequence[str] | None = None,
    meter_ids: Sequence[str] | None = None,
    by: SeriesBy | None = None,
) -> list[tuple[str | None, int, Decimal]]:
    """(group, index of the bucket, usage) between consecutive bounds; empty buckets are left out.

    Each bucket is aggregated by itself, and the usage of a group is what its accounts and meters come to, added up.
    """
    aggregates = work.state.aggregates()
    found = work.events.usage_series(
        work.organisation.id, bounds, account_ids=account_ids, meter_ids=meter_ids, by=by, but=aggregates
    )
    asked = {name: kind for name, kind in aggregates.items() if meter_ids is None or name in meter_ids}
    if not asked:
        return found
    series: dict[tuple[str | None, int], Decimal] = defaultdict(Decimal)
    others = work.events.aggregate_series(work.organisation.id, bounds, asked, account_ids=account_ids, by=by)
    for group, place, units in (*found, *others):
        series[group, place] += units
    return sorted((group, place, units) for (group, place), units in series.items())


def aggregates_instead(work: Work, windows: Sequence[UsageWindow], instead: Replacements) -> list[dict[str, Decimal]]:
    """What the usage of every meter that does not add up would be in each window, with other units of some events."""
    aggregates = work.state.aggregates()
    if not aggregates or not windows:
        return [{} for _ in windows]
    replaced = instead.of({window.account_id for window in windows})
    totals = work.events.aggregate_totals(work.organisation.id, windows, aggregates, replaced)
    return [dict.fromkeys(aggregates, ZERO) | total for total in totals]


def event_groups(
    work: Work, asked: Sequence[tuple[UsageWindow, Collection[EventCuts]]], instead: Replacements | None = None
) -> list[EventGroups]:
    """The events in each window, told apart in each of the ways that are asked for there; mostly none is.

    They are those that there are, or that there would be with other units of some.
    """
    wanted = list(dict.fromkeys((window, cuts) for window, of_window in asked for cuts in of_window))
    if not wanted:
        return [NO_EVENTS for _ in asked]
    replaced = None if instead is None else instead.of({window.account_id for window, _ in wanted})
    groups = work.events.event_groups(work.organisation.id, wanted, replaced)
    found = dict(zip(wanted, groups, strict=True))
    return [{cuts: found[window, cuts] for cuts in of_window} for window, of_window in asked]


def units_together(work: Work, window: UsageWindow, meter_id: str) -> Decimal:
    """What the units of a meter's events add up to, whatever its usage is made of."""
    return work.events.usage_totals(work.organisation.id, [window])[0].get(meter_id, ZERO)


def growing_usage(work: Work, spans: Sequence[tuple[str, Sequence[datetime]]]) -> Iterator[Mapping[str, Decimal]]:
    """For each account with its ascending instants: its usage from the first of them until each of the others.

    All is asked for between the instants; a mapping that was handed out changes with the next one.
    """
    aggregates = work.state.aggregates()
    steps = [UsageWindow(name, Period(*ends)) for name, instants in spans for ends in pairwise(instants)]
    added = _steps(work, spans, steps, aggregates)
    averaged = [name for name, kind in aggregates.items() if kind is Aggregation.AVERAGE]
    events = _events_of(work, steps, averaged)
    for _, instants in spans:
        so_far: dict[str, Decimal] = {}
        met: dict[str, EventGroup] = {}
        for _ in instants[1:]:
            for meter_id, units in next(added).items():
                kind = aggregates.get(meter_id, Aggregation.SUM)
                so_far[meter_id] = grown(kind, so_far[meter_id], units) if meter_id in so_far else units
            for meter_id, more in zip(averaged, events, strict=False):
                met[meter_id] = met.get(meter_id, EventGroup(0, ZERO)).plus(more)
                if met[meter_id].events:
                    so_far[meter_id] = average(met[meter_id].total, met[meter_id].events)
            yield so_far


def _events_of(work: Work, steps: Sequence[UsageWindow], meter_ids: Sequence[str]) -> Iterator[EventGroup]:
    """The events of these meters, for each meter of the first step, then of the next one."""
    asked = [(step, EventCuts(meter_id, ())) for step in steps for meter_id in meter_ids]
    return (group for (group,) in work.events.event_groups(work.organisation.id, asked))


def _steps(
    work: Work,
    spans: Sequence[tuple[str, Sequence[datetime]]],
    steps: Sequence[UsageWindow],
    aggregates: Mapping[str, Aggregation],
) -> Iterator[dict[str, Decimal]]:
    """The usage between each two consecutive instants of the spans, of the different values that of the new ones."""
    organisation = work.organisation.id
    found = work.events.usage_totals(organisation, steps, but=aggregates)
    standing = {name: kind for name, kind in aggregates.items() if kind in _STANDS}
    if standing:
        totals = work.events.aggregate_totals(organisation, steps, standing)
        found = [total | other for total, other in zip(found, totals, strict=True)]
    different = [name for name, kind in aggregates.items() if kind is Aggregation.DISTINCT_COUNT]
    if different:
        values = work.events.new_values(organisation, spans, different)
        found = [total | other for total, other in zip(found, values, strict=True)]
    return iter(found)
