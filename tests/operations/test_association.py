"""A plan on an account: what is refused, which cycles follow, in whose days (domain.md 4.2, 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, anniversary, fee, monthly, tiered

if TYPE_CHECKING:
    from tests.servers import Inside


def offer(shop: Shop, **more: object) -> str:
    """An account, and an active plan with one usage card at 1 dollar; the plan's id."""
    shop.account()
    shop.schema()
    return shop.plan(usageRateCards=[tiered(shop.meter(), (0, 1))], **more)


def periods(shop: Shop) -> list[tuple[str, str]]:
    return [(one["startDate"][:10], one["endDate"][:10]) for one in shop.invoices()]


class TestRefusals:
    def test_a_draft_of_a_plan(self, still: Shop) -> None:
        still.account()
        body = {"name": "Draft", "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
        draft = still.api.post("/price_plans", body).ok()["id"]
        assert f"{draft!r} is DRAFT: activate it first" in still.try_associate(draft).refused(400)

    def test_a_currency_that_is_not_active(self, still: Shop) -> None:
        plan = offer(still)
        still.account("euro", "EUR")
        message = still.try_associate(plan, "euro").refused(400)
        assert message.startswith("pricePlanId: ")
        assert "active in USD" in message
        assert "billed in EUR" in message

    @pytest.mark.parametrize(("since", "until"), [("2026-02-01", "2026-02-01"), ("2026-02-01", "2026-01-01")])
    def test_a_range_that_ends_before_it_begins(self, still: Shop, since: str, until: str) -> None:
        assert still.try_associate(offer(still), since=since, until=until).refused(400).startswith("effectiveUntil: ")

    def test_a_change_that_starts_today(self, still: Shop) -> None:
        plan = offer(still)
        still.associate(plan, since="2025-12-01", until="2026-01-01")
        assert "starts tomorrow" in still.try_associate(plan, since="2026-01-01").refused(400)
        still.associate(plan, since="2026-01-02")

    @pytest.mark.parametrize(
        ("change", "path"),
        [
            ({"pricePlanId": "pp.unknown"}, "pricePlanId: price plan 'pp.unknown' not found"),
            ({"pricePlanId": None}, "pricePlanId: is required"),
            ({"mode": "DISASSOCIATE"}, "pricePlanId: says nothing to DISASSOCIATE"),
            ({"mode": "DISASSOCIATE", "retainStartOffsets": True}, "retainStartOffsets: says nothing to DISASSOCIATE"),
            ({"mode": "REPLACE"}, "mode: "),
            ({"effectiveFrom": "2026-02-30"}, "effectiveFrom: "),
            ({"effectiveFrom": "1969-12-31"}, "effectiveFrom: 1969-12-31 is before 1970-01-01"),
            ({"effectiveFrom": "9999-01-01", "effectiveUntil": "9999-12-31"}, "there is no day to agree on"),
            ({"effectiveFrom": "2026-02-01T00:00:00Z"}, "effectiveFrom: "),
            ({"pricePlanDetailsOverride": []}, "pricePlanDetailsOverride: "),
            ({"retainStartOffsets": True}, "retainStartOffsets: the account has no plan on effectiveFrom"),
            ({"pricingRulesOverride": [{}]}, "pricingRulesOverride[0]: required field 'name' is missing"),
            ({"preActions": [{"type": "GRANT_FEATURE"}]}, "preActions[0].type: "),
        ],
    )
    def test_what_makes_no_sense_or_is_not_offered_yet(self, still: Shop, change: dict[str, Any], path: str) -> None:
        body = {"pricePlanId": offer(still), "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"} | change
        assert path in still.api.post("/accounts/acme/price_plans", body).refused(400)
        assert still.invoices() == []

    def test_an_account_that_does_not_exist(self, still: Shop) -> None:
        assert "account 'nobody' not found" in still.try_associate(offer(still), "nobody").refused(404)


def test_the_answer_shows_the_whole_timeline(still: Shop) -> None:
    plan = offer(still)
    still.associate(plan, until="2026-02-01")
    answer = still.associate(plan, since="2026-03-01")
    assert [(one["startDate"], one["endDate"]) for one in answer["pricingSchedules"]] == [
        ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"),
        ("2026-03-01T00:00:00Z", "9999-01-01T00:00:00Z"),
    ]
    (piece,) = still.api.get("/accounts/acme/pricing_schedules", start_date="2026-02-01").ok()["data"]
    assert (piece["pricePlanId"], piece["version"], piece["isOverriden"]) == (plan, 1, False)
    assert piece["pricePlanDetails"]["usageRateCards"]
    compact = still.api.get("/accounts/acme/pricing_schedules", end_date="2026-02-15", compact="true").ok()["data"]
    assert [("pricePlanDetails" in one, one["endDate"]) for one in compact] == [(False, "2026-02-01T00:00:00Z")]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 1),
        ({"start_date": "0001-01-01"}, 1),
        ({"start_date": "2026-01-31"}, 1),
        ({"start_date": "2026-02-01"}, 0),
        ({"end_date": "2026-01-02"}, 1),
        ({"end_date": "2026-01-01"}, 0),
        ({"end_date": "0001-01-01"}, 0),
        ({"start_date": "9999-12-31"}, 0),
    ],
    ids=str,
)
def test_the_timeline_can_be_asked_for_a_range_of_days(still: Shop, query: dict[str, str], found: int) -> None:
    still.api.patch("/v1/organization", {"timeZone": "Asia/Kolkata"}).ok()
    still.associate(offer(still), until="2026-02-01")
    assert len(still.api.get("/accounts/acme/pricing_schedules", **query).ok()["data"]) == found
    reversed_range = {"start_date": "2026-02-01", "end_date": "2026-01-01"}
    assert "end_date: " in still.api.get("/accounts/acme/pricing_schedules", **reversed_range).refused(400)


