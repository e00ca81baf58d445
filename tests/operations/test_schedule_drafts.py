"""Timelines in draft (v2): edited, looked at, and put in force as a whole (domain.md 5.4); figures by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.operations.shop import OPEN_END, Shop, fee, monthly, tiered

Json = dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """Somebody who edits the timeline of `acme`; each call costs 2 dollars with the first plan, 3 with the second."""

    shop: Shop
    first: str
    second: str
    meter: str

    def on(self, since: str, until: str = OPEN_END, *, merge: bool = False, **config: object) -> Json:
        """A plan put on the account, by default the second one."""
        config = config or {"pricePlanId": self.second}
        edit = {"mode": "ASSOCIATE", "effectiveFrom": since, "effectiveUntil": until, "associationConfig": config}
        return edit | {"mergeSchedules": merge}

    def off(self, since: str, until: str = OPEN_END) -> Json:
        return {"mode": "DISASSOCIATE", "effectiveFrom": since, "effectiveUntil": until}

    def edit(self, *edits: Json, **query: object) -> Any:  # noqa: ANN401 - the server's answer
        path = "/v2/accounts/acme/edit_schedules"
        return self.shop.api.send("POST", path, {"edits": edits}, query=query)

    def finalize(self, **body: object) -> Any:  # noqa: ANN401 - the server's answer
        return self.shop.api.post("/v2/accounts/acme/finalize_schedules", body)

    def discard(self) -> Any:  # noqa: ANN401 - the server's answer
        return self.shop.api.delete("/v2/accounts/acme/discard_schedules")

    def pieces(self, mode: str) -> list[Json]:
        found: list[Json] = self.shop.api.get("/v2/accounts/acme/schedules", mode=mode).ok()["data"]
        return found

    def told(self, mode: str) -> list[tuple[str, str, str]]:
        """The pieces as plan and days."""
        names = {self.first: "first", self.second: "second"}
        return [(names[one["pricePlanId"]], one["startDate"][:10], one["endDate"][:10]) for one in self.pieces(mode)]

    def bills(self) -> list[tuple[str, str, Any]]:
        return [(one["startDate"][:10], one["endDate"][:10], one["totalAmount"]) for one in self.shop.invoices()]


def desk_of(shop: Shop) -> Desk:
    shop.account()
    shop.schema()
    meter = shop.meter()
    first = shop.plan(usageRateCards=[tiered(meter, (0, 2))])
    shop.associate(first)
    return Desk(shop, first, shop.plan(usageRateCards=[tiered(meter, (0, 3))]), meter)


@pytest.fixture
def desk(still: Shop) -> Desk:
    return desk_of(still)


class TestADraft:
    def test_changes_nothing_before_it_is_finalised(self, desk: Desk) -> None:
        answer = desk.edit(desk.on("2026-01-20", "2026-02-10"), desk.off("2026-03-01")).ok()
        assert [(one["pricePlanId"], one["startDate"][:10]) for one in answer["pricingSchedules"]] == [
            (desk.first, "2026-01-01"),
            (desk.second, "2026-01-20"),
            (desk.first, "2026-02-10"),
        ]
        drafted = [
            ("first", "2026-01-01", "2026-01-20"),
            ("second", "2026-01-20", "2026-02-10"),
            ("first", "2026-02-10", "2026-03-01"),
        ]
        assert desk.told("DRAFT") == drafted
        assert desk.told("ACTIVE") == [("first", "2026-01-01", OPEN_END)]
        desk.shop.use(10, "2026-01-25T00:00:00Z")
        assert desk.bills() == [("2026-01-01", "2026-02-01", 20)]
        answer = desk.finalize().ok()["data"]
        assert [one["startDate"][:10] for one in answer] == ["2026-01-01", "2026-01-20", "2026-02-10"]
        assert (desk.told("ACTIVE"), desk.told("DRAFT")) == (drafted, [])
        assert desk.bills() == [
            ("2026-01-01", "2026-01-20", 0),
            ("2026-01-20", "2026-02-01", 30),
            ("2026-02-10", "2026-03-01", 0),
        ]

    def test_is_gone_on_with_or_begun_anew(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01", "2026-03-01")).ok()
        desk.edit(desk.on("2026-04-01", "2026-05-01")).ok()
        assert [one for one, *_ in desk.told("DRAFT")] == ["first", "second", "first", "second", "first"]
        desk.edit(desk.off("2026-06-01"), discard="true").ok()
        assert desk.told("DRAFT") == [("first", "2026-01-01", "2026-06-01")]

    def test_is_thrown_away(self, desk: Desk) -> None:
        assert "has no draft" in desk.discard().refused(400)
        assert "has no draft" in desk.finalize().refused(400)
        desk.edit(desk.off("2026-02-01")).ok()
        assert desk.discard().ok() == {"success": True}
        assert (desk.told("DRAFT"), desk.told("ACTIVE")) == ([], [("first", "2026-01-01", OPEN_END)])
        assert "has no draft" in desk.finalize().refused(400)

    def test_may_hold_no_plan_at_all(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        plan = shop.plan(usageRateCards=[tiered(shop.meter(), (0, 2))])
        desk = Desk(shop, plan, plan, "")
        desk.edit(desk.on("2026-02-01")).ok()
        desk.edit(desk.off("2026-02-01")).ok()
        assert desk.finalize().ok()["data"] == []

    def test_shows_its_schedules_as_the_official_description_says(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01", pricePlanId=desk.second, pricingCycleConfigOverride=monthly(day="5"))).ok()
        kept, new = desk.pieces("DRAFT")
        assert kept == desk.pieces("ACTIVE")[0] | {"endDate": "2026-02-01T00:00:00Z"}
        assert new == {
            "id": new["id"],
            "accountId": "acme",
            "pricePlanId": desk.second,
            "pricePlanInfo": {"name": "Plan 2"},
            "version": 1,
            "startDate": "2026-02-01T00:00:00Z",
            "endDate": "9999-01-01T00:00:00Z",
            "isOverridden": True,
            "deferredRevenue": False,
            "allowOngoingCycleUpdates": False,
            "accountScheduleInfo": {"pricingCycleConfig": monthly(day="5"), "supportedCurrencies": ["USD"]},
        }

    def test_is_asked_for_by_its_mode(self, desk: Desk) -> None:
        assert "mode" in desk.shop.api.get("/v2/accounts/acme/schedules").refused(400)
        assert "mode" in desk.shop.api.get("/v2/accounts/acme/schedules", mode="LATEST").refused(400)

    def test_grants_licences_when_it_is_finalised(self, desk: Desk) -> None:
        seats = desk.shop.addon("Seats", "LICENSE")
        desk.edit(desk.on("2026-02-01")).ok()
        config = {"licenseId": seats, "updateType": "ABSOLUTE", "quantity": "5"}
        desk.finalize(preActions=[{"type": "GRANT_LICENSE", "config": config}]).ok()
        (entry,) = desk.shop.api.get("/license_updates", account_id="acme").ok()["data"]
        assert entry["quantity"] == 5


class TestAnAssociation:
    def test_copies_the_cards_of_a_schedule(self, desk: Desk) -> None:
        """10 calls at 7 dollars, as `other` agreed on, and a fee of 5 with them."""
        shop = desk.shop
        shop.account("other")
        body = {"pricePlanId": desk.first, "effectiveFrom": "2026-01-01", "effectiveUntil": OPEN_END}
        cards = {"usageRateCards": [tiered(desk.meter, (0, 7))], "fixedFeeRateCards": [fee(shop.addon(), 5)]}
        other = shop.api.post("/accounts/other/price_plans", body | {"pricePlanDetailsOverride": cards}).ok()
        (piece,) = other["pricingSchedules"]
        shop.use(10, "2026-01-20T00:00:00Z")
        for config in ({"scheduleId": piece["id"]}, {"scheduleId": piece["id"], "pricePlanId": desk.second}):
            desk.edit(desk.on("2026-01-20", **config), discard="true").ok()
        assert desk.told("DRAFT")[1] == ("second", "2026-01-20", OPEN_END)
        desk.finalize().ok()
        assert desk.bills()[1] == ("2026-01-20", "2026-02-01", 75)

    def test_copies_the_cards_of_a_schedule_of_the_draft(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01", "2026-03-01")).ok()
        copied = desk.pieces("DRAFT")[1]["id"]
        desk.edit(desk.on("2026-04-01", scheduleId=copied)).ok()
        last = desk.pieces("DRAFT")[-1]
        assert (last["pricePlanId"], last["isOverridden"]) == (desk.second, False)

    def test_keeps_start_offsets(self, desk: Desk) -> None:
        other = desk.shop.plan(cycle=monthly(day="9"), usageRateCards=[tiered(desk.meter, (0, 3))])
        desk.edit(desk.on("2026-01-20", pricePlanId=other, retainStartOffsets=True)).ok()
        config = desk.pieces("DRAFT")[1]["accountScheduleInfo"]["pricingCycleConfig"]
        assert config["startOffset"] == {"dayOffset": "1", "monthOffset": "NIL"}

    @pytest.mark.parametrize(
        ("edit", "problem"),
        [
            ({"associationConfig": {}}, "edits[0].associationConfig: is required to associate a plan"),
            ({"associationConfig": None}, "edits[0].associationConfig: is required to associate a plan"),
            ({"mode": "DISASSOCIATE"}, "edits[0].associationConfig: says nothing to DISASSOCIATE"),
            (
                {"associationConfig": {"pricePlanId": "pp.x"}},
                "edits[0].associationConfig.pricePlanId: price plan 'pp.x' not found",
            ),
            (
                {"associationConfig": {"scheduleId": "sch.x"}},
                "edits[0].associationConfig.scheduleId: schedule 'sch.x' not found",
            ),
            (
                {"effectiveFrom": "2026-01-01"},
                "edits[0].effectiveFrom: a change of plan starts tomorrow, on 2026-01-02, at the earliest",
            ),
            ({"effectiveUntil": "2026-02-01"}, "edits[0].effectiveUntil: 2026-02-01 must lie after effectiveFrom"),
        ],
        ids=str,
    )
    def test_is_refused(self, desk: Desk, edit: Json, problem: str) -> None:
        assert problem in desk.edit(desk.on("2026-02-01") | edit).refused(400)
        assert desk.told("DRAFT") == []

    def test_is_refused_with_the_paths_of_its_own_fields(self, desk: Desk) -> None:
        config = {"pricePlanId": desk.second, "pricingCycleConfigOverride": monthly(day="32")}
        path = "edits[1].associationConfig.pricingCycleConfigOverride.startOffset.dayOffset: '32' does not fit"
        assert desk.edit(desk.off("2026-05-01"), desk.on("2026-02-01", **config)).refused(400).startswith(path)
        weekly = {"pricePlanId": desk.second, "pricingCycleConfigOverride": monthly(interval="WEEKLY")}
        assert "edits[0].associationConfig.retainStartOffsets: the account's cycle is MONTHLY" in desk.edit(
            desk.on("2026-02-01", **weekly, retainStartOffsets=True)
        ).refused(400)


class TestMerging:
    def test_an_edit_with_equal_neighbours_leaves_no_cut(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-01-20", pricePlanId=desk.first)).ok()
        assert len(desk.told("DRAFT")) == 2
        desk.edit(desk.on("2026-01-20", pricePlanId=desk.first, merge=True), discard="true").ok()
        assert desk.told("DRAFT") == [("first", "2026-01-01", OPEN_END)]

    def test_when_finalised_takes_a_cut_back_that_lies_ahead(self, shop: Shop) -> None:
        desk = desk_of(shop)
        shop.associate(desk.first, since="2026-01-20")
        shop.associate(desk.first, since="2026-02-10")
        shop.use(10, "2026-01-10T00:00:00Z")
        shop.use(5, "2026-01-25T00:00:00Z")
        assert desk.bills() == [
            ("2026-01-01", "2026-01-20", 20),
            ("2026-01-20", "2026-02-01", 10),
            ("2026-02-10", "2026-03-01", 0),
        ]
        desk.edit(desk.off("2026-06-01")).ok()
        desk.finalize(mergeSchedules=True).ok()
        assert desk.told("ACTIVE") == [("first", "2026-01-01", "2026-06-01")]
        assert desk.bills() == [("2026-01-01", "2026-02-01", 30)]
        shop.api.advance("2026-03-05")
        assert desk.bills() == [
            ("2026-01-01", "2026-02-01", 30),
            ("2026-02-01", "2026-03-01", 0),
            ("2026-03-01", "2026-04-01", 0),
        ]

    def test_leaves_a_cut_alone_that_has_passed(self, shop: Shop) -> None:
        desk = desk_of(shop)
        shop.associate(desk.first, since="2026-01-20")
        shop.api.advance("2026-02-15")
        desk.edit(desk.off("2026-06-01")).ok()
        desk.finalize(mergeSchedules=True).ok()
        assert desk.told("ACTIVE") == [("first", "2026-01-01", "2026-01-20"), ("first", "2026-01-20", "2026-06-01")]

    def test_leaves_different_terms_apart(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01", "2026-03-01", merge=True), desk.on("2026-03-01", pricePlanId=desk.first)).ok()
        desk.finalize(mergeSchedules=True).ok()
        assert [one for one, *_ in desk.told("ACTIVE")] == ["first", "second", "first"]


class TestRateCards:
    """Of 10 calls the first plan makes 20 dollars, the second 30."""

    def cards(self, desk: Desk, schedule_id: str, mode: str = "DRAFT") -> list[tuple[str, str, Any]]:
        path = f"/v2/schedules/{schedule_id}/rate_cards"
        found = desk.shop.api.get(path, mode=mode).ok()["data"]
        assert {(one["referenceType"], one["referenceId"], one["accountId"]) for one in found} == {
            ("SCHEDULE", schedule_id, "acme")
        }
        return [(one["name"], one["type"], rate_of(one)) for one in found]

    def change(self, desk: Desk, schedule_id: str, *operations: Json) -> Any:  # noqa: ANN401 - the server's answer
        return desk.shop.api.post(f"/v2/schedules/{schedule_id}/rate_cards", {"operations": operations})

    def usage(self, desk: Desk, rate: int, action: str = "UPDATE") -> Json:
        details = {"usageRateCard": tiered(desk.meter, (0, rate))}
        card = {"billableId": desk.meter, "type": "USAGE", "invoiceTiming": "IN_ARREARS", "rateCardDetails": details}
        return {"actionType": action, "rateCardName": desk.meter, "rateCard": card}

    def fee(self, addon: str, rate: int) -> Json:
        details = {"fixedFeeRateCard": fee(addon, rate)}
        card = {"billableId": addon, "type": "FIXED_FEE", "invoiceTiming": "IN_ARREARS", "rateCardDetails": details}
        return {"actionType": "CREATE", "rateCardName": "base", "rateCard": card}

    def test_of_a_schedule_take_the_place_of_its_plans(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-01-20")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        assert self.cards(desk, new) == [(desk.meter, "USAGE", 3)]
        changed = self.change(desk, new, self.usage(desk, 7), self.fee(desk.shop.addon(), 5)).ok()["rateCards"]
        assert [(one["name"], rate_of(one)) for one in changed] == [(desk.meter, 7), ("base", 5)]
        assert self.cards(desk, new) == [(desk.meter, "USAGE", 7), ("base", "FIXED_FEE", 5)]
        assert desk.pieces("DRAFT")[1]["isOverridden"] is True
        desk.finalize().ok()
        desk.shop.use(10, "2026-01-20T00:00:00Z")
        assert desk.bills()[1] == ("2026-01-20", "2026-02-01", 75)
        assert self.cards(desk, new, "ACTIVE") == [(desk.meter, "USAGE", 7), ("base", "FIXED_FEE", 5)]

    def test_that_are_the_plans_again_override_nothing(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01", pricePlanId=desk.second, pricingCycleConfigOverride=monthly(day="5"))).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        self.change(desk, new, self.fee(desk.shop.addon(), 5)).ok()
        self.change(desk, new, {"actionType": "DELETE", "rateCardName": "base"}).ok()
        # Only the cycle is its own.
        answer = desk.edit(desk.off("2027-01-01")).ok()["pricingSchedules"][1]
        assert answer["pricePlanDetailsOverride"] == {"pricingCycleConfig": monthly(day="5")}

    def test_of_a_schedule_that_lies_ahead_open_a_draft(self, desk: Desk) -> None:
        desk.shop.associate(desk.second, since="2026-02-01")
        ahead = desk.pieces("ACTIVE")[1]["id"]
        self.change(desk, ahead, self.usage(desk, 7)).ok()
        assert self.cards(desk, ahead, "ACTIVE") == [(desk.meter, "USAGE", 3)]
        assert self.cards(desk, ahead) == [(desk.meter, "USAGE", 7)]
        desk.finalize().ok()
        assert self.cards(desk, ahead, "ACTIVE") == [(desk.meter, "USAGE", 7)]
        assert [(start, end) for start, end, _ in desk.bills()] == [
            ("2026-01-01", "2026-02-01"),
            ("2026-02-01", "2026-03-01"),
        ]

    def test_of_a_schedule_that_has_begun_stay(self, desk: Desk) -> None:
        begun = desk.pieces("ACTIVE")[0]["id"]
        message = self.change(desk, begun, self.usage(desk, 7)).refused(400)
        assert message == "a change of plan starts tomorrow, on 2026-01-02, at the earliest, not on 2026-01-01"
        assert desk.told("DRAFT") == []

    def test_of_a_schedule_whose_ongoing_cycle_may_change_are_rated_anew(self, shop: Shop) -> None:
        shop.account()
        shop.schema()
        meter = shop.meter()
        plan = shop.plan(usageRateCards=[tiered(meter, (0, 2))], allow_ongoing_cycle_updates=True)
        shop.associate(plan)
        desk = Desk(shop, plan, plan, meter)
        shop.api.advance("2026-01-20")
        shop.use(10)
        self.change(desk, desk.pieces("ACTIVE")[0]["id"], self.usage(desk, 7)).ok()
        desk.finalize().ok()
        assert desk.bills() == [("2026-01-01", "2026-02-01", 70)]

    def test_are_refused_with_every_problem(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        euro = tiered(desk.meter, (0, 3), currency="EUR")
        bad = self.usage(desk, 7)
        bad["rateCard"] |= {"rateCardDetails": {"usageRateCard": euro}}
        missing = {"actionType": "DELETE", "rateCardName": "nothing"}
        message = self.change(desk, new, missing, bad, self.fee("addon.x", 5)).refused(400)
        for problem in (
            "operations[0].rateCardName: there is no card 'nothing'",
            "operations[1].rateCard.rateCardDetails.usageRateCard.rateValues",
            "operations[2].rateCard.rateCardDetails.fixedFeeRateCard.id: add-on 'addon.x' not found",
        ):
            assert problem in message
        assert self.cards(desk, new) == [(desk.meter, "USAGE", 3)]

    def test_are_those_of_a_schedule_that_is_there(self, desk: Desk) -> None:
        active = desk.pieces("ACTIVE")[0]["id"]
        path = f"/v2/schedules/{active}/rate_cards"
        assert "not found" in desk.shop.api.get(path, mode="DRAFT").refused(404)
        assert "mode" in desk.shop.api.get(path).refused(400)
        assert "not found" in self.change(desk, "sch.x", self.usage(desk, 7)).refused(404)
        desk.edit(desk.off("2026-01-02"), desk.on("2026-02-01")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        assert "not found" in desk.shop.api.get(f"/v2/schedules/{new}/rate_cards", mode="ACTIVE").refused(404)

    def test_that_became_wrong_are_told_by_their_names(self, desk: Desk) -> None:
        addon = desk.shop.addon()
        desk.edit(desk.on("2026-02-01")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        self.change(desk, new, self.fee(addon, 5)).ok()
        desk.shop.api.delete(f"/addons/{addon}").ok()
        (error,) = desk.shop.api.get(f"/v2/schedules/{new}/errors").ok()["data"]
        assert error == {
            "referenceId": new,
            "entityId": "base",
            "entityType": "RATE_CARD",
            "errorMessage": f"id: add-on {addon!r} not found",
        }
        assert desk.finalize().refused(400) == f"rate card 'base': id: add-on {addon!r} not found"


def rate_of(card: Json) -> Any:  # noqa: ANN401 - a number
    """The first rate of a card of v2."""
    (details,) = card["rateCardDetails"].values()
    value = details["rateValues"][0]
    return value["slabRates"][0]["rate"] if "slabRates" in value else value["rate"]


class TestWhatHasChangedMeanwhile:
    def errors(self, desk: Desk, schedule_id: str) -> list[str]:
        found = desk.shop.api.get(f"/v2/schedules/{schedule_id}/errors").ok()["data"]
        assert {one["referenceId"] for one in found} <= {schedule_id}
        return [one["errorMessage"] for one in found]

    def test_a_day_that_has_passed(self, shop: Shop) -> None:
        desk = desk_of(shop)
        desk.edit(desk.on("2026-01-20")).ok()
        old, new = (piece["id"] for piece in desk.pieces("DRAFT"))
        assert (self.errors(desk, old), self.errors(desk, new)) == ([], [])
        shop.api.advance("2026-01-25")
        late = "a change of plan starts tomorrow, on 2026-01-26, at the earliest, not on 2026-01-20"
        assert self.errors(desk, old) + self.errors(desk, new) == [late]
        assert desk.finalize().refused(400) == late
        assert desk.told("ACTIVE") == [("first", "2026-01-01", OPEN_END)]

    def test_the_timeline_in_force(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        desk.shop.disassociate("2026-05-01")
        changed = "the plans of account 'acme' changed since its draft was opened: discard that first"
        assert self.errors(desk, new) == [changed]
        assert desk.finalize().refused(409) == changed
        assert desk.edit(desk.off("2026-07-01")).refused(409) == changed
        desk.edit(desk.on("2026-02-01"), discard="true").ok()
        desk.finalize().ok()

    def test_a_plan_that_was_archived(self, desk: Desk) -> None:
        desk.edit(desk.on("2026-02-01")).ok()
        new = desk.pieces("DRAFT")[1]["id"]
        desk.shop.api.delete(f"/price_plans/{desk.second}").ok()
        assert self.errors(desk, new) == [f"price plan {desk.second!r} is ARCHIVED"]
        assert desk.finalize().refused(400) == f"price plan {desk.second!r} is ARCHIVED"

    def test_a_schedule_in_force_has_no_errors_and_an_unknown_one_is_not_found(self, desk: Desk) -> None:
        assert self.errors(desk, desk.pieces("ACTIVE")[0]["id"]) == []
        assert "schedule 'sch.x' not found" in desk.shop.api.get("/v2/schedules/sch.x/errors").refused(404)


def test_a_draft_account_has_no_draft_timeline(still: Shop) -> None:
    still.account(status="DRAFT")
    desk = Desk(still, "", "", "")
    assert "is a DRAFT" in desk.edit(desk.off("2026-02-01")).refused(400)
