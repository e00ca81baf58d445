"""Pricing rules from the plan to the frozen invoice: what they change, and what their logs tell (domain.md 4.8)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.operations.shop import amounts, commitment, credit_grant, fee, lines, monthly, tiered

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop
    from tests.servers import Inside

TOTAL = {"var": "revenue.rate_card_total"}


def rule(
    computation: object, order: int = 1, *, when: object = None, target: str | None = None, **more: object
) -> Json:
    """A rule that updates its target, or adds a line when it has none."""
    action = {"type": "ADD"} if target is None else {"type": "UPDATE", "target": target}
    action |= {name: more.pop(name) for name in ("id", "description", "metadata") if name in more}
    made = {"name": f"Rule {order}", "order": order, "computation": json.dumps(computation), "action": action}
    return made | ({} if when is None else {"condition": json.dumps(when)}) | more


def sold(shop: Shop, rules: list[Json], **cards: object) -> Json:
    """The answer to an activated plan with these rules for the meter's calls, put on the account since New Year."""
    details = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly(grace=0)} | cards
    plan = shop.api.post("/price_plans", {"name": "Ruled", "pricePlanDetails": details, "pricingRules": rules}).ok()
    active = shop.api.post(f"/price_plans/{plan['id']}/activate", {"currencies": ["USD"]}).ok()
    shop.associate(plan["id"])
    return active


def explained(shop: Shop, line_id: str, position: int = 0) -> Json:
    return shop.api.get(f"/v1/invoices/{shop.invoices()[position]['id']}/lines/{line_id}/explanation").ok()


def logs(shop: Shop, position: int = 0) -> list[Json]:
    return shop.api.get(f"/invoice/{shop.invoices()[position]['id']}/pricing_rules_logs").ok()["data"]


@pytest.fixture
def meter(shop: Shop) -> str:
    shop.account()
    shop.schema()
    return shop.meter()


def test_the_worked_example_comes_to_990000(shop: Shop) -> None:
    shop.account()
    cards = [fee(shop.addon(name), rate) for name, rate in (("A", 600000), ("B", 300000), ("C", 200000))]
    discount = rule({"*": [TOTAL, -0.1]}, when={">": [TOTAL, 1000000]}, description="Volume discount", id="volume")
    sold(shop, [discount], fixedFeeRateCards=cards)
    invoice = shop.invoice()
    assert amounts(invoice, "FIXED_FEE_RATE_CARD_AMOUNT") == [600000, 300000, 200000]
    assert amounts(invoice, "TOTAL_PRICING_RULE_ADDITION_AMOUNT", "PRICING_RULE_ADDITION_AMOUNT") == [-110000] * 2
    assert amounts(invoice, "SUB_TOTAL_AMOUNT", "PRICE_PLAN_AMOUNT", "TOTAL_AMOUNT") == [990000] * 3
    (line,) = [one for one in lines(invoice["revenueInfo"]) if one["type"] == "PRICING_RULE_ADDITION_AMOUNT"]
    assert (line["id"], line["description"]) == ("volume", "Volume discount")
    (log,) = logs(shop)
    assert log["type"] == "CONDITION_TRUE"
    assert log["changes"] == {"key": "volume", "keyName": "Volume discount", "oldRevenue": 0, "newRevenue": -110000}
    assert log["variablesValue"] == {"revenue.rate_card_total": {"name": "Total of the rate cards", "value": "1100000"}}


