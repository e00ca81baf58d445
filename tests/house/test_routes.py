"""Every route runs a marked operation, binds to its signature and is described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tallystick.api.binder import Route
from tallystick.api.openapi import describe
from tallystick.api.routes import ROUTES
from tallystick.operations.work import Work, command, query, traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

every_route = pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.path}" for route in ROUTES])
LOOKS_BY_POST = {
    "/metrics": "its question is too long for a query string",
    "/revenue_calculator": "the terms of a plan are too long for a query string",
    "/v2/revenue_calculator": "the same",
    "/v1/revenue-calculator": "the same",
    "/accounts/{account_id}/entitlements/{feature_id}": "the contract asks so",
    "/v1/usage-meters/preview": "a meter and its events are too long for a query string",
}


@query
def look(work: Work, thing_id: str) -> str:
    """Look at a thing."""
    return f"{work.actor} {thing_id}"


@command
def change(work: Work, thing_id: str) -> str:
    """Change a thing."""
    return f"{work.actor} {thing_id}"


def unmarked(work: Work) -> str:
    """Neither a query nor a command."""
    return work.actor


def wrong_verb(route: Route) -> bool:
    """Whether a route that only looks changes something, or the other way round."""
    looks = route.method == "GET" or route.path in LOOKS_BY_POST
    traits = traits_of(route.operation)
    return looks == (traits.writes or traits.is_audited)


@every_route
def test_its_operation_is_marked_as_what_its_method_promises(route: Route) -> None:
    assert not wrong_verb(route)


@every_route
def test_its_operation_binds_to_path_query_and_body(route: Route) -> None:
    binding = route.binding
    assert set(binding.path) == {part.strip("{}") for part in route.shown_path.split("/") if part.startswith("{")}
    assert binding.body is None or route.method in {"POST", "PATCH", "PUT"}


@every_route
def test_its_operation_says_in_one_line_what_it_does(route: Route) -> None:
    summary = (route.operation.__doc__ or "").partition("\n")[0]
    assert summary.endswith(".")


def test_an_unmarked_operation_is_found() -> None:
    with pytest.raises(AttributeError):
        traits_of(unmarked)


@pytest.mark.parametrize(
    "route",
    [
        Route("GET", "/things/{thing_id}", change, 200, "Things"),
        Route("POST", "/things/{thing_id}", look, 200, "Things"),
    ],
)
def test_a_method_that_promises_something_else_is_found(route: Route) -> None:
    assert wrong_verb(route)


def test_a_path_that_names_no_parameter_of_its_operation_is_found() -> None:
    with pytest.raises(TypeError, match="does not fit look"):
        _ = Route("GET", "/things/{another_id}", look, 200, "Things").binding


def test_no_two_routes_stand_in_each_others_way() -> None:
    assert repeated(ROUTES) == []
    twice = Route("GET", "/things/{thing_id}", look, 200, "Things")
    assert repeated([twice, twice]) == ["GET /things/{thing_id}"]


def repeated(routes: Sequence[Route]) -> list[str]:
    """Method and path of routes that come a second time."""
    seen = [f"{route.method} {route.shown_path}" for route in routes]
    return sorted({one for one in seen if seen.count(one) > 1})


def undescribed(routes: Sequence[Route], description: bytes) -> list[str]:
    """Routes that a description leaves out, or whose success status or body it does not tell."""
    paths: dict[str, Any] = msgspec.json.decode(description)["paths"]
    missing = []
    for route in routes:
        told = paths.get(route.shown_path, {}).get(route.method.lower(), {})
        if str(route.status) not in told.get("responses", {}) or ("requestBody" in told) != (
            route.binding.body is not None
        ):
            missing.append(f"{route.method} {route.path}")
    return missing


def test_the_description_tells_every_route() -> None:
    assert undescribed(ROUTES, describe(ROUTES)) == []


def test_a_route_that_the_description_leaves_out_is_found() -> None:
    assert undescribed(ROUTES, describe(ROUTES[1:])) == [f"{ROUTES[0].method} {ROUTES[0].path}"]


def test_every_reference_in_the_description_leads_somewhere() -> None:
    description = describe(ROUTES)
    known = set(msgspec.json.decode(description)["components"]["schemas"])
    assert references(msgspec.json.decode(description)) <= known
    assert references({"a": [{"$ref": "#/components/schemas/Nowhere"}]}) == {"Nowhere"}


def references(node: object) -> set[str]:
    """The names of all component schemas that a description refers to."""
    if isinstance(node, dict):
        here = {node["$ref"].rpartition("/")[2]} if isinstance(node.get("$ref"), str) else set()
        return here.union(*(references(value) for value in node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()
