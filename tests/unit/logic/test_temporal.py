"""Dates and durations as in jsonlogic.md section 2 and domain.md 3.3; expected texts are those of java.time."""

from __future__ import annotations

import pytest

from tallystick.logic import EvaluationError
from tests.unit.logic.dialect import alike, value


def dates(left: str, right: str, operator: str = "==") -> str:
    return f'{{"{operator}": [{{"date": "{left}"}}, {{"date": "{right}"}}]}}'


DATE = [
    (dates("2024-01-01T12:00Z", "2024-01-01T12:00:00.000Z"), True),
    (dates("2024-01-01T12:00Z", "2024-01-01T17:30+05:30"), True),
    (dates("2024-01-01T12:00Z", "2024-01-01T17:30+05:30", "==="), False),
    (dates("2024-01-01T12:00Z", "2024-01-01T12:00+00:00", "==="), True),
    (dates("2024-01-01T12:00Z", "2024-01-01T12:00:00.000000001Z"), False),
    (dates("2024-01-01T12:00Z", "2024-01-01T12:00Z", "!="), False),
    ('{"==": [{"date": "2024-01-01T12:00Z"}, " 2024-01-01T13:00+01:00 "]}', True),
    ('{"==": ["2024-01-01", {"date": "2024-01-01T00:00Z"}]}', False),
    ('{"==": [{"date": "2024-01-01T12:00Z"}, null]}', False),
    ('{"==": [{"date": "2024-01-01T12:00Z"}, 0]}', False),
    ('{"date": []}', None),
    ('{"date": 5}', False),
    ('{"date": [null]}', False),
    # Decided (domain.md X-06): a bad text is null.
    *(
        (f'{{"date": "{text}"}}', None)
        for text in (
            "",
            "yesterday",
            "2024-01-01",
            "2024-01-01T12:00",
            "2024-01-01T12Z",
            "2024-01-01 12:00Z",
            "2024-02-30T00:00Z",
            "2024-01-01T24:00Z",
            "2024-01-01T00:60Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00+19:00",
            "2024-01-01T00:00+18:30",
            "2024-01-01T00:00+05:60",
            "0000-01-01T00:00Z",
            "٢٠٢٤-01-01T00:00Z",
        )
    ),
]
MOVED = [
    ("date.add", "2024-01-31T00:00Z", "P1M", "2024-02-29T00:00Z"),
    ("date.add", "2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00Z"),
    ("date.add", "2024-01-31T10:20:30+05:30", "P1Y1M1DT1H1M1S", "2025-03-01T11:21:31+05:30"),
    ("date.add", "2023-12-31T23:59:59.5Z", "PT1.9S", "2024-01-01T00:00:00.500Z"),
    ("date.add", "2024-01-01T00:00:00.000001Z", "PT0S", "2024-01-01T00:00:00.000001Z"),
    ("date.add", "2024-01-01T00:00:00.123456789Z", "PT24H", "2024-01-02T00:00:00.123456789Z"),
    ("date.add", "2024-05-28T00:00Z", "-P1D", "2024-05-29T00:00Z"),  # the fork loses the sign
    ("date.add", "2024-05-28T00:00Z", "P100D", "2024-09-05T00:00Z"),
    ("date.sub", "2024-03-31T00:00Z", "P1M", "2024-02-29T00:00Z"),
    ("date.sub", "2024-03-01T00:00Z", "PT1H", "2024-02-29T23:00Z"),
    ("date.add", "2024-01-01T00:00Z", "P1W", None),
    ("date.add", "2024-01-01T00:00Z", "P", None),
    ("date.add", "2024-01-01T00:00Z", "P1DT", None),
    ("date.add", "2024-01-01T00:00Z", "PT-1H-30M", None),
    ("date.add", "2024-01-01", "P1D", None),
    ("date.add", "9999-12-31T00:00Z", "P1D", None),
    ("date.add", "2024-01-01T00:00Z", "P999999999Y", None),
    ("date.sub", "0001-01-01T00:00Z", "P999999999D", None),
]
BETWEEN = [
    ("2024-01-01T00:00Z", "2024-02-01T00:00Z", "PT744H"),
    ("2024-01-01T00:00Z", "2024-01-01T00:00Z", "PT0S"),
    ("2024-01-01T00:00Z", "2024-01-01T01:30:15.25Z", "PT1H30M15.25S"),
    ("2024-01-01T00:00:01.7Z", "2024-01-01T00:00Z", "PT-1.7S"),
    ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00Z", "PT-0.5S"),
    ("2024-01-01T01:30Z", "2024-01-01T00:00Z", "PT-1H-30M"),
    ("2024-01-01T05:30+05:30", "2024-01-01T00:00Z", "PT0S"),
    ("2024-01-01T05:30+05:30", "2024-01-01", None),
]
OF = [
    ("100", "DAYS", "PT2400H"),
    ("-90", "MINUTES", "PT-1H-30M"),
    ('"100"', "SECONDS", "PT1M40S"),
    ('"+5"', "HOURS", "PT5H"),
    ('""', "DAYS", "PT0S"),
    ("1", "NANOS", "PT0.000000001S"),
    ("1500", "MILLIS", "PT1.5S"),
    ("7", "MICROS", "PT0.000007S"),
    ("3", "HALF_DAYS", "PT36H"),
    # Decided (domain.md 3.3): WEEKS, MONTHS and YEARS too.
    ("3", "MONTHS", "P3M"),
    ("2", "YEARS", "P2Y"),
    ("2", "WEEKS", "P14D"),
    ("-3", "MONTHS", "P-3M"),
    ("1.0", "DAYS", None),
    ("1e2", "DAYS", None),
    ('"1.5"', "DAYS", None),
    ('"one"', "DAYS", None),
    ("null", "DAYS", None),
    ("true", "DAYS", None),
    ("1", "days", None),
    ("1", "DECADES", None),
    ("9223372036854775808", "NANOS", None),
    ("9223372036854775807", "DAYS", None),
]
AS = [
    ("PT2400H", "DAYS", 100),
    ("P1DT1H", "HOURS", 25),
    ("PT90S", "MINUTES", 1),
    ("PT1.7S", "SECONDS", 1),
    ("PT-1.7S", "SECONDS", -2),
    ("-PT1.7S", "SECONDS", -2),
    ("PT-25H", "DAYS", -1),
    ("PT-90S", "MINUTES", -1),
    ("PT-0.0015S", "MILLIS", -1),
    ("pt1.5s", "MILLIS", 1500),
    ("PT1H", "NANOS", None),
    ("PT1H", "WEEKS", None),
    ("P1M", "DAYS", None),
    ("P1D1H", "DAYS", None),
    ("", "DAYS", None),
]


