"""Time series of every kind, with figures worked out by hand (domain.md 8.1).

The world below, in dollars; January is over and frozen, February runs:

    acme  1 Jan 00:00  60 calls     1 Jan 23:59:59  60 calls     15 Jan  30 calls     1 Feb  10 calls
    beta  31 Jan        5 calls
    ghost 20 Jan        1 call, but there is no such account

Calls cost 2 each, from the 101st of a cycle on 1; each event is a hit for 0.50; a fee of 10 in arrears, one of 5 in
advance, a minimum commitment of 300.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, amounts, anniversary, commitment, event, fee, monthly, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

JANUARY: Final = ("2026-01-01", "2026-02-01")
TWO_MONTHS: Final = ("2026-01-01", "2026-03-01")
EVENTS: Final = (
    ("acme", 60, "2026-01-01T00:00:00Z"),
    ("acme", 60, "2026-01-01T23:59:59Z"),
    ("acme", 30, "2026-01-15T12:00:00Z"),
    ("beta", 5, "2026-01-31T12:00:00Z"),
    ("ghost", 1, "2026-01-20T00:00:00Z"),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with inside(tmp_path_factory.mktemp("metrics") / "data") as server:
        shop = Shop(server.api())
        shop.schema()
        calls, hits = shop.meter(), shop.meter("Hits", "1", aggregation="COUNT")
        plan = shop.plan(
            usageRateCards=[tiered(calls, (0, 2), (100, 1)), tiered(hits, (0, "0.5"))],
            fixedFeeRateCards=[fee(shop.addon("Support"), 10), fee(shop.addon("Base"), 5, timing="IN_ADVANCE")],
            minimumCommitment=commitment(300),
        )
        for account in ("acme", "beta"):
            shop.account(account)
            shop.associate(plan, account)
        for account, used, at in EVENTS:
            shop.use(used, at, account)
        shop.api.advance("2026-02-10")
        shop.use(10, "2026-02-01T00:00:00Z", "acme")
        yield shop


@pytest.fixture(scope="module")
def ids(world: Shop) -> dict[str, str]:
    """The id of each billable item by its name."""
    items = world.api.get("/usage_meters").ok()["data"] + world.api.get("/addons").ok()["data"]
    return {one["name"]: one["id"] for one in items} | {"Minimum": "MINIMUM_COMMITMENT"}


def values(series: list[dict[str, Any]]) -> list[Decimal]:
    """The points of a series without groups."""
    (one,) = series
    assert "groupedBy" not in one
    assert len(one["timestamps"]) == len(one["metricValues"])
    return one["metricValues"]


def groups(series: list[dict[str, Any]], names: dict[str, str] | None = None) -> dict[str, list[Decimal]]:
    """The points by group, the groups by their names."""
    known = {identity: name for name, identity in (names or {}).items()}
    found = {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in series}
    return {known.get(group, group): points for group, points in found.items()}


def only(**fields: str) -> list[dict[str, object]]:
    return [{"fieldName": name, "fieldValues": [value]} for name, value in fields.items()]


class TestUsage:
    @pytest.mark.parametrize("name", ["USAGE", "METER_USAGE"])
    def test_by_month_over_all_meters(self, world: Shop, name: str) -> None:
        # January: 155 calls and 4 hits; February: 10 and 1.
        assert values(world.metric(name, *TWO_MONTHS)) == [159, 11]

    def test_by_day_empty_days_are_there(self, world: Shop, ids: dict[str, str]) -> None:
        series = world.metric("USAGE", *JANUARY, "DAY", filters=only(USAGE_METER_ID=ids["Calls"]))
        expected = [0] * 31
        expected[0], expected[14], expected[30] = 120, 30, 5
        assert values(series) == expected
        assert series[0]["timestamps"][:2] == ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]

    def test_by_hour(self, world: Shop, ids: dict[str, str]) -> None:
        series = world.metric("USAGE", "2026-01-01", "2026-01-02", "HOUR", filters=only(BILLABLE_ID=ids["Calls"]))
        assert values(series) == [60, *[0] * 22, 60]

    def test_by_week_which_starts_on_monday(self, world: Shop, ids: dict[str, str]) -> None:
        # 1 January 2026 is a Thursday, 2 February a Monday.
        series = world.metric("USAGE", "2026-01-01", "2026-02-02", "WEEK", filters=only(BILLABLE_ID=ids["Calls"]))
        assert values(series) == [120, 0, 30, 0, 15]
        assert [one[:10] for one in series[0]["timestamps"]] == [
            "2026-01-01",
            "2026-01-05",
            "2026-01-12",
            "2026-01-19",
            "2026-01-26",
        ]

    def test_a_range_inside_a_month_counts_what_lies_in_it(self, world: Shop, ids: dict[str, str]) -> None:
        asked = {"id": "q", "name": "USAGE", "aggregationPeriod": "MONTH", "filters": only(BILLABLE_ID=ids["Calls"])}
        body = {"startTime": "2026-01-01T00:00:01Z", "endTime": "2026-01-31T12:00:00Z", "metricQueries": [asked]}
        (result,) = world.api.post("/metrics", body).ok()["results"]
        # The first event lies before the range, and the end is exclusive.
        assert values(result["data"]) == [90]
        assert result["data"][0]["timestamps"] == ["2026-01-01T00:00:01Z"]

    @pytest.mark.parametrize("field", ["USAGE_METER_ID", "BILLABLE_ID"])
    def test_grouped_by_meter(self, world: Shop, ids: dict[str, str], field: str) -> None:
        found = groups(world.metric("USAGE", *TWO_MONTHS, groupBy=field), ids)
        assert found == {"Calls": [155, 10], "Hits": [4, 1]}

    @pytest.mark.parametrize("field", ["ACCOUNT_ID", "CUSTOMER_ID"])
    def test_grouped_by_whose_it_is(self, world: Shop, field: str) -> None:
        found = groups(world.metric("USAGE", *TWO_MONTHS, groupBy=field))
        assert found == {"acme": [153, 11], "beta": [6, 0]}

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (only(ACCOUNT_ID="acme"), [153, 11]),
            (only(CUSTOMER_ID="beta"), [6, 0]),
            (only(ACCOUNT_ID="acme", CUSTOMER_ID="beta"), [0, 0]),
            (only(ACCOUNT_ID="nobody"), [0, 0]),
            ([{"fieldName": "ACCOUNT_ID", "fieldValues": ["acme", "beta", "nobody"]}], [159, 11]),
            ([*only(ACCOUNT_ID="acme"), *only(ACCOUNT_ID="beta")], [0, 0]),
            (only(USAGE_METER_ID="um.unknown"), [0, 0]),
        ],
        ids=str,
    )
    def test_filters_must_all_hold_and_any_value_will_do(
        self, world: Shop, filters: list[dict[str, object]], expected: list[int]
    ) -> None:
        assert values(world.metric("USAGE", *TWO_MONTHS, filters=filters)) == expected

    def test_by_cycle(self, world: Shop, ids: dict[str, str]) -> None:
        series = world.metric("USAGE_FOR_CYCLE", *TWO_MONTHS, groupBy="BILLABLE_ID")
        assert groups(series, ids) == {"Calls": [155, 10], "Hits": [4, 1]}
        assert series[0]["timestamps"] == ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]

    def test_a_cycle_counts_whole_where_it_starts(self, world: Shop) -> None:
        assert values(world.metric("USAGE_FOR_CYCLE", "2026-01-01", "2026-01-02")) == [159]
        assert values(world.metric("USAGE_FOR_CYCLE", "2026-01-02", "2026-02-02")) == [11]
        assert values(world.metric("USAGE_FOR_CYCLE", "2026-01-02", "2026-02-01")) == []


class TestRevenue:
    def test_by_month(self, world: Shop) -> None:
        # Each account comes to 300 in arrears, by its commitment, and 5 in advance.
        assert values(world.metric("REVENUE", *TWO_MONTHS)) == [610, 610]

    def test_by_day_usage_when_it_happens_fees_at_the_start_the_true_up_at_the_end(self, world: Shop) -> None:
        points = values(world.metric("REVENUE", *JANUARY, "DAY", filters=only(ACCOUNT_ID="acme")))
        expected = [Decimal(0)] * 31
        # 100 x 2 + 20 x 1 + 2 hits + fees 10 and 5; 30 x 1 + 1 hit; 300 - (220 + 30 + 1.50 + 10).
        expected[0], expected[14], expected[30] = Decimal(236), Decimal("30.5"), Decimal("38.5")
        assert points == expected

    def test_the_tiers_go_on_from_hour_to_hour(self, world: Shop, ids: dict[str, str]) -> None:
        filters = only(BILLABLE_ID=ids["Calls"])
        points = values(world.metric("REVENUE", "2026-01-01", "2026-01-02", "HOUR", filters=filters))
        # The first 60 at 2; then 40 at 2 and 20 at 1.
        assert points == [120, *[0] * 22, 100]

    def test_grouped_by_item(self, world: Shop, ids: dict[str, str]) -> None:
        found = groups(world.metric("REVENUE", *JANUARY, groupBy="BILLABLE_ID"), ids)
        assert found == {
            "Calls": [260],
            "Hits": [2],
            "Support": [20],
            "Base": [10],
            "Minimum": [Decimal("38.5") + Decimal("279.5")],
        }

    @pytest.mark.parametrize("field", ["ACCOUNT_ID", "CUSTOMER_ID"])
    def test_grouped_by_whose_it_is(self, world: Shop, field: str) -> None:
        assert groups(world.metric("REVENUE", *TWO_MONTHS, groupBy=field)) == {"acme": [305, 305], "beta": [305, 305]}

    def test_filtered_by_item_and_account(self, world: Shop, ids: dict[str, str]) -> None:
        filters = only(BILLABLE_ID=ids["Calls"], ACCOUNT_ID="beta")
        assert values(world.metric("REVENUE", *TWO_MONTHS, filters=filters)) == [10, 0]
        assert values(world.metric("REVENUE", *JANUARY, filters=only(BILLABLE_ID="MINIMUM_COMMITMENT"))) == [318]

    def test_by_cycle(self, world: Shop, ids: dict[str, str]) -> None:
        series = world.metric("REVENUE_FOR_CYCLE", *TWO_MONTHS)
        assert values(series) == [610, 610]
        assert series[0]["timestamps"] == ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]
        grouped = groups(world.metric("REVENUE_FOR_CYCLE", *JANUARY, groupBy="USAGE_METER_ID"), ids)
        assert (grouped["Calls"], grouped["Hits"]) == ([260], [2])

    @pytest.mark.parametrize("account", ["acme", "beta"])
    @pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH"])
    def test_the_points_of_a_cycle_add_up_to_its_invoices(self, world: Shop, account: str, period: str) -> None:
        points = values(world.metric("REVENUE", *JANUARY, period, filters=only(ACCOUNT_ID=account)))
        bills = [world.api.get(f"/invoices/{one['id']}").ok() for one in world.invoices(account)[:2]]
        assert sum(points) == sum(amounts(bill, "GROSS_AMOUNT")[0] for bill in bills) == 305

    def test_credits_are_no_loss_of_revenue(self, server: Inside) -> None:
        shop = Shop(server.api())
        shop.metered_plan((0, 1))
        shop.use(30)
        shop.credit(20)
        assert values(shop.metric("REVENUE", *JANUARY)) == [30]


@pytest.mark.parametrize(
    ("card", "uses"),
    [
        ({"model": "VOLUME", "tiers": ((0, 5), (10, 1))}, ["4", "6", "0.5", "100"]),
        ({"model": "TIERED", "tiers": ((0, "0.0333"), (1, "0.0777"))}, ["0.1", "0.25", "0.7", "3.333"]),
        ({"model": "TIERED", "tiers": ((0, "0.005"),)}, ["1"] * 7),
        ({"model": "TIERED", "tiers": ((0, 2),)}, ["10", "-3", "-20"]),
    ],
    ids=["volume", "odd rates", "half cents", "refunds"],
)
def test_points_add_up_whatever_the_card(still: Shop, card: dict[str, Any], uses: list[str]) -> None:
    still.account()
    still.schema()
    price = tiered(still.meter(), *card["tiers"], model=card["model"])
    price["rateValues"][0]["rateConfig"] = {"minimumRate": "0.04", "maximumRate": "400"}
    still.associate(still.plan(usageRateCards=[price]))
    for day, used in enumerate(uses, start=1):
        still.use(used, f"2026-01-{day * 4:02d}T12:00:00Z")
    points = values(still.metric("REVENUE", *JANUARY, "DAY"))
    assert sum(points) == amounts(still.invoice(), "GROSS_AMOUNT")[0]


class TestEvents:
    def test_processed_and_unprocessed_ones_are_counted(self, world: Shop) -> None:
        assert values(world.metric("EVENTS", *TWO_MONTHS)) == [5, 1]

    @pytest.mark.parametrize(
        ("field", "expected"),
        [
            ("ACCOUNT_ID", {"acme": [3, 1], "beta": [1, 0], "ghost": [1, 0]}),
            ("SCHEMA_NAME", {"api_call": [5, 1]}),
            ("EVENT_STATUS", {"PROCESSED": [4, 1], "UNPROCESSED": [1, 0]}),
            (
                "RAW_EVENT_STATUS",
                {"INGESTION_COMPLETED_EVENT_METERED": [4, 1], "INGESTION_FAILED_ACCOUNT_NOT_FOUND": [1, 0]},
            ),
        ],
    )
    def test_grouped(self, world: Shop, field: str, expected: dict[str, list[int]]) -> None:
        assert groups(world.metric("EVENTS", *TWO_MONTHS, groupBy=field)) == expected

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (only(EVENT_STATUS="PROCESSED"), [4, 1]),
            (only(EVENT_STATUS="UNPROCESSED"), [1, 0]),
            (only(EVENT_STATUS="IN_PROGRESS"), [0, 0]),
            (only(EVENT_STATUS="INGESTION_FAILED_ACCOUNT_NOT_FOUND"), [1, 0]),
            ([{"fieldName": "EVENT_STATUS", "fieldValues": ["PROCESSED", "UNPROCESSED"]}], [5, 1]),
            (only(ACCOUNT_ID="acme"), [3, 1]),
            (only(CUSTOMER_ID="beta"), [1, 0]),
            (only(SCHEMA_NAME="api_call"), [5, 1]),
            (only(SCHEMA_NAME="other"), [0, 0]),
            ([*only(SCHEMA_NAME="api_call"), *only(SCHEMA_NAME="other")], [0, 0]),
            (only(ACCOUNT_ID="acme", EVENT_STATUS="UNPROCESSED"), [0, 0]),
        ],
        ids=str,
    )
    def test_filtered(self, world: Shop, filters: list[dict[str, object]], expected: list[int]) -> None:
        assert values(world.metric("EVENTS", *TWO_MONTHS, filters=filters)) == expected

    @pytest.mark.parametrize("period", ["HOUR", "DAY", "WEEK"])
    def test_by_hour_day_and_week(self, world: Shop, period: str) -> None:
        points = values(world.metric("EVENTS", "2026-01-01", "2026-01-02", period))
        assert points == {"HOUR": [1, *[0] * 22, 1], "DAY": [2], "WEEK": [2]}[period]

    def test_a_duplicate_counts_as_unprocessed(self, still: Shop) -> None:
        still.metered_plan((0, 1))
        for _ in range(3):
            still.api.post("/ingest", {"event": event("same")}).ok()
        found = groups(still.metric("EVENTS", *JANUARY, groupBy="EVENT_STATUS"))
        assert found == {"PROCESSED": [1], "UNPROCESSED": [2]}


def ask(api: Api, queries: list[dict[str, Any]], start: str = "2026-01-01T00:00:00Z", end: str | None = None) -> Any:  # noqa: ANN401 - an answer
    return api.post(
        "/metrics", {"startTime": start, "endTime": end or "2026-02-01T00:00:00Z", "metricQueries": queries}
    )


def query(**more: object) -> dict[str, Any]:
    return {"id": "q", "name": "USAGE", "aggregationPeriod": "MONTH"} | more


class TestRefusals:
    @pytest.mark.parametrize(
        ("period", "end", "status"),
        [
            ("HOUR", "2026-01-13T12:00:00Z", 200),
            ("HOUR", "2026-01-13T12:00:01Z", 400),
            ("DAY", "2026-10-28T00:00:00Z", 200),
            ("DAY", "2026-10-29T00:00:00Z", 400),
            ("MONTH", "2051-01-01T00:00:00Z", 200),
            ("MONTH", "2051-01-02T00:00:00Z", 400),
        ],
    )
    @pytest.mark.parametrize("name", ["EVENTS", "USAGE", "REVENUE", "NAMED_LICENSE_USAGE"])
    def test_more_than_300_points(self, world: Shop, name: str, period: str, end: str, status: int) -> None:
        answer = ask(world.api, [query(name=name, aggregationPeriod=period)], end=end)
        assert answer.status == status
        if status == 200:
            assert len(answer.body["results"][0]["data"][0]["timestamps"]) == 300
        else:
            assert "more than 300 points" in answer.refused(400)

    def test_more_than_300_cycles(self, still: Shop) -> None:
        still.account()
        still.schema()
        cycle = anniversary(interval="WEEKLY")
        still.associate(still.plan(cycle=cycle, usageRateCards=[tiered(still.meter(), (0, 1))]), since="2020-01-01")
        for name in ("USAGE_FOR_CYCLE", "REVENUE_FOR_CYCLE"):
            few = ask(still.api, [query(name=name)], start="2024-01-01T00:00:00Z").ok()
            assert len(few["results"][0]["data"][0]["timestamps"]) == 105
            many = ask(still.api, [query(name=name)], start="2020-01-01T00:00:00Z")
            assert "more than 300 points" in many.refused(400)

    @pytest.mark.parametrize(
        ("asked", "path"),
        [
            ({"name": "PROFIT"}, "metricQueries[0].name: "),
            (
                {"name": "NAMED_LICENSE_USAGE", "groupBy": "SCHEMA_NAME"},
                "metricQueries[0].groupBy: NAMED_LICENSE_USAGE cannot be grouped by SCHEMA_NAME",
            ),
            ({"aggregationPeriod": "YEAR"}, "metricQueries[0].aggregationPeriod: "),
            ({"groupBy": "EVENT_STATUS"}, "metricQueries[0].groupBy: USAGE cannot be grouped by EVENT_STATUS"),
            ({"name": "EVENTS", "groupBy": "BILLABLE_ID"}, "metricQueries[0].groupBy: "),
            ({"name": "EVENTS", "groupBy": "CUSTOMER_ID"}, "metricQueries[0].groupBy: "),
            ({"filters": only(SCHEMA_NAME="api_call")}, "metricQueries[0].filters[0].fieldName: "),
            ({"name": "EVENTS", "filters": only(BILLABLE_ID="x")}, "metricQueries[0].filters[0].fieldName: "),
            ({"name": "EVENTS", "filters": only(EVENT_STATUS="GOOD")}, "GOOD"),
            (
                {"name": "EVENTS", "filters": [{"fieldName": "SCHEMA_NAME", "fieldValues": ["a", "b"]}]},
                "metricQueries[0].filters",
            ),
            ({"filters": []}, "metricQueries[0].filters: "),
            ({"filters": only(ACCOUNT_ID="a") * 6}, "metricQueries[0].filters: "),
            (
                {"filters": [{"fieldName": "ACCOUNT_ID", "fieldValues": []}]},
                "metricQueries[0].filters[0].fieldValues: ",
            ),
            ({"name": "REVENUE", "configs": {"CURRENCY": "EURO"}}, "metricQueries[0].configs.CURRENCY: "),
        ],
        ids=str,
    )
    def test_what_a_metric_does_not_have(self, world: Shop, asked: dict[str, Any], path: str) -> None:
        assert path in ask(world.api, [query(**asked)]).refused(400)

    @pytest.mark.parametrize("number", [0, 6])
    def test_none_or_more_than_five_at_once(self, world: Shop, number: int) -> None:
        assert "metricQueries: " in ask(world.api, [query(id=str(one)) for one in range(number)]).refused(400)

    @pytest.mark.parametrize(
        ("start", "end", "path"),
        [
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "endTime: "),
            ("2026-02-02T00:00:00Z", "2026-02-01T00:00:00Z", "endTime: "),
            ("0001-01-01T00:00:00+14:00", "2026-02-01T00:00:00Z", "startTime: "),
            ("2026-01-01", "2026-02-01T00:00:00Z", "startTime: "),
        ],
    )
    def test_a_range_that_is_none(self, world: Shop, start: str, end: str, path: str) -> None:
        assert path in ask(world.api, [query()], start, end).refused(400)


def test_five_at_once_are_answered_in_their_order(world: Shop) -> None:
    names = ["REVENUE", "USAGE", "EVENTS", "USAGE_FOR_CYCLE", "REVENUE_FOR_CYCLE"]
    results = ask(world.api, [query(id=f"q-{name}", name=name) for name in names]).ok()["results"]
    assert [(one["id"], one["name"]) for one in results] == [(f"q-{name}", name) for name in names]
    assert [values(one["data"]) for one in results] == [[610], [159], [5], [159], [610]]


class TestCurrencies:
    @pytest.fixture
    def abroad(self, still: Shop) -> Shop:
        """One account in dollars, the base currency, and one in euros."""
        still.schema()
        meter = still.meter()
        for account, currency, rate in (("acme", "USD", 1), ("euro", "EUR", 2)):
            still.account(account, currency)
            card = tiered(meter, (0, rate), currency=currency)
            still.associate(still.plan(currencies=(currency,), usageRateCards=[card]), account)
            still.use(10, account=account)
        return still

    @pytest.mark.parametrize("name", ["REVENUE", "REVENUE_FOR_CYCLE"])
    def test_amounts_of_two_currencies_are_never_added_up(self, abroad: Shop, name: str) -> None:
        base = query(name=name)
        assert "EUR" in ask(abroad.api, [base]).refused(400)
        invoice = base | {"configs": {"CURRENCY": "INVOICE"}}
        assert "ACCOUNT_ID" in ask(abroad.api, [invoice]).refused(400)
        assert "ACCOUNT_ID" in ask(abroad.api, [invoice | {"groupBy": "BILLABLE_ID"}]).refused(400)
        (result,) = ask(abroad.api, [invoice | {"groupBy": "ACCOUNT_ID"}]).ok()["results"]
        assert groups(result["data"]) == {"acme": [10], "euro": [20]}
        (result,) = ask(abroad.api, [invoice | {"filters": only(ACCOUNT_ID="euro")}]).ok()["results"]
        assert values(result["data"]) == [20]

    def test_dollars_alone_are_in_the_base_currency(self, abroad: Shop) -> None:
        assert values(abroad.metric("REVENUE", *JANUARY, filters=only(ACCOUNT_ID="acme"))) == [10]


class TestZones:
    @pytest.mark.parametrize(
        ("start", "end", "path"),
        [
            ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z", "startTime"),
            ("1969-12-31T23:59:59.999999Z", "1970-01-01T01:00:00Z", "startTime"),
            ("9998-12-31T00:00:00Z", "9998-12-31T00:00:00.000001Z", "endTime"),
            ("9999-12-31T23:00:00Z", "9999-12-31T23:59:59.999999Z", "endTime"),
        ],
    )
    def test_the_edges_of_the_calendar_are_refused(self, standing: Inside, start: str, end: str, path: str) -> None:
        message = ask(standing.new_organisation(timezone="Asia/Tokyo"), [query()], start, end).refused(400)
        assert f"{path}: {start if path == 'startTime' else end}".removesuffix("Z") in message
        assert "lies outside the years 1970 to 9998" in message

    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
    @pytest.mark.parametrize("period", ["HOUR", "DAY", "WEEK", "MONTH"])
    def test_up_to_the_edges_there_are_points(self, standing: Inside, zone: str, period: str) -> None:
        api = standing.new_organisation(timezone=zone)
        names = ("EVENTS", "USAGE", "REVENUE", "REVENUE_FOR_CYCLE")
        asked = [query(id=name, name=name, aggregationPeriod=period) for name in names]
        for start, end in (("1970-01-01T00", "1970-01-01T12"), ("9998-12-30T12", "9998-12-31T00")):
            ask(api, asked, f"{start}:00:00Z", f"{end}:00:00Z").ok()

    @pytest.fixture
    def india(self, standing: Inside) -> Shop:
        """Five and a half hours ahead of UTC; a day's calls at local midnight and one minute before."""
        shop = Shop(standing.new_organisation(timezone="Asia/Kolkata"))
        shop.metered_plan((0, 1), cycle=monthly(grace=40))
        shop.use(1, "2026-01-09T18:29:00Z")
        shop.use(2, "2026-01-09T18:30:00Z")
        return shop

    def test_days_begin_at_local_midnight(self, india: Shop) -> None:
        body = {"startTime": "2026-01-08T18:30:00Z", "endTime": "2026-01-10T18:30:00Z"}
        (result,) = india.api.post("/metrics", body | {"metricQueries": [query(aggregationPeriod="DAY")]}).ok()[
            "results"
        ]
        assert result["data"][0]["timestamps"] == ["2026-01-08T18:30:00Z", "2026-01-09T18:30:00Z"]
        assert values(result["data"]) == [1, 2]

    def test_hours_begin_at_the_local_hour(self, india: Shop) -> None:
        body = {"startTime": "2026-01-09T17:30:00Z", "endTime": "2026-01-09T19:30:00Z"}
        (result,) = india.api.post("/metrics", body | {"metricQueries": [query(aggregationPeriod="HOUR")]}).ok()[
            "results"
        ]
        assert values(result["data"]) == [1, 2]

    def test_a_day_of_23_hours_is_a_day(self, standing: Inside) -> None:
        shop = Shop(standing.new_organisation(timezone="Europe/Rome"))
        shop.metered_plan((0, 1))
        shop.use(1, "2026-03-28T23:30:00Z")
        shop.use(2, "2026-03-29T21:59:00Z")
        shop.use(4, "2026-03-29T22:00:00Z")
        body = {"startTime": "2026-03-28T23:00:00Z", "endTime": "2026-03-30T22:00:00Z"}
        (result,) = shop.api.post("/metrics", body | {"metricQueries": [query(aggregationPeriod="DAY")]}).ok()[
            "results"
        ]
        assert result["data"][0]["timestamps"] == ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"]
        assert values(result["data"]) == [3, 4]
