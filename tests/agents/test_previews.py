"""What moves money is previewed: its exact effect is shown, nothing is changed, and what was shown is committed."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.engine.administration import Administration
from tests.agents.stores import digest
from tests.operations.shop import fee, tiered

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent import Agent, Json
    from tests.operations.shop import Shop
    from tests.servers import Inside

GRANT = {"accountId": "acme", "creditAmount": "100.01", "effectiveFrom": "2026-01-01"}


def set_up_credit(shop: Shop) -> Json:
    shop.metered_plan((0, 1))
    shop.use(150)
    return GRANT


def set_up_assignment(shop: Shop) -> Json:
    shop.account()
    plan = shop.plan(fixedFeeRateCards=[fee(shop.addon(), "20.50")])
    return {"accountId": "acme", "pricePlanId": plan, "effectiveFrom": "2026-01-01"}


def set_up_activation(shop: Shop) -> Json:
    shop.schema()
    terms = {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": {"interval": "MONTHLY", "startOffset": {"dayOffset": "1"}, "gracePeriod": 2},
        "usageRateCards": [tiered(shop.meter(), (0, "0.25"))],
    }
    made = shop.api.post("/price_plans", {"name": "New", "pricePlanDetails": terms}).ok()
    return {"pricePlanId": made["id"]}


MOVING = {
    "grant-credit": set_up_credit,
    "assign-price-plan": set_up_assignment,
    "activate-price-plan": set_up_activation,
}
every_tool = pytest.mark.parametrize("tool", MOVING)


def shown(agent: Agent, tool: str, arguments: Json) -> Json:
    """The effect that a preview tells, with the token that commits it."""
    answer: Json = agent.call(tool, arguments).ok()
    assert set(answer) == {"preview", "effect", "previewToken", "expiresAt", "nextSteps"}
    assert answer["preview"] is True
    assert set(answer["effect"]) == {"before", "after"}
    return answer


def committed(agent: Agent, tool: str, arguments: Json) -> Any:  # noqa: ANN401 - JSON
    token = shown(agent, tool, arguments)["previewToken"]
    return agent.call(tool, arguments | {"previewToken": token}).ok()


def test_the_tools_that_are_previewed_are_these(agent: Agent) -> None:
    previewed = {name for name, tool in agent.tools().items() if "previewToken" in tool["inputSchema"]["properties"]}
    assert previewed == set(MOVING)


class TestNothingIsChanged:
    @every_tool
    @pytest.mark.parametrize("asked", [{}, {"preview": True}], ids=["without asking", "when asked for"])
    def test_a_preview_leaves_every_store_as_it_was(
        self, server: Inside, shop: Shop, agent: Agent, tool: str, asked: Json
    ) -> None:
        arguments = MOVING[tool](shop)
        shop.api.get("/events").ok()  # waits until events that the set-up sent are processed
        before = digest(server)
        token = shown(agent, tool, arguments | asked)["previewToken"]
        assert digest(server) == before
        agent.call(tool, arguments | {"previewToken": token}).ok()
        assert digest(server) != before  # the control: what is committed shows in the digest

    def test_a_preview_that_is_refused_leaves_every_store_as_it_was(
        self, server: Inside, shop: Shop, agent: Agent
    ) -> None:
        set_up_credit(shop)
        shop.api.get("/events").ok()
        before = digest(server)
        agent.call("grant-credit", GRANT | {"creditAmount": "100.001"}).refused("invalid")
        agent.call("grant-credit", GRANT | {"accountId": "nobody"}).refused("account_not_found")
        assert digest(server) == before

    def test_the_digest_sees_an_event_too(self, server: Inside, shop: Shop) -> None:
        set_up_credit(shop)
        shop.api.get("/events").ok()
        before = digest(server)
        shop.use(1)
        shop.api.get("/events").ok()
        assert digest(server) != before


class TestEffects:
    def test_a_credit_shows_balances_and_drafts_before_and_after(self, shop: Shop, agent: Agent) -> None:
        # 150 calls at 1 make 150.00; the draft would hold the whole credit: 150.00 - 100.01 = 49.99
        effect = shown(agent, "grant-credit", set_up_credit(shop))["effect"]
        january = {"startDate": "2026-01-01", "endDate": "2026-02-01"}
        account = {"accountId": "acme", "currency": "USD", "runningBalance": 0}
        nothing, granted = Decimal(0), Decimal("100.01")
        assert effect["before"] == account | {
            "activeCredits": nothing,
            "availableBalance": nothing,
            "draftInvoices": [january | {"totalAmount": Decimal(150)}],
        }
        assert effect["after"] == account | {
            "activeCredits": granted,
            "availableBalance": granted,
            "draftInvoices": [january | {"totalAmount": Decimal("49.99")}],
        }

    def test_what_was_shown_is_what_happens(self, shop: Shop, agent: Agent) -> None:
        arguments = set_up_credit(shop)
        after = shown(agent, "grant-credit", arguments)["effect"]["after"]
        credit = committed(agent, "grant-credit", arguments)
        assert credit["creditAmount"] == Decimal("100.01")
        assert [one["id"] for one in shop.api.get("/credits").ok()["data"]] == [credit["id"]]
        assert shop.balance()[:2] == (after["activeCredits"], after["availableBalance"])
        assert shop.invoice()["totalAmount"] == after["draftInvoices"][0]["totalAmount"] == Decimal("49.99")

    def test_a_plan_on_an_account_shows_its_timeline_and_what_it_brings(self, shop: Shop, agent: Agent) -> None:
        arguments = set_up_assignment(shop)
        effect = shown(agent, "assign-price-plan", arguments)["effect"]
        account = {"accountId": "acme", "currency": "USD"}
        assert effect["before"] == account | {"pricePlans": [], "draftInvoices": []}
        piece = {
            "pricePlanId": arguments["pricePlanId"],
            "pricePlanName": shop.api.get(f"/price_plans/{arguments['pricePlanId']}").ok()["name"],
            "effectiveFrom": "2026-01-01",
            "effectiveUntil": "9999-01-01",
        }
        # the fee of the first month, in arrears
        january = {"startDate": "2026-01-01", "endDate": "2026-02-01", "totalAmount": Decimal("20.50")}
        assert effect["after"] == account | {"pricePlans": [piece], "draftInvoices": [january]}
        assert shop.invoices() == []
        committed(agent, "assign-price-plan", arguments)
        assert [invoice["totalAmount"] for invoice in shop.invoices()] == [Decimal("20.50")]

    def test_a_plan_shows_its_status_and_the_terms_that_come_into_force(self, shop: Shop, agent: Agent) -> None:
        arguments = set_up_activation(shop)
        effect = shown(agent, "activate-price-plan", arguments)["effect"]
        states = [(effect[when]["status"], effect[when]["activeCurrencies"]) for when in ("before", "after")]
        assert states == [("DRAFT", []), ("ACTIVE", ["USD"])]
        (card,) = effect["after"]["pricePlanDetails"]["usageRateCards"]
        assert card["rateValues"][0]["slabRates"][0]["rate"] == Decimal("0.25")
        assert shop.api.get(f"/price_plans/{arguments['pricePlanId']}").ok()["status"] == "DRAFT"
        assert committed(agent, "activate-price-plan", arguments)["status"] == "ACTIVE"

    def test_a_plan_too_large_to_show_is_cut_and_can_be_committed_all_the_same(self, shop: Shop, agent: Agent) -> None:
        shop.schema()
        cards = [tiered(shop.meter(f"Meter {number}"), (0, "0.25"), (10, "0.2")) for number in range(100)]
        config = {"interval": "MONTHLY", "startOffset": {"dayOffset": "1"}, "gracePeriod": 2}
        terms = {"supportedCurrencies": ["USD"], "pricingCycleConfig": config, "usageRateCards": cards}
        made = shop.api.post("/price_plans", {"name": "Large", "pricePlanDetails": terms}).ok()
        arguments = {"pricePlanId": made["id"]}
        answer = agent.call("activate-price-plan", arguments).ok()
        assert answer["truncated"] is True
        token = answer["previewToken"]
        assert agent.call("activate-price-plan", arguments | {"previewToken": token}).ok()["status"] == "ACTIVE"


class TestTheLimit:
    """Up to the key's limit a credit is granted at once; above it, only after a preview."""

    @pytest.mark.parametrize(
        ("amount", "at_once"),
        [("0.01", True), ("99.99", True), ("100", True), (100.00, True), ("100.01", False), ("100000", False)],
    )
    def test_the_default_is_100(self, shop: Shop, agent: Agent, amount: object, at_once: bool) -> None:  # noqa: FBT001 - a column
        shop.account()
        answer = agent.call("grant-credit", GRANT | {"creditAmount": amount}).ok()
        assert ("previewToken" not in answer) is at_once
        granted = [credit["creditAmount"] for credit in shop.api.get("/credits").ok()["data"]]
        assert granted == ([Decimal(str(amount))] if at_once else [])

    @pytest.mark.parametrize(("limit", "amount", "at_once"), [("0", "0.01", False), ("5000", "5000", True)])
    def test_a_key_may_have_another_one(
        self,
        server: Inside,
        shop: Shop,
        agent: Agent,
        limit: str,
        amount: str,
        at_once: bool,  # noqa: FBT001 - a column
    ) -> None:
        shop.account()
        admin = Administration(server.engine.database)
        owner = shop.api.get("/v1/whoami").ok()["organizationId"]
        key = admin.create_key(owner, "limited", credit_limit=Decimal(limit))[1]
        answer = agent.door.agent(key).call("grant-credit", GRANT | {"creditAmount": amount}).ok()
        assert ("previewToken" not in answer) is at_once

    def test_a_small_credit_is_previewed_when_asked_for(self, shop: Shop, agent: Agent) -> None:
        shop.account()
        small = GRANT | {"creditAmount": 5}
        assert shown(agent, "grant-credit", small | {"preview": True})["effect"]["after"]["activeCredits"] == 5
        assert shop.api.get("/credits").ok()["data"] == []
        agent.call("grant-credit", small | {"preview": False}).ok()
        assert len(shop.api.get("/credits").ok()["data"]) == 1

    def test_rest_has_no_limit(self, shop: Shop) -> None:
        shop.account()
        asked = {"creditAmount": "5000", "effectiveFrom": "2026-01-01"}
        assert shop.api.post("/v1/accounts/acme/credits", asked).ok()["creditAmount"] == 5000

    @pytest.mark.parametrize("tool", ["assign-price-plan", "activate-price-plan"])
    def test_plans_are_previewed_always(self, shop: Shop, agent: Agent, tool: str) -> None:
        setting_up: Callable[[Shop], Json] = MOVING[tool]
        shown(agent, tool, setting_up(shop) | {"preview": False})


