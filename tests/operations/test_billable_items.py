"""How users are told to begin: the article's own payloads, decided one by one in domain.md 11.1."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations import article
from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from tests.servers import Answer, Inside

ARTICLE: Final = Path(__file__).parents[2].parent / "shared" / "reference" / "creating-billable-items.md"
RIDES: Final = "evfhr123d"
REPAIRED_RULE: Final = (
    '{"and":[{"in":[{"var":"dimension.city"},["chennai","mumbai"]]},'
    '{"or":[{">":[{"var":"attribute.distance"},100]},{"<":[{"var":"attribute.distance"},20]}]}]}'
)


@pytest.mark.skipif(not ARTICLE.exists(), reason="the article is not beside the repository")
def test_the_payloads_are_the_articles() -> None:
    text = ARTICLE.read_text()
    for payload in (article.METER, article.ADD_ON, article.FEATURE):
        assert f"--data '\n{payload}'" in text or f"--data '{payload}'" in text
    assert article.METER != article.REPAIRED_METER


@pytest.mark.parametrize(
    ("path", "payload"),
    [("/usage_meters", article.METER), ("/addons", article.ADD_ON), ("/features", article.FEATURE)],
)
def test_the_articles_calls_lack_a_key(standing: Inside, path: str, payload: str) -> None:
    standing.api(None).send("POST", path, content=payload).refused(401)


class TestTheMeter:
    @pytest.fixture
    def rides(self, still: Shop) -> Shop:
        still.schema(RIDES, ("distance",), "city")
        still.account()
        return still

    def create(self, shop: Shop, payload: str) -> Answer:
        return shop.api.send("POST", "/usage_meters", content=payload)

    def test_as_printed_it_is_refused_with_the_place_and_the_repair(self, rides: Shop) -> None:
        message = self.create(rides, article.METER).refused(400)
        assert message.startswith("computations[0].matcher: not valid JSON (line 4, column 6)")
        assert 'a bare "or": [...] stands inside an array' in message
        assert '{"or": [...]}' in message
        assert rides.api.get("/usage_meters").ok()["data"] == []

    def test_with_that_one_repair_it_is_created(self, rides: Shop) -> None:
        made = self.create(rides, article.REPAIRED_METER)
        assert (made.status, made.body["status"], made.body["name"]) == (201, "DRAFT", "Rides")
        (computation,) = made.body["computations"]
        assert computation["order"] == 1
        assert computation["computation"] == '{"*":[{"var":"attributes.distance"},0.4]}'
        assert computation["matcher"] == json.loads(article.REPAIRED_METER)["computations"][0]["matcher"]

    @pytest.mark.parametrize("payload", ["article", "reference"])
    def test_it_meters_long_and_short_rides_in_two_cities(self, rides: Shop, payload: str) -> None:
        body = json.loads(article.REPAIRED_METER)
        if payload == "reference":
            body["computations"][0]["matcher"] = REPAIRED_RULE
        meter = rides.api.post("/usage_meters", body).ok()["id"]
        active = rides.api.post(f"/usage_meters/{meter}/activate")
        assert (active.status, active.body["status"]) == (200, "ACTIVE")
        for number, (distance, city) in enumerate(
            [(150, "chennai"), (10, "mumbai"), (50, "chennai"), (150, "pune"), (150, "chenn")]
        ):
            ride = event(f"ride-{number}", calls=0) | {
                "schemaName": RIDES,
                "attributes": [{"name": "distance", "value": str(distance)}],
                "dimensions": {"city": city},
            }
            rides.api.post("/ingest", {"event": ride}).ok()
        traces = [
            rides.api.get(f"/events/ride-{number}").ok()["events"][0]["eventPipelineInfo"]["usageMeters"][0]
            for number in range(5)
        ]
        # 150 x 0.4 and 10 x 0.4; 50 is neither long nor short, Pune is another city, and so is a part of a name.
        assert [trace.get("units") for trace in traces] == [60, 4, None, None, None]
        assert {trace["status"] for trace in traces[2:]} == {"PROCESSED_FILTERED_OUT"}
        statuses = [rides.status(f"ride-{number}") for number in range(5)]
        assert statuses == ["INGESTION_COMPLETED_EVENT_METERED"] * 2 + ["INGESTION_COMPLETED_EVENT_NOT_METERED"] * 3

    def test_its_schema_must_exist(self, still: Shop) -> None:
        message = self.create(still, article.REPAIRED_METER).refused(400)
        assert "eventSchemaName: event schema 'evfhr123d' not found" in message

    def test_its_variables_must_be_fields_of_the_schema(self, still: Shop) -> None:
        still.schema(RIDES, ("distances",), "city")
        message = self.create(still, article.REPAIRED_METER).refused(400)
        assert "computations[0].matcher" in message
        assert "attribute.distance" in message
        assert "distances" in message, "the nearest name is a hint"

    def test_its_schema_must_be_active_before_it_is(self, still: Shop) -> None:
        body = {"name": RIDES, "attributes": [{"name": "distance"}], "dimensions": [{"name": "city"}]}
        still.api.post("/event_schema", body).ok()
        meter = self.create(still, article.REPAIRED_METER).ok()["id"]
        assert "activate it first" in still.api.post(f"/usage_meters/{meter}/activate").refused(400)
        still.api.post(f"/event_schema/{RIDES}/activate").ok()
        assert still.api.post(f"/usage_meters/{meter}/activate").ok()["status"] == "ACTIVE"

    def test_missing_orders_become_positions(self, rides: Shop) -> None:
        body = json.loads(article.REPAIRED_METER)
        body["computations"] = [{"computation": "1"}, {"computation": 2}, {"computation": "3", "order": 9}]
        made = rides.api.post("/usage_meters", body).ok()["computations"]
        assert [(one["order"], one["computation"]) for one in made] == [(1, "1"), (2, "2"), (9, "3")]

    @pytest.mark.parametrize(("length", "status"), [(500, 201), (501, 400)])
    def test_an_object_counts_with_its_compact_text(self, rides: Shop, length: int, status: int) -> None:
        body = json.loads(article.REPAIRED_METER)
        shell = len('{"if":[true,1,""]}')
        body["computations"] = [{"computation": {"if": [True, 1, "x" * (length - shell)]}}]
        content = json.dumps(body, indent=8)
        answer = self.create(rides, content)
        assert answer.status == status
        if status == 400:
            assert "computations[0].computation: 501 characters" in answer.refused(400)

    def test_rules_are_held_against_the_types_of_the_schema_and_every_problem_is_named(self, rides: Shop) -> None:
        body = json.loads(article.REPAIRED_METER)
        body["computations"] = [
            {"matcher": '{">":[{"var":"dimensions.city"},5]}', "computation": '{"var":"dimensions.city"}'},
            {"matcher": '{"===":[{"var":"attributes.distance"},"5"]}', "computation": '{"*":[{"var":"distance"},"x"]}'},
        ]
        refusal = rides.api.post("/usage_meters", body).refused()
        for problem in (
            "computations[0].matcher: '>' compares numbers, got dimensions.city, a text (line 1, column 8)",
            "computations[0].computation: has to give a number, but gives a text",
            "computations[1].matcher: '===' compares attributes.distance, a number with the text '5'",
            "computations[1].computation: '*' calculates with numbers, got the text 'x'",
            "computations[1].computation: unknown variable 'distance'; did you mean",
        ):
            assert problem in refusal

    @pytest.mark.parametrize(("length", "status"), [(1500, 201), (1501, 400)])
    def test_a_matcher_has_at_most_1500_characters(self, rides: Shop, length: int, status: int) -> None:
        body = json.loads(article.REPAIRED_METER)
        body["computations"][0]["matcher"] = REPAIRED_RULE.ljust(length)
        assert rides.api.post("/usage_meters", body).status == status

    @pytest.mark.parametrize("computation", ["1", 1, None])
    def test_a_count_meter_counts_each_event_as_1(self, rides: Shop, computation: object) -> None:
        body = json.loads(article.REPAIRED_METER) | {"aggregation": "COUNT"}
        body["computations"] = [] if computation is None else [{"computation": computation}]
        made = rides.api.post("/usage_meters", body).ok()
        assert [one["computation"] for one in made["computations"]] == ["1"]

    @pytest.mark.parametrize("computation", ["2", '{"var":"attributes.distance"}', "1.0", '"1"'])
    def test_a_count_meter_computes_nothing_else(self, rides: Shop, computation: str) -> None:
        body = json.loads(article.REPAIRED_METER) | {"aggregation": "COUNT"}
        body["computations"] = [{"computation": computation}]
        assert "computations[0].computation" in rides.api.post("/usage_meters", body).refused(400)

    def test_every_problem_is_named_at_once(self, rides: Shop) -> None:
        body = json.loads(article.METER) | {"eventSchemaName": "elsewhere"}
        body["computations"].append({"computation": "{"})
        message = rides.api.post("/usage_meters", body).refused(400)
        for path in ("computations[0].matcher", "computations[1].computation", "eventSchemaName"):
            assert path in message


class TestTheAddOn:
    def create(self, shop: Shop, **body: object) -> Answer:
        return shop.api.post("/addons", body)

    def test_the_articles_call_works(self, still: Shop) -> None:
        made = still.api.send("POST", "/addons", content=article.ADD_ON)
        assert made.status == 200
        assert made.body.pop("id").startswith("addon.")
        expected = {"name": "License", "type": "LICENSE", "displayName": "License", "status": "ACTIVE"}
        assert {name: value for name, value in made.body.items() if name != "id"} == expected | {
            "createdAt": "2026-01-01T00:00:00Z"
        }

    @pytest.mark.parametrize(
        ("kind", "names"),
        [
            ("LICENSE", ["License", "License 2", "License 3"]),
            ("NAMED_LICENSE", ["Named license", "Named license 2", "Named license 3"]),
            ("FIXED_FEE", ["Fixed fee", "Fixed fee 2", "Fixed fee 3"]),
            ("CREDIT_GRANT", ["Credit grant", "Credit grant 2", "Credit grant 3"]),
        ],
    )
    def test_without_a_name_it_gets_its_types_and_a_number(self, still: Shop, kind: str, names: list[str]) -> None:
        assert [self.create(still, type=kind).ok()["name"] for _ in names] == names

    def test_a_name_is_free_again_once_its_add_on_is_archived(self, still: Shop) -> None:
        first = self.create(still, type="LICENSE").ok()["id"]
        self.create(still, type="LICENSE").ok()
        still.api.delete(f"/addons/{first}").ok()
        assert self.create(still, type="LICENSE").ok()["name"] == "License"

    def test_a_display_name_counts_as_taken(self, still: Shop) -> None:
        self.create(still, type="FIXED_FEE", name="Seats", billableName="License").ok()
        assert self.create(still, type="LICENSE").ok()["name"] == "License 2"

    def test_display_names_are_unique(self, still: Shop) -> None:
        self.create(still, type="LICENSE", name="Seats").ok()
        self.create(still, type="LICENSE", name="Seats").refused(409)
        self.create(still, type="FIXED_FEE", name="Desks", billableName="Seats").refused(409)

    @pytest.mark.parametrize("body", [{}, {"type": "LICENCE"}, {"type": "license"}])
    def test_a_missing_or_unknown_type_is_answered_with_the_four(self, still: Shop, body: dict[str, Any]) -> None:
        message = self.create(still, **body).refused(400)
        for kind in ("LICENSE", "FIXED_FEE", "CREDIT_GRANT", "NAMED_LICENSE"):
            assert kind in message

    def test_it_can_be_read_renamed_listed_and_archived(self, still: Shop) -> None:
        addon = self.create(still, type="FIXED_FEE", name="Support").ok()["id"]
        renamed = still.api.patch(f"/addons/{addon}", {"name": "Premium", "billableName": "Priority support"}).ok()
        assert (renamed["name"], renamed["displayName"]) == ("Premium", "Priority support")
        assert still.api.get(f"/addons/{addon}").ok() == renamed
        assert still.api.get("/addons", type="FIXED_FEE").ok()["data"] == [renamed]
        assert still.api.get("/addons", type="LICENSE").ok()["data"] == []
        assert still.api.delete(f"/addons/{addon}").ok() == {"success": True}
        still.api.get(f"/addons/{addon}").refused(404)
        assert [one["id"] for one in still.api.get("/addons", status="ARCHIVED").ok()["data"]] == [addon]

    def test_its_type_never_changes(self, still: Shop) -> None:
        addon = self.create(still, type="FIXED_FEE").ok()["id"]
        assert "unknown field 'type'" in still.api.patch(f"/addons/{addon}", {"type": "LICENSE"}).refused(400)


class TestTheFeature:
    def create(self, shop: Shop, **body: object) -> Answer:
        return shop.api.post("/features", {"name": "Exports"} | body)

    def test_the_articles_call_works(self, still: Shop) -> None:
        still.schema("event_schema1", ("units",))
        still.schema("event_schema2", ("minutes",))
        made = still.api.send("POST", "/features", content=article.FEATURE)
        assert made.status == 200
        assert made.body["name"] == made.body["displayName"] == "DiscountCredits"
        assert made.body["schemaAssociations"] == [
            {"schemaName": "event_schema1", "attributeName": "units"},
            {"schemaName": "event_schema2", "attributeName": "minutes"},
        ]
        assert b"schemaAssocitions" not in made.content
        tie = still.api.get("/event_schema/event_schema1").ok()["featureDetails"]
        assert tie == {"featureId": made.body["id"], "attributeName": "units"}

    def test_the_articles_spelling_and_the_contracts_may_not_both_be_sent(self, still: Shop) -> None:
        still.schema()
        both = {"schemaAssociations": ["api_call"], "schemaAssocitions": ["api_call"]}
        assert self.create(still, **both).refused(400).startswith("schemaAssocitions: ")

    def test_a_bare_name_needs_a_schema_of_one_attribute(self, still: Shop) -> None:
        still.schema("x", ("a", "b"))
        message = self.create(still, schemaAssociations=["x"]).refused(400)
        assert message == (
            "schemaAssociations[0]: event schema 'x' has attributes a, b: "
            'name one as {"schemaName": "x", "attributeName": "a"}'
        )
        named = self.create(still, schemaAssociations=[{"schemaName": "x", "attributeName": "b"}])
        assert named.ok()["schemaAssociations"] == [{"schemaName": "x", "attributeName": "b"}]

    def test_a_bare_name_of_a_schema_without_attributes_is_refused(self, still: Shop) -> None:
        still.schema("bare", ())
        assert "schemaAssociations[0]: event schema 'bare' has no attributes" in self.create(
            still, schemaAssociations=["bare"]
        ).refused(400)

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            ("nowhere", "schemaAssociations[0]: event schema 'nowhere' not found"),
            (
                {"schemaName": "nowhere", "attributeName": "a"},
                "schemaAssociations[0]: event schema 'nowhere' not found",
            ),
            ({"schemaName": "api_call", "attributeName": "seconds"}, "has no attribute 'seconds'"),
            ({"schemaName": "api_call"}, "required field 'attributeName' is missing"),
            ({"schemaName": "api_call", "attribute": "calls"}, "did you mean 'attributeName'?"),
        ],
    )
    def test_what_it_is_tied_to_must_exist(self, still: Shop, entry: object, message: str) -> None:
        still.schema()
        assert message in self.create(still, schemaAssociations=[entry]).refused(400)
        assert still.api.get("/features").ok()["data"] == []

    def test_a_schema_is_tied_to_one_feature(self, still: Shop) -> None:
        still.schema()
        first = self.create(still, schemaAssociations=["api_call"]).ok()["id"]
        assert "api_call" in self.create(still, name="Second", schemaAssociations=["api_call"]).refused(409)
        still.api.patch(f"/features/{first}", {"schemaAssociations": []}).ok()
        assert self.create(still, name="Second", schemaAssociations=["api_call"]).status == 200

    @pytest.mark.parametrize("body", [{}, {"schemaAssociations": []}, {"schemaAssocitions": []}])
    def test_without_associations_it_is_unmetered(self, still: Shop, body: dict[str, Any]) -> None:
        made = self.create(still, **body)
        assert (made.status, made.body["schemaAssociations"]) == (200, [])

    @pytest.mark.parametrize(
        ("field", "nearest"), [("schemaAssociation", "schemaAssociations"), ("billable_name", "billableName")]
    )
    def test_any_other_unknown_field_is_answered_with_the_nearest(self, still: Shop, field: str, nearest: str) -> None:
        message = self.create(still, **{field: []}).refused(400)
        assert message == f"unknown field '{field}': did you mean '{nearest}'?"

    def test_it_has_at_most_50_associations(self, still: Shop) -> None:
        assert "schemaAssociations" in self.create(still, schemaAssociations=["x"] * 51).refused(400)

    def test_the_same_schema_twice_is_refused(self, still: Shop) -> None:
        still.schema()
        assert "'api_call' stands twice" in self.create(still, schemaAssociations=["api_call"] * 2).refused(400)

    def test_it_can_be_read_changed_and_listed(self, still: Shop) -> None:
        still.schema()
        feature = self.create(still, billableName="Data exports").ok()
        assert feature["displayName"] == "Data exports"
        changed = still.api.patch(f"/features/{feature['id']}", {"schemaAssociations": ["api_call"]}).ok()
        assert still.api.get(f"/features/{feature['id']}").ok() == changed
        (listed,) = still.api.get("/features").ok()["data"]
        assert (listed["id"], listed["schemaCount"]) == (feature["id"], 1)
        still.api.delete(f"/features/{feature['id']}").refused(405)


def test_rules_keep_their_numbers_exact(still: Shop) -> None:
    still.schema()
    still.account()
    meter = still.meter(computation='{"*":[{"var":"attributes.calls"},0.1]}')
    still.use("3")
    assert still.metric("USAGE", "2026-01-01", "2026-02-01")[0]["metricValues"] == [Decimal("0.3")]
    assert still.api.get(f"/usage_meters/{meter}").ok()["computations"][0]["computation"].endswith("0.1]}")
