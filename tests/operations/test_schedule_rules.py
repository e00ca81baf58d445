"""Pricing rules of schedules (v2): read, replaced in a draft, copied, merged and put in force (domain.md 4.8, 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import OPEN_END, Shop, fee, monthly
from tests.operations.test_draft_pricing_rules import TENTH, assert_it_comes_to_990000
from tests.operations.test_pricing_rules import TOTAL, rule
from tests.operations.test_rule_overrides import Deal, deal_of

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

Json = dict[str, Any]


@dataclass(frozen=True)
class Draft:
    """The draft of an account's timeline, seen by somebody who edits the rules of its schedules."""

    shop: Shop
    account: str = "acme"

    def edit(self, since: str, until: str = OPEN_END, *, merge: bool = False, **config: object) -> Answer:
        edit = {"effectiveFrom": since, "effectiveUntil": until, "associationConfig": config, "mergeSchedules": merge}
        return self.shop.api.post(f"/v2/accounts/{self.account}/edit_schedules", {"edits": [edit]})

    def pieces(self, mode: str = "DRAFT") -> list[Json]:
        path = f"/v2/accounts/{self.account}/schedules"
        found: list[Json] = self.shop.api.get(path, mode=mode).ok()["data"]
        return found

    def told(self, mode: str = "DRAFT") -> list[tuple[str, list[str], bool]]:
        """The schedules as the day that each starts on, the names of its rules, and whether it has terms of its own."""
        return [
            (one["startDate"][:10], [rule["name"] for rule in self.rules(one["id"], mode)], one["isOverridden"])
            for one in self.pieces(mode)
        ]

    def rules(self, schedule_id: str, mode: str = "DRAFT") -> list[Json]:
        found: list[Json] = self.shop.api.get(f"/v2/schedules/{schedule_id}/pricing_rules", mode=mode).ok()["data"]
        return found

    def put(self, schedule_id: str, *rules: Json) -> Answer:
        return self.send(schedule_id, {"pricingRules": rules})

    def send(self, schedule_id: str, body: object) -> Answer:
        return self.shop.api.send("PUT", f"/v2/schedules/{schedule_id}/pricing_rules", body)

    def errors(self, schedule_id: str) -> list[tuple[str, str]]:
        found = self.shop.api.get(f"/v2/schedules/{schedule_id}/errors").ok()["data"]
        return [(one["entityType"], one["errorMessage"].partition(": ")[0]) for one in found]

    def finalize(self, **body: object) -> Answer:
        return self.shop.api.post(f"/v2/accounts/{self.account}/finalize_schedules", body)


@pytest.fixture
def deal(still: Shop) -> Deal:
    """A fee of 50, less 5 by the plan's one rule; the account has it since New Year."""
    deal = deal_of(still)
    still.associate(deal.plan)
    return deal


@pytest.fixture
def draft(deal: Deal) -> Draft:
    """A draft with the plan from February on once more."""
    draft = Draft(deal.shop)
    draft.edit("2026-02-01", pricePlanId=deal.plan).ok()
    return draft


