"""The token of a preview commits what was shown, by whom it was shown to, while it still holds, and once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from tallystick.engine.administration import Administration
from tallystick.engine.previews import PREVIEW_LIFE
from tallystick.kernel.clock import FrozenClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from tests.agent import Agent, Json, Told
    from tests.operations.shop import Shop
    from tests.servers import Inside

GRANT: Final = {"accountId": "acme", "creditAmount": 500, "effectiveFrom": "2026-01-01"}


class Table:
    """One preview of a credit of 500, and everybody who may try to commit it."""

    def __init__(self, server: Inside, shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.shop, self.agent = server, shop, agent
        self._monkeypatch = monkeypatch
        self.shown_at = self.turn_clock(timedelta())
        self.token: str = agent.call("grant-credit", GRANT).ok()["previewToken"]

    def commit(self, agent: Agent | None = None, tool: str = "grant-credit", **changes: object) -> Told:
        """The call that commits, as it should be but for these changes."""
        return (agent or self.agent).call(tool, GRANT | {"previewToken": self.token} | changes)

    def another_key(self, organisation: str | None = None) -> Agent:
        owner = organisation or self.shop.api.get("/v1/whoami").ok()["organizationId"]
        return self.agent.door.agent(Administration(self.server.engine.database).create_key(owner, "another")[1])

    def turn_clock(self, later: timedelta) -> FrozenClock:
        """Let the wall clock stand still, so much later than it does now."""
        clock = FrozenClock(self.server.engine.wall_clock.now().replace(microsecond=0) + later)
        self._monkeypatch.setattr(self.server.engine, "wall_clock", clock)
        return clock

    def granted(self) -> list[Decimal]:
        return sorted(credit["creditAmount"] for credit in self.shop.api.get("/credits").ok()["data"])


@pytest.fixture
def table(server: Inside, shop: Shop, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Table:
    shop.metered_plan((0, 1))
    return Table(server, shop, agent, monkeypatch)


def in_another_organisation(table: Table) -> Told:
    other = table.server.new_organisation()
    other.post("/v1/customers", {"id": "acme", "name": "Acme", "primaryEmail": "a@acme.test"}).ok()
    return table.commit(table.agent.door.agent(other.key))


def after_another_grant(table: Table) -> Told:
    table.shop.credit(1)
    return table.commit()


def too_late(table: Table) -> Told:
    table.turn_clock(PREVIEW_LIFE)
    return table.commit()


def twice(table: Table) -> Told:
    table.commit().ok()
    return table.commit()


def with_a_login_token(table: Table) -> Told:
    return table.commit(previewToken=table.shop.api.post("/authenticate").ok()["token"])


def tampered(table: Table) -> Told:
    head, body, signature = table.token.split(".")
    return table.commit(previewToken=f"{head}.{body[:-2]}AA.{signature}")


def unsigned(table: Table) -> Told:
    """The same claims with the algorithm 'none'."""
    return table.commit(previewToken=f"eyJhbGciOiJub25lIn0.{table.token.split('.')[1]}.")


MISUSES: Final = {
    "a larger amount": (lambda table: table.commit(creditAmount=5000), "preview_mismatch", []),
    "an amount below the limit": (lambda table: table.commit(creditAmount=5), "preview_mismatch", []),
    "another day": (lambda table: table.commit(effectiveFrom="2026-01-02"), "preview_mismatch", []),
    "an argument more": (lambda table: table.commit(purpose="Else"), "preview_mismatch", []),
    "another account": (lambda table: table.commit(accountId="beta"), "preview_mismatch", []),
    "another tool": (
        lambda table: table.agent.call(
            "assign-price-plan",
            {
                "accountId": "acme",
                "pricePlanId": "pp.x",
                "effectiveFrom": "2026-01-01",
                "previewToken": table.token,
            },
        ),
        "preview_mismatch",
        [],
    ),
    "another key": (lambda table: table.commit(table.another_key()), "preview_mismatch", []),
    "another organisation": (in_another_organisation, "preview_mismatch", []),
    "a grant in between": (after_another_grant, "preview_stale", [1]),
    "ten minutes later": (too_late, "preview_expired", []),
    "a second time": (twice, "preview_used", [500]),
    "a login token": (with_a_login_token, "preview_invalid", []),
    "a changed token": (tampered, "preview_invalid", []),
    "an unsigned token": (unsigned, "preview_invalid", []),
    "no token at all": (lambda table: table.commit(previewToken=""), "preview_invalid", []),
}


@pytest.mark.parametrize(("misuse", "code", "granted"), MISUSES.values(), ids=MISUSES)
def test_a_misused_token_grants_nothing(
    table: Table, misuse: Callable[[Table], Told], code: str, granted: Json
) -> None:
    error = misuse(table).refused(code)
    assert error["message"].startswith("previewToken: ")
    assert table.granted() == granted


def test_a_mismatch_says_what_differs(table: Table) -> None:
    reasons = {"another key": "another API key", "another tool": "another tool", "another day": "other arguments"}
    for misuse, reason in reasons.items():
        assert reason in MISUSES[misuse][0](table).refused("preview_mismatch")["message"]


def test_the_control_a_token_that_is_used_as_it_should_be_grants(table: Table) -> None:
    assert table.commit().ok()["creditAmount"] == 500
    assert table.granted() == [500]


def moving_usage(table: Table) -> None:
    """More usage, which has come as far as the draft that the preview showed."""
    table.shop.use(70)
    assert table.shop.invoice()["totalAmount"] == 70


RIGHT_USES: Final = {
    "until its last second": lambda table: table.turn_clock(PREVIEW_LIFE - timedelta(seconds=1)),
    "while usage moves on": moving_usage,
    "while another account gets a credit": lambda table: (table.shop.account("beta"), table.shop.credit(1, "beta")),
    "after another preview of the same": lambda table: table.agent.call("grant-credit", GRANT).ok(),
}


@pytest.mark.parametrize("meanwhile", RIGHT_USES.values(), ids=RIGHT_USES)
def test_it_may_be_committed(table: Table, meanwhile: Callable[[Table], object]) -> None:
    meanwhile(table)
    table.commit().ok()
    assert 500 in table.granted()


def test_the_same_amount_written_as_text_is_the_same_call(table: Table) -> None:
    assert table.commit(creditAmount="500").ok()["creditAmount"] == 500


def test_a_key_may_commit_with_its_login_token_what_it_was_shown(table: Table) -> None:
    login = table.shop.api.post("/authenticate").ok()["token"]
    table.commit(table.agent.door.agent(login)).ok()
    assert table.granted() == [500]


def test_with_preview_a_token_is_not_used_but_a_new_one_given(table: Table) -> None:
    assert table.commit(preview=True).ok()["previewToken"] != table.token
    assert table.granted() == []


def test_of_two_commits_at_once_one_grants(table: Table) -> None:
    start = threading.Barrier(2)

    def commit() -> Told:
        start.wait()
        return table.commit()

    with ThreadPoolExecutor(2) as pool:
        told = [future.result() for future in [pool.submit(commit) for _ in range(2)]]
    done, refused = sorted(told, key=lambda one: one.is_error)
    done.ok()
    refused.refused("preview_used")
    assert table.granted() == [500]


def test_a_preview_token_lets_nobody_in(table: Table) -> None:
    stranger = table.agent.door.agent(table.token)
    assert stranger.rpc("tools/list").status == 401
    table.server.api(table.token).get("/customers").refused(401)


def test_what_a_used_token_says_afterwards_is_forgotten_only_when_it_has_expired(table: Table) -> None:
    """Tidying up must not make a token good again."""
    table.commit().ok()
    table.turn_clock(PREVIEW_LIFE - timedelta(seconds=1))
    table.server.engine.forget_old_answers()
    table.commit().refused("preview_used")
    table.turn_clock(timedelta(seconds=2))
    table.server.engine.forget_old_answers()
    table.commit().refused("preview_expired")
    assert table.granted() == [500]
