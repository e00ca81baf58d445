"""What an account used, in days of the organisation's zone (issue 3, part 2: get-usage)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.shop import Shop

if TYPE_CHECKING:
    from tests.operations.shop import Json
    from tests.servers import Inside


def usage(shop: Shop, since: str, until: str, **more: str) -> Json:
    return shop.api.get("/v1/accounts/acme/usage", startDate=since, endDate=until, **more).ok()


def points(meter: Json) -> list[tuple[str, str, object]]:
    return [(point["startDate"], point["endDate"], point["units"]) for point in meter["points"]]


@pytest.fixture
def used(still: Shop) -> tuple[Shop, str]:
    """Calls of January and February, some of them on the edges."""
    meter = still.metered_plan((0, 1))
    for calls, at in (
        (1, "2026-01-01T00:00:00Z"),
        (2, "2026-01-01T23:59:59.999999Z"),
        (4, "2026-01-03T12:00:00Z"),
        (8, "2026-02-01T00:00:00Z"),
        (16, "2026-02-28T23:00:00Z"),
    ):
        still.use(calls, at)
    return still, meter


def test_a_total_counts_the_first_day_and_not_the_last(used: tuple[Shop, str]) -> None:
    shop, meter = used
    assert usage(shop, "2026-01-01", "2026-02-01") == {
        "accountId": "acme",
        "accountName": "acme account",
        "startDate": "2026-01-01",
        "endDate": "2026-02-01",
        "timeZone": "UTC",
        "groupBy": "NONE",
        "usageMeters": [{"usageMeterId": meter, "name": "Calls", "eventSchemaName": "api_call", "units": 7}],
    }


def test_days_without_usage_are_there(used: tuple[Shop, str]) -> None:
    shop, _ = used
    (meter,) = usage(shop, "2026-01-01", "2026-01-04", groupBy="DAY")["usageMeters"]
    assert meter["units"] == 7
    assert points(meter) == [
        ("2026-01-01", "2026-01-02", 3),
        ("2026-01-02", "2026-01-03", 0),
        ("2026-01-03", "2026-01-04", 4),
    ]


def test_months_are_cut_at_the_ends_of_the_range(used: tuple[Shop, str]) -> None:
    shop, _ = used
    (meter,) = usage(shop, "2026-01-03", "2026-02-15", groupBy="MONTH")["usageMeters"]
    assert points(meter) == [("2026-01-03", "2026-02-01", 4), ("2026-02-01", "2026-02-15", 8)]


def test_a_priced_meter_that_was_not_used_is_told_and_another_only_with_usage(used: tuple[Shop, str]) -> None:
    shop, calls = used
    other = shop.meter("Any call", "1", aggregation="COUNT")
    assert [meter["usageMeterId"] for meter in usage(shop, "2026-05-01", "2026-06-01")["usageMeters"]] == [calls]
    shop.use(64, "2026-05-05T00:00:00Z")
    told = usage(shop, "2026-05-01", "2026-06-01")["usageMeters"]
    assert [(meter["usageMeterId"], meter["units"]) for meter in told] == [(other, 1), (calls, 64)]
    assert usage(shop, "2025-05-01", "2025-06-01")["usageMeters"] == [], "the plan had not begun"


def test_days_are_those_of_the_organisations_zone(standing: Inside) -> None:
    shop = Shop(standing.new_organisation(timezone="Asia/Tokyo"))
    shop.metered_plan((0, 1))
    # In Tokyo the second of January begins at 15:00 UTC on the first.
    shop.use(1, "2026-01-01T14:59:59Z")
    shop.use(2, "2026-01-01T15:00:00Z")
    told = usage(shop, "2026-01-01", "2026-01-03", groupBy="DAY")
    assert told["timeZone"] == "Asia/Tokyo"
    assert [units for _, _, units in points(told["usageMeters"][0])] == [1, 2]


@pytest.mark.parametrize(
    ("since", "until", "more", "message"),
    [
        ("2026-02-01", "2026-02-01", {}, "endDate: 2026-02-01 must lie after startDate"),
        ("0001-01-01", "2026-02-01", {}, "startDate: 0001-01-01 lies outside the years 1970 to 9998"),
        ("2026-02-01", "9999-12-31", {}, "endDate: 9999-12-31 lies outside the years 1970 to 9998"),
        ("2025-01-01", "2026-01-01", {"groupBy": "DAY"}, "endDate: the range has more than 300 points of a DAY"),
        ("2026-01-01", "2026-02-01", {"groupBy": "HOUR"}, "expected one of NONE, DAY, MONTH"),
        ("New Year", "2026-02-01", {}, "startDate: "),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    still: Shop, since: str, until: str, more: dict[str, str], message: str
) -> None:
    still.account()
    asked = {"startDate": since, "endDate": until} | more
    assert message in still.api.get("/v1/accounts/acme/usage", **asked).refused(400)


def test_the_longest_ranges_are_answered(used: tuple[Shop, str]) -> None:
    shop, _ = used
    assert usage(shop, "1970-01-01", "9999-01-01")["usageMeters"][0]["units"] == 31
    assert len(usage(shop, "2001-01-01", "2026-01-01", groupBy="MONTH")["usageMeters"]) == 0
    (meter,) = usage(shop, "2002-01-01", "2027-01-01", groupBy="MONTH")["usageMeters"]
    assert (len(meter["points"]), meter["units"]) == (300, 31)


def test_an_unknown_account_is_not_found(still: Shop) -> None:
    asked = {"startDate": "2026-01-01", "endDate": "2026-02-01"}
    assert still.api.get("/v1/accounts/nobody/usage", **asked).refused(404) == "account 'nobody' not found"