def test_rules_change_what_credit_costs_and_not_how_much_is_granted(shop: Shop) -> None:
    # By hand: 100 of credit cost 10, less 4 is 6; with the fee of 40 that is 46, a tenth of which is added: 50.6.
    shop.account()
    bonus, base = shop.addon("Bonus", "CREDIT_GRANT"), shop.addon()
    price = {"var": f"revenue.cg.{bonus}"}
    sold(
        shop,
        [
            rule({"-": [price, 4]}, 1, target=f"revenue.cg.{bonus}", when={">": [{"var": f"credit.cg.{bonus}"}, 99]})
            | {"invoiceTiming": "IN_ADVANCE"},
            rule({"*": [TOTAL, 0.1]}, 2, invoiceTiming="IN_ADVANCE"),
        ],
        creditGrantRateCards=[credit_grant(bonus, 100, 10, displayName="Bonus")],
        fixedFeeRateCards=[fee(base, 40, timing="IN_ADVANCE")],
    )
    invoice = shop.invoice()
    assert amounts(invoice, "ADVANCED_CREDIT_GRANT_RATE_CARD_AMOUNT", "PRICING_RULE_REVENUE_UPDATE_AMOUNT") == [6, -4]
    assert (amounts(invoice, "PRICING_RULE_ADDITION_AMOUNT"), invoice["totalAmount"]) == (
        [Decimal("4.6")],
        Decimal("50.6"),
    )
    (credit,) = shop.api.get("/credits", account_id="acme").ok()["data"]
    assert credit["creditAmount"] == 100
    told = explained(shop, bonus)
    assert (told["arithmetic"], told["quantity"], told["creditId"]) == ("10 - 4 = 6", 100, credit["id"])
    assert [tier["arithmetic"] for tier in told["tiers"]] == ["flat rate: 1 x 10 = 10"]
    assert [update["arithmetic"] for update in told["ruleUpdates"]] == ["10 - 4 = 6"]
    assert [log["changes"]["key"] for log in told["pricingRules"]] == [f"cg.{bonus}"]


@pytest.mark.parametrize("timing", ["IN_ADVANCE", "IN_ARREARS"])
def test_metrics_add_up_to_what_ruled_credit_costs(shop: Shop, timing: str) -> None:
    shop.account()
    bonus = shop.addon("Bonus", "CREDIT_GRANT")
    cheaper = rule({"-": [{"var": f"revenue.cg.{bonus}"}, 4]}, target=f"revenue.cg.{bonus}", invoiceTiming=timing)
    sold(shop, [cheaper], creditGrantRateCards=[credit_grant(bonus, 100, 10, timing=timing)])
    shop.api.advance("2026-02-01")
    for name in ("REVENUE", "REVENUE_FOR_CYCLE"):
        (series,) = shop.metric(name, "2026-01-01", "2026-02-01", groupBy="BILLABLE_ID")
        assert (series["groupedBy"]["fieldValue"], series["metricValues"]) == (bonus, [6])
    (series,) = shop.metric("REVENUE", "2026-01-01", "2026-01-02", period="DAY")
    assert series["metricValues"] == [6 if timing == "IN_ADVANCE" else 10]


