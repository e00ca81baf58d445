"""Enriching events: order, settings, what a result may be, and what is shown of it (domain.md 2.6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.catalog.enrichment import Enrichments
from tallystick.catalog.setting import Setting, SettingDataType, SettingEntity
from tallystick.kernel.document import decode, encode
from tallystick.metering.enrichment import EnrichmentTrace
from tallystick.metering.event import EventStatus
from tallystick.metering.processing import process
from tests.unit.metering.samples import NOON, catalogue, columns, flight, meter, schema, span

if TYPE_CHECKING:
    from tallystick.metering.event import Event
    from tallystick.metering.outcomes import Outcomes

RATE = {"type": "SETTING", "key": "setting.USER.rate", "name": "rate"}
KILOMETRES = '{"*":[{"var":"attributes.distance"},{"var":"dependencies.rate"}]}'


def field(name: str, value: str, order: int = 1, **more: str) -> dict[str, Any]:
    return {"name": name, "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "value": value, "order": order} | more


def setting(value: str, kind: SettingDataType = SettingDataType.NUMERIC, name: str = "rate") -> Setting:
    return Setting(
        id=name,
        value=value,
        entity_type=SettingEntity.ACCOUNT,
        entity_id="acme",
        namespace="USER",
        name=name,
        data_type=kind,
    )


def judged(
    *fields: dict[str, Any],
    computation: str = '{"var":"attributes.km"}',
    filters: dict[str, str] | None = None,
    dependencies: tuple[dict[str, str], ...] = (),
    settings: tuple[Setting, ...] = (),
    event: Event | None = None,
) -> Outcomes:
    """What becomes of a flight of 100 miles from JFK whose schema enriches it."""
    enrichments = decode(encode({"dependencies": dependencies, "fields": fields}), Enrichments)
    terms = replace(schema(meter("miles", (None, computation), filters=filters)), enrichments=enrichments)
    owner = span("acme")
    account = replace(owner.account, settings={one.key: one for one in settings})
    known = catalogue(terms, accounts={"acme": [replace(owner, account=account)]})
    return process(columns(event or flight()), NOON, known, set())


def trace(outcomes: Outcomes) -> EnrichmentTrace:
    return decode(outcomes.enrichments[0] or "", EnrichmentTrace)


def test_a_setting_and_an_attribute_make_a_number_that_is_metered() -> None:
    outcomes = judged(field("km", KILOMETRES), dependencies=(RATE,), settings=(setting("1.609344"),))
    assert outcomes.statuses == [EventStatus.METERED]
    assert outcomes.usage_values == [Decimal("160.9344")]
    shown = trace(outcomes)
    assert [(one.name, one.type, one.value) for one in shown.attributes] == [("km", "ATTRIBUTE", "160.9344")]
    (used,) = shown.dependencies
    assert (used.key, used.type, used.name, used.value) == ("setting.USER.rate", "SETTING", "rate", "1.609344")


def test_fields_are_computed_by_their_order_and_read_those_before_them() -> None:
    outcomes = judged(
        field("km", '{"+":[{"var":"attributes.base"},1]}', 20),
        field("base", '{"if":[{"==":[{"var":"dimensions.range"},"far"]},1000,0]}', 10),
        field("range", '{"if":[{">":[{"var":"attributes.distance"},50]},"far","near"]}', -5, type="DIMENSION"),
    )
    assert outcomes.usage_values == [1001]
    assert [one.name for one in trace(outcomes).attributes] == ["base", "km"]


def test_a_plain_value_stands_for_itself() -> None:
    value = {"enrichmentType": "VALUE"}
    outcomes = judged(field("km", "0012.50", **value), field("tier", "gold", type="DIMENSION", **value))
    assert outcomes.usage_values == [Decimal("12.5")]
    assert [(one.name, one.value) for one in trace(outcomes).dimensions] == [("tier", "gold")]


@pytest.mark.parametrize("filter_field", ["range", "dimensions.range", "dimension.range"])
def test_enriched_fields_are_filtered_by(filter_field: str) -> None:
    far = field("range", '{"if":[{">":[{"var":"attributes.distance"},50]},"far","near"]}', type="DIMENSION")
    for wanted, status in (("far", EventStatus.METERED), ("near", EventStatus.NOT_METERED)):
        assert judged(far, computation="1", filters={filter_field: wanted}).statuses == [status]


@pytest.mark.parametrize(
    ("computation", "units"),
    [
        ('{"var":"dependencies.rate"}', Decimal(3)),
        ('{"*":[{"var":"attribute.km"},{"var":"dependencies.rate"}]}', Decimal(30)),
        ('{"if":[{"==":[{"var":"dimension.tier"},"gold"]},7,8]}', Decimal(7)),
    ],
)
def test_meters_read_enriched_fields_and_dependencies(computation: str, units: Decimal) -> None:
    value = {"enrichmentType": "VALUE"}
    outcomes = judged(
        field("km", "10", **value),
        field("tier", "gold", type="DIMENSION", **value),
        computation=computation,
        dependencies=(RATE,),
        settings=(setting("3"),),
    )
    assert outcomes.usage_values == [units]


@pytest.mark.parametrize(
    ("value", "kind", "rule", "expected"),
    [
        ("2.5", SettingDataType.NUMERIC, '{"+":[{"var":"dependencies.rate"},1]}', "3.5"),
        ("JFK", SettingDataType.STRING, '{"if":[{"==":[{"var":"dependencies.rate"},"JFK"]},1,2]}', "1"),
        ('["LGA","JFK"]', SettingDataType.JSON, '{"if":[{"in":["JFK",{"var":"dependencies.rate"}]},1,2]}', "1"),
        ("0.1", SettingDataType.JSON, '{"*":[{"var":"dependencies.rate"},3]}', "0.3"),
    ],
)
def test_a_dependency_is_a_value_of_its_data_type(value: str, kind: SettingDataType, rule: str, expected: str) -> None:
    outcomes = judged(field("km", rule), dependencies=(RATE,), settings=(setting(value, kind),))
    assert [one.value for one in trace(outcomes).attributes] == [expected]


def test_a_rule_may_come_from_a_setting() -> None:
    outcomes = judged(
        field("km", "rate", enrichmentType="JSON_LOGIC_FROM_DEPENDENCY"),
        dependencies=(RATE,),
        settings=(setting('{"*":[{"var":"attributes.distance"},2]}', SettingDataType.JSON_LOGIC),),
    )
    assert outcomes.usage_values == [200]


@pytest.mark.parametrize(
    ("fields", "settings", "reason"),
    [
        ([field("km", "1")], (), "neither the account nor its customer nor the organization has the setting"),
        ([field("km", '{"/":[1,{"var":"dependencies.rate"}]}')], (setting("0"),), "enrichment attributes.km: '/'"),
        ([field("km", '{"var":"dimensions.origin"}')], (setting("1"),), "gives a text, an attribute is a number"),
        ([field("km", '{"==":[1,1]}')], (setting("1"),), "gives true or false, an attribute is a number"),
        ([field("km", "null", type="DIMENSION")], (setting("1"),), "gives null, a dimension is a text"),
        (
            [field("km", "rate", enrichmentType="JSON_LOGIC_FROM_DEPENDENCY")],
            (setting("5"),),
            "the setting setting.USER.rate.ACCOUNT.acme is NUMERIC, expected JSON_LOGIC",
        ),
        (
            [field("km", "rate", enrichmentType="JSON_LOGIC_FROM_DEPENDENCY")],
            (setting('{"var":"attributes.distanse"}', SettingDataType.JSON_LOGIC),),
            "unknown variable 'attributes.distanse'; did you mean 'attributes.distance'?",
        ),
    ],
)
def test_an_event_that_cannot_be_enriched_makes_no_usage_and_says_why(
    fields: list[dict[str, Any]], settings: tuple[Setting, ...], reason: str
) -> None:
    outcomes = judged(*fields, dependencies=(RATE,), settings=settings)
    assert outcomes.statuses == [EventStatus.ENRICHMENT_FAILED]
    assert reason in (outcomes.descriptions[0] or "")
    assert outcomes.usage_values == []
    assert outcomes.enrichments == [None]


def test_an_enriched_field_stands_before_one_that_the_event_brought_beyond_its_schema() -> None:
    sent = flight(attributes={"distance": "1", "km": "5"})
    assert judged(field("km", "7", enrichmentType="VALUE"), event=sent).usage_values == [7]


def test_what_was_sent_stays_as_it_was() -> None:
    sent = columns(flight())
    before = (sent.attributes, sent.dimensions)
    enrichments = decode(encode({"fields": [field("km", "7")]}), Enrichments)
    process(sent, NOON, catalogue(replace(schema(meter()), enrichments=enrichments)), set())
    assert (sent.attributes, sent.dimensions) == before
