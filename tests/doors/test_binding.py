"""What does not fit is refused with a message that says where, what came and what was expected; nothing is stored."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.routing import Route as WebRoute

from tests.operations.shop import ADDRESS, fee

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

CUSTOMER: dict[str, Any] = {"id": "acme", "name": "Acme", "primaryEmail": "a@acme.test", "address": ADDRESS}
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def api(server: Inside) -> Iterator[Api]:
    """One caller for all tests here; at the end there is nothing that any of them stored."""
    caller = server.new_organisation()
    yield caller
    assert [caller.get(path).ok()["data"] for path in ("/customers", "/accounts", "/credits", "/price_plans")] == [
        []
    ] * 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"address": ADDRESS | {"city": 5}}, "address.city: Expected `str | null`, got `int`"),
        ({"name": "ab"}, "name: Expected `str` of length >= 3"),
        ({"account": {"id": "a", "name": "abc", "netTermDays": "30"}}, "account.netTermDays: Expected `int | null`"),
        ({"account": {"id": "a", "name": "abc", "netTermDays": 1.5}}, "account.netTermDays: Expected `int | null`"),
        ({"account": {"id": "a", "name": "abc", "aliases": ["abc", 7]}}, "account.aliases[1]: Expected `str`"),
        ({"account": {"id": "a", "name": "abc", "metadata": {"k" * 256: "v"}}}, "account.metadata: the name '"),
        ({"nmae": "Acme"}, "unknown field 'nmae': did you mean 'name'?"),
        ({"address": {"postcode": "29501"}}, "address: unknown field 'postcode': did you mean 'postalCode'?"),
        ({"quite_something_else": 1}, "unknown field 'quite_something_else'"),
        ({"account": {"id": "a"}}, "account: required field 'name' is missing"),
        ({"settings": [{"id": "a"}]}, "settings: expected an empty list: POST /settings sets them once this is there"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_body_that_does_not_fit_is_answered_with_its_json_path(api: Api, body: dict[str, Any], message: str) -> None:
    assert message in api.post("/customers", CUSTOMER | body).refused(400)


GIFT: dict[str, Any] = {
    "accountId": "acme",
    "purpose": "Gift",
    "effectiveFrom": "2026-01-01",
    "creditAmount": 1,
    "priority": 1,
}


def many(entry: object, number: int) -> list[object]:
    return [entry] * (number + 1)


@pytest.mark.parametrize(
    ("path", "field", "body"),
    [
        ("/accounts", "accountAliases", {"accountAliases": many({"value": "abc"}, 10)}),
        ("/accounts", "tags", {"tags": many("tag", 50)}),
        ("/accounts", "metadata", {"metadata": {f"key {number}": "value" for number in range(51)}}),
        ("/credits", "creditRequests", {"creditRequests": many(GIFT, 100)}),
        ("/usage_meters", "computations", {"computations": many({"computation": {"var": "attributes.n"}}, 10)}),
        ("/usage_meters", "filters", {"filters": many({"field": "a", "value": "b"}, 50)}),
        ("/event_schema", "filterFields", {"filterFields": many("n", 100)}),
        (
            "/price_plans",
            "pricePlanDetails.supportedCurrencies",
            {"pricePlanDetails": {"supportedCurrencies": many("USD", 200)}},
        ),
        (
            "/price_plans",
            "pricePlanDetails.fixedFeeRateCards",
            {"pricePlanDetails": {"fixedFeeRateCards": many(fee("a", 1), 100)}},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lists_have_an_end(api: Api, path: str, field: str, body: dict[str, Any]) -> None:
    message = api.post(path, body).refused(400)
    assert message.startswith(f"{field}: Expected `")
    assert "of length <=" in message


def test_a_missing_field_is_named(api: Api) -> None:
    body = {name: value for name, value in CUSTOMER.items() if name != "primaryEmail"}
    assert "required field 'primaryEmail' is missing" in api.post("/customers", body).refused(400)


def test_a_value_outside_its_choices_is_answered_with_the_choices(api: Api) -> None:
    message = api.post("/addons", {"name": "Seats", "type": "LICENCE"}).refused(400)
    assert message.startswith("type: ")
    for choice in ("LICENSE", "FIXED_FEE", "CREDIT_GRANT", "NAMED_LICENSE"):
        assert choice in message


def test_an_unknown_query_parameter_is_answered_with_the_nearest(api: Api) -> None:
    message = api.get("/customers", page_siz=3).refused(400)
    assert message == "page_siz: unknown query parameter: did you mean 'pageSize'?"


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/customers", {"pageSize": "many"}, "pageSize: "),
        ("/customers", {"pageSize": "1.5"}, "pageSize: "),
        ("/invoices", {"status": "OPEN"}, "status: "),
        ("/invoices", {"start_time": "yesterday"}, "start_time: "),
        ("/invoices", {"start_time": 10**18}, "start_time: "),
        ("/invoices", {"end_time": -(10**30)}, "end_time: "),
        ("/events", {"status": "FINE"}, "status: 'FINE' is "),
        ("/customers", {"_sort": "shoe_size:ASC"}, "_sort: 'shoe_size:ASC' is unknown"),
        ("/invoices", {"status": "null"}, "status: Invalid enum value 'null'"),
        ("/invoices", {"start_time": "null"}, "start_time: "),
        ("/customers", {"pageSize": "null"}, "pageSize: "),
        ("/customers", {"nextToken": "null"}, "nextToken: "),
        ("/usage_meters", {"status": ["ACTIVE", "DRAFT"]}, "status: was sent more than once"),
        ("/customers", {"pageSize": 5, "page_size": 6}, "page_size: was sent more than once"),
        ("/customers", {"_search": "a\0b"}, "_search: the character NUL"),
        ("/accounts", {"customer_id": "\0"}, "customer_id: the character NUL"),
    ],
)
def test_a_query_value_that_does_not_fit_is_named(api: Api, path: str, query: dict[str, object], message: str) -> None:
    assert api.get(path, **query).refused(400).startswith(message)


@pytest.mark.parametrize(
    ("path", "name"), [("/customers/a%00b", "customer_id"), ("/events/%00", "event_id"), ("/addons/%00", "addon_id")]
)
def test_a_nul_in_the_path_is_refused(api: Api, path: str, name: str) -> None:
    assert api.get(path).refused(400).startswith(f"{name}: the character NUL")


def test_the_word_null_is_a_text_like_any_other(api: Api) -> None:
    assert api.get("/invoices", owner_id="null").ok()["data"] == []
    assert api.get("/customers", _search="null").ok()["data"] == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no body"),
        (b"   ", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"{'id': 'acme'}", "not valid JSON"),
        (json.dumps(CUSTOMER).encode() + b" {}", "not valid JSON"),
        (b"null", "Expected `object`, got `null`"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\xff\xfe{", "not valid JSON"),
        (b'{"id": "a\xe4b"}', "not valid JSON"),
        (b'{"id": "\\ud800 alone"}', "not valid JSON"),
        (b'{"id": "a\\u0000b"}', r"\u0000"),
        (b'{"id": "a\x00b"}', "not valid JSON"),
        (b'{"address": ' + b"[" * 200_000, "Expected `object`, got `array`"),
    ],
    ids=["empty", "blank", "open", "quotes", "two", "null", "array", "utf-16", "latin-1", "half", "nul", "raw", "deep"],
)
def test_a_body_that_is_no_json_object_is_refused(api: Api, content: bytes, message: str) -> None:
    assert message in api.send("POST", "/customers", content=content).refused(400)


@pytest.mark.parametrize("nested", ["[" * 100_000, '{"a":' * 100_000, "[" * 2_000 + "]" * 2_000])
def test_json_that_is_nested_too_deep_is_refused_wherever_anything_may_stand(api: Api, nested: str) -> None:
    computation = f'"aggregation":"SUM","computations":[{{"computation":{nested}'
    body = f'{{"name":"Deep","type":"COUNTER",{computation}'
    closed = nested.count("]") > 0
    api.send("POST", "/usage_meters", content=f"{body}}}]}}" if closed else body).refused(400)


def grant(amount: str) -> str:
    request = f'"accountId":"acme","purpose":"Gift","effectiveFrom":"2026-01-01","priority":1,"creditAmount":{amount}'
    return f'{{"creditRequests":[{{{request}}}]}}'


@pytest.mark.parametrize(
    "amount",
    ["NaN", "Infinity", "-Infinity", '"NaN"', '"Infinity"', "1e400", "1e999999999", "1e-400", "9" * 300, "true", "[]"],
)
def test_numbers_that_cannot_be_calculated_with_are_refused(api: Api, amount: str) -> None:
    message = api.send("POST", "/credits", content=grant(amount)).refused(400)
    assert "creditAmount" in message or "not valid JSON" in message


@pytest.mark.parametrize("priority", ["1e400", "1e999999999", "1.5", '"1"', "9" * 300])
def test_integers_are_integers(api: Api, priority: str) -> None:
    content = grant("80").replace('"priority":1', f'"priority":{priority}')
    assert "priority" in api.send("POST", "/credits", content=content).refused(400)


@pytest.mark.parametrize("path", ["/customers", "/ingest", "/ingestBatch", "/v1/test-clock/advance"])
def test_a_body_of_more_than_8_mb_is_refused(api: Api, path: str) -> None:
    message = api.send("POST", path, content=b" " * (8 * MEGABYTE + 1)).refused(413)
    assert "8 MB" in message


def test_a_body_in_chunks_is_counted_too(api: Api) -> None:
    async def chunks() -> Any:  # noqa: ANN401 - an asynchronous iterator of bytes
        for _ in range(9):
            yield b" " * MEGABYTE

    assert "8 MB" in api.send("POST", "/customers", content=chunks()).refused(413)


def test_a_body_of_just_8_mb_is_read(api: Api) -> None:
    padded = json.dumps({"name": "Exports"}).encode()
    padded += b" " * (8 * MEGABYTE - len(padded))
    assert "required field" in api.send("POST", "/customers", content=padded).refused(400)


def test_a_long_message_ends_after_500_characters(api: Api) -> None:
    cards = [fee(f"addon.{number}", 1, currency="EUR") for number in range(50)]
    details = {"supportedCurrencies": ["USD"], "fixedFeeRateCards": cards}
    message = api.post("/price_plans", {"name": "Long", "pricePlanDetails": details}).refused(400)
    assert len(message) == 500
    assert message.endswith("...")


@pytest.mark.parametrize(
    ("body", "ends"),
    [
        ({"entityType": "x" * 5000}, "x...', expected one of ORGANIZATION, CUSTOMER, ACCOUNT"),
        ({"entityId": "x" * 5000}, "x...' not found"),
    ],
    ids=["entityType", "entityId"],
)
def test_of_a_long_text_that_came_a_message_repeats_so_much_that_the_rest_has_its_place(
    api: Api, body: dict[str, Any], ends: str
) -> None:
    good = {"id": "a", "name": "A", "value": "1", "namespace": "USER", "dataType": "STRING"}
    message = api.post("/settings", good | {"entityType": "ACCOUNT", "entityId": "a"} | body).refused(400)
    assert message.endswith(ends)


def test_every_problem_of_a_body_is_named_at_once(api: Api) -> None:
    one = GIFT | {"accountId": "nobody"}
    message = api.post("/credits", {"creditRequests": [one, one]}).refused(400)
    assert "creditRequests[0].accountId" in message
    assert "creditRequests[1].accountId" in message


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/customers/", 404),
        ("GET", "/docs/secret.txt", 404),
        ("GET", "/customers/..%2f..%2fetc", 404),
    ],
)
def test_what_does_not_exist_says_so(api: Api, method: str, path: str, status: int) -> None:
    answer = api.send(method, path)
    answer.refused(status)
    assert "allow" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/customers", "GET, HEAD, POST"),
        ("POST", "/customers/acme", "DELETE, GET, HEAD, PATCH"),
        ("DELETE", "/metrics", "POST"),
        ("GET", "/ingest", "POST"),
        ("PATCH", "/ingestBatch", "POST"),
        ("OPTIONS", "/v1/cloudevents", "POST"),
        ("DELETE", "/v1/customers", "GET, HEAD, POST"),
        ("PUT", "/events/correction", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("PUT", "/docs/start.js", "GET, HEAD"),
        ("PUT", "/", "GET, HEAD"),
    ],
)
def test_a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has(
    api: Api, method: str, path: str, allowed: str
) -> None:
    answer = api.send(method, path)
    assert "this method is not known here" in answer.refused(405)
    assert answer.headers["allow"] == allowed


def test_every_path_tells_its_methods(server: Inside, api: Api) -> None:
    routes = [route for route in server.app.routes if isinstance(route, WebRoute)]
    assert len(routes) == len(server.app.routes) > 100
    for route in routes:
        answer = api.send("TRACE", re.sub(r"\{[^}]*\}", "x", route.path))
        assert answer.status == 405, route.path
        assert route.methods is not None
        assert route.methods <= set(answer.headers["allow"].split(", ")), route.path


@pytest.mark.parametrize(
    "path", ["/customers/a%00b", "/events/%00", "/events?account_id=%00", "/customers?_search=a%00"]
)
def test_a_nul_is_part_of_no_name(api: Api, path: str) -> None:
    # PostgreSQL cannot even be asked for it.
    assert "NUL" in api.get(path).refused(400)