def test_every_kind_of_rule_on_one_bill_and_what_the_logs_say(shop: Shop, meter: str) -> None:
    addon = shop.addon()
    usage, calls, base = f"usage.urc.{meter}", f"revenue.urc.{meter}", f"revenue.ff.{addon}"
    plan = sold(
        shop,
        [
            rule({"-": [{"var": usage}, 100]}, 1, target=usage, when={">": [{"var": usage}, 100]}),
            rule({"*": [{"var": calls}, 0.9]}, 2, target=calls, metadata={"campaign": "spring"}),
            rule({"/": [{"var": base}, {"-": [{"var": base}, 50]}]}, 3, target=base),
            rule(0, 4, target=base, when={"<": [{"var": usage}, 50]}),
            rule({"*": [TOTAL, 0.1]}, 5, description="Surcharge"),
        ],
        usageRateCards=[tiered(meter, (0, 2), (100, 1), displayName="API calls", tag="compute")],
        fixedFeeRateCards=[fee(addon, 50)],
    )
    shop.use(150)
    invoice = shop.invoice()
    # 150 calls are 250; less 100 of them are 50 at 2 = 100; less a tenth = 90; with the fee 140, a tenth of it 14.
    assert amounts(invoice, "USAGE_RATE_CARD_SLAB_AMOUNT") == [200, 50]
    assert amounts(invoice, "PRICING_RULE_USAGE_UPDATE_AMOUNT") == [-150]
    assert amounts(invoice, "PRICING_RULE_REVENUE_UPDATE_AMOUNT") == [-10]
    assert amounts(invoice, "CUSTOM_TAG", "USAGE_RATE_CARD_AMOUNT") == [90, 90]
    assert amounts(invoice, "FIXED_FEE_RATE_CARD_AMOUNT") == [50]
    assert amounts(invoice, "PRICING_RULE_ADDITION_AMOUNT") == [14]
    assert invoice["totalAmount"] == 154
    (card,) = [one for one in lines(invoice["revenueInfo"]) if one["type"] == "USAGE_RATE_CARD_AMOUNT"]
    assert card["quantity"] == 50
    rules = plan["pricingSchedule"][0]["pricingRules"]
    assert card["lineItems"][2:] == [
        {
            "description": "Rule 1",
            "type": "PRICING_RULE_USAGE_UPDATE_AMOUNT",
            "quantity": -100,
            "units": "USD",
            "value": -150,
            "metadata": {"ruleId": rules[0]["id"]},
        },
        {
            "description": "Rule 2",
            "type": "PRICING_RULE_REVENUE_UPDATE_AMOUNT",
            "units": "USD",
            "value": -10,
            "metadata": {"ruleId": rules[1]["id"], "ruleMetadata": {"campaign": "spring"}},
        },
    ]
    told = logs(shop)
    assert [(log["type"], log["order"]) for log in told] == [
        ("CONDITION_TRUE", 1),
        ("CONDITION_TRUE", 2),
        ("COMPUTATION_ERROR", 3),
        ("CONDITION_FALSE", 4),
        ("CONDITION_TRUE", 5),
    ]
    assert told[0]["changes"] == {
        "key": f"urc.{meter}",
        "keyName": "API calls",
        "oldRevenue": 250,
        "newRevenue": 100,
        "oldUsage": 150,
        "newUsage": 50,
    }
    assert told[0]["rule"] == {
        "id": rules[0]["id"],
        "name": "Rule 1",
        "condition": rules[0]["condition"],
        "computation": rules[0]["computation"],
    }
    assert told[1]["variablesValue"] == {calls: {"name": "API calls", "value": "100"}}
    assert told[2]["changes"]["errorMessage"] == "'/': division by zero (line 1, column 2)"
    assert told[3]["variablesValue"] == {usage: {"name": "API calls", "value": "50"}}
    assert told[3]["changes"] == {"key": f"ff.{addon}", "keyName": addon, "oldRevenue": 50, "newRevenue": 50}
    assert [log["id"].rpartition(".")[2] for log in told] == ["00001", "00002", "00003", "00004", "00005"]


def test_lines_explain_what_rules_did_to_them(shop: Shop, meter: str) -> None:
    addon, setup = shop.addon(), shop.addon("Setup")
    usage, calls = f"usage.urc.{meter}", f"revenue.urc.{meter}"
    extra = {"+": [TOTAL, {"*": [{"var": usage}, 0]}]}
    plan = sold(
        shop,
        [
            rule({"-": [{"var": usage}, 100]}, 1, target=usage, description="100 for free"),
            rule({"*": [{"var": calls}, 0.9]}, 2, target=calls),
            rule({"/": [{"var": calls}, {"-": [{"var": calls}, 90]}]}, 3, target=calls),
            rule(extra, 4, id="extra"),
            rule(-4, 5, id="extra"),
            rule({"-": [{"var": f"revenue.ff.{setup}"}, 60]}, 1, name="Off", target=f"revenue.ff.{setup}",
                 invoiceTiming="IN_ADVANCE"),
        ],
        usageRateCards=[tiered(meter, (0, 2), (100, 1))],
        fixedFeeRateCards=[fee(addon, 50), fee(setup, 90, timing="IN_ADVANCE")],
    )  # fmt: skip
    shop.use(150)
    rules = [one["id"] for one in plan["pricingSchedule"][0]["pricingRules"]]
    for _ in ("a draft", "a frozen invoice"):
        card = explained(shop, meter, 1)
        assert (card["quantity"], card["amount"], card["arithmetic"]) == (50, 90, "200 + 50 - 150 - 10 = 90")
        assert card["ruleUpdates"] == [
            {
                "description": "100 for free",
                "ruleId": rules[0],
                "quantity": -100,
                "amount": -150,
                "arithmetic": "usage 150 - 100 = 50: 250 - 150 = 100",
            },
            {"description": "Rule 2", "ruleId": rules[1], "amount": -10, "arithmetic": "100 - 10 = 90"},
        ]
        assert [log["type"] for log in card["pricingRules"]] == ["CONDITION_TRUE"] * 2 + ["COMPUTATION_ERROR"]
        assert (card["events"]["count"], len(card["tiers"])) == (1, 2)
        added = explained(shop, "extra", 1)
        assert (added["amount"], added["type"]) == (140, "PRICING_RULE_ADDITION_AMOUNT")
        read = f"revenue.rate_card_total = 140, {usage} = 50"
        assert added["arithmetic"] == f"{json.dumps(extra)} with {read}: 140"
        assert {"tiers", "fee", "meter", "ruleUpdates"}.isdisjoint(added)
        assert explained(shop, rules[4], 1)["arithmetic"] == "-4: -4"
        ahead = explained(shop, setup, 0)
        assert (ahead["fee"], ahead["arithmetic"]) == ({"rate": 90}, "fixed fee, not prorated: 90; 90 - 60 = 30")
        untouched = explained(shop, addon, 1)
        assert untouched["arithmetic"] == "fixed fee, not prorated: 50"
        assert "pricingRules" not in untouched
        shop.api.advance("2026-02-02")


