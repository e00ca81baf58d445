"""A timeline that changes: what is cut, what becomes of drafts, and what stays as it is (domain.md 5.2).

Figures are worked out by hand. The clock stands at New Year 2026 until a test moves it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, anniversary, fee, licence, monthly, tiered

if TYPE_CHECKING:
    from tests.servers import Inside

Told = list[tuple[str, str, str]]
AT_MOST_TEN: Final = {"maxQuantity": 10, "maxQuantityBreachAction": "DO_NOTHING"}


def plans(shop: Shop, **more: object) -> tuple[str, str]:
    """An account and two plans of one meter: the first 100 calls at 2 dollars and more at 1; each call at 3 dollars."""
    shop.account()
    shop.schema()
    meter = shop.meter()
    return (
        shop.plan(usageRateCards=[tiered(meter, (0, 2), (100, 1))], **more),
        shop.plan(usageRateCards=[tiered(meter, (0, 3))], **more),
    )


def timeline(shop: Shop) -> Told:
    """The pieces as plan and days."""
    pieces = shop.api.get("/accounts/acme/pricing_schedules", compact="true").ok()["data"]
    return [(piece["pricePlanId"], piece["startDate"][:10], piece["endDate"][:10]) for piece in pieces]


def bills(shop: Shop) -> list[tuple[str, str, str, Any]]:
    """The invoices as days, status and total."""
    return [(one["startDate"][:10], one["endDate"][:10], one["status"], one["totalAmount"]) for one in shop.invoices()]


class TestAnotherPlan:
    def test_cuts_the_cycle_in_which_it_starts_and_slabs_restart(self, shop: Shop) -> None:
        first, second = plans(shop)
        shop.associate(first)
        shop.use(150, "2026-01-10T00:00:00Z")
        shop.use(20, "2026-01-20T00:00:00Z")
        (draft,) = shop.invoices()
        # 100 x 2 + 70 x 1
        assert draft["totalAmount"] == 270
        shop.associate(second, since="2026-01-20", until="2026-03-01")
        assert timeline(shop) == [
            (first, "2026-01-01", "2026-01-20"),
            (second, "2026-01-20", "2026-03-01"),
            (first, "2026-03-01", "9999-01-01"),
        ]
        # 100 x 2 + 50 x 1 until the 20th, 20 x 3 from then on; March is the first plan's again.
        assert bills(shop) == [
            ("2026-01-01", "2026-01-20", "DRAFT", 250),
            ("2026-01-20", "2026-02-01", "DRAFT", 60),
            ("2026-03-01", "2026-04-01", "DRAFT", 0),
        ]
        assert shop.invoices()[0]["id"] == draft["id"]
        # Two days of grace after the cut.
        shop.api.advance("2026-01-22")
        assert bills(shop)[0] == ("2026-01-01", "2026-01-20", "DUE", 250)

    def test_of_the_same_terms_cuts_the_cycle_too(self, shop: Shop) -> None:
        first, _ = plans(shop)
        shop.associate(first)
        shop.use(150, "2026-01-10T00:00:00Z")
        shop.use(150, "2026-01-20T00:00:00Z")
        assert bills(shop)[0][3] == 400
        shop.associate(first, since="2026-01-20")
        assert [total for *_, total in bills(shop)] == [250, 250]

    def test_takes_the_place_of_whatever_lies_under_it(self, still: Shop) -> None:
        first, second = plans(still)
        still.associate(first, since="2026-02-01", until="2026-04-01")
        still.associate(first, since="2026-05-01", until="2026-06-01")
        still.associate(second, since="2026-01-15", until="2026-05-10")
        assert timeline(still) == [(second, "2026-01-15", "2026-05-10"), (first, "2026-05-10", "2026-06-01")]
        assert bills(still) == [
            ("2026-01-15", "2026-02-01", "DRAFT", 0),
            ("2026-05-10", "2026-06-01", "DRAFT", 0),
        ]

    def test_starts_tomorrow_at_the_earliest_in_the_days_of_the_organisation(self, standing: Inside) -> None:
        # At New Year 00:00 UTC it is still 31 December in New York: tomorrow is 1 January.
        shop = Shop(standing.new_organisation(timezone="America/New_York"))
        first, second = plans(shop)
        shop.associate(first, since="2025-12-01")
        refused = shop.try_associate(second, since="2025-12-31").refused(400)
        assert refused == (
            "effectiveFrom: a change of plan starts tomorrow, on 2026-01-01, at the earliest, not on 2025-12-31"
        )
        shop.associate(second, since="2026-01-01")

    def test_leaves_what_is_frozen_as_it_is(self, shop: Shop) -> None:
        first, second = plans(shop)
        shop.associate(first)
        shop.use(150, "2026-01-10T00:00:00Z")
        shop.api.advance("2026-02-05")
        frozen = shop.invoice()
        shop.associate(second, since="2026-02-06")
        assert shop.invoice() == frozen
        assert "starts tomorrow" in shop.try_associate(second, since="2026-01-15", until="2026-04-01").refused(400)
        assert "starts tomorrow" in shop.try_associate(first).refused(400)
        assert bills(shop) == [
            ("2026-01-01", "2026-02-01", "DUE", 250),
            ("2026-02-01", "2026-02-06", "DRAFT", 0),
            ("2026-02-06", "2026-03-01", "DRAFT", 0),
        ]

    def test_goes_on_from_cycle_to_cycle(self, shop: Shop) -> None:
        first, second = plans(shop)
        shop.associate(first)
        shop.associate(second, since="2026-02-10", until="2026-02-20")
        for day in ("2026-01-31", "2026-02-05", "2026-02-15", "2026-02-25", "2026-03-05"):
            shop.use(1, f"{day}T00:00:00Z")
        shop.api.advance("2026-04-10")
        # Each day is billed once: 1 call in January at 2, 1 until the 10th at 2, 1 at 3, 1 at 2, 1 in March at 2.
        assert [(start, end, total) for start, end, _, total in bills(shop)] == [
            ("2026-01-01", "2026-02-01", 2),
            ("2026-02-01", "2026-02-10", 2),
            ("2026-02-10", "2026-02-20", 3),
            ("2026-02-20", "2026-03-01", 2),
            ("2026-03-01", "2026-04-01", 2),
            ("2026-04-01", "2026-05-01", 0),
        ]
        (series,) = shop.metric("REVENUE", "2026-01-01", "2026-05-01")
        assert series["metricValues"] == [2, 7, 2, 0]


class TestNoPlan:
    def test_leaves_a_hole_in_which_nothing_is_billed(self, shop: Shop) -> None:
        first, _ = plans(shop)
        shop.associate(first)
        answer = shop.disassociate("2026-01-20", "2026-02-10")
        assert [(one["startDate"][:10], one["endDate"][:10]) for one in answer["pricingSchedules"]] == [
            ("2026-01-01", "2026-01-20"),
            ("2026-02-10", "9999-01-01"),
        ]
        between = shop.use(5, "2026-01-25T00:00:00Z")
        shop.use(7, "2026-02-10T00:00:00Z")
        shop.api.advance("2026-03-01")
        assert shop.status(between) == "INGESTION_COMPLETED_EVENT_METERED"
        assert bills(shop) == [
            ("2026-01-01", "2026-01-20", "PAID", 0),
            ("2026-02-10", "2026-03-01", "DRAFT", 14),
            ("2026-03-01", "2026-04-01", "DRAFT", 0),
        ]

    def test_for_ever_ends_the_last_cycle(self, shop: Shop) -> None:
        first, _ = plans(shop)
        shop.associate(first)
        shop.disassociate("2026-01-20")
        shop.api.advance("2026-05-01")
        assert bills(shop) == [("2026-01-01", "2026-01-20", "PAID", 0)]
        shop.api.delete("/accounts/acme").refused(400)  # the only one of its customer
        shop.api.delete("/customers/acme").ok()

    def test_from_before_a_plan_starts_takes_its_first_draft_away(self, still: Shop) -> None:
        first, _ = plans(still)
        still.associate(first, since="2026-02-01")
        still.disassociate("2026-01-15")
        assert (timeline(still), bills(still)) == ([], [])
        still.disassociate("2026-01-15")
        still.associate(first, since="2025-12-01")

    def test_may_be_said_of_days_long_gone_on_which_there_was_none(self, still: Shop) -> None:
        first, _ = plans(still)
        still.associate(first, since="2025-12-01")
        still.disassociate("2024-01-01", "2025-12-01")
        assert timeline(still) == [(first, "2025-12-01", "9999-01-01")]

    def test_is_not_said_of_a_day_that_has_begun(self, still: Shop) -> None:
        first, _ = plans(still)
        still.associate(first, since="2025-12-01")
        body = {"mode": "DISASSOCIATE", "effectiveFrom": "2025-11-01", "effectiveUntil": "2026-03-01"}
        assert "not on 2025-12-01" in still.api.post("/accounts/acme/price_plans", body).refused(400)


class TestStartOffsets:
    def test_are_kept_when_asked_for(self, still: Shop) -> None:
        """The official description's example: from the 1st, changed on the 15th, cycles still start on the 1st."""
        first, _ = plans(still)
        other = still.plan(cycle=monthly(day="5", grace=4), fixedFeeRateCards=[fee(still.addon(), 1)])
        still.associate(first)
        asked = {"pricePlanId": other, "effectiveFrom": "2026-01-15", "effectiveUntil": "9999-01-01"}
        still.api.post("/accounts/acme/price_plans", asked | {"retainStartOffsets": True}).ok()
        assert [(start, end) for start, end, *_ in bills(still)] == [
            ("2026-01-01", "2026-01-15"),
            ("2026-01-15", "2026-02-01"),
        ]
        # Four days of grace, as the new plan says.
        assert still.invoices()[1]["invoiceDate"] == "2026-02-05T00:00:00Z"
        piece = still.api.get("/accounts/acme/pricing_schedules").ok()["data"][1]
        config = piece["pricePlanDetails"]["pricingCycleConfig"]
        assert (piece["isOverriden"], config) == (
            True,
            {"interval": "MONTHLY", "startOffset": {"dayOffset": "1", "monthOffset": "NIL"}, "gracePeriod": 4}
            | {"anniversaryCycle": False},
        )

    def test_are_those_of_the_plan_when_they_are_the_same(self, still: Shop) -> None:
        first, second = plans(still)
        still.associate(first)
        asked = {"pricePlanId": second, "effectiveFrom": "2026-01-15", "effectiveUntil": "9999-01-01"}
        still.api.post("/accounts/acme/price_plans", asked | {"retainStartOffsets": True}).ok()
        pieces = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert [piece["isOverriden"] for piece in pieces] == [False, False]

    @pytest.mark.parametrize("cycle", [anniversary(), monthly(day="5")])
    def test_of_an_anniversary_are_kept_as_well(self, still: Shop, cycle: dict[str, Any]) -> None:
        still.account()
        first = still.plan(cycle=anniversary(), fixedFeeRateCards=[fee(still.addon(), 1)])
        second = still.plan(cycle=cycle, fixedFeeRateCards=[fee(still.addon("Other"), 1)])
        still.associate(first, since="2026-01-20")
        asked = {"pricePlanId": second, "effectiveFrom": "2026-02-10", "effectiveUntil": "9999-01-01"}
        still.api.post("/accounts/acme/price_plans", asked | {"retainStartOffsets": True}).ok()
        assert [(start, end) for start, end, *_ in bills(still)] == [
            ("2026-01-20", "2026-02-10"),
            ("2026-02-10", "2026-02-20"),
        ]

    @pytest.mark.parametrize(
        ("since", "cycle", "reason"),
        [
            ("2026-03-01", monthly(), "the account has no plan on effectiveFrom whose offsets could be kept"),
            (
                "2026-02-15",
                monthly(interval="WEEKLY"),
                "the account's cycle is MONTHLY, that of the plan WEEKLY: they must be equal",
            ),
        ],
    )
    def test_cannot_be_kept(self, still: Shop, since: str, cycle: dict[str, Any], reason: str) -> None:
        """The official description's other example: the plan ended before the new one starts."""
        first, _ = plans(still)
        other = still.plan(cycle=cycle, fixedFeeRateCards=[fee(still.addon(), 1)])
        still.associate(first, until="2026-03-01")
        asked = {"pricePlanId": other, "effectiveFrom": since, "effectiveUntil": "9999-01-01"}
        refused = still.api.post("/accounts/acme/price_plans", asked | {"retainStartOffsets": True}).refused(400)
        assert refused == f"retainStartOffsets: {reason}"


