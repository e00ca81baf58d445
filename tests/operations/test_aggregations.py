"""Meters whose units do not add up, from their events to the bill (domain.md 3.1, docs/adr/0032).

Every figure is worked out by hand. Calls are sold at 2 for each unit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from tests.operations.shop import CALLS, Shop, event, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.operations.shop import Json
    from tests.servers import Inside

REGION: Final = '{"var":"dimensions.region"}'
KINDS: Final = ("MAX", "MIN", "AVERAGE", "DISTINCT_COUNT", "LATEST")
RATE: Final = 2


def meter(shop: Shop, kind: str, computation: str = CALLS, name: str | None = None) -> str:
    """An active meter of some aggregation; its id."""
    return shop.meter(name or kind, computation, aggregation=kind)


def seller(shop: Shop, *accounts: str) -> dict[str, str]:
    """Accounts on a plan that prices a meter of each kind since New Year; the meters by kind."""
    shop.schema()
    meters = {kind: meter(shop, kind) for kind in KINDS}
    plan = shop.plan(usageRateCards=[tiered(one, (0, RATE)) for one in meters.values()])
    for account in accounts:
        shop.account(account)
        shop.associate(plan, account)
    return meters


@pytest.fixture
def meters(shop: Shop) -> dict[str, str]:
    return seller(shop, "acme", "zenith")


def usage(shop: Shop, account: str = "acme", since: str = "2026-01-01", until: str = "2026-02-01") -> dict[str, Json]:
    """What an account used of each kind."""
    told = shop.api.get(f"/v1/accounts/{account}/usage", startDate=since, endDate=until).ok()["usageMeters"]
    return {one["name"]: one["units"] for one in told}


def by_day(shop: Shop, since: str, until: str) -> dict[str, tuple[object, list[object]]]:
    """The units of each kind in total and day by day."""
    asked = {"startDate": since, "endDate": until, "groupBy": "DAY"}
    told = shop.api.get("/v1/accounts/acme/usage", **asked).ok()["usageMeters"]
    return {one["name"]: (one["units"], [point["units"] for point in one["points"]]) for one in told}


def lines(invoice: Json, meters: Mapping[str, str]) -> dict[str, tuple[Decimal, Decimal]]:
    """The quantity and the amount of each kind's line on an invoice."""
    quantities = {line["id"]: Decimal(line["value"]) for line in invoice["usageInfo"]}
    amounts: dict[str, Decimal] = {}

    def walk(line: Json) -> None:
        if line["type"] == "USAGE_RATE_CARD_AMOUNT":
            amounts[line["id"]] = Decimal(line["value"])
        for below in line.get("lineItems", ()):
            walk(below)

    walk(invoice["revenueInfo"])
    return {kind: (quantities[name], amounts[name]) for kind, name in meters.items()}


def three(shop: Shop) -> list[str]:
    """5 calls on the third, 20 on the tenth and 8 on the twentieth of January."""
    return [shop.use(calls, f"2026-01-{day:02}T12:00:00Z") for calls, day in ((20, 10), (5, 3), (8, 20))]


OF_THREE: Final = {"MAX": 20, "MIN": 5, "AVERAGE": 11, "DISTINCT_COUNT": 3, "LATEST": 8}
"""(5 + 20 + 8) / 3 = 11"""


