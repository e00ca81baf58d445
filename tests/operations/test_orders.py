"""Orders that are paid while something else happens: carried out once, by whoever comes to it (ADR 0036)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from tallystick.accounts.purchase import PurchaseType
from tallystick.kernel.errors import BillingError
from tallystick.operations import fulfilment
from tallystick.operations.settlement import receive
from tallystick.stores.state.database import is_passing
from tests.operations.buying import buy, credits_of, pack, pay, purchase
from tests.operations.shop import Shop, fee, monthly
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Inside


class KilledError(Exception):
    """The server is gone."""


def settled(server: Inside, shop: Shop, invoice: str, *, killed: bool = False) -> None:
    """Receive all that is owed for an order; or be killed before that is committed."""
    organisation = shop.api.get("/v1/organization").ok()["id"]
    with server.engine.work_for(organisation, "payer", writes=True) as (work, _):
        record = work.state.invoices.get(invoice)
        receive(work, record, record.open)
        if killed:
            raise KilledError


def test_a_payment_that_is_lost_grants_nothing_and_can_be_made_again(server: Inside, shop: Shop) -> None:
    shop.account()
    plan, _, _ = pack(shop)
    bought = buy(shop, plan).ok()
    with pytest.raises(KilledError):
        settled(server, shop, bought["invoiceId"], killed=True)
    assert purchase(shop, bought["id"])["status"] == "PENDING"
    assert shop.api.get(f"/invoices/{bought['invoiceId']}").ok()["status"] == "DUE"
    assert credits_of(shop) == []
    pay(shop, bought["invoiceId"])
    assert purchase(shop, bought["id"])["status"] == "SUCCESS"
    assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]


def test_a_plan_that_was_paid_is_associated_by_the_next_server(tmp_path: Path) -> None:
    with inside(tmp_path / "data") as first:
        shop = Shop(first.api())
        shop.account()
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
        bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
    with inside(tmp_path / "data", works=False) as idle:
        shop = Shop(idle.api())
        settled(idle, shop, bought["invoiceId"])
        assert purchase(shop, bought["id"])["status"] == "IN_PROGRESS"
        assert shop.api.get("/accounts/acme/pricing_schedules").ok()["data"] == []
    for day in ("02", "03"):
        with inside(tmp_path / "data") as last:
            shop = Shop(last.api())
            shop.api.advance(f"2026-01-{day}")
            done = purchase(shop, bought["id"])
            assert (done["status"], done["updatedAt"]) == ("SUCCESS", "2026-01-01T00:00:00Z")
            (piece,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
            assert piece["pricePlanId"] == plan


class TestFaults:
    """What fails while an order is carried out, after its payment has come in."""

    def paid_while(self, server: Inside, shop: Shop, monkeypatch: pytest.MonkeyPatch, failure: Exception) -> str:
        def fails(*_: object) -> None:
            raise failure

        shop.account()
        plan, _, _ = pack(shop)
        bought = buy(shop, plan).ok()
        with monkeypatch.context() as patched:
            patched.setitem(fulfilment._CARRIED_OUT, PurchaseType.ENTITLEMENT_GRANT, fails)
            if is_passing(failure):
                with pytest.raises(BillingError, match="try again in a moment"):
                    settled(server, shop, bought["invoiceId"])
            else:
                settled(server, shop, bought["invoiceId"])
        return bought["id"]

    def test_a_database_that_is_busy_decides_nothing(
        self, server: Inside, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        busy = OperationalError("INSERT INTO credit VALUES (?)", ("100 USD",), Exception("database is locked"))
        bought = self.paid_while(server, shop, monkeypatch, busy)
        assert purchase(shop, bought)["status"] == "PENDING"
        settled(server, shop, purchase(shop, bought)["invoiceId"])
        assert purchase(shop, bought)["status"] == "SUCCESS"

    def test_a_fault_of_the_server_is_told_without_what_it_worked_on(
        self, server: Inside, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bought = self.paid_while(server, shop, monkeypatch, IntegrityError("INSERT", ("100 USD",), Exception("secret")))
        failed = purchase(shop, bought)
        assert (failed["status"], failed["comment"]) == ("FAILURE", "the server failed (IntegrityError)")
        assert shop.api.get(f"/invoices/{failed['invoiceId']}").ok()["status"] == "PAID"