def test_logs_of_a_frozen_invoice_are_those_of_its_last_draft_for_ever(server: Inside, shop: Shop, meter: str) -> None:
    usage = f"usage.urc.{meter}"
    sold(shop, [rule({"*": [TOTAL, -0.5]}, when={">": [{"var": usage}, 10]})],
         usageRateCards=[tiered(meter, (0, 1))])  # fmt: skip
    assert [log["type"] for log in logs(shop)] == ["CONDITION_FALSE"]
    shop.use(100)
    draft = logs(shop)
    assert draft[0]["changes"]["newRevenue"] == -50
    assert logs(shop) == draft
    shop.api.advance("2026-02-02")
    assert logs(shop) == draft
    assert shop.invoice()["totalAmount"] == 50
    for statement in ("UPDATE pricing_rule_log SET body = '{}'", "DELETE FROM pricing_rule_log"):
        with pytest.raises(DBAPIError, match="rows are frozen"), server.engine.database.write() as connection:
            connection.execute(text(statement))
    void = shop.invoices()[0]["id"]
    shop.api.patch(f"/invoices/{void}", {"status": "VOID"}).ok()
    assert shop.api.get(f"/invoice/{void}/pricing_rules_logs").ok()["data"] == draft


def test_rules_in_advance_change_the_bill_in_advance_alone(shop: Shop) -> None:
    shop.account()
    setup, base = shop.addon("Setup"), shop.addon("Base")
    cards = [fee(setup, 90, timing="IN_ADVANCE", type="ONE_TIME", displayName="Setup"), fee(base, 40)]
    sold(
        shop,
        [
            rule({"/": [{"var": f"revenue.ff.{setup}"}, 3]}, target=f"revenue.ff.{setup}", invoiceTiming="IN_ADVANCE"),
            rule({"*": [TOTAL, 0.5]}, 2, invoiceTiming="IN_ADVANCE", description="Handling"),
            rule(-5, 1, name="Arrears"),
        ],
        fixedFeeRateCards=cards,
    )
    advance, arrears = shop.invoice(0), shop.invoice(1)
    assert amounts(advance, "ADVANCED_FIXED_FEE", "PRICING_RULE_ADDITION_AMOUNT") == [30, 15]
    assert amounts(advance, "PROXY_AMOUNT", "PRICING_RULE_REVENUE_UPDATE_AMOUNT") == [90, -60]
    assert (advance["totalAmount"], arrears["totalAmount"]) == (45, 35)
    assert [log["type"] for log in logs(shop, 0)] == ["CONDITION_TRUE", "CONDITION_TRUE"]
    assert [log["rule"]["name"] for log in logs(shop, 1)] == ["Arrears"]
    # February charges nothing in advance: no invoice, to which a rule could add something.
    shop.api.advance("2026-02-02")
    assert [one["invoiceType"] for one in shop.invoices()] == ["STANDARD_ADVANCED", "STANDARD", "STANDARD"]
    assert [one["totalAmount"] for one in shop.invoices()] == [45, 35, 35]


