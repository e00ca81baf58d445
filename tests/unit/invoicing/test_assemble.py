"""Bills to the cent: the walk of domain.md 9.0, the worked line of 7.4, and what each kind of line is for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallystick.credits.credit import EntityGroup
from tallystick.invoicing.assemble import advance_bill, arrears_bill, coverable_lines
from tallystick.invoicing.line import LineType
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import Money
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle
from tests.unit.credits.grants import open_credit, usd
from tests.unit.invoicing.terms import first, terms, values
from tests.unit.rating.cards import S, fee_card, usage_card

METER = "um.2AbcDefGhIk.0TkcT"
API_CALLS = usage_card(S("0", "PER_UNIT", "2"), S("100", "PER_UNIT", "1"), meter=METER, name="API calls")
WALK = """
{"usageInfo": [{"id": "um.2AbcDefGhIk.0TkcT", "description": "API calls", "type": "USAGE_METER_USAGE",
  "units": "USAGE_UNITS", "value": 150}],
 "revenueInfo": {"description": "Grand total", "type": "GRAND_TOTAL_AMOUNT", "units": "USD", "value": 170,
  "lineItems": [{"description": "Total", "type": "TOTAL_AMOUNT", "units": "USD", "value": 170, "lineItems": [
   {"description": "Net amount", "type": "NET_AMOUNT", "units": "USD", "value": 170, "lineItems": [
    {"description": "Gross amount", "type": "GROSS_AMOUNT", "units": "USD", "value": 250, "lineItems": [
     {"description": "Pay as you go", "type": "PRICE_PLAN_AMOUNT", "units": "USD", "value": 250, "lineItems": [
      {"description": "Sub total", "type": "SUB_TOTAL_AMOUNT", "units": "USD", "value": 250, "lineItems": [
       {"id": "um.2AbcDefGhIk.0TkcT", "description": "API calls", "type": "USAGE_RATE_CARD_AMOUNT",
        "quantity": 150, "units": "USD", "value": 250, "lineItems": [
        {"description": "Slab 1", "type": "USAGE_RATE_CARD_SLAB_AMOUNT", "quantity": 100,
         "valuePerQuantity": 2, "units": "USD", "value": 200},
        {"description": "Slab 2", "type": "USAGE_RATE_CARD_SLAB_AMOUNT", "quantity": 50,
         "valuePerQuantity": 1, "units": "USD", "value": 50}]}]}]}]},
    {"description": "Credits", "type": "TOTAL_CREDITS", "units": "USD", "value": -80, "lineItems": [
     {"id": "cred.2AbcDefGhIp.om5kC", "description": "Welcome", "type": "SUB_CREDITS", "units": "USD",
      "value": -80}]}]}]}]}}
