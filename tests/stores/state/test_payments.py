"""Payments: stored once for each transaction, followed by versions, never edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tallystick.credits.payment import PaymentLineType, PaymentSource
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import PageRequest
from tests.stores.state import nouns
from tests.stores.state.world import ABROAD

if TYPE_CHECKING:
    from tallystick.credits.payment import Payment, Share
    from tests.stores.state.world import World

WALLET = PaymentLineType.WALLET_CREDIT


def add(world: World, new: Payment, *shares: Share, organisation: str = "org.home") -> None:
    with world.writing(organisation) as state:
        state.payments.add(new, shares or [nouns.share()])


def get(world: World, name: str = "payment.1", version: int | None = None) -> Payment:
    with world.reading() as state:
        return state.payments.get(name, version)


def shown(new: Payment, version: int, *shares: Share) -> Payment:
    return msgspec.structs.replace(new, version=version, line_item_records=[share.line() for share in shares])


def test_it_is_read_as_it_was_stored_with_its_parts_in_order(world: World) -> None:
    new = nouns.payment(description="Rent", notes="by hand")
    shares = (nouns.share("7"), nouns.share("3", None, type=WALLET, order=2))
    add(world, new, *shares)
    assert get(world) == shown(new, 1, *shares)


def test_versions_follow_and_the_older_ones_stay(world: World) -> None:
    new, before, after = nouns.payment(), nouns.share(), nouns.share(target="wallet.1", type=WALLET)
    add(world, new, before)
    with world.writing() as state:
        state.payments.follow("payment.1", 1, [after])
    assert get(world) == get(world, version=2) == shown(new, 2, after)
    assert get(world, version=1) == shown(new, 1, before)
    for version in (0, 3):
        with pytest.raises(BillingError) as missing:
            get(world, version=version)
        assert missing.value.kind is Kind.NOT_FOUND
    with pytest.raises(BillingError, match="changed in the meantime"), world.writing() as state:
        state.payments.follow("payment.1", 1, [after])


def test_the_payments_of_an_invoice_are_those_that_pay_it_now(world: World) -> None:
    add(world, nouns.payment("payment.1"), nouns.share("7"), nouns.share("3", "inv.other", order=2))
    add(world, nouns.payment("payment.2"), nouns.share("1"))
    add(world, nouns.payment("payment.3"), nouns.share("1", "inv.other"))
    with world.writing() as state:
        state.payments.follow("payment.2", 1, [nouns.share("1", "wallet.1", type=WALLET)])
        assert state.payments.of_invoice("inv.due") == {
            ("payment.1", 1): [nouns.share("7"), nouns.share("3", "inv.other", order=2)]
        }


@pytest.mark.parametrize("source", PaymentSource)
def test_a_transaction_of_an_account_counts_once_unless_it_is_cash(world: World, source: PaymentSource) -> None:
    def number(payment: Payment, **more: object) -> Payment:
        reference = msgspec.structs.replace(
            payment.external_payment_references, source_type=source, **({"transaction_number": "42"} | more)
        )
        return msgspec.structs.replace(payment, external_payment_references=reference)

    add(world, number(nouns.payment("payment.1")))
    add(world, number(nouns.payment("payment.2", account_id="other")))
    add(world, number(nouns.payment("payment.3"), source_name="Other"))
    add(world, number(nouns.payment("payment.4")), organisation=ABROAD)
    if source is PaymentSource.CASH:
        add(world, number(nouns.payment("payment.5")))
        return
    with pytest.raises(BillingError, match=f"{source} '42' of 'Bank' was recorded") as refused:
        add(world, number(nouns.payment("payment.5")))
    assert refused.value.kind is Kind.CONFLICT


def test_a_list_shows_the_latest_versions(world: World) -> None:
    add(world, nouns.payment("payment.1"))
    add(world, nouns.payment("payment.2", account_id="other"))
    with world.writing() as state:
        state.payments.follow("payment.1", 1, [nouns.share(type=WALLET)])
        listed, _ = state.payments.page(PageRequest())
        assert [(one.id, one.version) for one in listed] == [("payment.1", 2), ("payment.2", 1)]
        (only,), _ = state.payments.page(PageRequest(), account_id="other")
    assert only.id == "payment.2"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payment SET total_minor = 1",
        "UPDATE payment SET version = 3",
        "UPDATE payment SET version = 2, notes = 'x'",
        "DELETE FROM payment",
        "UPDATE payment_line SET amount_minor = 1",
        "DELETE FROM payment_line",
    ],
)
def test_the_database_itself_keeps_payments(world: World, change: str) -> None:
    add(world, nouns.payment())
    with pytest.raises(DBAPIError), world.database.write() as connection:
        connection.execute(text(change))