class TestFees:
    def test_that_come_once_do_not_come_again_when_their_plan_goes_on(self, shop: Shop) -> None:
        shop.account()
        setup = fee(shop.addon("Setup"), 100, type="ONE_TIME", timing="IN_ADVANCE")
        plan = shop.plan(fixedFeeRateCards=[setup, fee(shop.addon("Base"), 10, timing="IN_ADVANCE")])
        shop.associate(plan)
        shop.associate(plan, since="2026-01-20")
        shop.disassociate("2026-02-10", "2026-02-20")
        shop.api.advance("2026-03-10")
        advance = [one for one in shop.invoices() if one["invoiceType"] == "STANDARD_ADVANCED"]
        assert [(one["startDate"][:10], one["totalAmount"]) for one in advance] == [
            ("2026-01-01", 110),
            ("2026-01-20", 10),
            ("2026-02-01", 10),
            ("2026-02-20", 10),
            ("2026-03-01", 10),
        ]

    def test_of_a_cut_cycle_are_prorated_by_its_days(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon("Base"), 31, enableProration=True)])
        shop.associate(plan)
        shop.associate(plan, since="2026-01-11")
        # 10 and 21 of January's 31 days.
        assert bills(shop) == [
            ("2026-01-01", "2026-01-11", "DRAFT", 10),
            ("2026-01-11", "2026-02-01", "DRAFT", 21),
        ]

    def test_in_advance_for_a_later_plan_follow_when_that_is_cut(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon("Base"), 28, timing="IN_ADVANCE", enableProration=True)])
        shop.associate(plan, since="2026-02-01")
        shop.disassociate("2026-02-08")
        (advance, arrears) = shop.invoices()
        # 7 of February's 28 days.
        assert (advance["invoiceType"], advance["endDate"][:10], advance["totalAmount"]) == (
            "STANDARD_ADVANCED",
            "2026-02-08",
            7,
        )
        assert advance["invoiceDate"] == "2026-02-01T00:00:00Z"
        assert arrears["invoiceDate"] == "2026-02-10T00:00:00Z"

    def test_in_advance_that_are_billed_stay_billed_and_a_new_invoice_bills_the_days_that_are_left(
        self, shop: Shop
    ) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon("Base"), 31, timing="IN_ADVANCE", enableProration=True)])
        shop.associate(plan)
        shop.api.advance("2026-01-05")
        shop.disassociate("2026-01-11")
        advance = shop.invoices()[0]
        assert (advance["status"], advance["endDate"][:10], advance["totalAmount"]) == ("DUE", "2026-02-01", 31)
        shop.api.patch(f"/invoices/{advance['id']}", {"status": "VOID"}).ok()
        made = shop.api.post(f"/v1/invoices/{advance['id']}/reissue").ok()
        # 10 of 31 days.
        assert (made["endDate"][:10], made["totalAmount"]) == ("2026-01-11", 10)