def test_what_rules_add_counts_for_the_commitment_and_credits_pay_it_too(shop: Shop) -> None:
    shop.account()
    addon = shop.addon()
    sold(shop, [rule(20, 1), rule(-3, 2)], fixedFeeRateCards=[fee(addon, 50)], minimumCommitment=commitment(100))
    shop.credit(5, applicableEntityIds=[addon])
    shop.credit(60, priority=2)
    invoice = shop.invoice()
    # 50 + 20 - 3 = 67, 33 to 100; 5 of the fee, then 45 of the fee and 15 of what was added.
    assert amounts(invoice, "SUB_TOTAL_AMOUNT", "TRUE_UP_AMOUNT", "PRICE_PLAN_AMOUNT") == [100, 67, 33]
    assert amounts(invoice, "SUB_CREDITS") == [-5, -60]
    assert invoice["totalAmount"] == 35


def test_revenue_dates_what_rules_do_on_the_last_instant_of_the_cycle(shop: Shop, meter: str) -> None:
    addon, advance = shop.addon("Base"), shop.addon("Ahead")
    sold(
        shop,
        [
            rule({"*": [{"var": f"revenue.urc.{meter}"}, 0.5]}, 1, target=f"revenue.urc.{meter}"),
            rule(30, 2, target=f"revenue.ff.{addon}", when={">": [{"var": f"usage.urc.{meter}"}, 100]}),
            rule(-7, 3, id="gift"),
            rule(2, 1, id="ahead", name="Ahead", invoiceTiming="IN_ADVANCE"),
        ],
        usageRateCards=[tiered(meter, (0, 1))],
        fixedFeeRateCards=[fee(addon, 50), fee(advance, 9, timing="IN_ADVANCE")],
    )
    shop.use(60, at="2026-01-05T00:00:00Z")
    shop.use(50, at="2026-01-20T00:00:00Z")

    def earned(period: str) -> dict[str, dict[str, Decimal]]:
        series = shop.metric("REVENUE", "2026-01-01", "2026-02-01", period, groupBy="BILLABLE_ID")
        return {
            one["groupedBy"]["fieldValue"]: {
                when[:10]: Decimal(value)
                for when, value in zip(one["timestamps"], one["metricValues"], strict=True)
                if value
            }
            for one in series
        }

    assert earned("DAY") == {
        meter: {"2026-01-05": 60, "2026-01-20": 50, "2026-01-31": -55},
        addon: {"2026-01-01": 50, "2026-01-31": -20},
        "gift": {"2026-01-31": -7},
        advance: {"2026-01-01": 9},
        "ahead": {"2026-01-01": 2},
    }
    assert sum(amount for days in earned("MONTH").values() for amount in days.values()) == 55 + 30 - 7 + 11
    shop.api.advance("2026-02-02")
    assert sum(one["totalAmount"] for one in shop.invoices()[:2]) == 89
    by_cycle = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01")
    assert [sum(one["metricValues"]) for one in by_cycle] == [89]


def test_rules_are_listed_by_version_and_timing(shop: Shop) -> None:
    shop.account()
    addon = shop.addon()
    plan = sold(
        shop,
        [rule(1, 1), rule(2, 1, name="Ahead", invoiceTiming="IN_ADVANCE")],
        fixedFeeRateCards=[fee(addon, 50, timing="IN_ADVANCE")],
    )
    (version,) = plan["pricingSchedule"]
    path = f"/price_plans/{plan['id']}/pricing_schedules/{version['id']}/pricing_rules"
    listed = shop.api.get(path).ok()
    assert listed == {"data": version["pricingRules"]}
    assert [(one["name"], one["version"], one["invoiceTiming"]) for one in listed["data"]] == [
        ("Rule 1", 1, "IN_ARREARS"),
        ("Ahead", 1, "IN_ADVANCE"),
    ]
    assert [one["name"] for one in shop.api.get(path, invoice_timing="IN_ADVANCE").ok()["data"]] == ["Ahead"]
    assert shop.api.get(path, invoice_timing="PREPAID").refused(400).startswith("invoice_timing: ")
    other = f"/price_plans/{plan['id']}/pricing_schedules/sch.unknown/pricing_rules"
    assert shop.api.get(other).refused(404) == "pricing schedule 'sch.unknown' not found"
    assert shop.api.get("/invoice/inv.unknown/pricing_rules_logs").refused(404) == "invoice 'inv.unknown' not found"