def test_a_plan_from_the_past_opens_every_cycle_since_and_they_fall_due_in_order(shop: Shop) -> None:
    plan = offer(shop)
    for day, calls in (("2025-10-20", 3), ("2025-11-20", 4), ("2025-12-20", 5)):
        shop.use(calls, f"{day}T00:00:00Z")
    shop.associate(plan, since="2025-10-15")
    assert periods(shop) == [
        ("2025-10-15", "2025-11-01"),
        ("2025-11-01", "2025-12-01"),
        ("2025-12-01", "2026-01-01"),
        ("2026-01-01", "2026-02-01"),
    ]
    # What is due already becomes due with the association, each as of its own instant.
    assert [one["status"] for one in shop.invoices()] == ["DUE", "DUE", "DRAFT", "DRAFT"]
    october, november, december, _ = shop.invoices()
    assert [(one["sequenceId"], one["invoiceDate"], one["totalAmount"]) for one in (october, november)] == [
        ("INV-000001", "2025-11-03T00:00:00Z", 3),
        ("INV-000002", "2025-12-03T00:00:00Z", 4),
    ]
    assert (december["status"], december["totalAmount"]) == ("DRAFT", 5)


def test_a_plan_for_later_has_its_first_draft_at_once_and_the_next_when_a_cycle_begins(shop: Shop) -> None:
    shop.associate(offer(shop), since="2026-02-10")
    assert periods(shop) == [("2026-02-10", "2026-03-01")]
    assert shop.api.advance("2026-02-10")["draftsOpened"] == 0
    assert shop.api.advance("2026-03-01")["draftsOpened"] == 1
    assert periods(shop) == [("2026-02-10", "2026-03-01"), ("2026-03-01", "2026-04-01")]


def test_the_end_of_a_plan_cuts_its_last_cycle(shop: Shop) -> None:
    plan = offer(shop)
    shop.associate(plan, until="2026-02-15")
    shop.associate(plan, since="2026-02-15")
    shop.use(7, "2026-02-14T23:59:59Z")
    shop.use(9, "2026-02-15T00:00:00Z")
    shop.api.advance("2026-02-17")
    assert periods(shop) == [("2026-01-01", "2026-02-01"), ("2026-02-01", "2026-02-15"), ("2026-02-15", "2026-03-01")]
    january, first, second = shop.invoices()
    assert [one["totalAmount"] for one in (january, first, second)] == [0, 7, 9]
    # Two days of grace after the cut, not after the month.
    assert [one["status"] for one in (january, first, second)] == ["PAID", "DUE", "DRAFT"]
    assert first["invoiceDate"] == "2026-02-17T00:00:00Z"


