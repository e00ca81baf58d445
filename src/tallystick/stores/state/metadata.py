"""What all state tables share: how they name their constraints, and columns that mean the same on both databases."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, MetaData, Text

from tallystick.stores.state.columns import Instant

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that sorts by code point on both databases, so that pages have one order."""


def text_column(name: str, *, optional: bool = False) -> Column[str]:
    """A column of texts, which sort by code point."""
    return Column(name, TEXT, nullable=optional)


def instant_column(name: str, *, optional: bool = False) -> Column[object]:
    """A column of instants."""
    return Column(name, Instant, nullable=optional)
