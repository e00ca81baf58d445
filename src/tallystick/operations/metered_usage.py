"""What accounts used of each meter: the one way from operations to usage in the event store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from tallystick.kernel.period import Period
from tallystick.kernel.quantity import ZERO
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow
from tallystick.stores.event_store_usage import SeriesBy


def usage_totals(work: Work, windows: Sequence[UsageWindow]) -> list[dict[str, Decimal]]:
    """The usage by meter id in each window, in the order of the windows; a meter without events may be left out."""
    return work.events.usage_totals(work.organisation.id, windows) if windows else []


def usage_series(
    work: Work,
    bounds: Sequence[datetime],
    *,
    account_ids: Sequence[str] | None = None,
    meter_ids: Sequence[str] | None = None,
    by: SeriesBy | None = None,
) -> list[tuple[str | None, int, Decimal]]:
    """(group, index of the bucket, usage) between consecutive bounds; empty buckets are left out."""
    return work.events.usage_series(work.organisation.id, bounds, account_ids=account_ids, meter_ids=meter_ids, by=by)


def growing_usage(work: Work, spans: Sequence[tuple[str, Sequence[datetime]]]) -> Iterator[Mapping[str, Decimal]]:
    """For each account with its ascending instants: its usage from the first of them until each of the others.

    A mapping that was handed out changes with the next one.
    """
    steps = [UsageWindow(name, Period(*ends)) for name, instants in spans for ends in pairwise(instants)]
    added = iter(usage_totals(work, steps))
    for _, instants in spans:
        so_far: dict[str, Decimal] = {}
        for _ in instants[1:]:
            for meter_id, units in next(added).items():
                so_far[meter_id] = so_far.get(meter_id, ZERO) + units
            yield so_far
