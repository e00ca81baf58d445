"""Who the caller is (issue 3, part 2: whoami)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tallystick.engine.administration import Administration
from tallystick.kernel.scope import Scope

if TYPE_CHECKING:
    from tests.servers import Inside


def test_a_caller_learns_its_key_its_organisation_and_its_limit(standing: Inside) -> None:
    admin = Administration(standing.engine.database)
    made, _ = admin.add_organisation("Florist", "EUR", "Europe/Rome")
    key, secret = admin.create_key(made.id, "Desk", frozenset({Scope.READ, Scope.MONEY}), Decimal("12.50"))
    told = {
        "keyId": key.id,
        "keyName": "Desk",
        "organizationId": made.id,
        "organizationName": "Florist",
        "baseCurrency": "EUR",
        "timeZone": "Europe/Rome",
        "scopes": ["money", "read"],
        "creditLimit": Decimal("12.50"),
        "now": "2026-01-01T00:00:00Z",
    }
    assert standing.api(secret).get("/v1/whoami").ok() == told
    token = standing.api(secret).post("/authenticate").ok()["token"]
    assert standing.api(token).get("/v1/whoami").ok() == told


def test_the_time_is_that_of_the_server(server: Inside) -> None:
    api = server.api()
    api.advance("2026-03-01")
    assert api.get("/v1/whoami").ok()["now"] == "2026-03-01T00:00:00Z"