class TestTheWorkedExample:
    def test_usage_and_draft_are_by_each_kind(self, shop: Shop, meters: dict[str, str]) -> None:
        three(shop)
        assert usage(shop) == OF_THREE
        invoice = shop.api.get("/v1/accounts/acme/invoice-preview").ok()
        assert lines(invoice, meters) == {kind: (units, units * RATE) for kind, units in OF_THREE.items()}
        # 40 + 10 + 22 + 6 + 16
        assert invoice["totalAmount"] == 94

    def test_the_frozen_bill_is_the_last_draft(self, shop: Shop, meters: dict[str, str]) -> None:
        three(shop)
        draft = shop.invoice(0)
        shop.api.advance("2026-02-03")
        frozen = shop.invoice(0)
        assert (frozen["status"], frozen["totalAmount"]) == ("DUE", 94)
        assert lines(frozen, meters) == lines(draft, meters)

    def test_an_account_without_events_has_nothing_of_any_kind(self, shop: Shop, meters: dict[str, str]) -> None:
        three(shop)
        assert usage(shop, "zenith") == dict.fromkeys(KINDS, 0)
        assert shop.invoice(0, "zenith")["totalAmount"] == 0
        assert len(meters) == len(KINDS)

    @pytest.mark.usefixtures("meters")
    def test_an_average_is_billed_by_twelve_digits(self, shop: Shop) -> None:
        for calls in (10, 0, 0):
            shop.use(calls)
        assert usage(shop)["AVERAGE"] == Decimal("3.333333333333")
        # MAX 10 x 2, MIN 0, AVERAGE 3.333333333333 x 2 = 6.67, two different values x 2; the 0 that came last.
        assert shop.invoice(0)["totalAmount"] == Decimal("30.67")

    @pytest.mark.usefixtures("meters")
    def test_the_next_cycle_begins_with_nothing(self, shop: Shop) -> None:
        three(shop)
        shop.api.advance("2026-02-10")
        assert shop.invoice(1)["totalAmount"] == 0
        shop.use(3, "2026-02-05T00:00:00Z")
        # 3, 3, 3, one value, 3: 13 x 2
        assert shop.invoice(1)["totalAmount"] == 26

    def test_the_event_tells_what_each_meter_made_of_it(self, shop: Shop, meters: dict[str, str]) -> None:
        name, *_ = three(shop)
        (told,) = shop.api.get(f"/events/{name}").ok()["events"]
        assert {one["name"]: one["units"] for one in told["eventPipelineInfo"]["usageMeters"]} == (
            dict.fromkeys(meters, 20) | {"DISTINCT_COUNT": 1}
        )


