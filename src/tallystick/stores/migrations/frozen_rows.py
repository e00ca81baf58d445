"""Triggers that keep rows as they are, whoever holds a connection, in the words of either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import op

if TYPE_CHECKING:
    from collections.abc import Sequence


def keep_rows(*tables: str) -> None:
    """Refuse every update of the rows of some tables, and to delete them."""
    for table in tables:
        refuse(f"{table}_frozen", "UPDATE", table)
        refuse(f"{table}_kept", "DELETE", table)


def refuse(trigger: str, event: str, table: str, condition: str = "") -> None:
    """Refuse one kind of change of a table's rows; with a condition over OLD and NEW, only where it holds."""
    when = f"WHEN ({condition}) " if condition else ""
    if on_sqlite():
        does = f"{when}BEGIN SELECT RAISE(ABORT, '{table} rows are frozen'); END"
    else:
        does = f"FOR EACH ROW {when}EXECUTE FUNCTION refuse_change()"
    op.execute(f"CREATE TRIGGER {trigger} BEFORE {event} ON {table} {does}")


def changed(columns: Sequence[str]) -> str:
    """The condition under which an update changes any of some columns."""
    differs = "IS NOT" if on_sqlite() else "IS DISTINCT FROM"
    return " OR ".join(f"NEW.{name} {differs} OLD.{name}" for name in columns)


def on_sqlite() -> bool:
    """Whether the tables that change are SQLite's; else they are PostgreSQL's."""
    return bool(op.get_bind().dialect.name == "sqlite")
