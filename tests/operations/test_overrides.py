"""Terms of an account's own in the place of its plan's (domain.md 5.3); figures by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.operations.shop import Shop, amounts, anniversary, commitment, fee, monthly, tiered

EURO = {"currency": "EUR", "slabRates": [{"order": 1, "rate": 4}]}


@dataclass(frozen=True)
class Offer:
    """A plan: each call at 2 dollars, a fee of 50, a commitment of 400; monthly from the 1st, two days of grace."""

    plan: str
    meter: str
    addon: str


@pytest.fixture
def offer(still: Shop) -> Offer:
    return offered(still)


def offered(shop: Shop) -> Offer:
    shop.account()
    shop.schema()
    meter, addon = shop.meter(), shop.addon()
    plan = shop.plan(
        usageRateCards=[tiered(meter, (0, 2))], fixedFeeRateCards=[fee(addon, 50)], minimumCommitment=commitment(400)
    )
    return Offer(plan, meter, addon)


def associate(shop: Shop, plan: str, override: Any, **more: object) -> Any:  # noqa: ANN401 - the server's answer
    body = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
    return shop.api.post("/accounts/acme/price_plans", body | {"pricePlanDetailsOverride": override} | more)


def piece(shop: Shop) -> Any:  # noqa: ANN401 - JSON
    (found,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    return found


def total_of(shop: Shop) -> tuple[Any, ...]:
    """The lines of the draft: usage, fee, true-up; and its total."""
    invoice = shop.invoice()
    kinds = ("USAGE_RATE_CARD_AMOUNT", "FIXED_FEE_RATE_CARD_AMOUNT", "TRUE_UP_AMOUNT")
    return *(amounts(invoice, kind) for kind in kinds), invoice["totalAmount"]


class TestWhatIsPriced:
    """Of 100 calls the plan itself makes 200, with the fee 250, with the true-up 400."""

    def test_cards_that_are_named_take_the_place_of_all_of_their_kind(self, still: Shop, offer: Offer) -> None:
        associate(still, offer.plan, {"usageRateCards": [tiered(offer.meter, (0, 3))]}).ok()
        still.use(100)
        assert total_of(still) == ([300], [50], [50], 400)

    def test_cards_may_be_added_and_an_empty_list_means_none(self, still: Shop, offer: Offer) -> None:
        fees = [fee(offer.addon, 20), fee(still.addon("Support"), 5)]
        associate(still, offer.plan, {"usageRateCards": [], "fixedFeeRateCards": fees}).ok()
        still.use(100)
        assert total_of(still) == ([], [20, 5], [375], 400)

    def test_the_commitment_may_be_another_one(self, still: Shop, offer: Offer) -> None:
        associate(still, offer.plan, {"minimumCommitment": commitment(1000)}).ok()
        still.use(100)
        assert total_of(still) == ([200], [50], [750], 1000)

    def test_the_commitment_may_be_none(self, still: Shop, offer: Offer) -> None:
        answer = associate(still, offer.plan, {"minimumCommitment": None, "fixedFeeRateCards": []}).ok()
        assert total_of(still) == ([0], [], [], 0)
        # Official clients do not read an empty list of fees (domain.md 12), so it is left out of the answer.
        assert answer["pricingSchedules"][0]["pricePlanDetailsOverride"] == {"minimumCommitment": None}

    def test_the_plan_and_other_accounts_are_left_as_they_are(self, still: Shop, offer: Offer) -> None:
        associate(still, offer.plan, {"usageRateCards": [tiered(offer.meter, (0, 3))], "fixedFeeRateCards": []}).ok()
        still.account("other")
        still.associate(offer.plan, "other")
        still.use(100, account="other")
        assert [one["totalAmount"] for one in still.invoices("other")] == [400]
        plan = still.api.get(f"/price_plans/{offer.plan}").ok()
        assert plan["pricingSchedule"][0]["pricePlanDetails"]["fixedFeeRateCards"][0]["id"] == offer.addon

    def test_metrics_and_frozen_invoices_are_made_of_them_too(self, shop: Shop) -> None:
        offer = offered(shop)
        override = {"usageRateCards": [tiered(offer.meter, (0, 3))], "minimumCommitment": None}
        associate(shop, offer.plan, override).ok()
        event = shop.use(100)
        assert shop.metric("REVENUE", "2026-01-01", "2026-02-01")[0]["metricValues"] == [350]
        (trace,) = shop.api.get(f"/events/{event}").ok()["events"]
        assert trace["eventPipelineInfo"]["pricePlans"][0]["usageMeters"] == [offer.meter]
        shop.api.advance("2026-02-03")
        assert (shop.invoices()[0]["status"], *total_of(shop)) == ("DUE", [300], [50], [], 350)

    def test_what_only_an_override_prices_is_not_archived(self, still: Shop, offer: Offer) -> None:
        support = still.addon("Support")
        associate(still, offer.plan, {"fixedFeeRateCards": [fee(support, 5)]}).ok()
        assert "is priced by: account acme" in still.api.delete(f"/addons/{support}").refused(400)


class TestTheCycle:
    def test_may_be_another_one(self, still: Shop, offer: Offer) -> None:
        """The documentation's example: from the 5th to the 4th, due on the 7th after two days of grace."""
        associate(still, offer.plan, {"pricingCycleConfig": monthly(day="5", grace=2)}).ok()
        (first, *_) = still.invoices()
        assert (first["startDate"][:10], first["endDate"][:10], first["invoiceDate"][:10]) == (
            "2026-01-01",
            "2026-01-05",
            "2026-01-07",
        )
        found = piece(still)
        assert (found["isOverriden"], found["pricePlanDetails"]["pricingCycleConfig"]) == (
            True,
            monthly(day="5", grace=2),
        )

    def test_may_start_on_the_anniversaries(self, still: Shop, offer: Offer) -> None:
        override = {"pricingCycleConfig": anniversary(grace=1)}
        answer = associate(still, offer.plan, override, effectiveFrom="2025-12-20").ok()
        assert [one["startDate"][:10] for one in still.invoices()] == ["2025-12-20"]
        # The offsets that follow from the day are stored as an override (domain.md 4.2).
        shown = answer["pricingSchedules"][0]["pricePlanDetailsOverride"]
        offset = {"startOffset": {"dayOffset": "20", "monthOffset": "NIL"}}
        assert shown == {"pricingCycleConfig": anniversary(grace=1) | offset}

    def test_keeps_its_offsets_by_retain_start_offsets_and_its_grace_by_the_override(
        self, still: Shop, offer: Offer
    ) -> None:
        still.associate(offer.plan)
        override = {"pricingCycleConfig": monthly(day="5", grace=9)}
        associate(still, offer.plan, override, effectiveFrom="2026-01-15", retainStartOffsets=True).ok()
        second = still.invoices()[1]
        assert (second["endDate"][:10], second["invoiceDate"][:10]) == ("2026-02-01", "2026-02-10")