class TestReplacing:
    def test_the_worked_example_as_a_rule_of_a_draft_comes_to_990000(self, shop: Shop) -> None:
        shop.account()
        cards = [fee(shop.addon(name), rate) for name, rate in (("A", 600000), ("B", 300000), ("C", 200000))]
        draft = Draft(shop)
        draft.edit("2026-01-01", pricePlanId=shop.plan(fixedFeeRateCards=cards)).ok()
        (piece,) = draft.pieces()
        (made,) = draft.put(piece["id"], TENTH).ok()["data"]
        assert draft.rules(piece["id"]) == [made]
        draft.finalize().ok()
        assert draft.rules(piece["id"], "ACTIVE") == [made]
        assert_it_comes_to_990000(shop.invoice())

    def test_changes_the_draft_alone_until_that_is_put_in_force(self, shop: Shop) -> None:
        deal = deal_of(shop)
        shop.associate(deal.plan)
        draft = Draft(shop)
        draft.edit("2026-02-01", pricePlanId=deal.plan).ok()
        ahead = draft.pieces()[1]["id"]
        draft.put(ahead, rule(7, 2), rule(1, 3)).ok()
        assert draft.told() == [("2026-01-01", ["Rule 1"], False), ("2026-02-01", ["Rule 2", "Rule 3"], True)]
        assert draft.told("ACTIVE") == [("2026-01-01", ["Rule 1"], False)]
        draft.finalize().ok()
        assert draft.told("ACTIVE")[1] == ("2026-02-01", ["Rule 2", "Rule 3"], True)
        shop.api.advance("2026-03-02")
        assert [one["totalAmount"] for one in shop.invoices()] == [45, 58, 58]

    def test_opens_a_draft_for_a_schedule_that_lies_ahead(self, deal: Deal) -> None:
        deal.shop.associate(deal.plan, since="2026-02-01")
        draft = Draft(deal.shop)
        ahead = draft.pieces("ACTIVE")[1]["id"]
        draft.put(ahead, rule(7)).ok()
        assert [one["computation"] for one in draft.rules(ahead)] == ["7"]
        assert [one["computation"] for one in draft.rules(ahead, "ACTIVE")] == ["-5"]

    def test_leaves_what_has_begun(self, deal: Deal) -> None:
        draft = Draft(deal.shop)
        begun = draft.pieces("ACTIVE")[0]["id"]
        message = draft.put(begun, rule(7)).refused(400)
        assert message == "a change of plan starts tomorrow, on 2026-01-02, at the earliest, not on 2026-01-01"
        assert draft.pieces() == []

    def test_rates_an_ongoing_cycle_anew_where_the_plan_allows_it(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), 50)], allow_ongoing_cycle_updates=True)
        shop.associate(plan)
        draft = Draft(shop)
        draft.put(draft.pieces("ACTIVE")[0]["id"], rule(7)).ok()
        assert shop.invoice()["totalAmount"] == 50
        draft.finalize().ok()
        assert shop.invoice()["totalAmount"] == 57

    def test_keeps_ids_and_counts_versions(self, deal: Deal, draft: Draft) -> None:
        (plans,) = deal.shop.api.get(f"/price_plans/{deal.plan}").ok()["pricingSchedule"][0]["pricingRules"]
        ahead = draft.pieces()[1]["id"]
        for version, computation in ((2, 7), (3, 8)):
            (made,) = draft.put(ahead, rule(computation)).ok()["data"]
            assert (made["id"], made["version"], made["computation"]) == (plans["id"], version, str(computation))

    def test_with_what_the_plan_says_overrides_nothing(self, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        for body in ({"pricingRules": [rule(-5)]}, {}):
            draft.put(ahead).ok()
            assert draft.told()[1] == ("2026-02-01", [], True)
            (back,) = draft.send(ahead, body).ok()["data"]
            assert (back["computation"], back["version"]) == ("-5", 1)
            assert draft.told()[1] == ("2026-02-01", ["Rule 1"], False)

    def test_is_undone_with_the_draft(self, draft: Draft) -> None:
        draft.put(draft.pieces()[1]["id"], rule(7)).ok()
        draft.shop.api.delete("/v2/accounts/acme/discard_schedules").ok()
        assert draft.told("ACTIVE") == [("2026-01-01", ["Rule 1"], False)]

    def test_keeps_cards_and_cycle(self, deal: Deal, draft: Draft) -> None:
        config = {"pricePlanId": deal.plan, "pricingCycleConfigOverride": monthly(day="5", grace=0)}
        draft.edit("2026-03-01", **config).ok()
        ahead = draft.pieces()[2]["id"]
        details = {"fixedFeeRateCard": fee(deal.addon, 80)}
        card = {"billableId": deal.addon, "type": "FIXED_FEE", "invoiceTiming": "IN_ARREARS"}
        update = {"actionType": "UPDATE", "rateCardName": deal.addon, "rateCard": card | {"rateCardDetails": details}}
        cards = f"/v2/schedules/{ahead}/rate_cards"
        deal.shop.api.post(cards, {"operations": [update]}).ok()
        draft.put(ahead, rule(7)).ok()
        (one,) = deal.shop.api.get(cards, mode="DRAFT").ok()["data"]
        assert one["rateCardDetails"]["fixedFeeRateCard"]["rateValues"][0]["rate"] == 80
        shown = draft.pieces()[2]["accountScheduleInfo"]
        assert (shown["pricingCycleConfig"]["startOffset"]["dayOffset"], len(shown["pricingRules"])) == ("5", 1)


class TestCopying:
    def agreed(self, deal: Deal) -> Json:
        """What another account agreed on, with rules of its own."""
        deal.shop.account("other")
        piece: Json = deal.agree(rule(7), rule(1, 4), account="other").ok()["pricingSchedules"][0]
        return piece

    def test_a_schedule_copies_its_rules_too(self, deal: Deal) -> None:
        draft = Draft(deal.shop)
        draft.edit("2026-02-01", scheduleId=self.agreed(deal)["id"]).ok()
        assert draft.told()[1] == ("2026-02-01", ["Rule 1", "Rule 4"], True)
        assert [one["computation"] for one in draft.rules(draft.pieces()[1]["id"])] == ["7", "1"]

    def test_also_onto_another_plan(self, deal: Deal) -> None:
        other = deal.shop.plan(fixedFeeRateCards=[fee(deal.shop.addon("Other"), 3)])
        draft = Draft(deal.shop)
        draft.edit("2026-02-01", scheduleId=self.agreed(deal)["id"], pricePlanId=other).ok()
        assert draft.told()[1] == ("2026-02-01", ["Rule 1", "Rule 4"], True)

    def test_the_rules_that_a_plan_lends_are_copied_onto_another_one(self, deal: Deal) -> None:
        other = deal.shop.plan(fixedFeeRateCards=[fee(deal.addon, 50)])
        draft = Draft(deal.shop)
        lent = draft.pieces("ACTIVE")[0]["id"]
        draft.edit("2026-02-01", scheduleId=lent, pricePlanId=other).ok()
        assert draft.told()[1] == ("2026-02-01", ["Rule 1"], True)
        draft.edit("2026-02-01", scheduleId=lent).ok()
        assert draft.told()[1] == ("2026-02-01", ["Rule 1"], False)


class TestMerging:
    """Rules say the same, whatever their ids: each schedule gave its own to a rule that the plan does not know."""

    @pytest.mark.parametrize(("later", "starts"), [((rule(7, 2),), ["2026-01-01", "2026-02-01"]), ((), None)])
    def test_takes_back_a_cut_between_equal_rules_only(
        self, deal: Deal, draft: Draft, later: tuple[Json, ...], starts: list[str] | None
    ) -> None:
        draft.edit("2026-03-01", pricePlanId=deal.plan).ok()
        first, second = (one["id"] for one in draft.pieces()[1:])
        draft.put(first, rule(7, 2)).ok()
        draft.put(second, *later).ok()
        draft.finalize(mergeSchedules=True).ok()
        found = [start for start, *_ in draft.told("ACTIVE")]
        assert found == (starts or ["2026-01-01", "2026-02-01", "2026-03-01"])

    def test_own_rules_are_no_neighbours_of_the_plans(self, deal: Deal, draft: Draft) -> None:
        draft.put(draft.pieces()[1]["id"], rule(-5), rule(0, 2)).ok()
        draft.edit("2026-03-01", pricePlanId=deal.plan, merge=True).ok()
        assert [own for _, _, own in draft.told()] == [False, True, False]

    def test_an_edit_merges_with_what_it_copied(self, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        draft.put(ahead, rule(7, 2)).ok()
        draft.edit("2026-03-01", scheduleId=ahead, merge=True).ok()
        assert [start for start, *_ in draft.told()] == ["2026-01-01", "2026-02-01"]


class TestWhatIsWrong:
    def test_is_told_at_once_by_its_path(self, deal: Deal, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        bad = [rule({"var": "revenue.ff.x"}), rule(True, 1, target=f"revenue.ff.{deal.addon}x")]
        message = draft.put(ahead, *bad).refused(400)
        for path in ("[1].name", "[1].order", "[0].computation", "[1].computation", "[1].action.target"):
            assert f"pricingRules{path}: " in message, path
        assert draft.put(ahead, {"name": "x"}).refused(400).startswith("pricingRules[0]")
        assert draft.told()[1] == ("2026-02-01", ["Rule 1"], False)

    def test_with_rules_that_a_card_leaves_behind_stops_finalising(self, deal: Deal, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        about = {"var": f"revenue.ff.{deal.addon}"}
        draft.put(ahead, rule(TOTAL, 1), rule(about, 2, target=f"revenue.ff.{deal.addon}")).ok()
        assert draft.errors(ahead) == []
        delete = {"actionType": "DELETE", "rateCardName": deal.addon}
        deal.shop.api.post(f"/v2/schedules/{ahead}/rate_cards", {"operations": [delete]}).ok()
        assert draft.errors(ahead) == [
            ("PRICING_RULE", "pricingRules[1].computation"),
            ("PRICING_RULE", "pricingRules[1].action.target"),
        ]
        assert draft.finalize().refused(400).startswith("pricingRules[1].computation: ")
        assert draft.told("ACTIVE") == [("2026-01-01", ["Rule 1"], False)]
        draft.put(ahead, rule(TOTAL)).ok()
        assert draft.errors(ahead) == []
        draft.finalize().ok()

    def test_with_the_draft_as_a_whole_comes_first(self, deal: Deal, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        deal.shop.disassociate("2026-06-01")
        assert "changed since its draft was opened" in draft.put(ahead, rule(7)).refused(409)

    def test_with_the_question(self, deal: Deal, draft: Draft) -> None:
        path = f"/v2/schedules/{draft.pieces()[1]['id']}/pricing_rules"
        assert "mode" in deal.shop.api.get(path).refused(400)
        assert "mode" in deal.shop.api.get(path, mode="LATEST").refused(400)
        assert deal.shop.api.get(path, mode="ACTIVE").refused(404).startswith("schedule ")
        assert draft.send("sch.none", {}).refused(404) == "schedule 'sch.none' not found"
        body = {"rules": []}
        assert "rules" in draft.send(draft.pieces()[1]["id"], body).refused(400)

    def test_with_another_organisation(self, standing: Inside, draft: Draft) -> None:
        ahead = draft.pieces()[1]["id"]
        stranger = Draft(Shop(standing.new_organisation()))
        path, message = f"/v2/schedules/{ahead}/pricing_rules", f"schedule {ahead!r} not found"
        assert stranger.shop.api.get(path, mode="DRAFT").refused(404) == message
        assert stranger.put(ahead).refused(404) == message
        assert draft.told()[1] == ("2026-02-01", ["Rule 1"], False)
