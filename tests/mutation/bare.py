"""Functions without their decorators: mutmut leaves decorated ones alone, which would spare half of a file."""

from __future__ import annotations

import libcst as cst
from libcst import matchers as m

CACHED = m.Decorator(m.Call(m.Name("lru_cache")))
PROPERTY = m.Decorator(m.Name("property"))


def bare(source: str) -> str:
    """The same module, in which properties are made after their functions, and nothing is kept in caches."""
    return cst.parse_module(source).visit(_Undecorated()).code


class _Undecorated(m.MatcherDecoratableTransformer):
    def leave_FunctionDef(  # noqa: N802 - libcst's name for it
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.BaseStatement]:
        kept = [one for one in updated_node.decorators if not m.matches(one, CACHED | PROPERTY)]
        plain = updated_node.with_changes(decorators=kept)
        if not any(m.matches(one, PROPERTY) for one in original_node.decorators):
            return plain
        name = updated_node.name.value
        return cst.FlattenSentinel([plain, cst.parse_statement(f"{name} = property({name})")])
