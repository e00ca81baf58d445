"""Organisations, the version of their catalogue, and what the server remembers about itself."""

from __future__ import annotations

import dataclasses
from threading import Event
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tallystick.accounts.organisation import OrganisationPatch
from tallystick.accounts.party import Address
from tallystick.kernel.errors import BillingError, Kind
from tallystick.operations.organisations import update_organisation
from tallystick.operations.work import Work
from tallystick.stores.state import organisations
from tests.stores.state import nouns
from tests.stores.state.world import ABROAD, HOME, at_once, later, organisation

if TYPE_CHECKING:
    from tallystick.accounts.organisation import Organisation
    from tallystick.stores.state.state import State
    from tests.stores.state.world import World


def get(world: World, name: str) -> Organisation:
    with world.database.read() as connection:
        return organisations.get_organisation(connection, name)


def version(world: World, name: str) -> int:
    with world.database.read() as connection:
        return organisations.catalogue_version(connection, name)


def test_an_organisation_comes_back_as_it_was_stored(world: World) -> None:
    full = organisation("org.full", time_zone="Asia/Kolkata", address=Address(city="Pune"), primary_email="a@b.test")
    with world.database.write() as connection:
        organisations.add_organisation(connection, full, later(1))
    assert get(world, "org.full") == full


def test_organisations_are_told_oldest_first_and_by_id_when_they_are_of_the_same_age(world: World) -> None:
    with world.database.write() as connection:
        organisations.add_organisation(connection, organisation("org.a"), later(1))
    with world.database.read() as connection:
        assert [one.id for one in organisations.organisations(connection)] == [ABROAD, HOME, "org.a"]
        assert organisations.count_organisations(connection) == 3


def test_an_unknown_organisation_is_not_found(world: World) -> None:
    with pytest.raises(BillingError, match=r"organisation 'org\.none' not found") as refused:
        get(world, "org.none")
    assert refused.value.kind is Kind.NOT_FOUND


def test_changed_settings_are_those_of_one_organisation(world: World) -> None:
    changed = msgspec.structs.replace(get(world, HOME), name="New name")
    with world.writing() as state:
        state.replace_organisation(changed)
    assert get(world, HOME) == changed
    assert get(world, ABROAD) == organisation(ABROAD)


def work(world: World, state: State, given: Organisation) -> Work:
    """An operation that was given an organisation as it was when its transaction began."""
    fields: dict[str, Any] = dict.fromkeys(field.name for field in dataclasses.fields(Work))
    return Work(**fields | {"organisation": given, "state": state, "ids": world.ids, "now": later(9)})


def test_an_edit_builds_on_one_that_was_stored_meanwhile(world: World) -> None:
    before = get(world, HOME)
    with world.writing() as state:
        update_organisation(work(world, state, before), OrganisationPatch(name="First"))
    with world.writing() as state:
        answer = update_organisation(work(world, state, before), OrganisationPatch(net_term_days=7))
    assert get(world, HOME) == answer == msgspec.structs.replace(before, name="First", net_term_days=7)


def test_an_edit_looks_for_plans_only_when_nobody_can_add_one_any_more(world: World) -> None:
    locked, answered = Event(), Event()

    def associate() -> None:
        with world.writing() as state:
            state.catalogue_changed()
            locked.set()
            answered.wait(0.3)
            state.schedules.add(nouns.piece(), later(1))

    def move() -> None:
        locked.wait()
        with world.writing() as state:
            update_organisation(work(world, state, get(world, HOME)), OrganisationPatch(time_zone="Asia/Tokyo"))
        answered.set()

    associated, moved = at_once([associate, move])
    assert associated is None
    assert isinstance(moved, BillingError)
    assert "timeZone: fixed since" in moved.message


def test_a_change_of_the_catalogue_moves_the_version_of_one_organisation(world: World) -> None:
    before = version(world, HOME), version(world, ABROAD)
    with world.writing() as state:
        state.catalogue_changed()
    assert (version(world, HOME), version(world, ABROAD)) == (before[0] + 1, before[1])


def test_no_change_of_the_catalogue_is_lost_when_many_come_at_once(world: World) -> None:
    def change() -> None:
        with world.writing() as state:
            state.catalogue_changed()

    before = version(world, HOME)
    assert at_once([change] * 10) == [None] * 10
    assert version(world, HOME) == before + 10


def test_the_server_remembers_the_newest_value(world: World) -> None:
    with world.database.write() as connection:
        assert organisations.remembered(connection, "boots") is None
        organisations.remember(connection, "boots", "1")
        organisations.remember(connection, "boots", "2")
        organisations.remember(connection, "other", "x")
        assert organisations.remembered(connection, "boots") == "2"
