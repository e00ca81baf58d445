"""The credit ledger: a balance is what its entries add up to, and nobody burns more than there is."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tallystick.credits.credit import CreditStatus, TransactionType
from tallystick.invoicing.invoice import InvoiceStatus
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import Money
from tallystick.kernel.paging import PageRequest
from tallystick.stores.state.ledger import InvoiceBurn
from tests.stores.state import nouns
from tests.stores.state.nouns import usd
from tests.stores.state.world import NOW, at_once, later

if TYPE_CHECKING:
    from tallystick.credits.credit import Credit
    from tests.stores.state.world import World

CREDITED, DEBITED, EXPIRED, VOIDED = (
    TransactionType.CREDITED,
    TransactionType.DEBITED,
    TransactionType.EXPIRED,
    TransactionType.VOIDED,
)
FEBRUARY_1 = datetime(2026, 2, 1, tzinfo=UTC)
MARCH_1 = datetime(2026, 3, 1, tzinfo=UTC)


def grant(world: World, granted: Credit, expires_at: datetime | None = None) -> None:
    with world.writing() as state:
        state.credits.grant(granted, expires_at, world.ids)


def burn(world: World, amount: str, invoice_id: str, name: str = "cred.welcome") -> None:
    with world.writing() as state:
        state.credits.burn([InvoiceBurn(name, usd(amount), invoice_id)], later(1), world.ids)


def give_back(world: World, invoice_id: str) -> None:
    with world.writing() as state:
        state.credits.give_back(invoice_id, later(2), world.ids)


def close(world: World, ended: Credit, status: CreditStatus) -> None:
    with world.writing() as state:
        state.credits.close(ended, status, later(3), world.ids)


def entries(world: World, name: str = "cred.welcome") -> list[tuple[TransactionType, Decimal, str | None]]:
    """What happened to a credit: type, amount, invoice."""
    with world.reading() as state:
        found = state.credits.transactions(name)
    return [(entry.transaction_type, entry.amount, entry.invoice_id) for entry in found]


def standing(world: World, name: str = "cred.welcome") -> tuple[CreditStatus, Decimal]:
    """The status of a credit, and what was consumed of it."""
    with world.reading() as state:
        found = state.credits.get(name)
    return found.status, found.consumed_amount


def test_a_credit_comes_back_as_it_was_granted(world: World) -> None:
    granted = nouns.credit(
        effective_until=date(2026, 7, 1), grantor_id="ann", idempotency_key="k1", credit_amount=Decimal("12.34")
    )
    grant(world, granted)
    with world.reading() as state:
        found = state.credits.get("cred.welcome")
        assert found == state.credits.with_key("acme-main", "k1")
        assert state.credits.page(PageRequest(), account_id="acme-main") == ([found], None)
    assert {name: getattr(found, name) for name in granted.__struct_fields__ if name != "updated_at"} == {
        name: getattr(granted, name) for name in granted.__struct_fields__ if name != "updated_at"
    }
    assert entries(world) == [(CREDITED, Decimal("12.34"), None)]


@pytest.mark.parametrize(("currency", "amount", "minor"), [("USD", "0.01", 1), ("JPY", "7", 7), ("KWD", "1.005", 1005)])
def test_amounts_are_kept_in_whole_minor_units_of_their_currency(
    world: World, currency: str, amount: str, minor: int
) -> None:
    grant(world, nouns.credit("cred.small", amount, credit_unit=currency))
    with world.database.read() as connection:
        assert connection.execute(text("SELECT amount_minor FROM credit")).scalar_one() == minor
    with world.reading() as state:
        assert state.credits.get("cred.small").credit_amount == Decimal(amount)


def test_a_grant_finer_than_the_minor_unit_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="finer than the minor unit"):
        grant(world, nouns.credit("cred.fine", "0.001"))


def test_burning_leaves_the_rest_and_the_last_of_it_uses_the_credit_up(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "99.99", "inv.1")
    assert standing(world) == (CreditStatus.ACTIVE, Decimal("99.99"))
    burn(world, "0.01", "inv.2")
    assert standing(world) == (CreditStatus.CONSUMED, Decimal(100))
    assert entries(world) == [
        (CREDITED, Decimal(100), None),
        (DEBITED, Decimal("99.99"), "inv.1"),
        (DEBITED, Decimal("0.01"), "inv.2"),
    ]


@pytest.mark.parametrize("ended", [None, CreditStatus.VOIDED, CreditStatus.EXPIRED])
def test_burning_more_than_is_left_or_of_an_ended_credit_is_refused(world: World, ended: CreditStatus | None) -> None:
    grant(world, nouns.credit())
    if ended is not None:
        close(world, nouns.credit(), ended)
    before = entries(world)
    with pytest.raises(BillingError, match=r"has less left than 100\.01 USD") as refused:
        burn(world, "100.01", "inv.1")
    assert refused.value.kind is Kind.CONFLICT
    assert entries(world) == before


def test_forty_threads_that_burn_at_once_never_take_more_than_there_is(world: World) -> None:
    # 40 bills of 3.00 want 120.00 of a credit of 100.00: 33 of them can be paid, 1.00 is left.
    grant(world, nouns.credit())
    outcomes = at_once([lambda number=number: burn(world, "3", f"inv.{number}") for number in range(40)])
    assert Counter(type(outcome) for outcome in outcomes) == {type(None): 33, BillingError: 7}
    assert standing(world) == (CreditStatus.ACTIVE, Decimal(99))
    assert Counter(kind for kind, _, _ in entries(world)) == {CREDITED: 1, DEBITED: 33}


def test_of_forty_threads_that_want_all_of_a_credit_one_gets_it(world: World) -> None:
    grant(world, nouns.credit())
    outcomes = at_once([lambda number=number: burn(world, "100", f"inv.{number}") for number in range(40)])
    assert outcomes.count(None) == 1
    assert standing(world) == (CreditStatus.CONSUMED, Decimal(100))


def test_the_database_itself_holds_what_is_consumed_between_nothing_and_all(world: World) -> None:
    grant(world, nouns.credit())
    for consumed in (-1, 10_001):
        with pytest.raises(IntegrityError), world.database.write() as connection:
            connection.execute(text("UPDATE credit SET consumed_minor = :consumed"), {"consumed": consumed})


def test_an_invoice_burns_a_credit_once(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "10", "inv.1")
    with pytest.raises(IntegrityError):
        burn(world, "10", "inv.1")
    assert standing(world) == (CreditStatus.ACTIVE, Decimal(10))


def test_what_an_invoice_burned_comes_back_to_every_credit_and_makes_it_active_again(world: World) -> None:
    grant(world, nouns.credit("cred.a", "30"))
    grant(world, nouns.credit("cred.b", "50"))
    burn(world, "30", "inv.1", "cred.a")
    burn(world, "20", "inv.1", "cred.b")
    burn(world, "5", "inv.2", "cred.b")
    give_back(world, "inv.1")
    assert standing(world, "cred.a") == (CreditStatus.ACTIVE, Decimal(0))
    assert standing(world, "cred.b") == (CreditStatus.ACTIVE, Decimal(5))
    assert entries(world, "cred.a") == [
        (CREDITED, Decimal(30), None),
        (DEBITED, Decimal(30), "inv.1"),
        (CREDITED, Decimal(30), "inv.1"),
    ]


def test_nothing_comes_back_twice(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "30", "inv.1")
    give_back(world, "inv.1")
    with pytest.raises(IntegrityError):
        give_back(world, "inv.1")
    give_back(world, "inv.unknown")
    assert standing(world) == (CreditStatus.ACTIVE, Decimal(0))


@pytest.mark.parametrize("status", [CreditStatus.VOIDED, CreditStatus.EXPIRED])
def test_what_is_left_of_an_ended_credit_is_lost(world: World, status: CreditStatus) -> None:
    grant(world, nouns.credit())
    burn(world, "30", "inv.1")
    close(world, nouns.credit(), status)
    assert standing(world) == (status, Decimal(30))
    assert entries(world)[2:] == [(TransactionType(status), Decimal(70), None)]
    with pytest.raises(BillingError, match="is not ACTIVE") as refused:
        close(world, nouns.credit(), status)
    assert refused.value.kind is Kind.CONFLICT


def test_what_comes_back_to_a_voided_credit_is_lost_like_its_rest(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "30", "inv.1")
    close(world, nouns.credit(), CreditStatus.VOIDED)
    give_back(world, "inv.1")
    assert standing(world) == (CreditStatus.VOIDED, Decimal(0))
    assert sum(amount if kind is CREDITED else -amount for kind, amount, _ in entries(world)) == 0


def test_what_comes_back_to_an_expired_credit_can_be_burned_again_and_its_rest_cannot(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "30", "inv.1")
    close(world, nouns.credit(), CreditStatus.EXPIRED)
    give_back(world, "inv.1")
    assert standing(world) == (CreditStatus.ACTIVE, Decimal(0))
    with world.reading() as state:
        assert [held.left for held in state.credits.open_of(["acme-main"])] == [usd("30")]
    with pytest.raises(BillingError, match="has less left"):
        burn(world, "30.01", "inv.2")
    burn(world, "30", "inv.2")
    assert standing(world) == (CreditStatus.CONSUMED, Decimal(30))
    assert sum(amount if kind is CREDITED else -amount for kind, amount, _ in entries(world)) == 0


def test_a_used_up_credit_cannot_be_ended(world: World) -> None:
    grant(world, nouns.credit())
    burn(world, "100", "inv.1")
    with pytest.raises(BillingError, match="is not ACTIVE"):
        close(world, nouns.credit(), CreditStatus.VOIDED)


def test_entries_add_up_to_nothing_when_a_credit_ends_while_others_burn_it(world: World) -> None:
    grant(world, nouns.credit())
    tasks = [lambda number=number: burn(world, "3", f"inv.{number}") for number in range(10)]
    tasks.insert(5, lambda: close(world, nouns.credit(), CreditStatus.VOIDED))
    outcomes = at_once(tasks)
    assert outcomes[5] is None
    assert sum(amount if kind is CREDITED else -amount for kind, amount, _ in entries(world)) == 0
    assert standing(world)[0] is CreditStatus.VOIDED


def test_a_credit_expires_when_its_time_is_over(world: World) -> None:
    grant(world, nouns.credit("cred.march"), MARCH_1)
    grant(world, nouns.credit("cred.february"), FEBRUARY_1)
    grant(world, nouns.credit("cred.ever"))
    grant(world, nouns.credit("cred.void"), FEBRUARY_1)
    close(world, nouns.credit("cred.void"), CreditStatus.VOIDED)
    assert expiring(world, NOW) == []
    assert expiring(world, FEBRUARY_1) == ["cred.february"]
    assert expiring(world, MARCH_1) == ["cred.february", "cred.march"]


def expiring(world: World, now: datetime) -> list[str]:
    with world.reading() as state:
        return [found.id for found in state.credits.expiring(now)]


def test_a_credit_waits_for_the_drafts_of_its_account_that_can_still_burn_it(world: World) -> None:
    # The January draft falls due on 3 February, after the credit's last day, and may still burn it.
    grant(world, nouns.credit(), FEBRUARY_1)
    draft = nouns.draft(freeze_at=datetime(2026, 2, 3, tzinfo=UTC))
    with world.writing() as state:
        state.invoices.add_drafts([draft])
    assert expiring(world, MARCH_1) == []
    with world.writing() as state:
        state.invoices.freeze([(nouns.draft(status=InvoiceStatus.DUE, total=usd("1")), [nouns.line()])])
    assert expiring(world, MARCH_1) == ["cred.welcome"]


@pytest.mark.parametrize(
    "draft",
    [
        nouns.draft("inv.february", nouns.FEBRUARY),
        nouns.draft(account_id="other"),
    ],
    ids=["a later cycle", "another account"],
)
def test_a_credit_does_not_wait_for_other_drafts(world: World, draft: object) -> None:
    grant(world, nouns.credit(), FEBRUARY_1)
    with world.writing() as state:
        state.invoices.add_drafts([draft])
    assert expiring(world, FEBRUARY_1) == ["cred.welcome"]


def test_active_credits_are_told_by_account(world: World) -> None:
    grant(world, nouns.credit("cred.b"))
    grant(world, nouns.credit("cred.a"))
    grant(world, nouns.credit("cred.other", account_id="other"))
    grant(world, nouns.credit("cred.gone"))
    close(world, nouns.credit("cred.gone"), CreditStatus.EXPIRED)
    with world.reading() as state:
        assert [found.credit.id for found in state.credits.open_of(["acme-main"])] == ["cred.a", "cred.b"]
        assert len(state.credits.open_of({"acme-main", "other"})) == 3
        assert state.credits.open_of([]) == []
        assert state.credits.any_of("other")
        assert not state.credits.any_of("nobody")


def test_an_idempotency_key_belongs_to_one_credit_of_an_account(world: World) -> None:
    grant(world, nouns.credit("cred.a", idempotency_key="k1"))
    grant(world, nouns.credit("cred.b", idempotency_key="k1", account_id="other"))
    with pytest.raises(BillingError, match="idempotencyKey 'k1' was used for another credit") as refused:
        grant(world, nouns.credit("cred.c", idempotency_key="k1"))
    assert refused.value.kind is Kind.CONFLICT
    with world.reading() as state:
        found = state.credits.with_key("other", "k1")
        assert found is not None
        assert found.id == "cred.b"
        assert state.credits.with_key("acme-main", "k2") is None


def test_a_credit_that_is_not_there_is_not_found(world: World) -> None:
    with world.reading() as state:
        for look in (state.credits.get, state.credits.transactions):
            with pytest.raises(BillingError, match=r"credit 'cred\.none' not found") as refused:
                look("cred.none")
            assert refused.value.kind is Kind.NOT_FOUND
    with pytest.raises(BillingError, match="has less left"), world.writing() as state:
        state.credits.burn([InvoiceBurn("cred.none", Money(Decimal(1), "USD"), "inv.1")], NOW, world.ids)
