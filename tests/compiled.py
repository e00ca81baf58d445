"""Statements that SQLAlchemy has compiled for one server, kept for all servers of this process.

It keeps them for each database by itself, and a server has one. Tests start hundreds, and compiling the same statements
for each took a fifth of their time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COMPILED: Final[dict[Any, Any]] = {}


class Alike(SQLiteDialect_pysqlite):
    """The dialect of SQLite: statements are kept by dialect, and those of two databases are told apart nowhere else."""

    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike)

    def __hash__(self) -> int:
        return hash(Alike)


registry.register("sqlite", __name__, Alike.__name__)


@event.listens_for(Engine, "engine_connect")
def _keep_for_all(connection: Connection) -> None:
    if isinstance(connection.dialect, Alike):
        connection.execution_options(compiled_cache=_COMPILED)