@pytest.mark.parametrize(("rule", "expected"), DATE)
def test_a_date_is_read_and_compared_as_an_instant(rule: str, expected: object) -> None:
    assert value(rule) is expected


@pytest.mark.parametrize(("operator", "start", "duration", "expected"), MOVED)
def test_a_date_moves_by_years_and_months_first(operator: str, start: str, duration: str, expected: str | None) -> None:
    assert value(f'{{"{operator}": ["{start}", "{duration}"]}}') == expected


@pytest.mark.parametrize(("start", "end", "expected"), BETWEEN)
def test_a_duration_between_two_dates_is_written_in_hours(start: str, end: str, expected: str | None) -> None:
    assert value(f'{{"duration.between": ["{start}", "{end}"]}}') == expected


@pytest.mark.parametrize(("amount", "unit", "expected"), OF)
def test_a_duration_is_made_of_a_whole_number_of_units(amount: str, unit: str, expected: str | None) -> None:
    assert value(f'{{"duration.of": [{amount}, "{unit}"]}}') == expected


@pytest.mark.parametrize(("duration", "unit", "expected"), AS)
def test_a_duration_is_counted_in_whole_units(duration: str, unit: str, expected: int | None) -> None:
    assert alike(value(f'{{"duration.as": ["{duration}", "{unit}"]}}'), expected)


def test_a_duration_of_weeks_moves_a_date() -> None:
    rule = '{"date.add": ["2024-01-01T00:00Z", {"duration.of": [2, "WEEKS"]}]}'
    assert value(rule) == "2024-01-15T00:00Z"


def test_days_between_two_dates_can_be_multiplied() -> None:
    """domain.md 3.3: what the documentation's sample must be written as."""
    days = '{"duration.as": [{"duration.between": ["2024-01-01T00:00Z", "2024-02-01T00:00Z"]}, "DAYS"]}'
    assert alike(value(f'{{"*": [{days}, 75]}}'), 31 * 75)


NULL = [
    '{"date.add": [{"date": "2024-01-01T00:00Z"}, "P1D"]}',
    '{"date.add": ["2024-01-01T00:00Z", 5]}',
    '{"duration.between": [{"date": "2024-01-01T00:00Z"}, "2024-01-01T00:00Z"]}',
    '{"duration.of": [1, 5]}',
    '{"duration.as": [5, "DAYS"]}',
    '{"duration.as": ["PT1H", null]}',
]


@pytest.mark.parametrize("rule", NULL)
def test_an_argument_of_the_wrong_kind_gives_null(rule: str) -> None:
    assert value(rule) is None


ERRORS = [
    '{"date": ["2024-01-01T00:00Z", 1]}',
    *(
        f'{{"{operator}": {arguments}}}'
        for operator in ("date.add", "date.sub", "duration.of", "duration.between", "duration.as")
        for arguments in ("[]", '["2024-01-01T00:00Z"]', '["2024-01-01T00:00Z", 1, "DAYS"]')
    ),
]


@pytest.mark.parametrize("rule", ERRORS)
def test_a_wrong_number_of_arguments_is_an_error(rule: str) -> None:
    with pytest.raises(EvaluationError, match="argument"):
        value(rule)
