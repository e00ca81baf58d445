"""Purchases in the state store: kept as they are shown, one per key and order, moved from one state only."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tallystick.accounts.purchase import PurchaseStatus
from tallystick.kernel.errors import BillingError, Kind
from tests.stores.state import nouns
from tests.stores.state.world import NOW

if TYPE_CHECKING:
    from tests.stores.state.world import World


def test_one_comes_back_as_it_was_stored(world: World) -> None:
    bought, asked = nouns.purchase(), nouns.proposal("purchase.2")
    with world.writing() as state:
        state.purchases.add(bought, due_at=None, schedule_id="sch.1")
        state.proposals.add(asked, due_at=NOW)
    with world.reading() as state:
        assert state.purchases.get(bought.id) == bought
        assert state.purchases.of_invoice("inv.order") == bought
        assert state.purchases.with_key("acme-main", "k") == bought
        assert state.purchases.schedule_of(bought.id) == "sch.1"
        assert state.purchases.ordered(["sch.1", "sch.2"]) == {"sch.1"}
        assert state.proposals.get(asked.id) == asked
        assert state.purchases.due_at(NOW, 9) == []
        assert state.proposals.due_at(NOW, 9) == [asked]
        assert state.proposals.due_at(NOW - timedelta(microseconds=1), 9) == []


@pytest.mark.parametrize("other", [{"invoice_id": "inv.2"}, {"idempotency_key": "k2"}])
def test_a_key_and_an_order_belong_to_one_purchase(world: World, other: dict[str, str]) -> None:
    with world.writing() as state:
        state.purchases.add(nouns.purchase(), due_at=None)
    with pytest.raises(BillingError) as refused, world.writing() as state:
        state.purchases.add(nouns.purchase("purchase.2", **other), due_at=None)
    assert refused.value.kind is Kind.CONFLICT


def test_it_is_moved_once_out_of_each_state(world: World) -> None:
    bought = nouns.purchase()
    with world.writing() as state:
        state.purchases.add(bought, due_at=None)
    paid = bought.moved(PurchaseStatus.IN_PROGRESS, NOW)
    with world.writing() as state:
        state.purchases.replace(paid, bought.status, due_at=NOW)
    with pytest.raises(BillingError, match="changed in the meantime"), world.writing() as state:
        state.purchases.replace(paid, bought.status)
    with world.reading() as state:
        assert state.purchases.due_at(NOW, 9) == [paid]
