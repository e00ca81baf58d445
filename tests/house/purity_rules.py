"""Rules about what code must not touch: the machine's clock, chance, floats, SQL and commits."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.house.source import EXACT_ROOMS, Module, Rule, example, meaning, origins, parents

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCKS = frozenset(
    {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.datetime.today",
        "datetime.date.today",
        "time.time",
        "time.time_ns",
        "time.localtime",
        "time.gmtime",
    }
)
CHANCE = re.compile(r"(random|numpy\.random|uuid\.uuid[1-8])(\..*)?")
CLOCKS_AND_CHANCE_LIVE_IN = frozenset({"kernel/clock.py", "kernel/ids.py"})

WAITS = re.compile(r"timeout|backoff|[A-Z_]*_SECONDS")
"""Names of waits: how long a thread sleeps is no quantity."""
FLOATS_ALLOWED = {
    ("logic/compact.py", "float"): "names the type in order to refuse it",
    ("stores/duck_event_store.py", "float"): "names the type of DuckDB's settings",
}

STORAGE = frozenset({"sqlalchemy", "alembic", "sqlite3", "duckdb", "pyarrow", "psycopg"})
STORAGE_ALLOWED = {
    ("feed/parquet.py", "pyarrow"): "reads a file of the user's, which is no store of ours",
    ("metering/attribute_layout.py", "pyarrow"): "columns in memory (docs/adr/0021)",
    ("metering/event_block.py", "pyarrow"): "columns in memory (docs/adr/0021)",
    ("metering/outcomes.py", "pyarrow"): "columns in memory (docs/adr/0021)",
    ("metering/wholesale.py", "pyarrow"): "columns in memory (docs/adr/0021)",
}
SQL = re.compile(
    r"\s*(SELECT\s.*\bFROM\b|INSERT\s+INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|PRAGMA\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|TRIGGER|FUNCTION)\b)",
    re.DOTALL,
)
COMMITS_LIVE_IN = re.compile(r"stores/state/database\.py|stores/(duck_|event_|group_commit).*|engine/.*")

USAGE_QUESTIONS = frozenset({"usage_totals", "usage_series", "aggregate_totals", "aggregate_series", "new_values"})
ASKS_FOR_USAGE = "operations/metered_usage.py"


def clocks_and_chance(module: Module) -> Iterator[str]:
    if module.path in CLOCKS_AND_CHANCE_LIVE_IN:
        return
    known = origins(module.tree)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = meaning(node, known)
            if name in CLOCKS or CHANCE.fullmatch(name):
                yield module.at(node, f"{name}: take the clock or the ids that are handed in")


def floats(module: Module) -> Iterator[str]:
    if module.room not in EXACT_ROOMS:
        return
    for node in ast.walk(module.tree):
        is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_type = isinstance(node, ast.Name) and node.id == "float"
        if (is_literal or is_type) and not _is_wait(node) and (module.path, "float") not in FLOATS_ALLOWED:
            yield module.at(node, "a float is not exact: use Decimal")


def _is_wait(node: ast.AST) -> bool:
    """Whether it is the value or the type of something whose name says that it is a wait."""
    for outer in parents(node):
        match outer:
            case ast.arg(arg=name) | ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                return WAITS.fullmatch(name.lstrip("_")) is not None
            case ast.stmt():
                return False
    return False


def storage_outside_the_stores(module: Module) -> Iterator[str]:
    if module.room == "stores":
        return
    for node in ast.walk(module.tree):
        for name in _imported(node):
            package = name.partition(".")[0]
            if package in STORAGE and not _is_for_types(node) and (module.path, package) not in STORAGE_ALLOWED:
                yield module.at(node, f"{name} belongs to the stores")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value):
            yield module.at(node, "SQL belongs to the stores")


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [name.name for name in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def _is_for_types(node: ast.AST) -> bool:
    """Whether an import is seen by the type checker only: to name a connection is not to use it."""
    return any(isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.dump(outer.test) for outer in parents(node))


def stray_commits(module: Module) -> Iterator[str]:
    if COMMITS_LIVE_IN.fullmatch(module.path):
        return
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield module.at(node, "the engine decides when something is committed")


def usage_without_its_aggregation(module: Module) -> Iterator[str]:
    if module.path == ASKS_FOR_USAGE or module.room == "stores":
        return
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in USAGE_QUESTIONS
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "events"
        ):
            yield module.at(node, f"{node.attr}: ask {ASKS_FOR_USAGE}, which knows what does not add up")


RULES = (
    Rule(
        "only kernel/clock.py and kernel/ids.py ask the machine for the time or for chance",
        clocks_and_chance,
        broken_by=(
            example("from datetime import datetime\ndatetime.now()"),
            example("from datetime import datetime as dt\ndt.utcnow()"),
            example("import datetime\ndatetime.datetime.today()"),
            example("from datetime import date\ndate.today()"),
            example("import time\nstarted = time.time()"),
            example("from time import time as now\nnow()"),
            example("from uuid import uuid4\nuuid4()"),
            example("import uuid\nuuid.uuid1()"),
            example("import random\nrandom.random()"),
            example("from random import choice\nchoice([1])"),
            example("import numpy as np\nnp.random.default_rng()"),
            example(
                "from datetime import datetime\nfrom dataclasses import field\nfield(default_factory=datetime.now)"
            ),
        ),
        kept_by=(
            example("from datetime import datetime\ndatetime.now()", "kernel/clock.py"),
            example("import time\ntime.perf_counter()\ntime.sleep(1)"),
            example("def f(clock, random):\n    clock.now()\n    random.random()"),
        ),
    ),
    Rule(
        "money and usage meet no float",
        floats,
        broken_by=(
            example("rate = 0.1", "rating/example.py"),
            example("rate = float('0.1')", "credits/example.py"),
            example("def f(amount: float): ...", "stores/example.py"),
            example("class A:\n    rate: float", "catalog/example.py"),
            example("list(map(float, amounts))", "invoicing/example.py"),
            example("def f(timeout: float):\n    return timeout * 0.5", "stores/example.py"),
        ),
        kept_by=(
            example("def f(timeout: float) -> bool: ...", "stores/example.py"),
            example("_PAUSE_SECONDS: Final = 0.01", "stores/example.py"),
            example("share = 0.5", "workers/example.py"),
            example("rate = Decimal('0.1')", "rating/example.py"),
        ),
    ),
    Rule(
        "only the stores know SQL and what runs it",
        storage_outside_the_stores,
        broken_by=(
            example("import sqlalchemy"),
            example("from sqlalchemy.exc import IntegrityError"),
            example("import duckdb as db"),
            example("run('SELECT id FROM account')"),
            example("run('''\n  DELETE FROM invoice''')"),
            example("run(f'UPDATE account SET name = {name}')"),
        ),
        kept_by=(
            example("import sqlalchemy\nrun('SELECT 1 FROM a')", "stores/example.py"),
            example("if TYPE_CHECKING:\n    from sqlalchemy import Connection"),
            example("'''Select what was asked from the list.'''"),
        ),
    ),
    Rule(
        "nobody commits but the engine and the stores under it",
        stray_commits,
        broken_by=(example("connection.commit()"), example("connection.commit()", "stores/state/ledger.py")),
        kept_by=(
            example("connection.commit()", "stores/state/database.py"),
            example("cursor.commit()", "stores/duck_event_store.py"),
            example("work.commit", "operations/example.py"),
        ),
    ),
    Rule(
        "operations ask for usage where the aggregations of meters are known",
        usage_without_its_aggregation,
        broken_by=(
            example("work.events.usage_totals(organisation, windows)", "operations/example.py"),
            example("self.work.events.usage_series(organisation, bounds)", "workers/example.py"),
        ),
        kept_by=(
            example("usage_totals(work, windows)", "operations/example.py"),
            example("metered_usage.usage_series(work, bounds)", "operations/example.py"),
            example("work.events.usage_totals(organisation, windows)", ASKS_FOR_USAGE),
        ),
    ),
)