def test_a_patch_replaces_all_rules_or_leaves_them(still: Shop) -> None:
    addon = still.addon()
    terms = {"supportedCurrencies": ["USD"], "fixedFeeRateCards": [fee(addon, 50)]}
    base = rule(1, target=f"revenue.ff.{addon}")
    made = still.api.post("/price_plans", {"name": "P", "pricePlanDetails": terms, "pricingRules": [base]}).ok()

    def patched(body: Json) -> list[Json]:
        changed = still.api.patch(f"/price_plans/{made['id']}", body).ok()
        assert still.api.get(f"/price_plans/{made['id']}").ok() == changed
        return changed["pricingSchedule"][0].get("pricingRules", [])

    kept = made["pricingSchedule"][0]["pricingRules"]
    assert patched({"description": "New"}) == kept
    assert patched({"pricingRules": [base]}) == kept
    (dearer,) = patched({"pricingRules": [base | {"computation": "2"}]})
    assert (dearer["id"], dearer["version"], dearer["computation"]) == (kept[0]["id"], 2, "2")
    without = {"pricePlanDetails": {"fixedFeeRateCards": []}}
    message = still.api.patch(f"/price_plans/{made['id']}", without).refused(400)
    assert message.startswith("pricingRules[0].action.target: ")
    assert patched(without | {"pricingRules": []}) == []


def test_other_rules_of_an_active_plan_are_its_next_version(shop: Shop) -> None:
    shop.account()
    addon = shop.addon()
    plan = sold(shop, [rule(-5)], fixedFeeRateCards=[fee(addon, 50)])["id"]
    assert shop.invoice()["totalAmount"] == 45
    changed = shop.api.patch(f"/price_plans/{plan}", {"pricingRules": [rule(-10)]}).ok()
    (version,) = changed["pricingSchedule"]
    assert (version["version"], version["pricingRules"][0]["version"]) == (2, 2)
    assert shop.invoice()["totalAmount"] == 45  # who agreed on version 1 keeps its rules
    shop.account("zenith")
    shop.associate(plan, "zenith")
    assert shop.invoice(account="zenith")["totalAmount"] == 40
    bad = shop.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": {"fixedFeeRateCards": []}, "pricingRules": [
        rule(1, target=f"revenue.ff.{addon}")]})  # fmt: skip
    assert "pricingRules[0].action.target: " in bad.refused(400)


def test_a_draft_whose_rules_lack_a_card_says_so_and_is_not_finalised(still: Shop) -> None:
    addon, other = still.addon(), still.addon("Other")
    terms = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()}
    terms["fixedFeeRateCards"] = [fee(addon, 50, name="base"), fee(other, 5, name="other")]
    half = rule({"/": [{"var": f"revenue.ff.{addon}"}, 2]}, target=f"revenue.ff.{addon}")
    plan = still.api.post("/price_plans", {"name": "P", "pricePlanDetails": terms, "pricingRules": [half]}).ok()["id"]
    path = f"/v2/price_plans/{plan}"
    still.api.post(f"{path}/rate_cards", {"operations": [{"actionType": "DELETE", "rateCardName": "base"}]}).ok()
    errors = [one["errorMessage"] for one in still.api.get(f"{path}/errors").ok()["data"]]
    assert [error.partition(": ")[0] for error in errors] == [
        "pricingRules[0].computation",
        "pricingRules[0].action.target",
    ]
    assert still.api.post(f"{path}/finalize", {}).refused(400).startswith("pricingRules[0].computation: ")


