"""`tallystick repair`: each defect is put there by hand, found, and mended where nothing has to be guessed."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from click.testing import CliRunner

from tallystick.cli.main import main
from tallystick.stores import faults
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.id_run import HEADER_BYTES, StoredRun
from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHECKS = ["state.db", "events.log.db", "events.duckdb", "log and store", "offset", "keys", "known ids", "ids", "usage"]
CHECKS += ["days"]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with three events in the store, of which one failed, and two that wait in the log."""
    data = tmp_path_factory.mktemp("founded") / "data"
    with inside(data) as server:
        Shop(server.api()).metered_plan((0, 2))
        for sent in (event("e-1"), event("e-2", calls=5), event("e-3", account="nobody")):
            server.api().post("/ingest", {"event": sent}).ok()
        server.api().get("/events").ok()
    with inside(data, works=False) as server:
        for name in ("e-4", "e-5"):
            server.api().post("/ingest", {"event": event(name)}).ok()
    return data


@pytest.fixture
def data(founded: Path, tmp_path: Path) -> Path:
    shutil.copytree(founded, tmp_path / "data")
    return tmp_path / "data"


def repaired(data: Path) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit status, and what was said of each subject: (condition, text)."""
    done = CliRunner().invoke(main, ["repair", "--data", str(data)], env={"TALLYSTICK_DATABASE_URL": None})
    findings = {}
    for line in done.output.splitlines()[:-1]:
        condition, _, said = line.partition(" ")
        subject, _, text = said.strip().partition(": ")
        findings[subject] = (condition, text)
    return done.exit_code, findings


def in_store(data: Path, *statements: str) -> None:
    with duckdb.connect(data / "events.duckdb") as store:
        for statement in statements:
            store.execute(statement)


def in_log(data: Path, statement: str, *values: Any) -> None:  # noqa: ANN401
    with contextlib.closing(sqlite3.connect(data / "events.log.db", isolation_level=None)) as log:
        log.execute(statement, values)


def calls(data: Path) -> Any:  # noqa: ANN401
    """The calls of January that are billed, after everything that waits was processed."""
    with inside(data) as server:
        (series,) = Shop(server.api()).metric("USAGE", "2026-01-01", "2026-02-01")
        return sum(series["metricValues"])


def test_a_sound_directory_is_well_and_stays_as_it_is(data: Path) -> None:
    status, findings = repaired(data)
    assert (status, list(findings)) == (0, CHECKS)
    assert {condition for condition, _ in findings.values()} == {"ok"}
    assert findings["log and store"][1].endswith("2 rows of the log wait to be processed")
    assert findings["keys"][1] == "3 events have the key of their id"
    assert findings["usage"][1] == "2 facts belong to stored events"
    assert findings["days"][1] == "0 days of usage come to what their facts do"
    assert calls(data) == 8


def test_keys_that_are_not_those_of_their_ids_are_computed_anew(data: Path, tmp_path: Path) -> None:
    def sent_again(folder: Path) -> Any:  # noqa: ANN401
        with inside(folder) as server:
            server.api().post("/ingest", {"event": event("e-2", calls=5)}).ok()
        return calls(folder)

    in_store(data, "UPDATE event SET key = key // 2 WHERE event_id = 'e-2'")
    shutil.copytree(data, tmp_path / "unrepaired")
    assert sent_again(tmp_path / "unrepaired") == 13, "a wrong key forgets an id: this is what is mended"
    status, findings = repaired(data)
    assert (status, findings["keys"]) == (0, ("repaired", "1 of 3 events had another key than that of their id"))
    assert repaired(data)[1]["keys"][0] == "ok"
    assert sent_again(data) == 8


def test_days_that_do_not_come_to_what_their_facts_do_are_summed_anew(data: Path) -> None:
    before = calls(data)
    with contextlib.closing(DuckEventStore(data / "events.duckdb")) as store:
        count = store.sort_portion()
    in_store(data, "UPDATE fact_day SET value = value + 1000")
    assert calls(data) > before, "a wrong sum is what is billed: this is what is mended"
    status, findings = repaired(data)
    said = "1 of 1 days of usage did not come to what their facts do: summed anew"
    assert (count, status, findings["days"]) == (4, 0, ("repaired", said))
    assert repaired(data)[1]["days"] == ("ok", "1 days of usage come to what their facts do")
    assert calls(data) == before


@pytest.fixture
def indexed(data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory with files of known ids: of one row each, in two of which an id was claimed."""
    monkeypatch.setenv("TALLYSTICK_FAULTS", faults.SPILL_EARLY)
    with inside(data, works=False) as server:
        server.workers.processor.drain()
        server.workers.processor._known.settle()
    monkeypatch.delenv("TALLYSTICK_FAULTS")
    return data


def lacking(data: Path, path: Path) -> None:
    """A file that is whole in itself and has one id less."""
    run = StoredRun(path)
    portions = [(keys[1:].copy(), positions[1:].copy()) for keys, positions in run.portions()]
    IdFolder(data / "ids", run.header.identity).write(portions, run.header.after_row, run.header.through_row)


def foreign(data: Path, path: Path) -> None:
    header = StoredRun(path).header
    portions = list(StoredRun(path).portions())
    IdFolder(data / "ids", header.identity[::-1]).write(portions, header.after_row, header.through_row)


