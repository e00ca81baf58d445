"""Rules made to use up time or memory: refused when they are created, or stopped for the one event (F-75)."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import pytest

from tallystick.logic import EvaluationError, evaluate, parse
from tallystick.logic.compile import compiled
from tallystick.metering.event_data import EventData
from tests.operations.shop import Shop, event, monthly, tiered

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

SOON_S: Final = 0.05
"""Of one thread's time, the best of five."""

TWENTY: Final = json.dumps([1] * 20).replace(" ", "")
ITSELF: Final = '{"var":"accumulator"}'


def deep(levels: int) -> str:
    return '{"!":' * levels + "1" + "}" * levels


REFUSED: Final = {
    "1,000 levels": deep(1_000),
    "41 levels": deep(41),
    "10,000 values": json.dumps({"+": [1] * 10_000}),
    "a long rule": json.dumps({"+": ["1" * 2_000, 1]}),
    "a huge exponent": '{"*":[{"var":"attributes.calls"},1e999999999]}',
    "a number of 5,000 digits": f'{{"+":[{{"var":"attributes.calls"}},{"9" * 5_000}]}}',
    "a class": '{"var":"__class__"}',
    "a class of a class": '{"var":"attributes.__class__.__mro__"}',
    "an initialiser": '{"var":"attributes.calls.__init__.__globals__"}',
    "a long path": json.dumps({"var": "a." * 150 + "a"}),
    "a name made while it runs": '{"var":{"cat":["attributes.","calls"]}}',
    "an unknown operator": '{"__import__":["os"]}',
    "another one": '{"pow":[10,1000000]}',
    "a log": '{"log":{"var":"attributes.calls"}}',
    "a division by zero": '{"/":[{"var":"attributes.calls"},0]}',
    "NaN": "NaN",
    "a text": '"os.system"',
    "no operator": "{}",
    "two operators": '{"+":[1,2],"-":[1,2]}',
    "a repeated operator": '{"+":[1,2],"+":[3,4]}',
    "half of a character": r'{"cat":["\ud800"]}',
}

STOPPED: Final = {
    "a product with itself": f'{{"reduce":[{TWENTY},{{"*":[{ITSELF},{ITSELF}]}},{{"var":"attributes.calls"}}]}}',
    "loops in loops": f'{{"reduce":[{TWENTY},{{"+":[1,{{"reduce":[{TWENTY},{{"+":[1,{{"reduce":[{TWENTY},'
    f'{{"+":[1,{{"reduce":[{TWENTY},{{"+":[1,1]}},0]}}]}},0]}}]}},0]}}]}},0]}}',
    "a list of lists": f'{{"reduce":[{{"reduce":[{TWENTY},{{"merge":[{ITSELF},{ITSELF}]}},[1,1]]}},{ITSELF},0]}}',
    "a division by what comes": '{"/":[1,{"-":[{"var":"attributes.calls"},{"var":"attributes.calls"}]}]}',
}
LONG_TEXT: Final = f'{{"reduce":[{TWENTY},{{"cat":[{ITSELF},{ITSELF},{ITSELF}]}},{{"var":"dimensions.region"}}]}}'


@pytest.fixture
def shop(here: Inside) -> Shop:
    made = Shop(here.new_organisation())
    made.account()
    made.schema()
    return made


def metered_by(shop: Shop, rule: str, *, path: str = "/usage_meters") -> Answer:
    meter = {
        "name": "Bomb",
        "type": "COUNTER",
        "aggregation": "SUM",
        "eventSchemaName": "api_call",
        "computations": [{"computation": rule, "order": 1}],
    }
    body: dict[str, Any] = meter if path == "/usage_meters" else {"meter": meter, "events": [event("e", calls="99999")]}
    return shop.api.post(path, body)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("path", ["/usage_meters", "/v1/usage-meters/preview"])
def test_a_meter_is_refused_with_the_place_in_its_rule(shop: Shop, path: str, name: str) -> None:
    assert "computations[0].computation: " in metered_by(shop, REFUSED[name], path=path).refused(400)


@pytest.mark.parametrize("name", REFUSED)
def test_so_is_a_matcher(shop: Shop, name: str) -> None:
    if name in {"a text", "no operator"}:
        return  # a matcher may be any value that counts as true
    meter = {"name": "Bomb", "type": "COUNTER", "aggregation": "COUNT", "eventSchemaName": "api_call"}
    computations = [{"matcher": REFUSED[name], "computation": "1", "order": 1}]
    answer = shop.api.post("/usage_meters", meter | {"computations": computations})
    assert "computations[0].matcher: " in answer.refused(400)


