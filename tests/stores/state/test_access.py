"""API keys, stored answers of idempotent calls, and audit rows."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from tallystick.kernel.errors import BillingError, Kind
from tallystick.stores.state import access
from tallystick.stores.state.access import ApiKey, StoredAnswer
from tallystick.stores.state.tables import api_key, audit
from tests.stores.state.world import ABROAD, HOME, NOW, at_once, later

if TYPE_CHECKING:
    from tests.stores.state.world import World

KEY = ApiKey("key.1", HOME, "first", "x4Kd", NOW, None)


@pytest.fixture
def keyed(world: World) -> World:
    """A key whose secret is `tsk_the-secret`."""
    with world.database.write() as connection:
        access.add_key(connection, KEY, "tsk_the-secret")
    return world


def test_a_key_is_known_by_its_secret_and_by_its_id(keyed: World) -> None:
    with keyed.database.read() as connection:
        assert access.key_of_secret(connection, "tsk_the-secret") == KEY
        assert access.key_of_id(connection, "key.1") == KEY
        assert access.keys(connection, HOME) == [KEY]
        assert access.key_of_secret(connection, "tsk_the-Secret") is None
        assert access.key_of_id(connection, "key.2") is None
        assert access.keys(connection, ABROAD) == []


def test_the_secret_of_a_key_is_stored_nowhere(keyed: World) -> None:
    with keyed.database.read() as connection:
        (row,) = connection.execute(select(api_key)).all()
    assert "tsk_the-secret" not in str(row)
    assert len(row.digest) == 64


@pytest.mark.parametrize(("secret", "hint"), [("a", ""), ("eleven-long", ""), ("twelve--long", "x4Kd")])
def test_of_a_short_secret_no_end_is_shown(world: World, secret: str, hint: str) -> None:
    with world.database.write() as connection:
        access.add_key(connection, KEY, secret)
    with world.database.read() as connection:
        assert [key.hint for key in access.keys(connection, HOME)] == [hint]


def test_a_revoked_key_is_known_no_more_but_still_listed(keyed: World) -> None:
    with keyed.database.write() as connection:
        access.revoke_key(connection, HOME, "key.1", later(1))
    with keyed.database.read() as connection:
        assert access.key_of_secret(connection, "tsk_the-secret") is None
        assert access.key_of_id(connection, "key.1") is None
        assert access.keys(connection, HOME) == [dataclasses.replace(KEY, revoked_at=later(1))]


@pytest.mark.parametrize(("organisation", "name"), [(ABROAD, "key.1"), (HOME, "key.2")])
def test_only_a_key_of_the_organisation_can_be_revoked(keyed: World, organisation: str, name: str) -> None:
    with pytest.raises(BillingError, match="not found") as refused, keyed.database.write() as connection:
        access.revoke_key(connection, organisation, name, NOW)
    assert refused.value.kind is Kind.NOT_FOUND
    with keyed.database.read() as connection:
        assert access.key_of_secret(connection, "tsk_the-secret") == KEY


def test_keys_are_listed_oldest_first(keyed: World) -> None:
    with keyed.database.write() as connection:
        for name, minute in (("key.3", 2), ("key.2", 1), ("key.0", 1)):
            access.add_key(connection, dataclasses.replace(KEY, id=name, created_at=later(minute)), name)
    with keyed.database.read() as connection:
        assert [key.id for key in access.keys(connection, HOME)] == ["key.1", "key.0", "key.2", "key.3"]


def claim(world: World, key: str = "k", fingerprint: str = "f", organisation: str = HOME) -> StoredAnswer | None:
    """Claim a key, and answer 201 `mine` when it was free."""
    with world.database.write() as connection:
        stored = access.claim_answer(connection, organisation, key, fingerprint, NOW)
        if stored is None:
            access.store_answer(connection, organisation, key, 201, b"mine")
        return stored


def test_the_first_call_under_a_key_answers_and_the_second_gets_that_answer(world: World) -> None:
    assert claim(world) is None
    assert claim(world) == StoredAnswer("f", 201, b"mine")


def test_a_key_tells_for_which_request_it_was_used(world: World) -> None:
    claim(world)
    stored = claim(world, fingerprint="another request")
    assert stored is not None
    assert stored.fingerprint == "f"


def test_a_key_is_free_in_another_organisation_and_under_another_name(world: World) -> None:
    claim(world)
    assert claim(world, organisation=ABROAD) is None
    assert claim(world, key="K") is None


def test_a_key_whose_call_failed_is_free_again(world: World) -> None:
    def fail() -> None:
        with world.database.write() as connection:
            access.claim_answer(connection, HOME, "k", "f", NOW)
            raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        fail()
    assert claim(world) is None


def test_a_claim_that_meets_another_leaves_its_transaction_usable(world: World) -> None:
    claim(world)
    with world.database.write() as connection:
        access.claim_answer(connection, HOME, "k", "f", NOW)
        access.claim_answer(connection, HOME, "other", "f", NOW)
        access.store_answer(connection, HOME, "other", 200, b"fine")
    assert claim(world, key="other") == StoredAnswer("f", 200, b"fine")


def test_of_many_calls_under_one_key_at_once_one_runs_and_the_others_get_its_answer(world: World) -> None:
    outcomes = at_once([lambda: claim(world)] * 12)
    assert outcomes.count(None) == 1
    assert outcomes.count(StoredAnswer("f", 201, b"mine")) == 11


def test_a_call_waits_for_the_one_that_runs_under_its_key(world: World) -> None:
    claimed, second_is_here = threading.Event(), threading.Event()

    def first() -> None:
        with world.database.write() as connection:
            access.claim_answer(connection, HOME, "k", "f", NOW)
            claimed.set()
            second_is_here.wait(60)
            access.store_answer(connection, HOME, "k", 200, b"slow")

    def second() -> StoredAnswer | None:
        claimed.wait(60)
        second_is_here.set()
        return claim(world)

    assert at_once([first, second]) == [None, StoredAnswer("f", 200, b"slow")]


def test_answers_are_forgotten_when_they_are_old(world: World) -> None:
    claim(world, key="old")
    with world.database.write() as connection:
        access.claim_answer(connection, HOME, "new", "f", later(10))
        access.forget_answers(connection, later(10))
    with world.database.read() as connection:
        assert access.stored_answer(connection, HOME, "new").fingerprint == "f"
    assert claim(world, key="old") is None


def test_an_audit_row_says_who_did_what_to_which_entity_and_when(world: World) -> None:
    with world.database.write() as connection:
        access.add_audit(
            connection,
            name="audit.1",
            organisation=HOME,
            actor="key.1",
            operation="void_credit",
            subject="cred.1",
            at=NOW,
        )
    with world.database.read() as connection:
        assert connection.execute(select(audit)).all() == [
            ("audit.1", HOME, "key.1", "void_credit", "cred.1", NOW),
        ]