def test_rules_on_licences_are_dated_like_all_rules_in_arrears(shop: Shop) -> None:
    shop.account()
    seats = shop.addon("Seats", kind="LICENSE")
    card = tiered("", (0, 30), id=seats, enableProration=False)
    del card["usageMeterId"]
    usage = f"usage.lic.{seats}"
    sold(shop, [rule({"-": [{"var": usage}, 2]}, target=usage)], licenseRateCards=[card])
    update = {"licenseId": seats, "accountId": "acme", "updateType": "ABSOLUTE", "quantity": 10}
    shop.api.post("/license_updates", update | {"effectiveFrom": "2026-01-01T00:00:00Z"}).ok()
    assert shop.invoice()["totalAmount"] == 240
    (series,) = shop.metric("REVENUE", "2026-01-01", "2026-02-01", "DAY", groupBy="BILLABLE_ID")
    found = zip(series["timestamps"], series["metricValues"], strict=True)
    assert {when[:10]: value for when, value in found if value} == {"2026-01-01": 300, "2026-01-31": -60}
    by_cycle = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01")
    assert [sum(one["metricValues"]) for one in by_cycle] == [240]
    told = explained(shop, seats)
    assert told["ruleUpdates"][0]["arithmetic"] == "usage 10 - 2 = 8: 300 - 60 = 240"
    assert [log["type"] for log in told["pricingRules"]] == ["CONDITION_TRUE"]


def test_an_account_cannot_agree_on_cards_that_leave_a_rule_behind(still: Shop) -> None:
    still.account()
    addon, other = still.addon(), still.addon("Other")
    cards = [fee(addon, 50), fee(other, 5)]
    details = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly(), "fixedFeeRateCards": cards}
    half = rule({"/": [{"var": f"revenue.ff.{addon}"}, 2]}, target=f"revenue.ff.{addon}")
    plan = still.api.post("/price_plans", {"name": "P", "pricePlanDetails": details, "pricingRules": [half]}).ok()["id"]
    still.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
    asked = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
    without = asked | {"pricePlanDetailsOverride": {"fixedFeeRateCards": [fee(other, 5)]}}
    message = still.api.post("/accounts/acme/price_plans", without).refused(400)
    assert message.startswith(
        "pricePlanDetailsOverride: leaves the plan's pricingRules[0].computation behind: unknown "
    )
    v2 = {"mode": "ASSOCIATE", "effectiveFrom": "2026-01-02", "effectiveUntil": "9999-01-01"}
    edits = {"edits": [v2 | {"associationConfig": {"pricePlanId": plan}}]}
    (piece,) = still.api.post("/v2/accounts/acme/edit_schedules", edits).ok()["pricingSchedules"]
    path = f"/v2/schedules/{piece['id']}"
    cards = still.api.get(f"{path}/rate_cards", mode="DRAFT").ok()["data"]
    (card,) = [one["name"] for one in cards if one["billableId"] == addon]
    still.api.post(f"{path}/rate_cards", {"operations": [{"actionType": "DELETE", "rateCardName": card}]}).ok()
    errors = still.api.get(f"{path}/errors").ok()["data"]
    assert [one["errorMessage"].partition(": ")[0] for one in errors] == [
        "pricingRules[0].computation",
        "pricingRules[0].action.target",
    ]
    assert "pricingRules[0].computation: " in still.api.post("/v2/accounts/acme/finalize_schedules", {}).refused(400)
    still.api.delete("/v2/accounts/acme/discard_schedules").ok()
    dearer = asked | {"pricePlanDetailsOverride": {"fixedFeeRateCards": [fee(addon, 70)]}}
    still.api.post("/accounts/acme/price_plans", dearer).ok()
    assert still.invoice()["totalAmount"] == 35
    (piece,) = still.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    assert [one["name"] for one in piece["pricingRules"]] == ["Rule 1"]


def test_every_problem_is_told_at_once_and_nothing_is_stored(still: Shop) -> None:
    terms = {"supportedCurrencies": ["USD"]}
    bad = [rule({"+": [1, {"var": "usage.urc.um.x"}]}), rule(True, 1, target="revenue.ff.x")]
    message = still.api.post("/price_plans", {"name": "P", "pricePlanDetails": terms, "pricingRules": bad}).refused(400)
    for path in ("[1].name", "[1].order", "[0].computation", "[1].computation", "[1].action.target"):
        assert f"pricingRules{path}: " in message
    assert still.api.get("/price_plans").ok()["data"] == []
    shapeless = {"name": "P", "pricePlanDetails": terms, "pricingRules": [{"name": "cheaper"}]}
    assert still.api.post("/price_plans", shapeless).refused(400).startswith("pricingRules[0]")