def with_byte(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


DEFECTS: dict[str, tuple[Callable[[Path, Path], Any], str]] = {
    "truncated": (lambda _, path: path.write_bytes(path.read_bytes()[:-8]), "another size than its header says"),
    "its header": (lambda _, path: with_byte(path, 20), "its header is damaged"),
    "a key": (lambda _, path: with_byte(path, HEADER_BYTES), "its content is damaged"),
    "an id less": (lacking, "1 of 4 were missing"),
    "foreign": (foreign, "it belongs to another event store"),
    "no run": (lambda _, path: path.write_text("some text"), "its header is damaged"),
}


@pytest.mark.parametrize("name", DEFECTS)
def test_files_of_known_ids_that_do_not_fit_are_made_anew(indexed: Path, name: str) -> None:
    spoil, said = DEFECTS[name]
    assert repaired(indexed)[1]["known ids"] == ("ok", "the 4 that were claimed up to row 5 are in its files")
    (path,) = (indexed / "ids").iterdir()
    spoil(indexed, path)
    status, findings = repaired(indexed)
    assert (status, findings["known ids"][0]) == (0, "repaired")
    assert said in findings["known ids"][1]
    assert repaired(indexed)[1]["known ids"][0] == "ok"
    with inside(indexed) as server:
        for sent in ("e-1", "e-2", "e-4"):
            server.api().post("/ingest", {"event": event(sent)}).ok()
    assert calls(indexed) == 8


def test_an_id_that_counts_twice_is_named(data: Path) -> None:
    in_store(data, "INSERT INTO event SELECT * REPLACE (position + 7 AS position) FROM event WHERE event_id = 'e-1'")
    status, findings = repaired(data)
    condition, said = findings["ids"]
    assert (status, condition) == (1, "broken")
    assert said.startswith("'e-1' of ")
    assert "POST /events/correction" in said


def test_an_id_that_failed_and_counted_later_counts_once(data: Path) -> None:
    in_store(data, "INSERT INTO event SELECT * REPLACE (position + 7 AS position) FROM event WHERE event_id = 'e-3'")
    assert repaired(data)[1]["ids"] == ("ok", "none counts twice")


def test_usage_without_its_event_is_found(data: Path) -> None:
    in_store(data, "DELETE FROM event WHERE event_id = 'e-1'")
    status, findings = repaired(data)
    assert (status, findings["usage"][0]) == (1, "broken")
    assert findings["usage"][1].startswith("1 of 2 facts belong to no stored event: restore")


def test_usage_without_its_series_is_found(data: Path) -> None:
    in_store(data, "DELETE FROM series WHERE series = (SELECT min(series) FROM fact)")
    status, findings = repaired(data)
    assert (status, findings["usage"][0]) == (1, "broken")


def test_events_behind_the_offset_are_found(data: Path) -> None:
    in_store(data, "UPDATE progress SET through_row = through_row - 1")
    status, findings = repaired(data)
    assert (status, findings["offset"][0]) == (1, "broken")


def test_a_log_that_ends_before_the_store_goes_on_behind_it(data: Path) -> None:
    (data / "events.log.db").unlink()
    for suffix in ("-wal", "-shm"):
        (data / f"events.log.db{suffix}").unlink(missing_ok=True)
    status, findings = repaired(data)
    assert status == 0
    assert (findings["events.log.db"][0], findings["log and store"][0]) == ("repaired", "repaired")
    assert {condition for condition, _ in repaired(data)[1].values()} == {"ok"}
    assert calls(data) == 6


@pytest.mark.parametrize("lost", [1, 2])
def test_rows_of_the_log_that_are_missing_are_found(data: Path, lost: int) -> None:
    """The first of those that wait, or one between."""
    with duckdb.connect(data / "events.duckdb", read_only=True) as store:
        (offset,) = store.execute("SELECT through_row FROM progress").fetchall()[0]
    if lost == 1:
        in_log(data, "DELETE FROM log WHERE row = ?", offset + 1)
    else:
        in_log(data, "UPDATE log SET row = row + 1 WHERE row = ?", offset + 2)
    status, findings = repaired(data)
    assert (status, findings["log and store"][0]) == (1, "broken")
    assert "restore" in findings["log and store"][1]


@pytest.mark.parametrize("name", ["state.db", "events.log.db", "events.duckdb"])
def test_a_file_that_is_no_database_is_said_and_left_alone(data: Path, name: str) -> None:
    for suffix in ("", "-wal", "-shm", ".wal"):
        (data / f"{name}{suffix}").unlink(missing_ok=True)
    (data / name).write_text("some text\n" * 1_000)
    status, findings = repaired(data)
    assert (status, findings[name][0]) == (1, "broken")
    assert (data / name).read_text() == "some text\n" * 1_000


@pytest.mark.parametrize("name", ["state.db", "events.duckdb"])
def test_a_file_that_is_missing_is_said_and_not_made_anew(data: Path, name: str) -> None:
    for suffix in ("", "-wal", "-shm", ".wal"):
        (data / f"{name}{suffix}").unlink(missing_ok=True)
    status, findings = repaired(data)
    assert (status, findings[name][0]) == (1, "broken")
    assert not (data / name).exists()


def test_it_keeps_away_from_a_running_server_and_from_nothing(data: Path, tmp_path: Path) -> None:
    with inside(data):
        busy = CliRunner().invoke(main, ["repair", "--data", str(data)])
    assert (busy.exit_code, busy.output) == (
        1,
        f"Error: another server runs on {data}: stop it, or serve another --data directory\n",
    )
    nothing = CliRunner().invoke(main, ["repair", "--data", str(tmp_path / "nowhere")])
    assert nothing.exit_code == 1
    assert "name the directory with --data" in nothing.output
    assert not (tmp_path / "nowhere").exists()
