"""`tallystick plans`: a catalogue goes from a server into a folder and onto another server, as people type it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest
from click.testing import CliRunner

from tallystick.cli.main import main
from tallystick.kernel.scope import Scope
from tests.operations.shop import Shop, fee, monthly, tiered
from tests.servers import KEY, NEW_YEAR, TALLYSTICK, child, environment, tallystick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

    from tests.servers import Child

PLAN: Final = "price_plans/pay-as-you-go.yaml"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A server with a catalogue."""
    with child(tmp_path_factory.mktemp("source") / "data", "--test-clock", NEW_YEAR) as server:
        shop = Shop(server.api())
        shop.schema()
        meter = shop.meter("API calls", matcher='{"in":[{"var":"dimensions.region"},["eu","日本"]]}')
        base = shop.addon("Base fee")
        shop.api.post("/features", {"name": "Exports", "schemaAssociations": ["api_call"]}).ok()
        details = {
            "supportedCurrencies": ["USD"],
            "pricingCycleConfig": monthly(),
            "usageRateCards": [tiered(meter, (0, "0.0500"), (1000, "0.02"))],
            "fixedFeeRateCards": [fee(base, "-12.3456789012345678901")],
        }
        shop.api.post("/price_plans", {"name": "Pay as you go", "pricePlanDetails": details}).ok()
        yield server


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Child]:
    """A server that has nothing yet."""
    with child(tmp_path / "empty", "--test-clock", NEW_YEAR) as server:
        yield server


