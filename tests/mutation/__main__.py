"""`python -m tests.mutation [FILE ...]`: break the code of charges and periods in every small way, and see who notices.

Each mutant is one function with one change; it is killed when a unit test of its own room fails. mutmut makes the
mutants and runs the tests; this prepares a copy for it, counts, and prints those that survive, with their change.
docs/mutation.md says what the figures are for, and which survivors nothing can tell apart from the code.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final, NamedTuple

from tests.mutation.bare import bare

ROOT: Final = Path(__file__).resolve().parents[2]
SCRATCH: Final = ROOT / ".scratch" / "mutation"
LEAST_KILLED: Final = 90
"""Per cent of the mutants of a target; with fewer the run fails."""

KILLED: Final = frozenset({1, 3, 24, -24, 36, 152})
"""How the tests of a mutant end when one notices it, or when it runs for ever. All else counts as survived."""

CONFTEST: Final = """

from hypothesis import Phase, is_hypothesis_test, settings

settings.register_profile(
    "mutation",
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile("mutation")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: is_hypothesis_test(item.obj))
"""
"""Few examples, always the same ones, after the cases that are worked out by hand; none is made smaller."""


class Target(NamedTuple):
    """Files that are mutated together, and the tests that have to notice."""

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]


TARGETS: Final = (
    Target("period", ("src/tallystick/kernel/period.py",), ("tests/unit/kernel/test_period.py",)),
    Target(
        "rating",
        tuple(sorted(str(path.relative_to(ROOT)) for path in (ROOT / "src/tallystick/rating").glob("[!_]*.py"))),
        ("tests/unit/rating",),
    ),
)


def main(wanted: list[str]) -> int:
    """Mutate the files whose names are given, or all; 1 when fewer are killed than have to be."""
    if unknown := set(wanted) - {Path(source).name for target in TARGETS for source in target.sources}:
        sys.exit(f"no such file to mutate: {', '.join(sorted(unknown))}")
    figures: dict[str, Counter[bool]] = {}
    good = True
    for target in TARGETS:
        sources = [one for one in target.sources if not wanted or Path(one).name in wanted]
        if not sources:
            continue
        home = prepared(target, sources)
        mutmut(home, "run", "--max-children", "1", stdout=None if sys.stdout.isatty() else subprocess.DEVNULL)
        found = {source: outcomes(home, source) for source in sources}
        figures |= {source: Counter(found[source].values()) for source in sources}
        for survivor in sorted(name for each in found.values() for name, killed in each.items() if not killed):
            print(f"\n# survived: {survivor}\n{difference(home, survivor)}")
        together: Counter[bool] = sum((figures[source] for source in sources), Counter())
        good = good and together.total() > 0 and per_cent(together) >= LEAST_KILLED
        figures[f"{target.name}, all"] = together
    print(table(figures))
    return 0 if good else 1


def prepared(target: Target, sources: list[str]) -> Path:
    """A copy of the repository in which mutmut finds no more than it needs."""
    home = SCRATCH / target.name
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "src", home / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "unit", home / "tests" / "unit", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", home)
    (home / "tests" / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text() + CONFTEST)
    for source in sources:
        (home / source).write_text(bare((home / source).read_text()))
    lists = {
        "source_paths": ["src/"],
        "only_mutate": sources,
        "pytest_add_cli_args_test_selection": target.tests,
        "also_copy": ["tests/", "pyproject.toml"],
        "pytest_add_cli_args": ["--tb=no"],
        "timeout_constant": ["30"],  # seconds: on a busy machine a quick test takes a while
        "process_isolation": ["forkserver"],  # else what the first run of the tests has cached would hide mutants
    }
    settings = [f"{name} = " + "\n    ".join(values) for name, values in lists.items()]
    (home / "setup.cfg").write_text("\n".join(["[mutmut]", *settings, ""]))
    return home


def mutmut(home: Path, *arguments: str, stdout: int | None) -> subprocess.CompletedProcess[str]:
    """Run mutmut in a copy, with few random cards."""
    surroundings = {**os.environ, "RATED_CARDS": "100", "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "mutmut", *arguments]
    return subprocess.run(command, cwd=home, env=surroundings, stdout=stdout, text=True, check=True)


def outcomes(home: Path, source: str) -> dict[str, bool]:
    """The mutants of a file, by name, and whether each was killed."""
    meta = json.loads((home / "mutants" / f"{source}.meta").read_text())
    return {name: code in KILLED for name, code in meta["exit_code_by_key"].items()}


def difference(home: Path, mutant: str) -> str:
    """The change that a mutant makes."""
    shown = mutmut(home, "show", mutant, stdout=subprocess.PIPE)
    return "\n".join(
        line for line in shown.stdout.splitlines() if line[:1] in {"+", "-"} and line[:3] not in {"+++", "---"}
    )


def per_cent(outcome: Counter[bool]) -> float:
    """Of a hundred mutants, those that were killed."""
    return 100 * outcome[True] / outcome.total()


def table(figures: dict[str, Counter[bool]]) -> str:
    """The figures as docs/mutation.md has them."""
    rows = [
        f"| {name.removeprefix('src/tallystick/')} | {each.total()} | {each[True]} | {each[False]} "
        f"| {f'{per_cent(each):.1f} %' if each else '-'} |"
        for name, each in figures.items()
    ]
    return "\n".join(["", "| File | Mutants | Killed | Survived | Killed, of all |", "|---|--:|--:|--:|--:|", *rows])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
