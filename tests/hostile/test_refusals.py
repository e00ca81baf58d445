"""What is refused says where, what came and what would be right, and changes nothing: every route, every field."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from sqlalchemy import MetaData, Table, select
from starlette.routing import compile_path

from tallystick.api.routes import ROUTES
from tests.hostile.test_other_routes import BODIES, filled, known  # noqa: F401 - a fixture
from tests.hostile.verdict import complaints

if TYPE_CHECKING:
    from tallystick.api.binder import Route
    from tests.servers import Inside

WRONG: Final[tuple[object, ...]] = ({"nobody": [[]]}, [[["x"]]])
"""An object and a list that no field of any body can be."""

NO_STATE: Final = {"audit", "idempotency"}
LISTS: Final = [
    route
    for route in ROUTES
    if route.method == "GET"
    and "pageSize" in route.binding.query_names
    and not re.search("{(job|remetering|simulation)_id}", route.path)
]


def takes(target: tuple[str, str]) -> Route | None:
    """The route that such a path is served by, if it takes a body."""
    method, path = target[0], target[1].partition("?")[0]
    fitting = [one for one in ROUTES if one.method == method and re.fullmatch(compile_path(one.path)[0], path)]
    return next((one for one in sorted(fitting, key=lambda one: one.path.count("{")) if one.binding.body), None)


TELLS: Final = "/v1/catalogue/preview"
"""Tells what is wrong in an answer."""

TARGETS: Final = [target for target in BODIES if takes(target) is not None and target[1] != TELLS]


def state(server: Inside) -> dict[str, list[Any]]:
    """Every row of the state."""
    with server.engine.database.read() as connection:
        tables = MetaData()
        tables.reflect(connection)
        return {
            name: [*map(tuple, connection.execute(select(Table(name, tables))))]
            for name in tables.tables
            if name not in NO_STATE
        }


def bodies(good: dict[str, Any], *, may_be_empty: bool) -> dict[str, tuple[bytes, str]]:
    """Bodies that are refused, and how the message about each has to begin."""
    sent = {
        "null": (b"null", "Expected `object`, got `null`"),
        "a list": (b"[]", "Expected `object`, got `array` []"),
        "a text": (b'"x"', 'Expected `object`, got `str` "x"'),
        "cut": (b"{", "not valid JSON: "),
        "unknown": (b'{"surely_not": 1}', "unknown field 'surely_not'"),
    }
    if not may_be_empty:
        sent["empty"] = (b"", "the request has no body: send JSON")
    for name in good:
        for number, wrong in enumerate(WRONG):
            sent[f"{name} {number}"] = (json.dumps(good | {name: wrong}).encode(), name)
    return sent


@pytest.mark.parametrize("target", TARGETS, ids=" ".join)
def test_what_does_not_fit_is_refused_by_its_place_and_changes_nothing(
    here: Inside,
    known: dict[str, str],  # noqa: F811 - a fixture
    target: tuple[str, str],
) -> None:
    route = takes(target)
    assert route is not None
    good = json.loads(filled(json.dumps(BODIES[target], default=str), known))
    before, wrong = state(here), []
    for what, (sent, begins) in bodies(good, may_be_empty=route.may_be_empty).items():
        answer = here.api().send(target[0], filled(target[1], known), content=sent)
        found = complaints(answer.status, answer.content)
        wrong += [f"{what}: {complaint}" for complaint in found]
        if not found and (answer.status != 400 or not answer.body["message"].startswith(begins)):
            wrong.append(f"{what}: {answer.status} {answer.body['message']}")
    assert wrong == []
    assert state(here) == before


@pytest.mark.parametrize("route", LISTS, ids=lambda route: route.shown_path)
@pytest.mark.parametrize(
    ("query", "begins"),
    [
        ("pageSize=0", "pageSize: 0 is too small: ask for 1 to "),
        ("pageSize=-1", "pageSize: -1 is too small: ask for 1 to "),
        ("pageSize=abc", 'pageSize: Expected `int`, got `str` "abc"'),
        ("pageSize=1.5", 'pageSize: Expected `int`, got `str` "1.5"'),
        ("pagesize=1", "pagesize: unknown query parameter: did you mean 'pageSize'?"),
        ("nextToken=x", "nextToken: Invalid nextToken: "),
        ("_sort=x", "_sort: "),
        ("_search=zz-no-such-thing-zz", ""),
        ("surely_not=1", "surely_not: unknown query parameter"),
    ],
)
def test_a_list_is_asked_rightly_or_refused(
    here: Inside,
    known: dict[str, str],  # noqa: F811 - a fixture
    route: Route,
    query: str,
    begins: str,
) -> None:
    answer = here.api().send("GET", f"{path_of(route, known)}?{required(route)}{query}")
    if begins:
        assert answer.refused(400).startswith(begins)
    elif answer.status != 200:
        assert answer.refused(400).startswith("_search: ")
    else:
        assert next(value for value in answer.body.values() if isinstance(value, list)) == []


def path_of(route: Route, known: dict[str, str]) -> str:  # noqa: F811 - a fixture's value
    """The path of a list that is there."""
    names = {
        "account_id": "acme",
        "accountId": "acme",
        "customerId": "acme",
        "feature_id": known["<feature>"],
        "event_schema_name": "api_call",
        "eventSchemaName": "api_call",
        "price_plan_id": known["<plan>"],
        "schedule_id": known["<schedule>"],
        "invoice_id": known["<invoice>"],
    }
    return re.sub(r"{(\w+)}", lambda found: names.get(found[1], "none"), route.shown_path)


def required(route: Route) -> str:
    """What the list cannot do without."""
    fields = msgspec.structs.fields(route.binding.query)
    return "".join(f"{one.encode_name}=ACTIVE&" for one in fields if one.required)
