"""Which rows are among many: a condition on a list of any length, sent as one value.

A statement takes 32,766 values on SQLite and 65,535 on PostgreSQL, one for each entry of an `IN` list, and there may be
more accounts. So the list goes as JSON, which the database takes apart, and looks each entry up by the same index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BindParameter, Dialect, String, TypeDecorator, bindparam, or_, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from tallystick.kernel.document import encode

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import SQLCompiler

_NULL: Final = "\0"


class _List(TypeDecorator["Collection[str]"]):
    """Texts, sent as one value of JSON."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The JSON of a list."""
        return None if value is None else encode(list(value)).decode()


class _Texts(GenericFunction[str]):
    """The texts of a JSON list, one for each row."""

    type = String()
    inherit_cache = True


@compiles(_Texts, "sqlite")
def _on_sqlite(texts: _Texts, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    listed = compiler.process(texts.clauses, **options)
    return f"(SELECT value FROM json_each({listed}))"  # noqa: S608 - a bound value


@compiles(_Texts, "postgresql")
def _on_postgresql(texts: _Texts, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - the compiler's own
    listed = compiler.process(texts.clauses, **options)
    return f"(SELECT json_array_elements_text(CAST({listed} AS json)))"


def among(column: ColumnElement[Any], texts: Iterable[str]) -> ColumnElement[bool]:
    """That the text of a column is one of these, however many they are; nothing is among none.

    SQLite cuts a text of JSON off at a null character, so the few that have one are listed as they are.
    """
    wanted = list(texts)
    odd = [one for one in wanted if _NULL in one]
    plain = [one for one in wanted if _NULL not in one] if odd else wanted
    listed = _is_in(column, bindparam(None, plain, type_=_List))
    return or_(listed, column.in_(odd)) if odd else listed


def among_given(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """The same for a statement that is built once: it is run with the texts as its parameter of this name.

    They are ids that were made here, so that none has a null character.
    """
    return _is_in(column, bindparam(name, type_=_List))


def _is_in(column: ColumnElement[Any], texts: BindParameter[Collection[str]]) -> ColumnElement[bool]:
    return type_coerce(column, String).bool_op("IN")(_Texts(texts))
