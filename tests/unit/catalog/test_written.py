"""How things are written down: names instead of ids, rules as JSON, nothing that one server alone knows."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tallystick.catalog.references import in_writing, server_keys, with_ids, with_names
from tallystick.catalog.written import (
    Kind,
    WrittenFeature,
    WrittenMeter,
    WrittenPlan,
    WrittenSchema,
    plain_tree,
    tree_of,
    with_rule_texts,
)
from tallystick.kernel.document import Draft, decode
from tallystick.kernel.errors import Problem

Json = dict[str, Any]

METER = {"name": "Calls", "status": "DRAFT", "type": "COUNTER", "aggregation": "SUM"}


def tree(kind: type[Draft], **fields: object) -> Json:
    return tree_of(decode(json.dumps(with_rule_texts(fields)), kind))


def computation(text: str) -> object:
    """A rule that is kept as this text, as it is written down."""
    made = decode(json.dumps(METER | {"computations": [{"computation": text}]}), WrittenMeter)
    return tree_of(made)["computations"][0]["computation"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"var": "attributes.calls"}', {"var": "attributes.calls"}),
        ('{"*":[{"var":"attributes.calls"},0.40]}', {"*": [{"var": "attributes.calls"}, Decimal("0.40")]}),
        ("1", 1),
        ("1e3", 1000),
        ("123456789012345678901234567890.123", Decimal("123456789012345678901234567890.123")),
        ('"7"', '"7"'),
        ("null", "null"),
    ],
)
def test_a_rule_is_json_unless_a_text_would_be_taken_for_another_rule(text: str, rule: object) -> None:
    assert computation(text) == rule
    assert str(computation(text)) == str(rule), "to the digit"


def test_a_computation_gets_its_order_as_it_does_when_it_is_stored() -> None:
    made = tree(WrittenMeter, **METER, computations=[{"computation": {"var": "a"}}, {"computation": 1, "order": 9}])
    assert [one["order"] for one in made["computations"]] == [1, 9]


def test_what_is_empty_or_as_usual_is_left_out_and_the_name_comes_first() -> None:
    made = tree(WrittenMeter, **METER, description="", billableName=None, filters=[])
    assert list(made.items()) == list(METER.items())
    assert tree(WrittenFeature, name="F", schemaAssociations=[]) == {"name": "F"}


def test_the_rules_of_enrichments_are_json_and_other_values_are_not() -> None:
    field = {"name": "km", "type": "ATTRIBUTE", "order": 1}
    rule = {"*": [{"var": "attributes.miles"}, 2]}
    fields = [
        field | {"enrichmentType": "JSON_LOGIC", "value": rule},
        field | {"enrichmentType": "VALUE", "value": "12.50"},
    ]
    schema = {"name": "s", "status": "DRAFT", "attributes": [], "dimensions": []}
    made = tree(WrittenSchema, **schema, enrichments={"fields": fields})
    assert [one["value"] for one in made["enrichments"]["fields"]] == [rule, "12.50"]


def test_metadata_is_no_rule_whatever_it_is_called() -> None:
    thing = {"pricingRules": [{"computation": [1], "action": {"metadata": {"condition": "5", "computation": "x"}}}]}
    assert with_rule_texts(json.loads(json.dumps(thing)))["pricingRules"] == [
        thing["pricingRules"][0] | {"computation": "[1]"}
    ]


@pytest.mark.parametrize("body", [{}, {"computations": 1}, {"computations": [1]}, {"enrichments": {"fields": {}}}])
def test_things_of_any_shape_are_looked_through(body: Json) -> None:
    assert with_rule_texts(body) == body


def test_an_active_plan_is_active_in_all_its_currencies_unless_it_says_in_which() -> None:
    details = {"supportedCurrencies": ["USD", "EUR"]}
    assert tree(WrittenPlan, name="P", status="ACTIVE", pricePlanDetails=details)["activeCurrencies"] == ["USD", "EUR"]
    some = tree(WrittenPlan, name="P", status="ACTIVE", pricePlanDetails=details, activeCurrencies=["EUR"])
    assert some["activeCurrencies"] == ["EUR"]
    assert "activeCurrencies" not in tree(WrittenPlan, name="P", status="DRAFT", pricePlanDetails=details)


def test_numbers_are_plain() -> None:
    numbers = [Decimal("1E+3"), Decimal("1.50"), Decimal("1E-7"), Decimal("-0.0"), 7, True]
    assert list(map(str, plain_tree(numbers))) == ["1000", "1.50", "1E-7", "-0.0", "7", "True"]


PLAN: Json = {
    "name": "P",
    "pricePlanDetails": {
        "usageRateCards": [{"usageMeter": "API calls", "tag": "a"}],
        "fixedFeeRateCards": [{"addOn": "Base. fee", "rateValues": []}],
        "billingEntitlementRateCards": [{"feature": "Exports"}],
    },
    "pricingRules": [
        {
            "name": "R",
            "condition": {">": [{"var": "revenue.rate_card_total"}, {"var": ["usage.urc.API calls", 0]}]},
            "computation": {"+": [{"var": "revenue.ff.Base. fee"}, {"var": "revenue.tag.a"}, "usage.urc.API calls"]},
            "action": {"type": "UPDATE", "target": "revenue.ber.Exports"},
        }
    ],
}
NAMES = {
    (Kind.USAGE_METER, "API calls"): "um.1",
    (Kind.ADD_ON, "Base. fee"): "addon.1",
    (Kind.FEATURE, "Exports"): "feature.1",
}
IDS = {(kind, thing): name for (kind, name), thing in NAMES.items()}


def test_a_plan_with_ids_and_back() -> None:
    wire = with_ids(PLAN, lambda kind, name, _path: NAMES[kind, name])
    assert wire["pricePlanDetails"] == {
        "usageRateCards": [{"usageMeterId": "um.1", "tag": "a"}],
        "fixedFeeRateCards": [{"id": "addon.1", "rateValues": []}],
        "billingEntitlementRateCards": [{"featureId": "feature.1"}],
    }
    (rule,) = wire["pricingRules"]
    assert rule["condition"] == {">": [{"var": "revenue.rate_card_total"}, {"var": ["usage.urc.um.1", 0]}]}
    assert rule["computation"] == {
        "+": [{"var": "revenue.ff.addon.1"}, {"var": "revenue.tag.a"}, "usage.urc.API calls"]
    }
    assert rule["action"]["target"] == "revenue.ber.feature.1"
    assert with_names(wire, lambda kind, thing, _path: IDS[kind, thing]) == PLAN


def test_where_a_reference_stands() -> None:
    places: dict[str, str] = {}

    def note(_kind: Kind, name: str, path: str) -> str:
        places.setdefault(name, path)
        return name

    with_ids(PLAN, note)
    assert places == {
        "API calls": "pricePlanDetails.usageRateCards[0].usageMeter",
        "Base. fee": "pricePlanDetails.fixedFeeRateCards[0].addOn",
        "Exports": "pricePlanDetails.billingEntitlementRateCards[0].feature",
    }


@pytest.mark.parametrize(
    "plan",
    [
        {"pricePlanDetails": 1},
        {"pricePlanDetails": {"usageRateCards": [1, {"tag": 5}, {"usageMeter": "x"}], "fixedFeeRateCards": {}}},
        {"pricingRules": [1, {"computation": {"var": 1}, "action": 2}]},
    ],
)
def test_plans_of_any_shape_are_looked_through(plan: Json) -> None:
    wire = json.loads(json.dumps(plan).replace('"usageMeter"', '"usageMeterId"'))
    assert with_ids(plan, lambda _kind, name, _path: name) == wire


def test_ids_of_a_server_are_refused() -> None:
    plan = {"pricePlanDetails": {"usageRateCards": [{"usageMeterId": "um.1"}], "fixedFeeRateCards": [{"id": "x"}]}}
    assert [str(problem) for problem in server_keys(plan)] == [
        (
            "pricePlanDetails.usageRateCards[0].usageMeterId: is known to one server only: name the usage meter under"
            " 'usageMeter'"
        ),
        "pricePlanDetails.fixedFeeRateCards[0].id: is known to one server only: name the add-on under 'addOn'",
    ]


def test_problems_are_told_of_what_is_written() -> None:
    path = "pricePlanDetails.fixedFeeRateCards[1]"
    assert in_writing(Problem(f"{path}.id", "is not right")).path == f"{path}.addOn"
    assert in_writing(Problem(path, "required field 'id' is missing")).reason == "required field 'addOn' is missing"
    other = Problem("pricingRules[0].action.id", "required field 'id' is missing")
    assert in_writing(other) == other