class TestCurrencies:
    @pytest.fixture
    def both(self, still: Shop, offer: Offer) -> str:
        card = tiered(offer.meter, (0, 2))
        card["rateValues"].append(EURO)
        amounts = [{"currency": "USD", "rate": 400}, {"currency": "EUR", "rate": 300}]
        return still.plan(
            currencies=("USD", "EUR"),
            usageRateCards=[card],
            minimumCommitment={"displayName": "Minimum", "rateValues": amounts},
        )

    def test_are_all_priced_unless_fewer_are_named(self, still: Shop, offer: Offer, both: str) -> None:
        cards = {"usageRateCards": [tiered(offer.meter, (0, 3))]}
        message = associate(still, both, cards).refused(400)
        assert message == (
            "pricePlanDetailsOverride.usageRateCards[0].rateValues: has no rate in EUR, "
            "add one for every supported currency"
        )
        associate(still, both, cards | {"supportedCurrencies": ["USD"]}).ok()
        still.use(100)
        assert total_of(still) == ([300], [], [100], 400)
        details = piece(still)["pricePlanDetails"]
        assert (details["supportedCurrencies"], details["activeCurrencies"]) == (["USD"], ["USD"])
        assert [one["currency"] for one in details["minimumCommitment"]["rateValues"]] == ["USD"]

    def test_are_those_of_the_plan_and_of_the_account(self, still: Shop, both: str) -> None:
        assert associate(still, both, {"supportedCurrencies": ["EUR", "JPY"]}).refused(400) == (
            "pricePlanDetailsOverride.supportedCurrencies[1]: 'JPY' is not among the plan's supportedCurrencies; "
            "pricePlanDetailsOverride.supportedCurrencies: leaves USD out, in which the account is billed; "
            "pricePlanDetailsOverride.usageRateCards[0].rateValues: has no rate in JPY, "
            "add one for every supported currency"
        )


