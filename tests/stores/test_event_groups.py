"""Events are told apart by their units: those that count, each in one group, whatever was reversed or sorted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from tallystick.metering.event_groups import LEAST_UNITS, MOST_UNITS, EventCuts, EventGroup
from tallystick.stores.event_log import position_of
from tallystick.stores.event_replacements import Replacements
from tallystick.stores.event_store import UsageWindow
from tests.stores.event_samples import ALWAYS, RECEIVED, block, trip
from tests.stores.test_event_store_aggregates import METER, MOST, ORGANISATION, TWO_METERS, hours, other, revised

if TYPE_CHECKING:
    from tallystick.stores.duck_event_store import DuckEventStore

STEP: Final = "0.000000000001"


def cuts(*texts: str, meter: str = METER) -> EventCuts:
    return EventCuts(meter, tuple(map(Decimal, texts)))


def groups(*counted: tuple[int, str]) -> tuple[EventGroup, ...]:
    return tuple(EventGroup(events, Decimal(total)) for events, total in counted)


def found(store: DuckEventStore, *texts: str) -> tuple[EventGroup, ...]:
    """The events of one account, told apart."""
    (told,) = store.event_groups(ORGANISATION, [(UsageWindow("acme", ALWAYS), cuts(*texts))])
    return told


def test_each_group_has_its_upper_bound_and_not_its_lower(store: DuckEventStore) -> None:
    values = ["-5", "0", STEP, "5", f"5{STEP[1:]}", "100", f"100{STEP[1:]}", "1000"]
    store.apply([block(*[trip(f"e{n}", value) for n, value in enumerate(values)], row=1)], 1, RECEIVED)
    assert found(store, "0", "5", "100") == groups(
        (2, "-5"), (2, f"5{STEP[1:]}"), (2, f"105{STEP[1:]}"), (2, f"1100{STEP[1:]}")
    )
    assert found(store) == groups((8, "1205.000000000003"))
    assert found(store, "0", "0", "0", "0") == groups((2, "-5"), (0, "0"), (0, "0"), (0, "0"), (6, "1210.000000000003"))


def test_windows_meters_and_cuts_are_asked_each_by_itself(store: DuckEventStore) -> None:
    mine = [trip("a", "1", day=1), trip("b", "8", day=2), trip("c", "16", day=1, account="apex")]
    store.apply(
        [block(*mine, row=1, known=TWO_METERS), block(trip("d", "64"), row=2, organisation="org.2")], 2, RECEIVED
    )
    asked = [
        (UsageWindow("acme", hours(24, 48)), cuts("4")),
        (UsageWindow("acme", ALWAYS), cuts("4")),
        (UsageWindow("acme", ALWAYS), cuts("0", meter="um.again")),
        (UsageWindow("apex", ALWAYS), cuts("4", "20")),
        (UsageWindow("apex", hours(0, 24)), cuts("4")),
        (UsageWindow("acme", ALWAYS), cuts("0", meter="um.unknown")),
    ]
    assert store.event_groups(ORGANISATION, asked) == [
        groups((1, "1"), (0, "0")),
        groups((1, "1"), (1, "8")),
        groups((0, "0"), (2, "9")),
        groups((0, "0"), (1, "16"), (0, "0")),
        groups((0, "0"), (0, "0")),
        groups((0, "0"), (0, "0")),
    ]
    assert store.event_groups(ORGANISATION, []) == []


@pytest.mark.parametrize("sorts", [False, True])
def test_a_fact_that_was_reversed_is_in_no_group(store: DuckEventStore, *, sorts: bool) -> None:
    """One event is taken back, comes to other units, and is taken back again; a refund is taken back as well."""
    store.apply([block(trip("low", "1"), trip("high", "90"), trip("back", "-4"), row=1)], 1, RECEIVED)
    high, back = position_of(1, 1), position_of(1, 2)
    seen = []
    for row, changes in enumerate([(high, "-90"), (high, "4"), (high, "-4", "50"), (back, "4"), (high, "-50")], 2):
        if sorts:
            store.sort_portion()
        store.apply([], row, RECEIVED, [revised(changes[0], row, *changes[1:])])
        seen.append(found(store, "0", "10"))
    assert seen == [
        groups((1, "-4"), (1, "1"), (0, "0")),
        groups((1, "-4"), (2, "5"), (0, "0")),
        groups((1, "-4"), (1, "1"), (1, "50")),
        groups((0, "0"), (1, "1"), (1, "50")),
        groups((0, "0"), (1, "1"), (0, "0")),
    ]


def test_sums_beyond_38_digits_are_exact(store: DuckEventStore) -> None:
    values = [MOST, MOST, MOST, f"-{MOST}", "1"]
    store.apply([block(*[trip(f"e{n}", value) for n, value in enumerate(values)], row=1)], 1, RECEIVED)
    assert found(store, "0", "1") == groups((1, f"-{MOST}"), (1, "1"), (3, "299999999999999999999999999.999999999997"))
    edges = [(UsageWindow("acme", ALWAYS), EventCuts(METER, (LEAST_UNITS, MOST_UNITS)))]
    (told,) = store.event_groups(ORGANISATION, edges)
    assert [group.events for group in told] == [1, 4, 0]


def test_other_units_may_stand_in_the_place_of_some(store: DuckEventStore) -> None:
    store.apply(
        [block(*[trip(f"e{at}", value, day=at) for value, at in (("9", 1), ("4", 2), ("6", 3))], row=1)], 1, RECEIVED
    )
    instead = Replacements()
    instead.add([other("acme", 0, 1, None), other("acme", 1, 2, "50"), other("apex", 7, 2, "5")])
    asked = [(UsageWindow(account, ALWAYS), cuts("0", "10")) for account in ("acme", "apex")]
    would_be = store.event_groups(ORGANISATION, asked, instead.of(["acme", "apex"]))
    assert would_be == [groups((0, "0"), (1, "6"), (1, "50")), groups((0, "0"), (1, "5"), (0, "0"))]
    assert found(store, "0", "10") == groups((0, "0"), (3, "19"), (0, "0")), "nothing was changed"
