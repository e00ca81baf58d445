"""The rule that every query of the state store is about one organisation, and the few that cannot be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.house.source import Module, Rule, example, parents

if TYPE_CHECKING:
    from collections.abc import Iterator

READS_AND_CHANGES = frozenset({"select", "update", "delete"})
"""An insert needs no filter: no table takes a row without an organisation."""

OWN_ROW = "asks for the row of one organisation by its id"
ABOUT_THE_SERVER = "the server's own memory belongs to no organisation"
EXEMPT = {
    ("stores/state/access.py", "key_of_secret"): "who calls, and so whose request it is, is what it finds out",
    ("stores/state/access.py", "key_of_id"): "the same, for a token that names a key; the caller compares",
    ("stores/state/access.py", "forget_answers"): "answers grow old in every organisation alike",
    ("stores/state/access.py", "forget_previews"): "previews expire in every organisation alike",
    ("stores/state/organisations.py", "remembered"): ABOUT_THE_SERVER,
    ("stores/state/organisations.py", "remember"): ABOUT_THE_SERVER,
    ("stores/state/organisations.py", "organisations"): "lists them for the command line",
    ("stores/state/organisations.py", "count_organisations"): "tells whether there is one",
    ("stores/state/organisations.py", "get_organisation"): OWN_ROW,
    ("stores/state/organisations.py", "replace_organisation"): OWN_ROW,
    ("stores/state/organisations.py", "catalogue_version"): OWN_ROW,
    ("stores/state/organisations.py", "catalogue_changed"): OWN_ROW,
    ("stores/state/organisations.py", "next_invoice_number"): OWN_ROW,
    ("stores/state/organisations.py", "last_invoice_number"): OWN_ROW,
    ("stores/state/organisations.py", "take_turns"): OWN_ROW,
}


def unfiltered(module: Module) -> Iterator[str]:
    for function, query in _queries(module):
        if (module.path, function) not in EXEMPT:
            yield module.at(query, f"{function}: a query that does not filter by organisation")


def _queries(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Queries that do not mention the organisation, with the function that they stand in."""
    if not module.path.startswith("stores/state/"):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READS_AND_CHANGES:
            function = next((outer for outer in parents(node) if isinstance(outer, ast.FunctionDef)), None)
            if function is None or not _mentions(_outermost(node), _filters(function)):
                yield ("" if function is None else function.name), node


def _outermost(node: ast.AST) -> ast.AST:
    """The whole expression that a query is part of, without the block below it."""
    for outer in parents(node):
        if isinstance(outer, ast.stmt | ast.comprehension):
            break
        node = outer
    return node


def _filters(function: ast.FunctionDef) -> set[str]:
    """Local names that carry a filter by organisation, such as `conditions` or `mine`."""
    found: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _mentions(node.value, found):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def _mentions(node: ast.AST, filters: set[str]) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and part.attr in {"organisation_id", "_mine"} and not _is_shown(part):
            return True
        if isinstance(part, ast.Name) and part.id in filters:
            return True
    return False


def _is_shown(node: ast.AST) -> bool:
    """Whether a column is only selected, not compared: `select(table.c.organisation_id)` filters nothing."""
    for outer in parents(node):
        if isinstance(outer, ast.Compare):
            return False
        if isinstance(outer, ast.Call) and isinstance(outer.func, ast.Name) and outer.func.id in READS_AND_CHANGES:
            return True
    return False


def stale_exemptions(modules: tuple[Module, ...]) -> set[tuple[str, str]]:
    """Exemptions that no query needs."""
    return set(EXEMPT) - {(module.path, function) for module in modules for function, _ in _queries(module)}


RULES = (
    Rule(
        "every query of the state store filters by organisation",
        unfiltered,
        broken_by=(
            example("def f(c):\n    c.execute(select(account.c.id).where(account.c.id == 1))", "stores/state/a.py"),
            example("def f(c):\n    c.execute(update(account).values(a=1))", "stores/state/a.py"),
            example("def f(c):\n    s = delete(account)\n    c.execute(s)", "stores/state/a.py"),
            example("def f(c):\n    c.execute(select(account.c.organisation_id))", "stores/state/a.py"),
            example(
                "def f(c, me):\n    for _ in c.execute(select(account)):\n        g(account.c.organisation_id == me)",
                "stores/state/a.py",
            ),
            example("rows = select(account)", "stores/state/a.py"),
        ),
        kept_by=(
            example("def f(c, me):\n    c.execute(select(a).where(a.c.organisation_id == me))", "stores/state/a.py"),
            example("def f(self):\n    s = select(a).where(self._mine, a.c.id == 1)", "stores/state/a.py"),
            example(
                "def f(c, me):\n    mine = [a.c.organisation_id == me]\n    c.execute(select(a).where(*mine))",
                "stores/state/a.py",
            ),
            example("def f(c):\n    c.execute(insert(a).values(organisation_id=1))", "stores/state/a.py"),
        ),
    ),
)