class TestDifferentValues:
    def test_regions_are_counted_once_each(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        regions = meter(shop, "DISTINCT_COUNT", REGION)
        shop.associate(shop.plan(usageRateCards=[tiered(regions, (0, RATE))]))
        for number, region in enumerate(("eu", "us", "eu", "EU", "us", "eu ")):
            body = event(f"r-{number}", dimensions={"region": region})
            shop.api.post("/ingest", {"event": body}).ok()
        assert usage(shop) == {"DISTINCT_COUNT": 4}  # eu, us, EU, and eu with a blank
        assert shop.invoice(0)["totalAmount"] == 8

    def test_equal_numbers_are_one_value_however_they_are_written(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        meter(shop, "DISTINCT_COUNT")
        for calls in ("1", "1.0", "1.00", "2", "-0", "0"):
            shop.use(calls)
        assert usage(shop) == {"DISTINCT_COUNT": 3}

    def test_an_event_without_a_value_fails(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        meter(shop, "DISTINCT_COUNT", f'{{"if":[{{"==":[{REGION},"eu"]}},null,{REGION}]}}', "Not of eu")
        (failed,) = shop.api.get(f"/events/{shop.use(1)}").ok()["events"]
        assert failed["ingestionStatus"] == {
            "status": "INGESTION_FAILED_UNITS_INVALID",
            "statusDescription": "usage meter Not of eu: the computation gives null, not a number or a text",
        }
        assert usage(shop) == {}


class TestCorrections:
    @staticmethod
    def correct(shop: Shop, action: str, name: str) -> None:
        shop.api.post(f"/events/correction?action={action}&account_id=acme&event_id={name}").ok()

    @pytest.mark.usefixtures("meters")
    def test_the_greatest_is_taken_back(self, shop: Shop) -> None:
        greatest, *_ = three(shop)
        self.correct(shop, "UNDO", greatest)
        # 5 and 8 are left: 13 / 2
        left = {"MAX": 8, "MIN": 5, "AVERAGE": Decimal("6.5"), "DISTINCT_COUNT": 2, "LATEST": 8}
        assert usage(shop) == left
        assert shop.invoice(0)["totalAmount"] == 59  # 29.5 x 2
        shop.api.post("/ingest", {"event": event(greatest, calls=20, at="2026-01-10T12:00:00Z")}).ok()
        assert usage(shop) == OF_THREE, "its id is free again"

    @pytest.mark.usefixtures("meters")
    def test_the_greatest_is_sent_again(self, shop: Shop) -> None:
        greatest, *_ = three(shop)
        self.correct(shop, "REDO", greatest)
        assert usage(shop) == OF_THREE

    @pytest.mark.usefixtures("meters")
    def test_the_greatest_becomes_another(self, shop: Shop) -> None:
        greatest, *_ = three(shop)
        anew = event(greatest, calls=2, at="2026-01-25T12:00:00Z")
        shop.api.post("/events/correction?action=REDO_EVENT&account_id=acme", {"event": anew}).ok()
        # 5, 8 and 2, which is the latest now: 15 / 3
        assert usage(shop) == {"MAX": 8, "MIN": 2, "AVERAGE": 5, "DISTINCT_COUNT": 3, "LATEST": 2}

    @pytest.mark.usefixtures("meters")
    def test_every_event_is_taken_back(self, shop: Shop) -> None:
        for name in three(shop):
            self.correct(shop, "UNDO", name)
        assert usage(shop) == dict.fromkeys(KINDS, 0)
        assert shop.invoice(0)["totalAmount"] == 0

    @pytest.mark.usefixtures("meters")
    def test_one_of_two_equal_events_is_taken_back(self, shop: Shop) -> None:
        first, _ = shop.use(7), shop.use(7)
        self.correct(shop, "UNDO", first)
        assert usage(shop) == {"MAX": 7, "MIN": 7, "AVERAGE": 7, "DISTINCT_COUNT": 1, "LATEST": 7}


class TestTime:
    @pytest.mark.usefixtures("meters")
    def test_a_late_event_counts_where_it_happened(self, shop: Shop) -> None:
        three(shop)
        shop.api.advance("2026-02-02T12:00:00Z")
        shop.use(100, "2026-01-05T00:00:00Z")
        # (33 + 100) / 4; it came last and is not the latest.
        late = {"MAX": 100, "MIN": 5, "AVERAGE": Decimal("33.25"), "DISTINCT_COUNT": 4, "LATEST": 8}
        assert usage(shop) == late
        shop.api.advance("2026-02-03")
        assert shop.status(shop.use(1000, "2026-01-06T00:00:00Z")) == "INGESTION_FAILED_PAST_GRACE_PERIOD"
        assert usage(shop) == late

    @pytest.mark.usefixtures("meters")
    def test_of_events_at_one_instant_the_last_one_that_came_is_the_latest(self, shop: Shop) -> None:
        for calls in (3, 9, 4):
            shop.use(calls)
        assert usage(shop)["LATEST"] == 4

    @pytest.mark.usefixtures("meters")
    def test_each_day_stands_for_itself_and_the_total_for_all(self, shop: Shop) -> None:
        for calls, at in ((4, "01T06"), (10, "01T18"), (1, "02T06"), (4, "04T06")):
            shop.use(calls, f"2026-01-{at}:00:00Z")
        assert by_day(shop, "2026-01-01", "2026-01-05") == {
            "MAX": (10, [10, 1, 0, 4]),
            "MIN": (1, [4, 1, 0, 4]),
            "AVERAGE": (Decimal("4.75"), [7, 1, 0, 4]),  # 19 / 4
            "DISTINCT_COUNT": (3, [2, 1, 0, 1]),
            "LATEST": (4, [10, 1, 0, 4]),
        }

    def test_days_and_cycles_are_those_of_the_organisations_zone(self, server: Inside) -> None:
        shop = Shop(server.new_organisation(timezone="Asia/Tokyo"))
        meters = seller(shop, "acme")
        # In Tokyo the second of January begins at 15:00 UTC on the first, and February at 15:00 UTC on the 31st.
        for calls, at in (
            (1, "01-01T14:59:59Z"),
            (9, "01-01T15:00:00Z"),
            (5, "01-31T14:59:59Z"),
            (99, "01-31T15:00:00Z"),
        ):
            shop.use(calls, f"2026-{at}")
        assert by_day(shop, "2026-01-01", "2026-01-03")["MAX"] == (9, [1, 9])
        january = {"MAX": 9, "MIN": 1, "AVERAGE": 5, "DISTINCT_COUNT": 3, "LATEST": 5}  # 15 / 3
        assert usage(shop) == january
        assert {kind: units for kind, (units, _) in lines(shop.invoice(0), meters).items()} == january

    def test_sorting_and_a_restart_change_nothing(self, tmp_path: Path) -> None:
        with inside(tmp_path / "data") as server:
            shop = Shop(server.api())
            seller(shop, "acme")
            greatest, *_ = three(shop)
            server.engine.events.sort_portion()
            shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={greatest}").ok()
            shop.use(6, "2026-01-11T00:00:00Z")
        left = {"MAX": 8, "MIN": 5, "AVERAGE": Decimal("6.333333333333"), "DISTINCT_COUNT": 3, "LATEST": 8}  # 19 / 3
        with inside(tmp_path / "data") as server:
            shop = Shop(server.api())
            assert usage(shop) == left
            assert server.engine.events.sort_portion() > 0
            assert usage(shop) == left
            assert server.engine.events.count_unsorted() == 0


class TestFiguresOfMany:
    def test_the_usage_of_two_accounts_is_what_would_be_billed_together(
        self, shop: Shop, meters: dict[str, str]
    ) -> None:
        three(shop)
        for calls in (7, 1):
            shop.use(calls, "2026-01-10T13:00:00Z", "zenith")
        month = ("2026-01-01", "2026-02-01")
        zenith = {"MAX": 7, "MIN": 1, "AVERAGE": 4, "DISTINCT_COUNT": 2, "LATEST": 1}
        for name in ("USAGE", "METER_USAGE", "USAGE_FOR_CYCLE"):
            found = shop.metric(name, *month, groupBy="USAGE_METER_ID")
            assert {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in found} == {
                meters[kind]: [OF_THREE[kind] + zenith[kind]] for kind in KINDS
            }, name
        greatest = [{"fieldName": "USAGE_METER_ID", "fieldValues": [meters["MAX"]]}]
        (of_acme, of_zenith) = shop.metric("USAGE", *month, groupBy="ACCOUNT_ID", filters=greatest)
        assert (of_acme["metricValues"], of_zenith["metricValues"]) == ([20], [7])
        (of_both,) = shop.metric("USAGE", *month, filters=greatest)
        assert of_both["metricValues"] == [27]

    def test_usage_that_adds_up_stands_beside_usage_that_does_not(self, shop: Shop, meters: dict[str, str]) -> None:
        counted, summed = shop.meter("Counted", "1", aggregation="COUNT"), shop.meter("Summed")
        three(shop)
        assert usage(shop) == OF_THREE | {"Counted": 3, "Summed": 33}
        (of_all,) = shop.metric("USAGE", "2026-01-01", "2026-02-01")
        assert of_all["metricValues"] == [20 + 5 + 11 + 3 + 8 + 3 + 33]
        chosen = [{"fieldName": "USAGE_METER_ID", "fieldValues": [counted, meters["MIN"]]}]
        (of_two,) = shop.metric("USAGE", "2026-01-01", "2026-02-01", filters=chosen)
        assert of_two["metricValues"] == [3 + 5]
        (days,) = shop.metric(
            "USAGE", "2026-01-03", "2026-01-05", "DAY", filters=[chosen[0] | {"fieldValues": [summed]}]
        )
        assert days["metricValues"] == [5, 0]

    @pytest.mark.parametrize(
        ("kind", "earned"),
        [
            # The usage up to the end of each span, at 2 for a unit, less what it was before.
            ("MAX", [10, 30, 0]),  # 5, 20, 20
            ("MIN", [10, 0, 0]),
            ("AVERAGE", [10, 15, -3]),  # 5; 12.5; 11
            ("DISTINCT_COUNT", [2, 2, 2]),
            ("LATEST", [10, 30, -24]),  # 5, 20, 8
        ],
    )
    def test_what_each_week_earns_adds_up_to_the_bill(
        self, shop: Shop, meters: dict[str, str], kind: str, earned: list[int]
    ) -> None:
        three(shop)
        weeks = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
        asked = {
            "id": "q",
            "name": "REVENUE",
            "aggregationPeriod": "WEEK",
            "filters": [{"fieldName": "USAGE_METER_ID", "fieldValues": [meters[kind]]}],
        }
        (series,) = shop.api.post("/metrics", weeks | {"metricQueries": [asked]}).ok()["results"][0]["data"]
        # Weeks begin on the 5th, 12th, 19th and 26th: the events fall into the first, second and fourth.
        first, second, third, fourth, fifth = series["metricValues"]
        assert [first, second, fourth] == earned
        assert (third, fifth) == (0, 0)
        assert sum(series["metricValues"]) == OF_THREE[kind] * RATE
        (whole,) = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01", filters=asked["filters"])
        assert whole["metricValues"] == [OF_THREE[kind] * RATE]


class TestUsageSentAsSuch:
    def test_it_is_the_value_of_the_meter_that_it_names(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        meters = {kind: meter(shop, kind) for kind in KINDS}
        for number, value in enumerate(("4", "9", "9.0", "2")):
            for kind, name in meters.items():
                body = event(
                    f"{kind}-{number}",
                    at=f"2026-01-1{number}T00:00:00Z",
                    schemaName="togai-usage",
                    attributes=[{"name": "usage", "value": value}],
                    dimensions={"usage_meter_id": name},
                )
                shop.api.post("/ingest", {"event": body}).ok()
        assert usage(shop) == {"MAX": 9, "MIN": 2, "AVERAGE": 6, "DISTINCT_COUNT": 3, "LATEST": 2}  # 24 / 4


class TestTheCatalogue:
    @pytest.fixture
    def made(self, still: Shop) -> tuple[Shop, dict[str, str]]:
        """One meter of each kind, and one that sums."""
        still.schema()
        return still, {kind: meter(still, kind) for kind in KINDS} | {"SUM": still.meter("SUM")}

    def test_the_togai_wire_lists_only_what_counts_or_sums(self, made: tuple[Shop, dict[str, str]]) -> None:
        shop, meters = made
        counted = shop.meter("COUNT", "1", aggregation="COUNT")
        for path in ("/usage_meters", "/event-schema/api_call/usage-meters"):
            assert {one["id"] for one in shop.api.get(path).ok()["data"]} == {counted, meters["SUM"]}
        for page in shop.api.pages("/usage_meters", pageSize=1):
            assert page[0]["id"] in {counted, meters["SUM"]}
        assert {one["id"] for one in shop.api.get("/usage_meters", status="ACTIVE").ok()["data"]} == {
            counted,
            meters["SUM"],
        }
        every = shop.api.get("/v1/usage-meters").ok()["data"]
        assert {one["id"]: one["aggregation"] for one in every} == {name: kind for kind, name in meters.items()} | {
            counted: "COUNT"
        }
        (found,) = shop.api.get("/v1/usage-meters", aggregations="LATEST").ok()["data"]
        assert found["id"] == meters["LATEST"]
        assert len(shop.api.pages("/v1/usage-meters", pageSize=4)) == 2

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/activate"), ("POST", "/deactivate")],
    )
    def test_there_nobody_finds_any_other(self, made: tuple[Shop, dict[str, str]], method: str, path: str) -> None:
        shop, meters = made
        body = {"description": "x"} if method == "PATCH" else None
        answer = shop.api.send(method, f"/usage_meters/{meters['MAX']}{path}", body)
        assert answer.refused(404) == (
            f"usage meter {meters['MAX']!r} has the aggregation MAX: it is under /v1/usage-meters"
        )

    def test_there_nobody_makes_or_asks_for_another(self, made: tuple[Shop, dict[str, str]]) -> None:
        shop, meters = made
        reason = "aggregation: is MAX, expected COUNT or SUM: the others are under /v1/usage-meters"
        body = {"name": "More", "type": "COUNTER", "aggregation": "MAX"}
        assert shop.api.post("/usage_meters", body).refused(400) == reason
        assert shop.api.patch(f"/usage_meters/{meters['SUM']}", {"aggregation": "MAX"}).refused(400) == reason
        assert "aggregations: is MAX" in shop.api.get("/usage_meters", aggregations="MAX").refused(400)

    def test_under_v1_every_kind_has_its_whole_life(self, still: Shop) -> None:
        still.schema()
        body = {"name": "Peak", "type": "COUNTER", "aggregation": "MAX", "eventSchemaName": "api_call"}
        draft = still.api.post("/v1/usage-meters", body | {"computations": [{"computation": CALLS}]})
        assert draft.status == 201
        path = f"/v1/usage-meters/{draft.ok()['id']}"
        assert still.api.patch(path, {"aggregation": "LATEST"}).ok()["aggregation"] == "LATEST"
        assert still.api.post(f"{path}/activate").ok()["status"] == "ACTIVE"
        assert "is ACTIVE: deactivate it first" in still.api.patch(path, {"description": "x"}).refused(400)
        assert still.api.post(f"{path}/deactivate").ok()["status"] == "INACTIVE"
        assert still.api.patch(path, {"aggregation": "SUM"}).refused(400) == (
            "aggregation: cannot become SUM, since the meter has been active by LATEST: make another one"
        )
        shown = still.api.get(path, include_schema="true").ok()
        assert (shown["aggregation"], shown["eventSchema"]["name"]) == ("LATEST", "api_call")
        still.api.delete(path).ok()
        still.api.get(path).refused(404)
        assert still.api.get("/v1/usage-meters").ok()["data"] == []

    def test_a_draft_that_becomes_a_sum_is_shown_to_everybody(self, still: Shop) -> None:
        still.schema()
        body = {"name": "Peak", "type": "COUNTER", "aggregation": "MAX", "eventSchemaName": "api_call"}
        made = still.api.post("/v1/usage-meters", body | {"computations": [{"computation": CALLS}]}).ok()["id"]
        still.api.get(f"/usage_meters/{made}").refused(404)
        still.api.patch(f"/v1/usage-meters/{made}", {"aggregation": "SUM"}).ok()
        assert still.api.get(f"/usage_meters/{made}").ok()["aggregation"] == "SUM"

    def test_under_v1_a_meter_that_sums_is_served_as_well(self, made: tuple[Shop, dict[str, str]]) -> None:
        shop, meters = made
        path = f"/v1/usage-meters/{meters['SUM']}"
        assert shop.api.post(f"{path}/deactivate").ok()["status"] == "INACTIVE"
        assert shop.api.patch(path, {"aggregation": "COUNT", "computations": []}).ok()["aggregation"] == "COUNT"
        assert shop.api.patch(path, {"aggregation": "AVERAGE"}).refused(400).startswith("aggregation: cannot become")

    def test_the_catalogue_in_files_knows_every_kind(self, server: Inside, shop: Shop) -> None:
        seller(shop)
        read = shop.api.get("/v1/catalogue")
        other = server.new_organisation()
        other.send("PUT", "/v1/catalogue", read.body["catalogue"]).ok()
        assert other.get("/v1/catalogue").content == read.content
        assert {one["aggregation"] for one in other.get("/v1/usage-meters").ok()["data"]} == set(KINDS)
        assert other.get("/usage_meters").ok()["data"] == []

    def test_every_problem_of_a_draft_is_named(self, still: Shop) -> None:
        still.schema()
        rules = [{"computation": '{"==":[1,1]}'}, {"computation": REGION}]
        body = {"name": "Bad", "type": "COUNTER", "aggregation": "DISTINCT_COUNT", "eventSchemaName": "api_call"}
        message = still.api.post("/v1/usage-meters", body | {"computations": rules}).refused(400)
        assert "computations[0].computation: has to give a number or a text" in message
        assert "computations: a DISTINCT_COUNT meter has one computation" in message


class TestTrials:
    @pytest.mark.parametrize(
        ("kind", "units"),
        [("MAX", 8), ("MIN", 2), ("AVERAGE", "4.333333333333"), ("DISTINCT_COUNT", 3), ("LATEST", 3)],
    )
    def test_a_trial_tells_the_usage_that_the_events_would_make(self, still: Shop, kind: str, units: object) -> None:
        still.schema()
        body = {
            "name": "Tried",
            "type": "COUNTER",
            "aggregation": kind,
            "eventSchemaName": "api_call",
            "computations": [{"computation": CALLS}],
        }
        # In order of time 8, 2, 3: 13 / 3. The other account has one event of 7.
        sent = [
            event("e-3", calls=3, at="2026-01-03T00:00:00Z"),
            event("e-1", calls=8, at="2026-01-01T00:00:00Z"),
            event("e-2", calls=2, at="2026-01-02T00:00:00Z"),
            event("other", "zenith", calls=7),
        ]
        told = still.api.post("/v1/usage-meters/preview", {"meter": body, "events": sent}).ok()
        other = 1 if kind == "DISTINCT_COUNT" else 7
        assert told["accounts"] == [
            {"accountId": "acme", "units": Decimal(units)},
            {"accountId": "zenith", "units": other},
        ]
        assert told["totalUnits"] == Decimal(units) + other
        assert [one["units"] for one in told["events"]] == ([1] * 4 if kind == "DISTINCT_COUNT" else [3, 8, 2, 7])

    def test_of_stored_events_at_one_instant_the_last_one_that_came_is_the_latest(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        latest = meter(shop, "LATEST")
        for name, calls in (("b", 3), ("c", 9), ("a", 4)):
            shop.api.post("/ingest", {"event": event(name, calls=calls)}).ok()
        told = shop.api.post("/v1/usage-meters/preview", {"usageMeterId": latest, "lastEvents": 3}).ok()
        assert told["totalUnits"] == usage(shop)["LATEST"] == 4
