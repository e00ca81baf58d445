"""Rehearsals: what is written in one is seen there, and gone afterwards; on SQLite they take no lock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tallystick.kernel.errors import BillingError
from tallystick.stores.state.shadows import _SHADOWED, _SHADOWS
from tallystick.stores.state.state import State
from tests.stores.state import nouns
from tests.stores.state.world import HOME, NOW, SECRET

if TYPE_CHECKING:
    from tests.stores.state.world import World


def test_what_is_rehearsed_is_seen_there_and_gone_afterwards(world: World) -> None:
    with world.writing() as state:
        state.addons.add(nouns.addon(), NOW)
        state.price_plans.add(nouns.plan(), NOW)
    for _ in range(2):  # the second may get the connection of the first
        with world.database.rehearse(HOME) as connection:
            rehearsed = State(connection, HOME, SECRET)
            assert rehearsed.addons.all() == [nouns.addon()]
            rehearsed.price_plans.remove(nouns.plan().id)
            rehearsed.catalogue_changed()
            assert rehearsed.price_plans.all() == []
            with pytest.raises(BillingError, match="already exists"), rehearsed.attempt():
                rehearsed.addons.add(nouns.addon(), NOW)
        with world.reading() as state:
            assert state.price_plans.all() == [nouns.plan()]


def test_a_rehearsal_needs_no_lock_on_sqlite(world: World) -> None:
    if not world.database.is_sqlite:
        pytest.skip("PostgreSQL locks rows and not the file")
    with world.database.write(), world.database.rehearse(HOME) as connection:
        rehearsed = State(connection, HOME, SECRET)
        rehearsed.catalogue_changed()
        rehearsed.addons.add(nouns.addon(), NOW)
        assert rehearsed.addons.all() == [nouns.addon()]
    with world.reading() as state:
        assert state.addons.all() == []


def test_shadows_have_the_keys_of_their_tables() -> None:
    for table, (_, shadow) in zip(_SHADOWED, _SHADOWS, strict=True):
        assert shadow.c.keys() == table.c.keys()
        assert [column.name for column in shadow.primary_key] == [column.name for column in table.primary_key]
        assert shadow.foreign_key_constraints == set()