class TestRefusals:
    def test_name_every_problem_by_the_rules_of_plans(self, still: Shop, offer: Offer) -> None:
        override = {
            "pricingCycleConfig": monthly(day="32"),
            "usageRateCards": [tiered("um.unknown", (5, 3))],
            "fixedFeeRateCards": [fee(still.addon("Seats", "LICENSE"), 5), fee(offer.addon, 5, timing="PREPAID")],
            "minimumCommitment": commitment(-1),
        }
        message = associate(still, offer.plan, override).refused(400)
        at = "pricePlanDetailsOverride."
        for problem in (
            f"{at}usageRateCards[0].ratePlan.slabs[0].startAfter: ",
            f"{at}fixedFeeRateCards[1].invoiceTiming: is PREPAID",
            f"{at}minimumCommitment.rateValues[0].rate: is -1, expected 0 or more",
        ):
            assert problem in message
        cycle = {"pricingCycleConfig": override["pricingCycleConfig"]}
        message = associate(still, offer.plan, cycle).refused(400)
        assert message.startswith(f"{at}pricingCycleConfig.startOffset.dayOffset: '32' does not fit a MONTHLY cycle")
        unknown = {
            "usageRateCards": [tiered("um.unknown", (0, 3))],
            "fixedFeeRateCards": override["fixedFeeRateCards"][:1],
        }
        message = associate(still, offer.plan, unknown).refused(400)
        assert f"{at}usageRateCards[0].usageMeterId: usage meter 'um.unknown' not found" in message
        assert f"{at}fixedFeeRateCards[0].id: add-on" in message
        assert still.invoices() == []

    def test_come_for_two_cards_of_one_name(self, still: Shop, offer: Offer) -> None:
        named = [fee(offer.addon, 5, name="A"), fee(still.addon("Support"), 5, name="A")]
        assert "'A' is the name of another card" in associate(still, offer.plan, {"fixedFeeRateCards": named}).refused(
            400
        )

    @pytest.mark.parametrize(
        ("override", "path"),
        [
            ({"usageRateCard": []}, "pricePlanDetailsOverride"),
            ({"usageRateCards": None}, "pricePlanDetailsOverride.usageRateCards: "),
            ({"billingEntitlementRateCards": [{}]}, "pricePlanDetailsOverride.billingEntitlementRateCards[0]: "),
            ({"creditGrantRateCards": [{}]}, "pricePlanDetailsOverride.creditGrantRateCards[0]: "),
            ({"pricingCycleConfig": None}, "pricePlanDetailsOverride.pricingCycleConfig: "),
        ],
    )
    def test_of_other_shapes(self, still: Shop, offer: Offer, override: dict[str, Any], path: str) -> None:
        assert path in associate(still, offer.plan, override).refused(400)

    @pytest.mark.parametrize("nothing", [{}, None])
    def test_do_not_meet_an_override_that_names_nothing(
        self, still: Shop, offer: Offer, nothing: dict[str, Any] | None
    ) -> None:
        answer = associate(still, offer.plan, nothing).ok()
        assert "pricePlanDetailsOverride" not in answer["pricingSchedules"][0]
        assert piece(still)["isOverriden"] is False
