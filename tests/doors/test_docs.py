"""The API's description is complete, says number where the wire has numbers, and is rendered from package data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

UNDESCRIBED: Final = {"/", "/docs", "/docs/{name}", "/openapi.json", "/healthz", "/readyz", "/internal/metrics"}
"""The description itself, the page that renders it, and what is for operators and not for callers."""


@pytest.fixture
def reader(server: Inside) -> Api:
    """Somebody without a key."""
    return server.api(None)


@pytest.fixture
def document(reader: Api) -> dict[str, Any]:
    return reader.get("/openapi.json").ok()


def nodes(node: object) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for below in node.values():
            yield from nodes(below)
    elif isinstance(node, list):
        for below in node:
            yield from nodes(below)


def test_every_route_is_described(server: Inside, document: dict[str, Any]) -> None:
    served = {
        (method, re.sub(r":\w+}", "}", route.path))
        for route in server.app.routes
        for method in route.methods - {"HEAD"}
        if route.path not in UNDESCRIBED
    }
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served == described


def test_every_operation_says_what_it_does_and_what_it_answers(document: dict[str, Any]) -> None:
    seen = set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"].endswith((".", "!", "?")) or operation["summary"], (method, path)
            assert any(status.startswith("2") for status in operation["responses"]), (method, path)
            seen.add(operation["operationId"])
            wanted = set(re.findall(r"{(\w+)}", path))
            declared = {one["name"] for one in operation.get("parameters", []) if one["in"] == "path"}
            assert wanted == declared, (method, path)
    assert len(seen) == sum(len(methods) for methods in document["paths"].values())


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(document) if isinstance(node.get("$ref"), str)}
    assert references
    for reference in references:
        assert reference.removeprefix("#/components/schemas/") in document["components"]["schemas"]


def test_decimals_are_numbers(document: dict[str, Any]) -> None:
    assert [node for node in nodes(document) if node.get("format") == "decimal"] == []
    schemas = document["components"]["schemas"]
    for name, field in (
        ("Slab", "startAfter"),
        ("CurrencyRate", "rate"),
        ("Credit", "creditAmount"),
        ("InvoiceSummary", "totalAmount"),
        ("CreditBalance", "runningBalance"),
    ):
        assert schemas[name]["properties"][field]["type"] == "number", (name, field)


def test_query_parameters_have_their_wire_names(document: dict[str, Any]) -> None:
    names = {one["name"] for one in document["paths"]["/customers"]["get"]["parameters"]}
    assert {"pageSize", "nextToken", "_search", "_sort", "status"} <= names


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/docs", "text/html"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/start.js", "text/javascript"),
        ("/openapi.json", "application/json"),
    ],
)
def test_the_page_and_what_it_needs_are_served_without_a_key(reader: Api, path: str, kind: str) -> None:
    answer = reader.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(kind)


def test_the_page_loads_nothing_from_elsewhere(reader: Api) -> None:
    page, start = (reader.get(path).content.decode() for path in ("/docs", "/docs/start.js"))
    loaded = re.findall(r"(?:src|href)=[\"']([^\"']*)", page)
    assert len(loaded) >= 3
    assert [url for url in loaded if "//" in url] == []
    assert "http" not in start
    # Without this the page would send the description's address to a validator on the Internet.
    assert re.search(r"validatorUrl:\s*null", start)
    styles = reader.get("/docs/swagger-ui.css").content.decode()
    assert [url for url in re.findall(r"url\(([^)]*)", styles) if not url.strip("\"'").startswith("data:")] == []


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "LICENSE", "index.html", "start.js.map"])
def test_nothing_else_of_the_package_is_served(server: Inside, name: str) -> None:
    assert server.api().get(f"/docs/{name}").status == 404
