"""Every kind of error that the product raises is explained to callers, with the status that they see."""

from __future__ import annotations

import ast
import re

import pytest

from tallystick.api.errors import STATUS
from tallystick.kernel.errors import Kind
from tallystick.metering.event import EventStatus
from tests.house.source import ROOT, Module, example, modules

PAGE = ROOT / "src" / "tallystick" / "agents" / "texts" / "errors.md"
HELPERS = {
    "invalid": Kind.INVALID,
    "refuse_if_any": Kind.INVALID,
    "not_found": Kind.NOT_FOUND,
    "conflict": Kind.CONFLICT,
}


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def raised(module: Module) -> set[Kind]:
    """The kinds of error that a module makes, by itself or by a helper of the kernel."""
    found: set[Kind] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HELPERS:
            found.add(HELPERS[node.func.id])
        if isinstance(node, ast.Call):
            found |= {
                Kind[argument.attr]
                for argument in node.args
                if isinstance(argument, ast.Attribute)
                and isinstance(argument.value, ast.Name)
                and argument.value.id == "Kind"
                and argument.attr in Kind.__members__  # the rules' compiler has kinds of its own
            }
    return found


def explained(page: str) -> set[tuple[int, str]]:
    """Status and kind of each row of the page's table."""
    return {(int(status), kind) for status, kind in re.findall(r"^\| (\d{3}) \| (\w+) \|", page, re.MULTILINE)}


def test_every_kind_has_one_status() -> None:
    assert set(STATUS) == set(Kind)
    assert len(set(STATUS.values())) == len(STATUS)


def test_every_kind_that_is_raised_is_explained_with_its_status(page: str) -> None:
    kinds = set().union(*map(raised, modules()))
    assert {(STATUS[kind], kind.value) for kind in kinds} <= explained(page)


def test_what_is_explained_is_what_callers_get(page: str) -> None:
    assert explained(page) <= {(status, kind.value) for kind, status in STATUS.items()}


def test_every_status_that_the_page_gives_to_events_exists(page: str) -> None:
    named = set(re.findall(r"`(INGESTION_\w+)`", page))
    assert named
    assert named <= set(EventStatus)


def test_a_kind_that_nobody_explains_is_found() -> None:
    assert raised(example('raise BillingError(Kind.FORBIDDEN, "forbidden", Problem("", "no"))')) == {Kind.FORBIDDEN}
    assert raised(example('raise invalid("name", "is empty")')) == {Kind.INVALID}
    assert explained("| 400 | invalid | when | do |\n") == {(400, "invalid")}