def test_late_events_of_a_cut_cycle_are_taken_until_its_own_grace_is_over(shop: Shop) -> None:
    first, second = plans(shop)
    shop.associate(first)
    shop.associate(second, since="2026-01-20")
    shop.api.advance("2026-01-21T23:00:00Z")
    in_time = shop.use(1, "2026-01-19T23:00:00Z")
    shop.api.advance("2026-01-22")
    late, other = shop.use(1, "2026-01-19T23:00:00Z"), shop.use(1, "2026-01-20T00:00:00Z")
    assert [shop.status(one) for one in (in_time, late, other)] == [
        "INGESTION_COMPLETED_EVENT_METERED",
        "INGESTION_FAILED_PAST_GRACE_PERIOD",
        "INGESTION_COMPLETED_EVENT_METERED",
    ]
    assert [total for *_, total in bills(shop)] == [2, 3]


class TestEdits:
    def edits(self, shop: Shop, *edits: dict[str, Any], **query: object) -> Any:  # noqa: ANN401 - the server's answer
        return shop.api.send("POST", "/accounts/acme/edit_schedules", {"edits": edits}, query=query)

    def on(self, plan: str, since: str, until: str) -> dict[str, Any]:
        return {"mode": "ASSOCIATE", "pricePlanId": plan, "effectiveFrom": since, "effectiveUntil": until}

    def off(self, since: str, until: str) -> dict[str, Any]:
        return {"mode": "DISASSOCIATE", "effectiveFrom": since, "effectiveUntil": until}

    def test_are_made_in_their_order(self, still: Shop) -> None:
        first, second = plans(still)
        answer = self.edits(
            still,
            self.on(first, "2026-01-01", "9999-01-01"),
            self.on(second, "2026-02-01", "2026-04-01"),
            self.off("2026-03-01", "2026-05-01"),
        ).ok()
        assert [
            (one["pricePlanId"], one["startDate"][:10], one["endDate"][:10]) for one in answer["pricingSchedules"]
        ] == [
            (first, "2026-01-01", "2026-02-01"),
            (second, "2026-02-01", "2026-03-01"),
            (first, "2026-05-01", "9999-01-01"),
        ]
        assert [(start, end) for start, end, *_ in bills(still)] == [
            ("2026-01-01", "2026-02-01"),
            ("2026-02-01", "2026-03-01"),
            ("2026-05-01", "2026-06-01"),
        ]

    def test_are_made_all_or_none_and_every_problem_is_named(self, still: Shop) -> None:
        first, _ = plans(still)
        still.associate(first)
        before = (timeline(still), bills(still))
        refused = self.edits(
            still,
            self.on("pp.unknown", "2026-02-01", "9999-01-01"),
            self.on(first, "2026-03-01", "9999-01-01"),
            self.off("2026-01-01", "9999-01-01"),
            self.off("2026-05-01", "2026-05-01"),
        ).refused(400)
        assert refused == (
            "edits[0].pricePlanId: price plan 'pp.unknown' not found; edits[2].effectiveFrom: a change of plan starts "
            "tomorrow, on 2026-01-02, at the earliest, not on 2026-01-01; "
            "edits[3].effectiveUntil: 2026-05-01 must lie after effectiveFrom"
        )
        assert (timeline(still), bills(still)) == before

    def test_can_be_tried_first(self, still: Shop) -> None:
        first, _ = plans(still)
        tried = self.edits(still, self.on(first, "2026-02-01", "9999-01-01"), dry_run="true").ok()
        assert [one["pricePlanId"] for one in tried["pricingSchedules"]] == [first]
        assert (timeline(still), bills(still)) == ([], [])

    def test_of_an_account_without_plans_may_tell_its_past(self, shop: Shop) -> None:
        first, second = plans(shop)
        shop.use(1, "2025-11-10T00:00:00Z")
        shop.use(1, "2025-12-10T00:00:00Z")
        self.edits(shop, self.on(first, "2025-11-01", "2025-12-01"), self.on(second, "2025-12-01", "9999-01-01")).ok()
        assert [total for *_, total in bills(shop)] == [2, 3, 0]
        assert [status for *_, status, _ in bills(shop)] == ["DUE", "DRAFT", "DRAFT"]

    def test_are_one_at_least_and_ten_at_most(self, still: Shop) -> None:
        first, _ = plans(still)
        assert "edits: " in self.edits(still).refused(400)
        many = [self.off("2026-02-01", "2026-03-01")] * 11
        assert "edits: " in self.edits(still, *many).refused(400)
        self.edits(still, self.on(first, "2026-02-01", "2026-03-01"), *many[:9]).ok()
        assert timeline(still) == []