"""


def read(value: object) -> Any:  # noqa: ANN401 - JSON
    """The JSON that a value is written as, every number exactly as its digits stand."""
    return json.loads(encode(value), parse_float=str, parse_int=str)


def test_the_walk_of_the_reference_150_calls_make_250_less_80_of_credit() -> None:
    bill = arrears_bill(terms(API_CALLS), {METER: Decimal(150)}, [open_credit("cred.2AbcDefGhIp.om5kC", "80")])
    expected = json.loads(WALK, parse_float=str, parse_int=str)
    assert read(bill.usage_info) == expected["usageInfo"]
    assert read(bill.revenue_info) == expected["revenueInfo"]
    assert (bill.gross, bill.total) == (usd("250"), usd("170"))
    assert [(burn.credit.id, burn.amount) for burn in bill.burns] == [("cred.2AbcDefGhIp.om5kC", usd("80"))]


def test_the_worked_line_of_the_reference_tops_300_up_to_the_commitment_of_400() -> None:
    agreed = terms(API_CALLS, fee_card("50", name="Platform"), commitment="400")
    bill = arrears_bill(agreed, {METER: Decimal(150)}, [open_credit("cred.1", "80")])
    found = values(bill.revenue_info)
    assert found[LineType.USAGE_RATE_CARD_AMOUNT] == [250]
    assert found[LineType.FIXED_FEE_RATE_CARD_AMOUNT] == [50]
    assert found[LineType.SUB_TOTAL_AMOUNT] == [300]
    assert found[LineType.TRUE_UP_AMOUNT] == [100]
    assert found[LineType.PRICE_PLAN_AMOUNT] == found[LineType.GROSS_AMOUNT] == [400]
    assert found[LineType.TOTAL_CREDITS] == found[LineType.SUB_CREDITS] == [-80]
    assert found[LineType.NET_AMOUNT] == found[LineType.TOTAL_AMOUNT] == [320]
    assert found[LineType.GRAND_TOTAL_AMOUNT] == [320]


def test_case_g10_a_full_march_is_topped_up_by_9890() -> None:
    card = usage_card(S("0", "PER_UNIT", "1"), meter=METER)
    agreed = terms(card, fee_card("100.00"), commitment="10000.00")
    assert values(arrears_bill(agreed, {METER: Decimal(10)}, []).revenue_info)[LineType.TRUE_UP_AMOUNT] == [9890]
    # Its February is prorated there (652.76); here a commitment is due in full in a short cycle (domain.md 4.7).


def test_a_commitment_that_is_met_leaves_a_true_up_of_zero() -> None:
    bill = arrears_bill(terms(API_CALLS, commitment="249.99"), {METER: Decimal(150)}, [])
    assert values(bill.revenue_info)[LineType.TRUE_UP_AMOUNT] == [0]
    assert bill.total == usd("250")


def test_fifty_a_month_joined_on_the_16th_of_september_is_25() -> None:
    september = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    joined = Cycle(Period(datetime(2026, 9, 16, tzinfo=UTC), september.end), september)
    bill = arrears_bill(terms(fee_card("50", prorated=True, name="Platform"), cycle=joined), {}, [])
    assert bill.total == usd("25")
    line = first(bill.revenue_info, LineType.FIXED_FEE_RATE_CARD_AMOUNT)
    assert read(line) == {
        "id": "addon.fee",
        "description": "Platform",
        "type": "FIXED_FEE_RATE_CARD_AMOUNT",
        "units": "USD",
        "value": "25",
        "metadata": {"rate": "50", "days": "15", "cycleDays": "30"},
    }


def test_an_amount_in_yen_is_whole_and_halves_round_up() -> None:
    card = usage_card(S("0", "PER_UNIT", "0.5"), meter=METER, currency="JPY")
    bill = arrears_bill(terms(card, currency="JPY"), {METER: Decimal(2001)}, [])  # 1000.5 yen, case G25
    assert bill.total == Money(Decimal(1001), "JPY")


def test_each_leaf_is_rounded_by_itself_and_parents_add_the_rounded_leaves_up() -> None:
    slabs = (S("0", "PER_UNIT", "0.005"), S("1", "PER_UNIT", "0.005"), S("2", "PER_UNIT", "0.005"))
    bill = arrears_bill(terms(usage_card(*slabs, meter=METER)), {METER: Decimal(3)}, [])
    found = values(bill.revenue_info)
    assert found[LineType.USAGE_RATE_CARD_SLAB_AMOUNT] == [Decimal("0.01")] * 3
    assert bill.total == usd("0.03")  # 0.015 in one piece would have come to 0.02


@pytest.mark.parametrize(
    ("usage", "adjustment", "total", "metadata"),
    [
        ("0", "400", "400", {"minimumRate": "400"}),
        ("399.99", "0.01", "400", {"minimumRate": "400"}),
        ("450", "0", "450", None),
        ("700", "-200", "500", {"maximumRate": "500"}),
    ],
)
def test_the_limits_of_a_card_add_an_adjustment_also_at_zero_usage(
    usage: str, adjustment: str, total: str, metadata: dict[str, str] | None
) -> None:
    card = usage_card(S("0", "PER_UNIT", "1"), meter=METER, low="400", high="500")
    bill = arrears_bill(terms(card), {METER: Decimal(usage)}, [])
    assert bill.total == usd(total)
    line = first(bill.revenue_info, LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT)
    assert line.value == Decimal(adjustment)
    assert read(line).get("metadata") == metadata


def test_limits_and_commitments_are_rounded_before_anything_is_computed_from_them() -> None:
    card = usage_card(S("0", "PER_UNIT", "0.004"), meter=METER, low="1.005")
    found = values(arrears_bill(terms(card, commitment="2.015"), {METER: Decimal(1)}, []).revenue_info)
    assert found[LineType.USAGE_RATE_CARD_SLAB_AMOUNT] == [0]
    assert found[LineType.RATE_CONFIG_ADJUSTMENT_AMOUNT] == [Decimal("1.01")]
    assert found[LineType.TRUE_UP_AMOUNT] == [Decimal("1.01")]


def test_a_line_that_is_not_quantity_times_rate_says_how_it_comes_about() -> None:
    card = usage_card(
        S("0", "PER_UNIT", "0.5", low="25"),
        S("10", "FLAT", "20"),
        S("20", "PACKAGE", "3", size="40", high="5"),
        meter=METER,
    )
    bill = arrears_bill(terms(card), {METER: Decimal("70.5")}, [])
    lines = read(first(bill.revenue_info, LineType.USAGE_RATE_CARD_AMOUNT))["lineItems"]
    assert [(line["value"], line.get("valuePerQuantity"), line["quantity"]) for line in lines] == [
        ("25", "0.5", "10"),
        ("20", None, "10"),
        ("5", None, "50.5"),
    ]
    assert [line["metadata"] for line in lines] == [
        {"priceType": "PER_UNIT", "rate": "0.5", "minimumRate": "25"},
        {"priceType": "FLAT", "rate": "20"},
        {"priceType": "PACKAGE", "rate": "3", "packageSize": "40", "packages": "2", "maximumRate": "5"},
    ]


def test_cards_with_one_tag_are_gathered_where_the_first_of_them_stood() -> None:
    cards = (
        usage_card(S("0", "PER_UNIT", "1"), meter="um.a", tag="compute"),
        usage_card(S("0", "PER_UNIT", "1"), meter="um.b"),
        usage_card(S("0", "PER_UNIT", "1"), meter="um.c", tag="compute"),
        fee_card("7", addon="addon.support", tag="people"),
        fee_card("5", tag="compute"),
    )
    bill = arrears_bill(terms(*cards), {"um.a": Decimal(1), "um.b": Decimal(2), "um.c": Decimal(3)}, [])
    sub_total = first(bill.revenue_info, LineType.SUB_TOTAL_AMOUNT)
    assert [(line.type, line.description, line.value) for line in sub_total.line_items] == [
        (LineType.CUSTOM_TAG, "compute", 9),
        (LineType.USAGE_RATE_CARD_AMOUNT, "um.b", 2),
        (LineType.CUSTOM_TAG, "people", 7),
    ]
    assert [line.id for line in sub_total.line_items[0].line_items] == ["um.a", "um.c", "addon.fee"]


def test_a_bill_in_advance_takes_the_fees_in_advance_and_nothing_else() -> None:
    cards = (
        API_CALLS,
        fee_card("50", name="Platform"),
        fee_card("30", addon="addon.seat", timing="IN_ADVANCE", name="Seat"),
    )
    agreed = terms(*cards, commitment="400")
    bill = advance_bill(agreed, [open_credit("cred.1", "10", applies=["addon.seat"])])
    assert bill.usage_info == ()
    assert values(bill.revenue_info) == {
        LineType.GRAND_TOTAL_AMOUNT: [20],
        LineType.TOTAL_AMOUNT: [20],
        LineType.NET_AMOUNT: [20],
        LineType.GROSS_AMOUNT: [30],
        LineType.TOTAL_ADVANCED_FEES: [30],
        LineType.ADVANCED_FIXED_FEE: [30],
        LineType.TOTAL_CREDITS: [-10],
        LineType.SUB_CREDITS: [-10],
    }
    arrears = values(arrears_bill(agreed, {}, []).revenue_info)
    assert arrears[LineType.FIXED_FEE_RATE_CARD_AMOUNT] == [50]
    assert LineType.TOTAL_ADVANCED_FEES not in arrears


def test_a_fee_stands_only_on_the_bills_of_its_turn() -> None:
    card = fee_card("50", interval=2)
    totals = [arrears_bill(terms(card, ordinal=ordinal), {}, []).total for ordinal in range(4)]
    assert totals == [usd("0"), usd("50"), usd("0"), usd("50")]


def test_nothing_used_keeps_every_line_at_zero() -> None:
    bill = arrears_bill(terms(API_CALLS), {}, [open_credit("cred.1", "80")])
    assert bill.total == usd("0")
    assert bill.burns == ()
    assert [line.value for line in bill.usage_info] == [0]
    assert values(bill.revenue_info)[LineType.USAGE_RATE_CARD_SLAB_AMOUNT] == [0, 0]


def test_a_plan_without_cards_comes_to_nothing() -> None:
    bill = arrears_bill(terms(), {}, [])
    assert (bill.total, bill.usage_info) == (usd("0"), ())
    assert values(bill.revenue_info)[LineType.SUB_TOTAL_AMOUNT] == [0]


def test_a_discount_may_bring_the_total_below_zero_and_burns_no_credit() -> None:
    bill = arrears_bill(terms(fee_card("-20")), {}, [open_credit("cred.1", "80")])
    assert (bill.total, bill.burns) == (usd("-20"), ())


def test_credits_count_by_the_local_day_on_which_the_period_ends() -> None:
    period = Period(datetime(2025, 12, 31, 18, 30, tzinfo=UTC), datetime(2026, 1, 31, 18, 30, tzinfo=UTC))
    agreed = terms(fee_card("50"), cycle=Cycle(period, period))
    until_february = open_credit("cred.1", "80", until="2026-02-01")
    from_february = open_credit("cred.2", "80", since="2026-02-01")
    local = replace(agreed, zone=ZoneInfo("Asia/Kolkata"))
    assert [burn.credit.id for burn in arrears_bill(local, {}, [until_february, from_february]).burns] == ["cred.1"]


def test_what_the_ledger_cannot_hold_is_not_billed() -> None:
    card = usage_card(S("0", "PER_UNIT", "10000000000000"), meter=METER)
    with pytest.raises(BillingError, match="the most that can be billed is") as caught:
        arrears_bill(terms(card), {METER: Decimal(2)}, [])
    assert caught.value.kind is Kind.UNPROCESSABLE


def test_credits_may_pay_whole_cards_fees_and_a_true_up_of_everything_that_is_billed() -> None:
    tagged = fee_card("50", tag="platform")
    bill = arrears_bill(terms(API_CALLS, tagged, commitment="400"), {METER: Decimal(150)}, [])
    assert [(line.billable_id, line.group, line.amount) for line in coverable_lines(bill.revenue_info)] == [
        (METER, EntityGroup.ALL_USAGE_METER_RATE_CARDS, usd("250")),
        ("addon.fee", EntityGroup.ALL_FIXED_FEE_RATE_CARDS, usd("50")),
        (None, None, usd("100")),
    ]
