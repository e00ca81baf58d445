"""What plans granted: once per card and bill, kept for ever, void with the bill and restored with its successor."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tallystick.credits.credit import CreditStatus, TransactionType
from tallystick.invoicing.invoice import InvoiceType
from tallystick.kernel.errors import BillingError, Kind
from tallystick.stores.state.credit_grants import GrantKey
from tallystick.stores.state.ledger import InvoiceBurn
from tests.stores.state import nouns
from tests.stores.state.nouns import usd
from tests.stores.state.world import ABROAD, at_once, later

if TYPE_CHECKING:
    from tests.stores.state.world import World

ADVANCE = nouns.draft(invoice_type=InvoiceType.STANDARD_ADVANCED)
KEY = GrantKey.of(ADVANCE, "addon.bonus")
CREDITED, DEBITED, EXPIRED, VOIDED = (
    TransactionType.CREDITED,
    TransactionType.DEBITED,
    TransactionType.EXPIRED,
    TransactionType.VOIDED,
)
NAME = "cred.welcome"


def grant(world: World, name: str = NAME, key: GrantKey = KEY, organisation: str = "org.home") -> None:
    with world.writing(organisation) as state:
        credit = nouns.credit(name)
        state.credits.grant(credit, None, world.ids, invoice_id="inv.1")
        state.credit_grants.add(key, credit)


def void(world: World, invoice_id: str) -> None:
    with world.writing() as state:
        state.credits.void_with(NAME, invoice_id, later(5), world.ids)


def restore(world: World, invoice_id: str) -> None:
    with world.writing() as state:
        state.credits.restore(NAME, invoice_id, later(6), world.ids)


def burn(world: World, amount: str, invoice_id: str) -> None:
    with world.writing() as state:
        state.credits.burn([InvoiceBurn(NAME, usd(amount), invoice_id)], later(1), world.ids)


def give_back(world: World, invoice_id: str) -> None:
    with world.writing() as state:
        state.credits.give_back(invoice_id, later(2), world.ids)


def close(world: World, status: CreditStatus) -> None:
    with world.writing() as state:
        state.credits.close(nouns.credit(), status, later(3), world.ids)


def standing(world: World) -> tuple[CreditStatus, Decimal, Decimal]:
    """Status of the credit, what was consumed of it and what is left."""
    with world.reading() as state:
        found = state.credits.get(NAME)
        left = [held.left.amount for held in state.credits.open_of(["acme-main"]) if held.credit.id == NAME]
    return found.status, found.consumed_amount, left[0] if left else Decimal(0)


def entries(world: World) -> list[tuple[TransactionType, Decimal, str | None]]:
    with world.reading() as state:
        return [(one.transaction_type, one.amount, one.invoice_id) for one in state.credits.transactions(NAME)]


class TestKeys:
    def test_a_credit_is_found_by_the_bill_that_it_was_granted_with(self, world: World) -> None:
        grant(world)
        with world.reading() as state:
            assert state.credit_grants.of([ADVANCE, nouns.draft("inv.2", nouns.FEBRUARY)]) == {KEY: NAME}
            assert state.credit_grants.of([nouns.draft()]) == {}
            assert state.credit_grants.of([]) == {}
        assert entries(world) == [(CREDITED, Decimal(100), "inv.1")]

    def test_the_same_card_grants_once_with_a_bill(self, world: World) -> None:
        grant(world)
        with pytest.raises(
            BillingError, match=r"the credit of 'addon\.bonus' was granted for this cycle already"
        ) as no:
            grant(world, "cred.second")
        assert no.value.kind is Kind.CONFLICT
        with world.reading() as state:
            assert [held.credit.id for held in state.credits.open_of(["acme-main"])] == [NAME]

    def test_other_cards_bills_and_organisations_have_their_own(self, world: World) -> None:
        grant(world)
        grant(world, "cred.card", KEY._replace(item_id="addon.other"))
        grant(world, "cred.timing", KEY._replace(invoice_type=InvoiceType.STANDARD))
        grant(world, "cred.cycle", KEY._replace(cycle_start=datetime(2026, 2, 1, tzinfo=UTC)))
        grant(world, "cred.piece", KEY._replace(schedule_id="sch.2"))
        grant(world, organisation=ABROAD)
        with world.reading() as state:
            found = state.credit_grants.of([ADVANCE])
        assert found == {KEY: NAME, KEY._replace(item_id="addon.other"): "cred.card"}

    def test_of_ten_that_grant_at_once_one_does(self, world: World) -> None:
        outcomes = at_once([lambda number=number: grant(world, f"cred.{number}") for number in range(10)])
        assert outcomes.count(None) == 1
        with world.reading() as state:
            assert len(state.credits.open_of(["acme-main"])) == 1

    @pytest.mark.parametrize("statement", ["UPDATE credit_grant SET credit_id = 'x'", "DELETE FROM credit_grant"])
    def test_whoever_holds_a_connection_cannot_change_what_was_granted(self, world: World, statement: str) -> None:
        grant(world)
        with pytest.raises(DBAPIError, match="rows are frozen"), world.database.write() as connection:
            connection.execute(text(statement))


class TestVoidAndRestored:
    def test_what_is_left_is_lost_and_comes_back(self, world: World) -> None:
        grant(world)
        burn(world, "30", "inv.b")
        void(world, "inv.1")
        assert standing(world) == (CreditStatus.VOIDED, 30, 0)
        restore(world, "inv.2")
        assert standing(world) == (CreditStatus.ACTIVE, 30, 70)
        assert entries(world)[2:] == [(VOIDED, Decimal(70), "inv.1"), (CREDITED, Decimal(70), "inv.2")]

    def test_what_comes_back_meanwhile_is_there_again(self, world: World) -> None:
        grant(world)
        burn(world, "100", "inv.b")
        void(world, "inv.1")
        assert standing(world) == (CreditStatus.VOIDED, 100, 0)
        assert [kind for kind, _, _ in entries(world)] == [CREDITED, DEBITED]
        give_back(world, "inv.b")
        assert standing(world) == (CreditStatus.VOIDED, 0, 0)
        restore(world, "inv.2")
        assert standing(world) == (CreditStatus.ACTIVE, 0, 100)

    def test_used_up_credit_is_used_up_again(self, world: World) -> None:
        grant(world)
        burn(world, "100", "inv.b")
        void(world, "inv.1")
        restore(world, "inv.2")
        assert standing(world) == (CreditStatus.CONSUMED, 100, 0)

    def test_what_has_expired_stays_lost(self, world: World) -> None:
        grant(world)
        burn(world, "40", "inv.b")
        close(world, CreditStatus.EXPIRED)
        void(world, "inv.1")
        restore(world, "inv.2")
        assert standing(world) == (CreditStatus.EXPIRED, 40, 0)
        void(world, "inv.2")
        give_back(world, "inv.b")
        restore(world, "inv.3")
        assert standing(world) == (CreditStatus.ACTIVE, 0, 40)

    def test_what_a_caller_has_voided_stays_void(self, world: World) -> None:
        grant(world)
        close(world, CreditStatus.VOIDED)
        void(world, "inv.1")
        restore(world, "inv.2")
        assert standing(world) == (CreditStatus.VOIDED, 0, 0)
        assert len(entries(world)) == 2

    def test_credit_that_is_not_void_is_not_restored(self, world: World) -> None:
        grant(world)
        restore(world, "inv.2")
        assert entries(world) == [(CREDITED, Decimal(100), "inv.1")]

    @pytest.mark.parametrize("seed", range(12))
    def test_entries_add_up_whatever_happens(self, world: World, seed: int) -> None:
        """Against a model that keeps amounts by hand: burned by each invoice, expired, and whether the sale is void."""
        chance, sale, is_void = random.Random(seed), 1, False
        burned: dict[str, Decimal] = {}
        expired = Decimal(0)
        grant(world)
        for step in range(12):
            left = Decimal(100) - sum(burned.values()) - expired
            match chance.choice(("burn", "give back", "void", "restore", "expire")):
                case "burn" if left and not is_void:
                    burned[f"inv.b{step}"] = min(left, Decimal(chance.randint(1, 60)))
                    burn(world, str(burned[f"inv.b{step}"]), f"inv.b{step}")
                case "give back" if burned:
                    name = chance.choice(sorted(burned))
                    give_back(world, name)
                    del burned[name]
                case "void" if not is_void:
                    void(world, f"inv.{sale}")
                    is_void = True
                case "restore" if is_void:
                    sale += 1
                    restore(world, f"inv.{sale}")
                    is_void = False
                case "expire" if left and not is_void:
                    close(world, CreditStatus.EXPIRED)
                    expired += left
            rest = Decimal(0) if is_void else Decimal(100) - sum(burned.values()) - expired
            status, consumed, still_left = standing(world)
            assert (consumed, still_left) == (sum(burned.values()), rest)
            assert (status is CreditStatus.VOIDED, status is CreditStatus.ACTIVE) == (is_void, bool(rest))
            assert sum(amount if kind is CREDITED else -amount for kind, amount, _ in entries(world)) == rest
