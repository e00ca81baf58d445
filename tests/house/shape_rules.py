"""Rules about how files and functions are shaped, named and described."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from tests.house.source import Module, Rule, example

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_FILE = 500
LONGEST_FUNCTION = 60
EMPTY_NAMES = frozenset({"utils", "helpers", "common", "manager", "service", "base", "misc", "shared"})
TAKEN_NAMES = sys.stdlib_module_names | {"mcp"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
Described = Function | ast.ClassDef


def long_files(module: Module) -> Iterator[str]:
    lines = module.text.count("\n")
    if lines > LONGEST_FILE and not module.is_migration:
        yield f"{module.path}: {lines} lines"


def long_functions(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, Function) and not module.is_migration:
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield module.at(node, f"{node.name} has {lines} lines")


def undescribed(module: Module) -> Iterator[str]:
    """Modules, and whatever is public in them or in their public classes, unless a `noqa: D` says why not."""
    if not ast.get_docstring(module.tree):
        yield f"{module.path}: no docstring"
    for node in _public(module.tree):
        if not ast.get_docstring(node) and "# noqa: D" not in module.line(node):
            yield module.at(node, f"{node.name} has no docstring")


def _public(node: ast.Module | ast.ClassDef) -> Iterator[Described]:
    for child in node.body:
        if isinstance(child, Described) and not child.name.startswith("_"):
            yield child
            if isinstance(child, ast.ClassDef):
                yield from _public(child)


def empty_or_taken_names(module: Module) -> Iterator[str]:
    *rooms, name = module.path.removesuffix(".py").removesuffix("/__init__").split("/")
    for part in (*rooms, name):
        if part in EMPTY_NAMES:
            yield f"{module.path}: {part!r} says nothing about what is in it"
    if name in TAKEN_NAMES:
        yield f"{module.path}: {name!r} is the name of a module that others mean by it"


def local_imports(module: Module) -> Iterator[str]:
    for function in ast.walk(module.tree):
        if isinstance(function, Function):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield module.at(node, "an import inside a function hides a cycle")


LONG = "def long() -> None:\n" + "    pass\n" * LONGEST_FUNCTION

RULES = (
    Rule(
        "a file has at most 500 lines",
        long_files,
        broken_by=(example("pass\n" * 501),),
        kept_by=(example("pass\n" * 500), example("pass\n" * 501, "stores/migrations/versions/v0009.py")),
    ),
    Rule(
        "a function has at most 60 lines",
        long_functions,
        broken_by=(example(LONG), example(f"async {LONG}"), example("class A:\n    " + LONG.replace("\n", "\n    "))),
        kept_by=(example(LONG.replace("    pass\n", "", 1)),),
    ),
    Rule(
        "every module, public class and public function has a docstring",
        undescribed,
        broken_by=(
            example(""),
            example('"""Text."""\ndef public() -> None: ...'),
            example('"""Text."""\nclass Public: ...'),
            example('"""Text."""\nclass Public:\n    """Text."""\n    async def method(self): ...'),
        ),
        kept_by=(
            example('"""Text."""\ndef _private(): ...\nclass _Private:\n    def method(self): ...'),
            example('"""Text."""\ndef outer():\n    """Text."""\n    def inner(): ...'),
            example('"""Text."""\ndef command():  # noqa: D103 - the command line shows its help\n    ...'),
        ),
    ),
    Rule(
        "a module's name says what is in it and is not that of a well-known one",
        empty_or_taken_names,
        broken_by=(
            example("", "kernel/utils.py"),
            example("", "kernel/helpers/text.py"),
            example("", "kernel/calendar.py"),
            example("", "json/__init__.py"),
            example("", "agents/mcp.py"),
        ),
        kept_by=(example("", "kernel/money.py"), example("", "credits/__init__.py")),
    ),
    Rule(
        "imports stand at the top of a file",
        local_imports,
        broken_by=(
            example("def f():\n    import json"),
            example("class A:\n    async def f(self):\n        if self:\n            from json import loads"),
        ),
        kept_by=(example("import json\nif TYPE_CHECKING:\n    from json import loads"),),
    ),
)
