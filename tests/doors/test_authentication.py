"""Nobody comes in without a key, except to health and docs (domain.md 1.7)."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt
import pytest

from tests.servers import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Inside

OPEN: Final = {"/", "/healthz", "/readyz", "/docs", "/openapi.json"}
"""Health, docs, and the way from the root to the docs."""

DAY_S: Final = 24 * 60 * 60


@pytest.fixture
def stranger(server: Inside) -> Api:
    return server.api(None)


@pytest.fixture(scope="module")
def token(server: Inside) -> str:
    return server.api().post("/authenticate").ok()["token"]


def every_route(server: Inside) -> Iterator[tuple[str, str]]:
    for route in server.app.routes:
        for method in sorted(route.methods):
            yield method, re.sub(r"{[^}]*}", "x", route.path)


def test_every_route_but_health_and_docs_needs_a_key(server: Inside, stranger: Api) -> None:
    closed = [(method, path) for method, path in every_route(server) if path.removesuffix("/x") not in OPEN]
    assert len(closed) > 60
    for method, path in closed:
        answer = stranger.send(method, path)
        assert (answer.status, path) == (401, path)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        if method != "HEAD":
            assert "no API key" in answer.refused(401)


@pytest.mark.parametrize("path", sorted(OPEN))
def test_health_and_docs_are_open(stranger: Api, path: str) -> None:
    assert stranger.get(path).status in {200, 307}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nowhere"), ("PUT", "/customers"), ("OPTIONS", "/customers"), ("GET", "/customers/")],
)
def test_strangers_do_not_learn_which_paths_exist(stranger: Api, method: str, path: str) -> None:
    stranger.send(method, path).refused(401)


@pytest.mark.parametrize("body", [None, {"event": {}}, {"id": 7}])
def test_a_strangers_body_is_not_looked_at(stranger: Api, body: object) -> None:
    for path in ("/ingest", "/customers"):
        stranger.post(path, body).refused(401)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {KEY}"},
        {"Authorization": f"bearer {KEY}"},
        {"Authorization": f"Bearer   {KEY} "},
        {"X-API-Key": KEY},
        {"Authorization": "Basic dXNlcjpwYXNz", "X-API-Key": KEY},
    ],
)
def test_a_key_comes_in_either_header(stranger: Api, headers: dict[str, str]) -> None:
    assert stranger.send("GET", "/customers", headers=headers).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Bearer {KEY.upper()}"},
        {"X-API-Key": ""},
        {"X-API-Key": "' OR 1=1 --"},
        {"Authorization": f"Bearer {'k' * 5000}"},
    ],
)
def test_anything_else_is_refused(stranger: Api, headers: dict[str, str]) -> None:
    stranger.send("GET", "/customers", headers=headers).refused(401)


def test_a_key_becomes_a_token_for_a_day(server: Inside, token: str) -> None:
    claims = jwt.decode(token, options={"verify_signature": False})
    left = claims["exp"] - datetime.now(UTC).timestamp()
    assert DAY_S - 600 < left <= DAY_S
    assert server.api(token).get("/customers").status == 200


def test_a_token_is_exchanged_for_itself(server: Inside, token: str) -> None:
    assert server.api(token).post("/authenticate").ok() == {"token": token}


def test_a_token_belongs_to_its_keys_organisation(server: Inside) -> None:
    other = server.new_organisation(name="Other and only")
    token = other.post("/authenticate").ok()["token"]
    assert server.api(token).get("/v1/organization").ok()["name"] == "Other and only"


def forged(token: str, **changes: Any) -> str:  # noqa: ANN401 - claims
    head, _, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"{head}.{body}.{signature}"


def signed(server: Inside, token: str, **changes: Any) -> str:  # noqa: ANN401 - claims
    """A token with the server's own signature, as only time could make it."""
    claims = jwt.decode(token, options={"verify_signature": False}) | changes
    return jwt.encode(
        {name: value for name, value in claims.items() if value is not None}, server.engine.secret, "HS256"
    )


def test_a_tampered_token_is_refused(server: Inside, token: str) -> None:
    head, body, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    for bad in (
        forged(token, exp=claims["exp"] + 1),
        forged(token, org="org.another"),
        f"{head}.{body}.{signature[::-1]}",
        f"{head}.{body}.",
        f"{head}.{body}",
        jwt.encode(claims, None, "none"),
        jwt.encode(claims, "another secret that is long enough to be allowed", "HS256"),
        jwt.encode(claims, server.engine.secret * 2, "HS512"),
        "..",
        "a.b.c",
    ):
        server.api(bad).get("/customers").refused(401)


def test_an_expired_token_is_refused(server: Inside, token: str) -> None:
    passed = datetime.now(UTC) - timedelta(seconds=1)
    message = server.api(signed(server, token, exp=passed)).get("/customers").refused(401)
    assert "expired" in message


@pytest.mark.parametrize("missing", ["exp", "sub", "org"])
def test_a_token_that_lacks_a_claim_is_refused(server: Inside, token: str, missing: str) -> None:
    server.api(signed(server, token, **{missing: None})).get("/customers").refused(401)


def test_a_token_for_another_organisations_key_is_refused(server: Inside, token: str) -> None:
    server.api(signed(server, token, org="org.another")).get("/customers").refused(401)


def test_page_tokens_are_no_access_tokens(server: Inside) -> None:
    api = server.new_organisation()
    for kind in ("LICENSE", "FIXED_FEE"):
        api.post("/addons", {"type": kind}).ok()
    page = api.get("/addons", pageSize=1).ok()
    server.api(page["nextToken"]).get("/addons").refused(401)
