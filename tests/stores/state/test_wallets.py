"""Wallets: a balance is what its entries add up to, and nobody takes more out than there is."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tallystick.credits.wallet import WalletEntryType, WalletStatus
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import from_minor
from tallystick.kernel.paging import PageRequest
from tallystick.stores.state.wallets import MOST_MINOR, Occasion
from tests.stores.state import nouns
from tests.stores.state.nouns import usd
from tests.stores.state.world import NOW, at_once, later

if TYPE_CHECKING:
    from tests.stores.state.world import World

CREDITED, DEBITED = WalletEntryType.CREDITED, WalletEntryType.DEBITED


@pytest.fixture
def filled(world: World) -> World:
    """A wallet with 100."""
    with world.writing() as state:
        state.wallets.open(nouns.wallet(), NOW)
        state.wallets.credit(nouns.wallet(), usd("100"), Occasion("Top-up"), NOW, world.ids)
    return world


def take(world: World, amount: str, invoice: str = "inv.1") -> None:
    with world.writing() as state:
        state.wallets.debit(nouns.wallet(), usd(amount), Occasion("Invoice", invoice), later(1), world.ids)


def put(world: World, amount: str, why: Occasion) -> None:
    with world.writing() as state:
        state.wallets.credit(nouns.wallet(), usd(amount), why, later(2), world.ids)


def balance(world: World) -> Decimal:
    """What is in the wallet, which its entries add up to."""
    with world.reading() as state:
        wallet = state.wallets.find("acme-main")
        assert wallet is not None
        entries, _ = state.wallets.page_of_entries(PageRequest(), wallet)
    signed = [one.amount if one.transaction_type is CREDITED else -one.amount for one in entries]
    assert sum(signed) == wallet.balance == entries[0].closing_balance
    return wallet.balance


def test_it_is_read_as_it_was_stored(filled: World) -> None:
    with filled.reading() as state:
        wallet = state.wallets.find("acme-main")
        assert wallet == nouns.wallet(balance=Decimal(100), created_at=NOW, updated_at=NOW)
        (entry,), token = state.wallets.page_of_entries(PageRequest(), wallet)
        assert state.wallets.find("other") is None
    assert (entry.description, entry.amount, entry.closing_balance, token) == ("Top-up", 100, 100, None)


def test_an_account_has_one_whoever_opens_it_first(filled: World) -> None:
    with filled.writing() as state:
        state.wallets.open(nouns.wallet("wallet.second"), later(1))
        assert state.wallets.find("acme-main") == nouns.wallet(balance=Decimal(100), created_at=NOW, updated_at=NOW)


def test_forty_threads_that_take_at_once_never_take_more_than_there_is(filled: World) -> None:
    # 40 times 3.00 of 100.00: 33 of them are paid, 1.00 is left.
    outcomes = at_once([lambda number=number: take(filled, "3", f"inv.{number}") for number in range(40)])
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): 33, BillingError: 7}
    assert balance(filled) == 1


def test_more_than_there_is_is_a_conflict_and_leaves_all_as_it_was(filled: World) -> None:
    with pytest.raises(BillingError, match=r"has less left than 100\.01 USD") as refused:
        take(filled, "100.01")
    assert refused.value.kind is Kind.CONFLICT
    assert balance(filled) == 100


def test_no_more_is_credited_than_can_be_counted(filled: World) -> None:
    most = from_minor(MOST_MINOR - 10_000, "USD").amount
    put(filled, f"{most}", Occasion("All there is"))
    with pytest.raises(BillingError, match=r"cannot count 0\.01 USD more"):
        put(filled, "0.01", Occasion("And more"))
    assert balance(filled) == most + 100


def test_under_a_key_money_comes_in_once(filled: World) -> None:
    for _ in range(2):
        put(filled, "5", Occasion("Refund", "addon.seats", "refund 1"))
    put(filled, "5", Occasion("Refund", "addon.seats", "refund 2"))
    assert balance(filled) == 110


def test_what_an_invoice_cost_is_what_it_did_not_give_back(filled: World) -> None:
    take(filled, "30")
    take(filled, "4", "inv.2")
    put(filled, "10", Occasion("Void", "inv.1"))
    with filled.reading() as state:
        assert state.wallets.spent_on(nouns.wallet(), "inv.1") == usd("20")
        assert state.wallets.spent_on(nouns.wallet(), "inv.none") == usd("0")


def test_whether_it_pays_is_stored(filled: World) -> None:
    changed = nouns.wallet(status=WalletStatus.INACTIVE, effective_from=later(9))
    with filled.writing() as state:
        state.wallets.set(changed, later(3))
        found = state.wallets.find("acme-main")
    assert found is not None
    assert (found.status, found.effective_from, found.balance) == (WalletStatus.INACTIVE, later(9), 100)


@pytest.mark.parametrize("change", ["consumed_minor = 10001", "consumed_minor = -1", "credited_minor = -1"])
def test_the_database_itself_keeps_a_balance_above_zero(filled: World, change: str) -> None:
    with pytest.raises(IntegrityError), filled.database.write() as connection:
        connection.execute(text(f"UPDATE wallet SET {change}"))


@pytest.mark.parametrize(
    "change", ["UPDATE wallet_entry SET amount_minor = 1", "DELETE FROM wallet_entry", "DELETE FROM wallet"]
)
def test_the_database_itself_keeps_wallets_and_entries(filled: World, change: str) -> None:
    with pytest.raises(DBAPIError), filled.database.write() as connection:
        connection.execute(text(change))
    assert balance(filled) == 100
