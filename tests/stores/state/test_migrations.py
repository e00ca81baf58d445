"""The migrations make exactly the tables that the code knows, and can be taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from tallystick.catalog.price_plan import PricePlan
from tallystick.kernel.document import decode
from tallystick.stores.migrations.upgrading import configuration
from tallystick.stores.state.database import Database, newest_version
from tallystick.stores.state.metadata import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from alembic.config import Config
    from sqlalchemy import Engine

    NewUrl = Callable[[], str]


@pytest.fixture
def empty(url: str) -> Iterator[Engine]:
    """An empty database, without the settings that the product's own connections get."""
    engine = create_engine(url)
    yield engine
    engine.dispose()


def migrate(engine: Engine, step: Callable[[Config, str], None], revision: str) -> None:
    """Run migrations up or down, in one transaction."""
    settings = configuration()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        step(settings, revision)


def shape(engine: Engine) -> dict[str, Any]:
    """Everything that the database says about its tables, the migrations' own one left out."""
    found = inspect(engine)
    with engine.connect() as connection:
        clauses = {str(row[0]): row[1] for row in connection.execute(text(PARTIAL_INDEXES[engine.dialect.name]))}
    return {
        table: {
            "columns": [{**column, "type": repr(column["type"])} for column in found.get_columns(table)],
            "key": found.get_pk_constraint(table),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "foreign": sorted(found.get_foreign_keys(table), key=str),
            "checks": sorted(found.get_check_constraints(table), key=str),
            "indexes": {index["name"]: index["column_names"] for index in found.get_indexes(table)},
            "clauses": {index["name"]: clauses.get(str(index["name"])) for index in found.get_indexes(table)},
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }


PARTIAL_INDEXES = {
    "sqlite": "SELECT name, substr(sql, instr(sql, ' WHERE ')) FROM sqlite_master WHERE sql LIKE '% WHERE %'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '% WHERE %'",
}


def test_the_migrations_make_exactly_the_tables_that_the_code_knows(empty: Engine, new_url: NewUrl) -> None:
    migrate(empty, command.upgrade, "head")
    made_directly = create_engine(new_url())
    METADATA.create_all(made_directly)
    assert shape(empty) == shape(made_directly)
    made_directly.dispose()


def test_alembic_finds_nothing_left_to_generate(empty: Engine) -> None:
    migrate(empty, command.upgrade, "head")
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_a_column_that_no_migration_made_would_be_found(empty: Engine) -> None:
    migrate(empty, command.upgrade, "head")
    before = shape(empty)
    with empty.begin() as connection:
        connection.execute(text("ALTER TABLE customer ADD COLUMN shoe_size INTEGER"))
        connection.execute(text("DROP INDEX uq_invoice_cycle"))
    after = shape(empty)
    assert {table for table in after if after[table] != before[table]} == {"customer", "invoice"}


def test_the_migrations_can_be_taken_back_and_made_again(empty: Engine) -> None:
    migrate(empty, command.upgrade, "head")
    first = shape(empty)
    migrate(empty, command.downgrade, "base")
    assert shape(empty) == {}
    assert leftovers(empty) == []
    migrate(empty, command.upgrade, "head")
    assert shape(empty) == first


def leftovers(engine: Engine) -> list[str]:
    """Triggers and functions that are still there."""
    statement = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    }[engine.dialect.name]
    with engine.connect() as connection:
        return list(connection.execute(text(statement)).scalars())


def test_a_step_that_fails_leaves_the_database_as_it_was(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE usage_meter (id TEXT)"))
    before = shape(empty)
    with pytest.raises(Exception, match="usage_meter"):
        Database(empty.url.render_as_string(hide_password=False))
    assert shape(empty) == before


def test_the_versions_of_plans_get_a_state_and_keep_their_digits(empty: Engine) -> None:
    migrate(empty, command.upgrade, "0008")
    bare = (
        '{"id":"pp.1","name":"Basic","type":"BILLING","description":"Old","status":"%s","pricingSchedule":[{"id":"sch.1",'
        '"startDate":"1970-01-01T00:00:00Z","endDate":"9999-01-01T00:00:00Z","version":1,"isOverriden":false,'
        '"pricePlanDetails":{"supportedCurrencies":["USD"],"activeCurrencies":[],"minimumCommitment":{"displayName":"M",'
        '"rateValues":[{"currency":"USD","rate":0.1234567890123456789012345}]},"type":"BILLING"}}]}'
    )
    statement = text(
        "INSERT INTO price_plan VALUES ('org', :id, 'X', 'BILLING', 'Basic', NULL, 1000000, 2000000, :body)"
    )
    with empty.begin() as connection:
        for status in ("DRAFT", "ACTIVE"):
            connection.execute(statement, {"id": status, "body": bare % status})
    migrate(empty, command.upgrade, "0009")
    with empty.connect() as connection:
        bodies = {row.id: row.body for row in connection.execute(text("SELECT id, body FROM price_plan"))}
    for status, body in bodies.items():
        plan = decode(body, PricePlan)
        assert (plan.status, plan.version.status, plan.description) == (status, status, "Old")
        assert (plan.version.created_at.second, plan.version.updated_at.second) == (1, 2)
        assert plan.details.minimum_commitment.rate_values[0].rate == Decimal("0.1234567890123456789012345")
    migrate(empty, command.downgrade, "0008")
    with empty.connect() as connection:
        (body,) = connection.execute(text("SELECT body FROM price_plan WHERE id = 'DRAFT'")).scalars()
    assert msgspec.json.decode(body, type=dict[str, msgspec.Raw]).keys() == {
        "id",
        "name",
        "type",
        "description",
        "status",
        "pricingSchedule",
    }
    assert "0.1234567890123456789012345" in body
    assert "createdAt" not in body


def test_the_revisions_form_one_line() -> None:
    script = ScriptDirectory.from_config(configuration())
    assert script.get_heads() == [newest_version()]
    assert [revision.down_revision for revision in script.walk_revisions()][-1] is None