@pytest.fixture(scope="module")
def exported(source: Child, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the source has, in a folder."""
    folder = tmp_path_factory.mktemp("exported")
    assert plans(source, "export", folder).exit_code == 0
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copied = tmp_path / "pricing"
    shutil.copytree(exported, copied)
    return copied


def plans(server: Child | str, *arguments: object, key: str | None = KEY, **more: str) -> Result:
    """Run the command in this process."""
    url = server if isinstance(server, str) else server.url
    variables = {"TALLYSTICK_KEY": key, "TALLYSTICK_URL": url}
    return CliRunner().invoke(main, ["plans", *map(str, arguments)], env=variables, **more)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_from_one_server_to_an_empty_one_and_back_byte_for_byte(
    source: Child, empty: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty directory; the real command, as a process of its own, reads once and changes something once."""
    monkeypatch.chdir(tmp_path)

    def process(server: Child, *arguments: str) -> str:
        variables = environment(None) | {"TALLYSTICK_KEY": KEY, "TALLYSTICK_URL": server.url}
        done = subprocess.run(
            [*TALLYSTICK, "plans", *arguments], env=variables, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def run(server: Child, *arguments: str) -> str:
        done = plans(server, *arguments)
        assert (done.exit_code, done.stderr) == (0, "")
        return done.stdout

    assert process(source, "export", "one") == "one: 5 things, 5 files written.\n"
    assert sorted(files(tmp_path / "one")) == [
        "add_ons/base-fee.yaml",
        "event_schemas/api-call.yaml",
        "features/exports.yaml",
        PLAN,
        "usage_meters/api-calls.yaml",
    ]
    shown = run(empty, "diff", "one")
    assert shown.splitlines() == [
        "event schema 'api_call' (event_schemas/api-call.yaml): new, ACTIVE",
        "usage meter 'API calls' (usage_meters/api-calls.yaml): new, ACTIVE",
        "add-on 'Base fee' (add_ons/base-fee.yaml): new",
        "feature 'Exports' (features/exports.yaml): new",
        f"price plan 'Pay as you go' ({PLAN}): new, DRAFT",
        "5 changes.",
    ]
    assert process(empty, "apply", "one", "--yes") == f"{shown}Applied.\n"
    assert run(empty, "diff", "one", "--exit-code") == "No changes.\n"
    assert run(empty, "apply", "one") == "No changes.\n"
    assert run(empty, "export", "two") == "two: 5 things, 5 files written.\n"
    assert files(tmp_path / "two") == files(tmp_path / "one")
    assert b"rate: -12.3456789012345678901" in files(tmp_path / "two")[PLAN]
    assert run(source, "diff", "two", "--exit-code") == "No changes.\n"
    assert run(source, "export", "two") == "two: 5 things, 0 files written.\n"


def test_a_changed_rate_is_told_and_applied(empty: Child, folder: Path) -> None:
    assert plans(empty, "apply", folder, "--yes").exit_code == 0
    replace(folder / PLAN, "rate: 0.02}", "rate: 0.018}")
    told = "rate 0.02 -> 0.018 in slab 2 in USD of usage card 'API calls'"
    shown = plans(empty, "diff", folder, "--exit-code")
    assert (shown.exit_code, shown.stdout) == (3, f"price plan 'Pay as you go' ({PLAN}): {told}\n1 change.\n")
    assert plans(empty, "diff", folder).exit_code == 0
    asked = plans(empty, "apply", folder)
    assert (asked.exit_code, asked.stderr) == (1, "Error: --yes: is needed where nobody can be asked\n")
    assert plans(empty, "diff", folder).stdout == shown.stdout
    assert plans(empty, "apply", folder, "--yes").stdout == f"{shown.stdout}Applied.\n"
    assert plans(empty, "diff", folder).stdout == "No changes.\n"


def test_a_fault_in_the_last_file_leaves_nothing(empty: Child, folder: Path) -> None:
    replace(folder / PLAN, "order: 2, rate: 0.02", "order: 7, rate: 0.02")
    replace(folder / "features/exports.yaml", "schemaName: api_call", "schemaName: api_cal")
    refused = plans(empty, "apply", folder, "--yes")
    line = line_of(folder / PLAN, "slabRates")
    slabs = "pricePlanDetails.usageRateCards[0].rateValues[0].slabRates"
    assert (refused.exit_code, refused.stderr.splitlines()) == (
        1,
        [
            "Error: features/exports.yaml:3: schemaAssociations[0]: event schema 'api_cal' not found",
            f"Error: {PLAN}:{line}: {slabs}: has the orders 1, 7, expected 1 to 2, each once",
        ],
    )
    assert "Applied" not in refused.stdout
    assert empty.api().get("/v1/catalogue").ok()["catalogue"]["eventSchemas"] == []


def line_of(path: Path, text: str) -> int:
    """The line behind the one that holds the text."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 2) if text in line)


def test_hostile_files_are_refused_before_anything_is_asked(folder: Path) -> None:
    (folder / PLAN).write_text("a: &a [1]\n")
    (folder / "add_ons" / "base-fee.yaml").write_text("name: yes\nname: no\n")
    refused = plans("http://127.0.0.1:1", "apply", folder, "--yes", key=None)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert [line.partition(": ")[2][:40] for line in refused.stderr.splitlines()] == [
        "add_ons/base-fee.yaml:1: 'yes' is read d",
        "add_ons/base-fee.yaml:2: 'name' stands t",
        "add_ons/base-fee.yaml:2: 'no' is read di",
        "price_plans/pay-as-you-go.yaml:1: anchor",
    ]


def test_what_the_folder_does_not_have_is_left_alone_or_archived(empty: Child, folder: Path) -> None:
    plans(empty, "apply", folder, "--yes")
    (folder / PLAN).unlink()
    (folder / "add_ons" / "base-fee.yaml").unlink()
    kept = plans(empty, "apply", folder, "--yes")
    assert kept.stdout.splitlines() == [
        "Left alone: price plan 'Pay as you go': is not in what was sent",
        "Left alone: add-on 'Base fee': is not in what was sent",
        "No changes.",
    ]
    gone = plans(empty, "apply", folder, "--prune", "--yes")
    assert gone.stdout.splitlines() == [
        "price plan 'Pay as you go': archived, was DRAFT",
        "add-on 'Base fee': archived",
        "2 changes.",
        "Applied.",
    ]
    stale = folder / "price_plans" / "old.yaml"
    stale.write_text("name: Old\nstatus: DRAFT\n")
    assert plans(empty, "export", folder).stderr == "Not on the server, left alone: price_plans/old.yaml\n"
    assert plans(empty, "export", folder, "--prune").stderr == "Deleted: price_plans/old.yaml\n"
    assert not stale.exists()


def test_what_shares_its_name_is_left_out_and_told(empty: Child, tmp_path: Path) -> None:
    for _ in range(2):
        empty.api().post("/features", {"name": "Twin"}).ok()
    result = plans(empty, "export", tmp_path / "pricing")
    assert result.exit_code == 3
    assert result.stderr.startswith("Left alone: feature 'Twin': 2 features are called 'Twin', so the name means none")


def test_a_key_that_reads_may_look_and_not_apply(empty: Child, folder: Path) -> None:
    words = ["keys", "create", "--scope", Scope.READ, "--data", str(empty.data)]
    key = tallystick(*words).stdout.rpartition(": ")[2].strip()
    replace(folder / PLAN, "status: DRAFT", "status: ACTIVE")
    assert plans(empty, "diff", folder, key=key).exit_code == 0
    assert plans(empty, "apply", folder, "--yes").exit_code == 0
    replace(folder / PLAN, "rate: 0.02}", "rate: 0.018}")
    assert plans(empty, "diff", folder, key=key).stdout.endswith("1 change.\n"), "a new version of an active plan"
    refused = plans(empty, "apply", folder, "--yes", key=key)
    assert refused.exit_code == 1
    assert "answers 403: this needs a key with the scope money" in refused.stderr
    assert key not in refused.output


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        (("diff", "nowhere"), KEY, "Error: nowhere: holds no YAML file in event_schemas, usage_meters"),
        (("export", "x", "--url", "ftp://x"), KEY, "Error: --url: 'ftp://x' is no address such as"),
        (("export", "x"), None, "Error: TALLYSTICK_KEY: holds no API key"),
        (("export", "x"), "tsk_wrong", "answers 401: "),
        (("export", "x", "--url", "http://127.0.0.1:1"), KEY, "http://127.0.0.1:1 does not answer (ConnectError)"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    source: Child, arguments: tuple[str, ...], key: str | None, said: str, tmp_path: Path
) -> None:
    words = [tmp_path / word if word == "x" else word for word in arguments]
    result = plans(source, *words, key=key)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()
