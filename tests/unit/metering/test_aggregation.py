"""What units of events come to by each aggregation, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tallystick.catalog.usage_meter import Aggregation
from tallystick.metering.aggregation import aggregated, average, grown, told_units


def numbers(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        (Aggregation.COUNT, "20"),
        (Aggregation.SUM, "20"),
        (Aggregation.MAX, "7.5"),
        (Aggregation.MIN, "-1"),
        (Aggregation.AVERAGE, "4"),  # 20 / 5
        (Aggregation.DISTINCT_COUNT, "4"),
        (Aggregation.LATEST, "4"),
    ],
)
def test_five_events_come_to(aggregation: Aggregation, expected: str) -> None:
    assert aggregated(aggregation, numbers("2", "7.5", "-1", "7.50", "4")) == Decimal(expected)
    assert aggregated(aggregation, []) == 0


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        ("10", 3, "3.333333333333"),
        ("20", 3, "6.666666666667"),
        ("-20", 3, "-6.666666666667"),
        ("0.000000000001", 2, "0.000000000001"),
        ("0.000000000003", 2, "0.000000000002"),
        ("-0.000000000003", 2, "-0.000000000002"),
        ("0.000000000001", 3, "0"),
        ("99999999999999999999999999.999999999999", 1, "99999999999999999999999999.999999999999"),
        ("299999999999999999999999999.999999999997", 3, "99999999999999999999999999.999999999999"),
    ],
)
def test_an_average_has_twelve_digits_behind_the_point(total: str, count: int, expected: str) -> None:
    assert average(Decimal(total), count) == Decimal(expected)


def test_a_value_that_is_told_apart_is_one_unit() -> None:
    assert told_units(Aggregation.DISTINCT_COUNT, Decimal("123.4")) == 1
    assert told_units(Aggregation.MAX, Decimal("123.4")) == Decimal("123.4")


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        (Aggregation.COUNT, "7"),
        (Aggregation.SUM, "7"),
        (Aggregation.MAX, "5"),
        (Aggregation.MIN, "2"),
        (Aggregation.DISTINCT_COUNT, "7"),
        (Aggregation.LATEST, "2"),
    ],
)
def test_usage_of_5_grows_by_2(aggregation: Aggregation, expected: str) -> None:
    assert grown(aggregation, Decimal(5), Decimal(2)) == Decimal(expected)


@pytest.mark.parametrize("aggregation", sorted(set(Aggregation) - {Aggregation.AVERAGE, Aggregation.DISTINCT_COUNT}))
def test_what_has_grown_is_what_comes_to_all_at_once(aggregation: Aggregation) -> None:
    first, later = numbers("2", "7.5", "-1"), numbers("7.50", "4")
    both = grown(aggregation, aggregated(aggregation, first), aggregated(aggregation, later))
    assert both == aggregated(aggregation, first + later)


def test_averages_do_not_grow() -> None:
    with pytest.raises(AssertionError):
        grown(Aggregation.AVERAGE, Decimal(1), Decimal(2))