def test_between_two_plans_nothing_is_billed_but_usage_goes_on(shop: Shop) -> None:
    plan = offer(shop)
    shop.associate(plan, until="2026-02-01")
    shop.associate(plan, since="2026-03-01")
    between = shop.use(5, "2026-02-10T00:00:00Z")
    shop.api.advance("2026-03-05")
    assert shop.status(between) == "INGESTION_COMPLETED_EVENT_METERED"
    assert shop.metric("USAGE", "2026-02-01", "2026-03-01")[0]["metricValues"] == [5]
    assert periods(shop) == [("2026-01-01", "2026-02-01"), ("2026-03-01", "2026-04-01")]


@pytest.mark.parametrize(
    ("interval", "since", "starts", "offsets"),
    [
        # domain.md 4.2: 31 becomes LAST, so that it comes back after February.
        ("MONTHLY", "2025-10-31", ["2025-10-31", "2025-11-30", "2025-12-31"], ("LAST", "NIL")),
        ("MONTHLY", "2025-10-30", ["2025-10-30", "2025-11-30", "2025-12-30"], ("30", "NIL")),
        ("WEEKLY", "2025-12-20", ["2025-12-20", "2025-12-27"], ("6", "NIL")),
        ("QUARTERLY", "2025-04-15", ["2025-04-15", "2025-07-15", "2025-10-15"], ("15", "1")),
        ("HALF_YEARLY", "2025-06-15", ["2025-06-15", "2025-12-15"], ("15", "6")),
        ("ANNUALLY", "2024-02-29", ["2024-02-29", "2025-02-28"], ("LAST", "2")),
    ],
)
def test_anniversary_cycles_start_on_the_anniversaries(
    still: Shop, interval: str, since: str, starts: list[str], offsets: tuple[str, str]
) -> None:
    still.associate(offer(still, cycle=anniversary(interval=interval)), since=since)
    assert [start for start, _ in periods(still)] == starts
    (piece,) = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    offset = piece["pricePlanDetails"]["pricingCycleConfig"]["startOffset"]
    assert ((offset["dayOffset"], offset["monthOffset"]), piece["isOverriden"]) == (offsets, True)


def test_the_quarters_of_the_reference(still: Shop) -> None:
    # domain.md 4.2, worked: quarterly, day 3, month 2, grace 2, from 15 January.
    cycle = monthly(interval="QUARTERLY", day="3", month="2", grace=2)
    still.associate(offer(still, cycle=cycle), since="2025-01-15")
    assert periods(still)[:3] == [
        ("2025-01-15", "2025-02-03"),
        ("2025-02-03", "2025-05-03"),
        ("2025-05-03", "2025-08-03"),
    ]
    assert [one["invoiceDate"][:10] for one in still.invoices()[:2]] == ["2025-02-05", "2025-05-05"]


def test_days_are_those_of_the_organisations_zone(standing: Inside) -> None:
    shop = Shop(standing.new_organisation(timezone="America/New_York"))
    shop.associate(offer(shop), since="2026-01-01")
    # On 1 January 00:00 UTC it is still 2025 in New York: the cycle has not begun.
    assert shop.invoices()[0]["startDate"] == "2026-01-01T05:00:00Z"
    answer = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    assert answer[0]["startDate"] == "2026-01-01T05:00:00Z"


def test_an_event_belongs_to_the_day_of_the_organisations_zone(server: Inside) -> None:
    shop = Shop(server.new_organisation(timezone="Europe/Rome"))
    shop.associate(offer(shop), since="2026-01-01")
    shop.use(1, "2025-12-31T23:30:00Z")
    shop.use(2, "2026-01-31T22:59:59Z")
    shop.use(4, "2026-01-31T23:00:00Z")
    shop.api.advance("2026-02-01")
    january, february = shop.invoices()
    assert (january["startDate"], january["endDate"]) == ("2025-12-31T23:00:00Z", "2026-01-31T23:00:00Z")
    assert (january["totalAmount"], february["totalAmount"]) == (3, 4)
    assert january["invoiceDate"] == "2026-02-02T23:00:00Z"


def test_a_fee_from_the_past_is_billed_for_each_cycle_since(shop: Shop) -> None:
    shop.account()
    plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 10, timing="IN_ADVANCE")])
    shop.associate(plan, since="2025-12-01")
    shop.api.advance("2026-01-01")
    advance = [one for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
    assert [(one["startDate"][:10], one["invoiceDate"][:10], one["totalAmount"]) for one in advance] == [
        ("2025-12-01", "2025-12-01", 10),
        ("2026-01-01", "2026-01-01", 10),
    ]
    assert [one["sequenceId"] for one in advance] == ["INV-000001", "INV-000002"]
