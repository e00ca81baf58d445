"""The stored ledger of licences: entries never change but for their metadata, and keys are used once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import PageRequest
from tests.stores.state import nouns
from tests.stores.state.world import ABROAD, NOW, later

if TYPE_CHECKING:
    from tallystick.accounts.licence import LicenceEntry
    from tests.stores.state.world import World

entry, JUNE_11 = nouns.licence_entry, nouns.JUNE_11


def add(world: World, *entries: LicenceEntry, organisation: str = "org.home") -> None:
    with world.writing(organisation) as state:
        for one in entries:
            state.licences.add(one)


def of(world: World, account: str = "acme-main", license_id: str = "addon.seats") -> list[LicenceEntry]:
    with world.reading() as state:
        return state.licences.of([account], [license_id]).get((account, license_id), [])


def test_an_entry_comes_back_as_it_was_made(world: World) -> None:
    add(world, entry())
    assert of(world) == [entry()]
    with world.reading() as state:
        assert state.licences.with_key("acme-main", "k1") == entry()
        assert state.licences.with_key("acme-main", "k2") is None


def test_entries_come_in_the_order_in_which_they_are_in_force(world: World) -> None:
    first, second = entry(3, effective_from=NOW), entry(4, effective_from=NOW)
    add(world, entry(1), second, first, entry(5, license_id="addon.other"), entry(6, account_id="other"))
    assert of(world) == [first, second, entry(1)]


def test_a_key_is_used_once_by_an_account(world: World) -> None:
    add(world, entry())
    with pytest.raises(BillingError) as refused:
        add(world, entry(2, idempotency_key="k1"))
    assert refused.value.kind is Kind.CONFLICT
    add(world, entry(2, idempotency_key="k1", account_id="other"), entry(3, idempotency_key=None))
    add(world, entry(4, idempotency_key=None))
    add(world, entry(), organisation=ABROAD)


def test_entries_are_listed_newest_first_and_filtered(world: World) -> None:
    add(world, entry(1), entry(2, created_at=later(1)), entry(3, created_at=later(2), account_id="other"))
    with world.reading() as state:
        page, token = state.licences.page(PageRequest(page_size=2))
        rest, end = state.licences.page(PageRequest(next_token=token))
        mine, _ = state.licences.page(PageRequest(), account_id="acme-main")
    assert [one.id[-1] for one in (*page, *rest)] == ["3", "2", "1"]
    assert end is None
    assert [one.id[-1] for one in mine] == ["2", "1"]


def test_only_metadata_can_be_replaced(world: World) -> None:
    add(world, entry())
    with world.writing() as state:
        state.licences.set_metadata(entry(), {"order": "8"})
    assert of(world) == [replace(entry(), metadata={"order": "8"})]
    for change in (
        "UPDATE licence_entry SET quantity = '6'",
        "UPDATE licence_entry SET booked_at = 0",
        "UPDATE licence_entry SET account_ref = 'other'",
        "DELETE FROM licence_entry",
    ):
        with pytest.raises(DatabaseError, match="licence_entry rows are frozen"), world.database.write() as connection:
            connection.execute(text(change))


def test_an_account_is_found_by_its_id_and_by_an_alias_in_its_time(world: World) -> None:
    with world.writing() as state:
        state.accounts.add(nouns.account(), NOW)
        state.aliases.add("acme-main", ["alias.1"], [nouns.span("ops", NOW, JUNE_11)], NOW)
    with world.reading() as state:
        holders = [state.licences.holder(name, NOW) for name in ("acme-main", "ops", "nobody")]
        assert (holders, state.licences.holder("ops", JUNE_11)) == (["acme-main", "acme-main", "nobody"], "ops")


def test_entries_made_under_an_alias_that_nobody_had_come_to_the_account_that_gets_it(world: World) -> None:
    early, late = entry(1, account_id="ops", effective_from=NOW), entry(2, account_id="ops")
    add(world, early, late)
    add(world, early, organisation=ABROAD)
    with world.writing() as state:
        state.accounts.add(nouns.account(), NOW)
        state.aliases.add("acme-main", ["alias.1"], [nouns.span("ops", NOW, JUNE_11)], NOW)
    assert (of(world), of(world, "ops")) == ([replace(early, account_id="acme-main")], [late])
    with world.reading(ABROAD) as state:
        assert state.licences.of(["ops"], ["addon.seats"])[("ops", "addon.seats")] == [early]