class TestIdempotencyKeys:
    @pytest.mark.parametrize("amount", ["12.50", "500"], ids=["below the limit", "above it"])
    def test_the_same_call_with_the_same_key_is_done_once(self, shop: Shop, agent: Agent, amount: str) -> None:
        shop.account()
        asked = GRANT | {"creditAmount": amount, "idempotencyKey": "once"}
        if Decimal(amount) > 100:
            asked |= {"previewToken": shown(agent, "grant-credit", asked)["previewToken"]}
        first, again = (agent.call("grant-credit", asked) for _ in range(2))
        assert first.ok()["creditAmount"] == Decimal(amount)
        assert again.text == first.text
        assert len(shop.api.get("/credits").ok()["data"]) == 1

    def test_without_a_key_the_same_call_is_done_twice(self, shop: Shop, agent: Agent) -> None:
        """The control of the one above."""
        shop.account()
        for _ in range(2):
            agent.call("grant-credit", GRANT | {"creditAmount": "12.50"}).ok()
        assert len(shop.api.get("/credits").ok()["data"]) == 2

    def test_another_preview_of_the_same_call_does_not_do_it_again(self, shop: Shop, agent: Agent) -> None:
        shop.account()
        asked = GRANT | {"idempotencyKey": "once"}
        first, again = committed(agent, "grant-credit", asked), committed(agent, "grant-credit", asked)
        assert first == again
        assert len(shop.api.get("/credits").ok()["data"]) == 1

    def test_the_key_of_another_call_is_a_conflict(self, shop: Shop, agent: Agent) -> None:
        shop.account()
        asked = GRANT | {"creditAmount": "12.50", "idempotencyKey": "once"}
        agent.call("grant-credit", asked).ok()
        agent.call("grant-credit", asked | {"creditAmount": "12.51"}).refused("idempotency_mismatch")
        another = {"customerId": "acme", "id": "beta", "name": "Beta", "idempotencyKey": "once"}
        agent.call("create-account", another).refused("idempotency_mismatch")
        assert len(shop.api.get("/credits").ok()["data"]) == 1
