"""Pricing rules as callers write them, and as they take the place of those before (domain.md 4.8)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import msgspec
import pytest

from tallystick.catalog.pricing_rule import (
    LONGEST_RULE,
    MOST_RULES,
    PricingRule,
    PricingRuleDraft,
    PricingRuleDrafts,
    RuleActionType,
    RuleTiming,
    of_timing,
    rules_of,
)
from tallystick.kernel.document import decode, encode
from tests.unit.catalog.pricing_rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN = '{"name":"Bundle","order":1,"computation":"1","action":{"type":"ADD"}%s}'


def draft(more: str = "") -> PricingRuleDraft:
    return decode(PLAIN % more, PricingRuleDraft)


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"pp_rule.{next(numbers)}"


def test_a_rule_is_of_arrears_unless_it_says_otherwise() -> None:
    assert draft().invoice_timing is RuleTiming.IN_ARREARS
    assert draft(', "invoiceTiming": "IN_ADVANCE"').invoice_timing is RuleTiming.IN_ADVANCE


def test_a_rule_is_written_with_its_timing_and_without_what_it_lacks() -> None:
    (kept,) = rules_of([draft()], (), ids())
    assert msgspec.json.decode(encode(kept)) == {
        "id": "pp_rule.1",
        "name": "Bundle",
        "version": 1,
        "invoiceTiming": "IN_ARREARS",
        "order": 1,
        "computation": "1",
        "action": {"type": "ADD"},
    }


@pytest.mark.parametrize(
    ("rule_text", "said"),
    [
        (PLAIN % ', "priority": 1', "unknown field `priority`"),
        (PLAIN % ', "invoiceTiming": "PREPAID"', "PREPAID"),
        (PLAIN.replace('"order":1', '"order":0') % "", "`int` >= 1"),
        (PLAIN.replace('"order":1', '"order":2147483648') % "", "`int` <= 2147483647"),
        (PLAIN.replace('"order":1', '"order":1.5') % "", "Expected `int`"),
        (PLAIN.replace('"name":"Bundle",', "") % "", "missing required field `name`"),
        (PLAIN.replace('"Bundle"', '""') % "", "length >= 1"),
        (PLAIN.replace('"computation":"1",', "") % "", "missing required field `computation`"),
        (PLAIN.replace('"computation":"1"', '"computation":1') % "", "Expected `str`"),
        (PLAIN.replace(',"action":{"type":"ADD"}', "") % "", "missing required field `action`"),
        (PLAIN.replace('"ADD"', '"REPLACE"') % "", "REPLACE"),
        (PLAIN.replace('"ADD"', '"ADD","value":1') % "", "unknown field `value`"),
        (PLAIN.replace('"ADD"', '"ADD","metadata":{"a":1}') % "", "Expected `str`"),
        (PLAIN.replace('"1"', '"' + "1" * (LONGEST_RULE + 1) + '"') % "", f"length <= {LONGEST_RULE}"),
    ],
)
def test_what_is_no_rule_by_its_shape_is_refused(rule_text: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        decode(rule_text, PricingRuleDraft)


def test_a_plan_has_a_hundred_rules_at_most() -> None:
    assert len(decode(encode([draft()] * MOST_RULES), PricingRuleDrafts)) == 100
    with pytest.raises(msgspec.ValidationError, match="length <= 100"):
        decode(encode([draft()] * (MOST_RULES + 1)), PricingRuleDrafts)


def test_a_rule_that_keeps_its_name_keeps_its_id_and_counts_its_changes() -> None:
    mint = ids()
    first = rules_of([draft(), msgspec.structs.replace(draft(), name="Other", order=2)], (), mint)
    again = rules_of([draft(), msgspec.structs.replace(draft(), name="New", order=2)], first, mint)
    assert [(one.id, one.version) for one in again] == [("pp_rule.1", 1), ("pp_rule.3", 1)]
    changed = rules_of([msgspec.structs.replace(draft(), computation="2")], again, mint)
    assert [(one.id, one.version, one.computation) for one in changed] == [("pp_rule.1", 2, "2")]


def test_rules_run_by_their_order_wherever_they_stand() -> None:
    rules = [rule(1, order=9), rule(1, order=3, timing="IN_ADVANCE"), rule(1, order=2), rule(1, order=11)]
    assert [one.order for one in of_timing(rules, RuleTiming.IN_ARREARS)] == [2, 9, 11]
    assert [one.order for one in of_timing(rules, RuleTiming.IN_ADVANCE)] == [3]


def test_a_line_is_called_by_its_action_else_by_its_rule() -> None:
    bare, told = rule(1), rule(1, line="discount", description="Loyalty discount")
    assert (bare.line_id, bare.description) == ("pp_rule.1", "Rule 1 IN_ARREARS")
    assert (told.line_id, told.description) == ("discount", "Loyalty discount")


def test_a_stored_rule_is_read_back_as_it_was() -> None:
    kept = rule(1, when=True, line="a", description="b", metadata={"ledger": "4711"})
    assert decode(encode(kept), PricingRule) == kept
    assert kept.action.type is RuleActionType.ADD