@pytest.mark.parametrize("name", REFUSED)
def test_and_so_is_an_enrichment(shop: Shop, name: str) -> None:
    field = {"name": "km", "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "value": REFUSED[name], "order": 1}
    answer = shop.api.patch("/event_schema/api_call", {"enrichments": {"dependencies": [], "fields": [field]}})
    assert "enrichments.fields[0]" in answer.refused(400)


def ruled_by(shop: Shop, rule: str, meter: str, *, part: str = "computation") -> Answer:
    """A plan with a pricing rule that reads the meter's usage where the bomb reads an attribute."""
    action = {"type": "UPDATE", "target": f"revenue.urc.{meter}"}
    bomb = {"name": "Bomb", "order": 1, "computation": "1", "action": action}
    bomb |= {part: rule.replace("attributes.calls", f"usage.urc.{meter}")}
    honest = {"name": "Honest", "order": 2, "computation": "3", "action": {"type": "ADD"}}
    terms = {"supportedCurrencies": ["USD"], "pricingCycleConfig": monthly(), "usageRateCards": [tiered(meter, (0, 1))]}
    return shop.api.post("/price_plans", {"name": "P", "pricePlanDetails": terms, "pricingRules": [bomb, honest]})


@pytest.mark.parametrize("name", sorted(set(REFUSED) - {"a long rule"}))
def test_and_so_is_a_pricing_rule(shop: Shop, name: str) -> None:
    assert "pricingRules[0].computation: " in ruled_by(shop, REFUSED[name], shop.meter()).refused(400)


@pytest.mark.parametrize("part", ["condition", "computation"])
def test_a_pricing_rule_that_is_too_long_is_refused_unread(shop: Shop, part: str) -> None:
    assert f"pricingRules[0].{part}: " in ruled_by(shop, "[" * 5_001, shop.meter(), part=part).refused(400)


@pytest.mark.parametrize("part", ["condition", "computation"])
@pytest.mark.parametrize("name", [*STOPPED, "a long rule"])
def test_a_pricing_rule_that_runs_away_changes_nothing_and_holds_no_bill_up(shop: Shop, name: str, part: str) -> None:
    meter = shop.meter()
    plan = ruled_by(shop, STOPPED.get(name, REFUSED.get(name, "")), meter, part=part).ok()["id"]
    shop.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
    shop.associate(plan)
    shop.use("99999")
    (invoice,) = shop.invoices()
    bomb, honest = shop.api.get(f"/invoice/{invoice['id']}/pricing_rules_logs").ok()["data"]
    if name == "a long rule" and part == "condition":
        assert bomb["type"] == "CONDITION_TRUE"  # a number of 2,000 digits is not nothing
        assert invoice["totalAmount"] == 4
    else:
        assert bomb["type"] == f"{part.upper()}_ERROR"
        assert invoice["totalAmount"] == 100_002
    assert honest["type"] == "CONDITION_TRUE"


@pytest.mark.parametrize("name", STOPPED)
def test_what_only_runs_away_costs_its_own_event(shop: Shop, name: str) -> None:
    meter = metered_by(shop, STOPPED[name]).ok()["id"]
    shop.api.post(f"/usage_meters/{meter}/activate").ok()
    shop.use("99999")
    (tried,) = shop.api.post(
        "/v1/usage-meters/preview", {"usageMeterId": meter, "events": [event("x", calls="99999")]}
    ).ok()["events"]
    assert tried["status"] == "INGESTION_FAILED_UNITS_INVALID"
    (found,) = shop.api.get("/events").ok()["events"]
    assert found["ingestionStatus"]["status"] == "INGESTION_FAILED_UNITS_INVALID"
    assert 0 < len(found["ingestionStatus"]["statusDescription"]) <= 250


def test_an_enrichment_that_runs_away_costs_its_own_event(shop: Shop) -> None:
    field = {"name": "long", "type": "DIMENSION", "enrichmentType": "JSON_LOGIC", "value": LONG_TEXT, "order": 1}
    shop.api.patch("/event_schema/api_call", {"enrichments": {"dependencies": [], "fields": [field]}}).ok()
    shop.meter()
    shop.use(1)
    (found,) = shop.api.get("/events").ok()["events"]
    assert found["ingestionStatus"]["status"] == "INGESTION_FAILED_ENRICHMENT_FAILED"


@pytest.mark.parametrize("name", [*STOPPED, "a long text"])
def test_it_is_stopped_soon_whether_interpreted_or_generated(name: str) -> None:
    rule = parse(STOPPED.get(name, LONG_TEXT))
    generated = compiled(rule)
    for run in (lambda: evaluate(rule, sample().for_rules()), lambda: generated(sample())):
        taken = []
        for _ in range(5):
            started = time.thread_time()
            with pytest.raises(EvaluationError):
                run()
            taken.append(time.thread_time() - started)
        assert min(taken) < 2 * SOON_S  # twice, since others use this machine


def sample() -> EventData:
    return EventData(b'[{"name":"calls","value":"99999"}]', b'{"region":"eu"}')


def test_an_honest_rule_of_the_largest_size_is_taken(shop: Shop) -> None:
    """So that the limits do not refuse what somebody needs."""
    rule = '{"+":[' + ",".join(['{"var":"attributes.calls"}'] * 17) + "]}"
    assert 450 < len(rule) <= 500
    meter = metered_by(shop, rule).ok()["id"]
    shop.api.post(f"/usage_meters/{meter}/activate").ok()
    shop.use("9" * 20)
    (found,) = shop.api.get("/events").ok()["events"]
    assert found["ingestionStatus"]["status"] == "INGESTION_COMPLETED_EVENT_METERED"
