"""The lines of pricing rules on whole bills; figures were calculated by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from tallystick.invoicing.assemble import advance_bill, arrears_bill, change_bill
from tallystick.invoicing.line import LineType
from tallystick.invoicing.rule_log import logs_of
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle
from tests.unit.catalog.pricing_rules import TOTAL, rule, var
from tests.unit.credits.grants import open_credit
from tests.unit.invoicing.terms import first, terms, values
from tests.unit.rating.cards import S, fee_card, licence_card, usage_card
from tests.unit.rating.held import seats

CALLS = usage_card(S("0", "PER_UNIT", "0.02"), meter="um.calls", name="Calls")
SEATS = licence_card(S("0", "PER_UNIT", "30"), addon="addon.seat", prorated=False)
FEE = fee_card("50", addon="addon.fee", prorated=True, name="Platform")
USAGE, REVENUE, FEES = "usage.urc.um.calls", "revenue.urc.um.calls", "revenue.ff.addon.fee"
HELD, SOLD = "usage.lic.addon.seat", "revenue.lic.addon.seat"

UPDATES = (LineType.PRICING_RULE_REVENUE_UPDATE_AMOUNT, LineType.PRICING_RULE_USAGE_UPDATE_AMOUNT)
ADDED = LineType.PRICING_RULE_ADDITION_AMOUNT


def test_each_licence_brings_a_thousand_minutes_for_free() -> None:
    bundle = rule(
        {"-": [{"min": [{"*": [var(HELD), 1000, 0.02]}, var(REVENUE)]}]}, when={">": [var(USAGE), 0]}, name="Bundle"
    )
    for number, free, total in ((3, -50, 90), (2, -40, 70)):  # 2,500 calls are 50; 3 seats bring 60, 2 bring 40
        held = {"addon.seat": seats(("2025-12-01", str(number)))}
        bill = arrears_bill(terms(CALLS, SEATS, rules=[bundle], licences=held), {"um.calls": Decimal(2500)}, [])
        assert values(bill.revenue_info)[ADDED] == [free]
        assert bill.total.amount == total


def test_five_seats_for_free_are_priced_again() -> None:
    held = {"addon.seat": seats(("2025-12-01", "15"))}
    free = rule({"max": [0, {"-": [var(HELD), 5]}]}, target=HELD)
    bill = arrears_bill(terms(SEATS, rules=[free], licences=held), {}, [])
    line = first(bill.revenue_info, LineType.LICENSE_RATE_CARD_AMOUNT)
    assert (line.value, line.quantity) == (300, 10)  # 450 for 15
    assert [(one.type, one.value, one.quantity) for one in line.line_items[1:]] == [(UPDATES[1], -150, -5)]


def test_a_prorated_fee_keeps_its_days_below_the_line_that_a_rule_changed() -> None:
    september = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC))
    joined = Cycle(Period(datetime(2026, 9, 16, tzinfo=UTC), september.end), september)
    bill = arrears_bill(terms(FEE, cycle=joined, rules=[rule({"*": [var(FEES), 0.1]}, target=FEES)]), {}, [])
    line = first(bill.revenue_info, LineType.FIXED_FEE_RATE_CARD_AMOUNT)
    assert (line.id, line.value, line.explanation) == ("addon.fee", Decimal("2.5"), None)
    kept, update = line.line_items
    assert (kept.type, kept.id, kept.value) == (LineType.PROXY_AMOUNT, None, 25)
    assert kept.explanation is not None
    assert (kept.explanation.rate, kept.explanation.days, kept.explanation.cycle_days) == (50, 15, 30)
    assert (update.type, update.value) == (UPDATES[0], Decimal("-22.5"))


def test_a_rule_that_moves_nothing_has_no_line_but_one_that_adds_nothing_has() -> None:
    idle = [rule(var(FEES), target=FEES), rule(50, target=FEES, order=2), rule(1, when=False, order=3)]
    bare = arrears_bill(terms(FEE), {}, [])
    assert arrears_bill(terms(FEE, rules=idle), {}, []).revenue_info == bare.revenue_info
    bill = arrears_bill(terms(FEE, rules=[rule(0)]), {}, [])
    assert values(bill.revenue_info)[ADDED] == [0]


def test_usage_that_moves_within_a_flat_price_has_a_line_of_nothing() -> None:
    flat = usage_card(S("0", "FLAT", "20"), meter="um.calls")
    bill = arrears_bill(terms(flat, rules=[rule({"*": [var(USAGE), 2]}, target=USAGE)]), {"um.calls": Decimal(7)}, [])
    update = first(bill.revenue_info, UPDATES[1])
    assert (update.value, update.quantity) == (0, 7)
    assert first(bill.revenue_info, LineType.USAGE_RATE_CARD_AMOUNT).quantity == 14
    assert [line.value for line in bill.usage_info] == [7]  # what was measured stays


def test_a_card_is_priced_again_with_its_limits() -> None:
    least = usage_card(S("0", "PER_UNIT", "1"), meter="um.calls", low="25.005")
    bill = arrears_bill(terms(least, rules=[rule(10, target=USAGE)]), {"um.calls": Decimal(100)}, [])
    assert first(bill.revenue_info, UPDATES[1]).value == Decimal("-74.99")  # 100 less the minimum of 25.01
    assert bill.total.amount == Decimal("25.01")


def test_an_amount_that_cannot_be_billed_is_an_error_of_the_rule_and_not_of_the_bill() -> None:
    bill = arrears_bill(terms(FEE, rules=[rule("1e20"), rule(1, order=2)]), {}, [])
    assert values(bill.revenue_info)[ADDED] == [1]
    failed, _ = logs_of("inv.x.y", bill.rule_steps)
    assert failed.type == "COMPUTATION_ERROR"
    assert "the most that can be billed is" in (failed.changes.error_message or "")


def test_yen_are_whole_also_in_what_rules_make() -> None:
    fee = fee_card("1000", currency="JPY")
    third = rule({"*": [var(TOTAL), 0.3335]}, line="third")
    bill = arrears_bill(terms(fee, currency="JPY", rules=[third]), {}, [])
    assert values(bill.revenue_info)[ADDED] == [334]


def test_a_bill_in_advance_without_cards_gets_no_lines_from_rules() -> None:
    once = fee_card("90", addon="addon.setup", timing="IN_ADVANCE", kind="ONE_TIME")
    agreed = terms(once, rules=[rule(5, timing="IN_ADVANCE")])
    assert advance_bill(agreed, []).total.amount == 95
    assert advance_bill(terms(once, ordinal=1, rules=agreed.rules), []).total.amount == 0


def test_a_general_credit_pays_what_rules_add_before_the_true_up() -> None:
    agreed = terms(fee_card("50"), commitment="100", rules=[rule(20)])
    (burn,) = arrears_bill(agreed, {}, [open_credit("cred.1", "80")]).burns
    assert [(cover.line.billable_id, cover.amount.amount) for cover in burn.covers] == [
        ("addon.fee", 50),
        ("pp_rule.1", 20),
        (None, 10),
    ]


def test_rules_in_advance_change_licences_in_advance_and_not_the_bills_of_their_changes() -> None:
    ahead = licence_card(S("0", "PER_UNIT", "30"), addon="addon.seat", prorated=False, timing="IN_ADVANCE")
    held = {"addon.seat": seats(("2025-12-01", "15"), ("2026-01-10", "5"))}
    half = rule({"*": [var(SOLD), 0.5]}, target=SOLD, timing="IN_ADVANCE")
    fewer = rule({"-": [var(HELD), 5]}, target=HELD, timing="IN_ADVANCE", order=2)
    agreed = terms(ahead, rules=[half, fewer], licences=held)
    line = first(advance_bill(agreed, []).revenue_info, LineType.ADVANCED_LICENSE_RATE_CARD_AMOUNT)
    # 15 seats are 450, half of them 225, less 5 at 30 are 75
    assert ([one.value for one in line.line_items], line.value, line.quantity) == ([450, -225, -150], 75, 10)
    day = Period(datetime(2026, 1, 10, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC))
    changed = change_bill(agreed, day, [])
    assert (changed.total.amount, changed.rule_steps) == (150, ())