def test_the_timeline_tells_what_its_plans_are_called_when_asked_for(still: Shop) -> None:
    first, _ = plans(still)
    still.associate(first)
    (piece,) = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    (told,) = still.api.get("/accounts/acme/pricing_schedules", include_price_plan_info="true").ok()["data"]
    assert told == piece | {"pricePlanInfo": {"name": "Plan 1"}}


class TestPreActions:
    def associate(self, shop: Shop, plan: str, *configs: dict[str, str]) -> Any:  # noqa: ANN401 - the server's answer
        actions = [{"type": "GRANT_LICENSE", "config": config} for config in configs]
        body = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
        return shop.api.post("/accounts/acme/price_plans", body | {"preActions": actions})

    def test_grant_licences_in_the_same_transaction(self, still: Shop) -> None:
        first, _ = plans(still)
        seats = still.addon("Seats", "LICENSE")
        self.associate(
            still,
            first,
            {"licenseId": seats, "updateType": "ABSOLUTE", "quantity": "5"},
            {"licenseId": seats, "updateType": "RELATIVE", "quantity": "2.5", "effectiveFrom": "2026-02-01T00:00:00Z"},
        ).ok()
        ledger = still.api.get("/license_updates", account_id="acme").ok()["data"]
        assert sorted((one["effectiveFrom"], one["quantity"]) for one in ledger) == [
            ("2026-01-01T00:00:00Z", 5),
            ("2026-02-01T00:00:00Z", Decimal("7.5")),
        ]

    def test_that_cannot_be_done_leave_the_plan_off_and_name_every_problem(self, still: Shop) -> None:
        first, _ = plans(still)
        seats = still.addon("Seats", "LICENSE")
        good = {"licenseId": seats, "updateType": "ABSOLUTE", "quantity": "5"}
        message = self.associate(
            still, first, good, good | {"licenseId": "addon.x"}, good | {"quantity": "1_000"}, {"licenseId": seats}
        ).refused(400)
        for problem in (
            "preActions[1].config.licenseId: add-on 'addon.x' not found",
            "preActions[2].config.quantity: is '1_000'",
            "preActions[3].config: ",
        ):
            assert problem in message
        assert timeline(still) == []
        assert still.api.get("/license_updates", account_id="acme").ok()["data"] == []

    def test_grant_no_more_than_the_plan_allows_that_comes_with_them(self, still: Shop) -> None:
        still.account()
        seats = still.addon("Seats", "LICENSE")
        ten = still.plan(licenseRateCards=[licence(seats, 5, config=AT_MOST_TEN)])
        grant = {"licenseId": seats, "updateType": "RELATIVE", "quantity": "11"}
        message = self.associate(still, ten, grant).refused(400)
        assert message == "preActions[0].config.quantity: would leave 11, and the plan of the account allows 10"
        assert timeline(still) == []
        self.associate(still, ten, grant | {"quantity": "10"}).ok()

    def test_may_grant_what_the_plan_allowed_not_that_goes(self, still: Shop) -> None:
        still.account()
        seats = still.addon("Seats", "LICENSE")
        still.associate(still.plan(licenseRateCards=[licence(seats, 5, config=AT_MOST_TEN)]))
        more = still.plan(licenseRateCards=[licence(seats, 4)])
        grant = {"licenseId": seats, "updateType": "ABSOLUTE", "quantity": "30"}
        body = {"pricePlanId": more, "effectiveFrom": "2026-02-01", "effectiveUntil": "9999-01-01"}
        for start, status in (("2026-01-31T00:00:00Z", 400), ("2026-02-01T00:00:00Z", 200)):
            actions = [{"type": "GRANT_LICENSE", "config": grant | {"effectiveFrom": start}}]
            assert still.api.post("/accounts/acme/price_plans", body | {"preActions": actions}).status == status
