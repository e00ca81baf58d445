"""Ids that events have taken, by organisation: many at a time, as columns as long as possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

TakenIds: TypeAlias = dict[str, list[str]]
"""Event ids by organisation; each may stand there more than once."""


def by_organisation(organisations: pa.Array, ids: pa.Array) -> TakenIds:
    """The ids of each organisation, from two columns of the same length."""
    coded = organisations.dictionary_encode()
    names = coded.dictionary.to_pylist()
    if len(names) == 1:
        return {names[0]: ids.to_pylist()}
    return {name: ids.filter(pc.equal(coded.indices, code)).to_pylist() for code, name in enumerate(names)}


def together(parts: Iterable[TakenIds]) -> TakenIds:
    """All ids of several."""
    taken: TakenIds = {}
    for part in parts:
        for organisation, ids in part.items():
            taken.setdefault(organisation, []).extend(ids)
    return taken
