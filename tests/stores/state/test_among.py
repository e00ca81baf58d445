"""Lists of ids longer than a statement has values for: 32,766 on SQLite, 65,535 on PostgreSQL."""

from __future__ import annotations

import dataclasses
import sqlite3
from typing import TYPE_CHECKING, Any, Final

import pytest
from sqlalchemy import String, column, create_engine, event, select, table
from sqlalchemy.exc import SQLAlchemyError

from tallystick.catalog.setting import SettingEntity
from tallystick.kernel.errors import BillingError
from tallystick.stores.state import wishes
from tallystick.stores.state.among import among
from tallystick.stores.state.credit_grants import GrantKey
from tallystick.stores.state.due import next_due
from tallystick.stores.state.tables import account
from tests.stores.state import nouns
from tests.stores.state.world import HOME, NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import ColumnElement

    from tallystick.stores.state.state import State
    from tests.stores.state.world import World

MOST_ON_SQLITE: Final = 32_766
MANY: Final = [f"nobody-{number}" for number in range(66_000)]


@pytest.fixture
def world(world: World) -> World:
    """One whose SQLite takes as many values as it does by default: some builds take more."""
    if world.database.is_sqlite:

        def limit(connection: sqlite3.Connection, *_: object) -> None:
            connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, MOST_ON_SQLITE)

        event.listen(world.database._engine, "checkout", limit)
    return world


def test_an_ordinary_list_has_too_many(world: World) -> None:
    """The control."""
    statement = select(account.c.id).where(account.c.organisation_id == HOME, account.c.id.in_(MANY))
    with pytest.raises((SQLAlchemyError, BillingError)), world.database.read() as connection:
        connection.execute(statement)


@pytest.fixture
def kept(world: World) -> World:
    """One of everything whose ids are asked for by the thousand."""
    with world.writing() as state:
        state.customers.add(nouns.customer("acme"), NOW)
        state.accounts.add(nouns.account("acme-main"), NOW)
        state.aliases.add("acme-main", ["alias.1"], [nouns.span("acme")], NOW)
        state.settings.add(nouns.setting("rate", entity_type=SettingEntity.ACCOUNT, entity_id="acme-main"), NOW)
        state.schedules.add(nouns.piece("sch.1"), NOW)
        state.invoices.add_drafts([DRAFT])
        state.credits.grant(nouns.credit("cred.1"), None, world.ids)
        state.credit_grants.add(GrantKey.of(DRAFT, "addon.1"), nouns.credit("cred.1"))
        state.licences.add(nouns.licence_entry())
        state.look_again(["acme-main"], NOW)
    return world


DRAFT: Final = nouns.draft("inv.1")
MANY_DRAFTS: Final = [dataclasses.replace(DRAFT, schedule_id=name) for name in [*MANY, "sch.1"]]
ACCOUNTS: Final = [*MANY, "acme-main"]
ASKED: Final[dict[str, tuple[Callable[[State], Any], Any]]] = {
    "documents": (lambda state: [*state.accounts.among(ACCOUNTS)], ["acme-main"]),
    "documents to be kept": (lambda state: [*state.accounts.kept_among(ACCOUNTS)], ["acme-main"]),
    "aliases": (lambda state: state.aliases.of(ACCOUNTS)["acme-main"], [nouns.span("acme")]),
    "timelines": (lambda state: state.schedules.of(ACCOUNTS)["acme-main"], (nouns.piece("sch.1"),)),
    "pieces": (lambda state: [*state.schedules.among([*MANY, "sch.1"])], ["sch.1"]),
    "who has a version": (lambda state: state.schedules.having([*MANY, "sch.1"], NOW), {"acme-main"}),
    "page of them": (lambda state: state.schedules.accounts_on([*MANY, "sch.1"], NOW, "", 9), ["acme-main"]),
    "drafts": (lambda state: [one.id for one in state.invoices.drafts_of(ACCOUNTS)], ["inv.1"]),
    "drafts but the parked": (lambda state: state.invoices.freezing_at(DRAFT.freeze_at, [*MANY, "inv.1"], 9), []),
    "frozen invoices": (lambda state: state.invoices.billed_of([*MANY, "sch.1"]), []),
    "credits": (lambda state: [one.credit.id for one in state.credits.open_of(ACCOUNTS)], ["cred.1"]),
    "grants": (lambda state: [*state.credit_grants.of(MANY_DRAFTS).values()], ["cred.1"]),
    "licences": (lambda state: [*state.licences.of(ACCOUNTS, [*MANY, "addon.seats"])], [("acme-main", "addon.seats")]),
    "settings": (lambda state: [*state.settings_for(ACCOUNTS)["acme-main"]], ["setting.user.rate"]),
}


@pytest.mark.parametrize("asked", ASKED)
def test_more_than_a_statement_takes_are_asked_about(kept: World, asked: str) -> None:
    question, answer = ASKED[asked]
    with kept.writing() as state:
        assert question(state) == answer


def test_more_than_a_statement_takes_are_changed(kept: World) -> None:
    with kept.writing() as state:
        state.look_again(ACCOUNTS, NOW)
        state.invoices.drop_drafts([dataclasses.replace(DRAFT, id=name) for name in [*MANY, "inv.1"]])
        assert state.invoices.drafts_of(["acme-main"]) == []
    with kept.database.write() as connection:
        assert len(wishes.oldest(connection, len(ACCOUNTS) + 1)[HOME]) == len(ACCOUNTS)
        wishes.forget(connection, HOME, MANY)
        assert wishes.oldest(connection, 9) == {HOME: ["acme-main"]}


def test_what_is_due_may_leave_out_more_than_a_statement_takes(kept: World) -> None:
    with kept.database.read() as connection:
        assert next_due(connection, DRAFT.freeze_at, [*MANY, "inv.1"], MANY) == (HOME, NOW)
        assert next_due(connection, DRAFT.freeze_at, MANY, [*MANY, HOME]) is None


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([], set()),
        (['a"b'], {'a"b'}),
        (["a'b", "é", "日本"], {"a'b", "é"}),
        (["a\\b", "a,b", "[]"], {"a\\b"}),
        (["A'B", "E", "a%"], set()),
        (["1", "1.0"], {"1"}),
    ],
)
def test_every_text_is_itself(world: World, texts: list[str], found: set[str]) -> None:
    with world.writing() as state:
        state.customers.add(nouns.customer("acme"), NOW)
        for name in ('a"b', "a'b", "é", "a\\b", "1"):
            state.accounts.add(nouns.account(name), NOW)
        assert set(state.accounts.among(texts)) == found


@pytest.mark.parametrize("text", ["acme\0", "acme\0more", "\0acme"])
def test_a_text_with_a_null_character_is_not_what_stands_before_it(text: str) -> None:
    """Which PostgreSQL keeps in no text at all, and SQLite's JSON would make of it."""
    connection = create_engine("sqlite://").connect()
    connection.exec_driver_sql("CREATE TABLE named (name TEXT)")
    connection.exec_driver_sql("INSERT INTO named VALUES ('acme'), (?)", (text,))
    name: ColumnElement[str] = column("name", String)
    assert connection.execute(select(name).select_from(table("named")).where(among(name, [text, "x"]))).all() == [
        (text,)
    ]
    connection.close()
