"""The rules of the house hold for every file, and every rule can be broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.house import purity_rules, query_rules, shape_rules
from tests.house.source import modules

if TYPE_CHECKING:
    from tests.house.source import Module, Rule

RULES = (*shape_rules.RULES, *purity_rules.RULES, *query_rules.RULES)
every_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.sentence for rule in RULES])
BROKEN = [(rule, module) for rule in RULES for module in rule.broken_by]
KEPT = [(rule, module) for rule in RULES for module in rule.kept_by]


@every_rule
def test_every_file_keeps_it(rule: Rule) -> None:
    assert [finding for module in modules() for finding in rule.finds(module)] == []


@pytest.mark.parametrize(("rule", "module"), BROKEN, ids=[rule.sentence for rule, _ in BROKEN])
def test_what_breaks_it_is_found(rule: Rule, module: Module) -> None:
    assert list(rule.finds(module))


@pytest.mark.parametrize(("rule", "module"), KEPT, ids=[rule.sentence for rule, _ in KEPT])
def test_what_keeps_it_is_let_pass(rule: Rule, module: Module) -> None:
    assert list(rule.finds(module)) == []


def test_the_files_are_really_looked_at() -> None:
    paths = {module.path for module in modules()}
    assert {"kernel/money.py", "stores/state/ledger.py", "api/routes.py"} <= paths


def test_no_exemption_has_outlived_its_reason() -> None:
    assert query_rules.stale_exemptions(modules()) == set()
    paths = {module.path for module in modules()}
    assert {path for path, _ in (*purity_rules.FLOATS_ALLOWED, *purity_rules.STORAGE_ALLOWED)} <= paths
