"""`tallystick ingest`: every row of a file is taken once, whatever happens on the way."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from tallystick.cli.main import main
from tests.operations.shop import Shop
from tests.servers import KEY, TALLYSTICK, Child, child, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

MAPPING: Final = ("--schema", "api_call", "--map", "accountId=customer", "--map", "timestamp=time", "--attribute")
CALLS: Final = (*MAPPING, "calls=n_calls", "--dimension", "region")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Child, Shop]]:
    """A server on a test clock with an account and a meter of calls."""
    with child(tmp_path_factory.mktemp("child") / "data", "--test-clock", "2026-02-01T00:00:00Z") as server:
        opened = Shop(server.api())
        opened.account()
        opened.schema()
        opened.meter()
        yield server, opened


def ingest(url: str, *arguments: object, key: str | None = KEY) -> Result:
    """Run the command in this process."""
    variables = {"TALLYSTICK_KEY": key, "TALLYSTICK_URL": url, "COLUMNS": "200"}
    return CliRunner().invoke(main, ["ingest", *map(str, arguments)], env=variables)


def csv_of(path: Path, rows: list[tuple[object, ...]], head: str = "customer,time,n_calls,region") -> Path:
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def used(server: Child, account: str) -> Decimal:
    """What an account used in January, once everything is processed."""
    usage = server.api().get(f"/v1/accounts/{account}/usage", startDate="2026-01-01", endDate="2026-02-01").ok()
    return sum((Decimal(meter["units"]) for meter in usage["usageMeters"]), Decimal())


def new_account(shop: Shop, name: str) -> str:
    shop.api.post("/v1/customers", {"id": name, "name": name, "primaryEmail": f"billing@{name}.test"}).ok()
    return name


class TestAFile:
    ROWS: Final = [
        ("2026-01-03T00:00:00Z", "1.50"),
        ("2026-01-04", "2e-1"),
        ("2026-01-05 10:00:00", "12345678901234.5"),
    ]
    SUM: Final = Decimal("12345678901236.2")

    def test_csv_is_taken_exactly_and_a_second_time_counts_nothing(
        self, shop: tuple[Child, Shop], tmp_path: Path
    ) -> None:
        server, opened = shop
        account = new_account(opened, "csv")
        path = csv_of(tmp_path / "usage.csv", [(account, at, calls, "eu") for at, calls in self.ROWS])
        first = ingest(server.url, path, *CALLS)
        assert (first.exit_code, first.stdout) == (0, "usage.csv: 3 events taken, 0 rows rejected.\n")
        again = ingest(server.url, path, *CALLS)
        assert (again.exit_code, "was sent to its end before" in again.stdout) == (0, True)
        assert ingest(server.url, path, *CALLS, "--restart").exit_code == 0
        assert used(server, account) == self.SUM

    def test_json_lines_are_taken_exactly(self, shop: tuple[Child, Shop], tmp_path: Path) -> None:
        server, opened = shop
        account = new_account(opened, "json")
        path = tmp_path / "usage.jsonl"
        line = '{{"customer": "{}", "time": "{}", "n_calls": {}, "region": "eu"}}'
        path.write_text("\n\n".join(line.format(account, at, calls) for at, calls in self.ROWS))
        assert ingest(server.url, path, *CALLS).exit_code == 0
        assert used(server, account) == self.SUM

    def test_parquet_is_taken_exactly(self, shop: tuple[Child, Shop], tmp_path: Path) -> None:
        server, opened = shop
        account = new_account(opened, "parquet")
        calls = pa.array([Decimal(calls) for _, calls in self.ROWS])
        columns = {
            "customer": [account] * 3,
            "time": [at for at, _ in self.ROWS],
            "n_calls": calls,
            "region": ["eu"] * 3,
        }
        parquet.write_table(pa.table(columns), tmp_path / "usage.parquet")
        assert ingest(server.url, tmp_path / "usage.parquet", *CALLS).exit_code == 0
        assert used(server, account) == self.SUM

    def test_whole_events_need_no_mapping(self, shop: tuple[Child, Shop], tmp_path: Path) -> None:
        server, opened = shop
        account = new_account(opened, "whole")
        event = {
            "schemaName": "api_call",
            "timestamp": "2026-01-03T00:00:00Z",
            "accountId": account,
            "attributes": [{"name": "calls", "value": "7"}],
            "dimensions": {"region": "eu"},
        }
        path = tmp_path / "events.jsonl"
        path.write_text(
            "\n".join(json.dumps(one) for one in (event, event, event | {"id": "own"}, event | {"id": "own"}))
        )
        assert ingest(server.url, path).stdout == "events.jsonl: 4 events taken, 0 rows rejected.\n"
        assert used(server, account) == 21

    def test_rows_that_make_no_event_are_told_and_the_others_taken(
        self, shop: tuple[Child, Shop], tmp_path: Path
    ) -> None:
        server, opened = shop
        account = new_account(opened, "rejects")
        rows = [(account, "2026-01-03", calls, "r" * (201 if calls == 9 else 1)) for calls in (1, "many", 3, "", 9)]
        path = csv_of(tmp_path / "usage.csv", [*rows, (account, "2026-01-03", 5), (account, "2026-01-03", 6, "eu")])
        result = ingest(server.url, path, *CALLS)
        assert result.exit_code == 3
        assert result.stdout == "usage.csv: 4 events taken, 3 rows rejected.\n"
        told = [json.loads(line) for line in (tmp_path / "usage.csv.rejects.jsonl").read_text().splitlines()]
        assert [(one["row"], one["reason"].split(":")[0]) for one in told] == [
            (2, "calls"),
            (5, "dimensions.region"),
            (6, "has 3 values, the first line names 4 columns"),
        ]
        assert told[0]["event"] == {"customer": account, "time": "2026-01-03", "n_calls": "many", "region": "r"}
        assert used(server, account) == 10
        assert ingest(server.url, path, *CALLS).exit_code == 3

    def test_a_dry_run_shows_events_and_needs_no_server(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", calls, "eu") for calls in (1, "many", 3)])
        shown = ingest("http://127.0.0.1:1", path, *CALLS, "--id", "jan-{row}", "--dry-run", "--rows", "2", key=None)
        assert shown.exit_code == 3
        assert json.loads(shown.stdout) == {
            "schemaName": "api_call",
            "id": "jan-1",
            "timestamp": "2026-01-03T00:00:00Z",
            "accountId": "acme",
            "attributes": [{"name": "calls", "value": "1"}],
            "dimensions": {"region": "eu"},
        }
        assert shown.stderr.startswith("row 2 would be rejected: calls: is 'many' under 'n_calls'")
        assert sorted(one.name for one in tmp_path.iterdir()) == ["usage.csv"]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ((), 1, "schemaName: say where it is: --schema or --map schemaName=COLUMN"),
        (("--schema", "x", "--map", "accountId=costumer"), 1, "costumer: the file has no such column: did you mean"),
        (("--map", "accountId"), 2, "'accountId' is not of the form FIELD=COLUMN"),
        (("--map", "calls=n_calls"), 2, "'calls' is none of schemaName, accountId, timestamp, id; see --attribute"),
        (("--attribute", "=x"), 2, "'=x' is not of the form NAME[=COLUMN]"),
        (("--attribute", "a=time", "--attribute", "a=region"), 1, "--attribute: one name twice: a, a"),
        (("--delimiter", "::"), 1, "--delimiter: '::' is not one character"),
        ((*CALLS, "--url", "ftp://x"), 1, "--url: 'ftp://x' is no address"),
        (
            (*CALLS, "--patience", "0"),
            1,
            "http://127.0.0.1:1 does not answer (ConnectError); stopped behind row 0; the same",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    tmp_path: Path, options: tuple[str, ...], status: int, message: str
) -> None:
    path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", 1, "eu")])
    result = ingest("http://127.0.0.1:1", path, *options)
    assert (result.exit_code, message in result.stderr) == (status, True), result.stderr


def test_the_key_comes_from_the_environment_or_a_file_and_is_never_shown(
    shop: tuple[Child, Shop], tmp_path: Path
) -> None:
    server, _ = shop
    path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", 1, "eu")])
    assert "TALLYSTICK_KEY: holds no API key" in ingest(server.url, path, *CALLS, key=None).stderr
    wrong = ingest(server.url, path, *CALLS, key="tsk_wrong-key")
    assert (wrong.exit_code, "answers 401" in wrong.stderr, "wrong-key" in wrong.output) == (1, True, False)
    secret = tmp_path / "key"
    secret.write_text(f"{KEY}\n")
    right = ingest(server.url, path, *CALLS, "--key-file", secret, key=None)
    assert (right.exit_code, KEY in right.output) == (0, False)
    assert KEY not in (tmp_path / "usage.csv.progress").read_text()


class TestAServerInTrouble:
    @contextmanager
    def server(self, *answers: tuple[int, bytes] | None) -> Iterator[tuple[str, list[bytes]]]:
        """A server that gives these answers one after the other, None by hanging up, then takes everything."""
        left, came = list(answers), []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                came.append(self.rfile.read(int(self.headers["Content-Length"])))
                answer = left.pop(0) if left else (202, b'{"message": "Event accepted"}')
                if answer is not None:
                    self.send_response(answer[0])
                    self.send_header("Content-Length", str(len(answer[1])))
                    self.end_headers()
                    self.wfile.write(answer[1])

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
            thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{listening.server_port}", came
            finally:
                listening.shutdown()
                thread.join()

    def test_a_batch_is_sent_until_it_is_answered(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", 1, "eu")])
        with self.server((503, b'{"message": "later"}'), None, (500, b"<html>")) as (url, came):
            assert ingest(url, path, *CALLS).exit_code == 0
        assert len(came) == 4
        assert len(set(came)) == 1

    def test_after_the_patience_it_stops_and_goes_on_the_next_time(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", n, "eu") for n in range(2500)])
        accepted = (202, b'{"message": "Event accepted"}')
        with self.server(accepted, (503, b'{"message": "no room on disk"}')) as (url, came):
            stopped = ingest(url, path, *CALLS, "--patience", "0", "--connections", "1")
            assert stopped.exit_code == 1
            assert "answers 503: no room on disk; stopped behind row 1,000; the same command goes on" in stopped.stderr
            del came[:]
            resumed = ingest(url, path, *CALLS)
        assert resumed.stdout == "Going on behind row 1,000.\nusage.csv: 2,500 events taken, 0 rows rejected.\n"
        assert sorted(body.count(b'"id"') for body in came) == [500, 1000]

    @pytest.mark.parametrize(
        "answer", [(404, b"nothing here"), (302, b""), (400, b"<h1>Bad Request</h1>"), (413, b"{}")]
    )
    def test_an_answer_that_is_not_about_events_rejects_none(self, tmp_path: Path, answer: tuple[int, bytes]) -> None:
        path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", 1, "eu")])
        with self.server(answer) as (url, came):
            stopped = ingest(url, path, *CALLS)
        assert (stopped.exit_code, len(came)) == (1, 1)
        assert f"answers {answer[0]}" in stopped.stderr
        assert not (tmp_path / "usage.csv.rejects.jsonl").exists()

    def test_rows_that_the_server_rejects_are_told_with_its_reason(self, tmp_path: Path) -> None:
        path = csv_of(tmp_path / "usage.csv", [("acme", "2026-01-03", n, "eu") for n in range(3)])
        rejected = (
            b'{"message": "", "details": {"accepted": 2, "rejected": [{"index": 1, "id": "x", "message": "no"}]}}'
        )
        with self.server((207, rejected), (400, b'{"message": "events[0]: too far ahead (none of the 3)"}')) as (
            url,
            _,
        ):
            assert ingest(url, path, *CALLS).stdout == "usage.csv: 2 events taken, 1 rows rejected.\n"
            told = json.loads((tmp_path / "usage.csv.rejects.jsonl").read_text())
            assert (told["row"], told["reason"], told["event"]["accountId"]) == (2, "no", "acme")
            assert ingest(url, path, *CALLS, "--restart").stdout == "usage.csv: 0 events taken, 3 rows rejected.\n"


def test_killed_on_the_way_it_goes_on_and_counts_every_row_once(shop: tuple[Child, Shop], tmp_path: Path) -> None:
    server, opened = shop
    account = new_account(opened, "killed")
    count = 60_000  # of which a busy machine does not send all before the kill
    path = csv_of(tmp_path / "usage.csv", [(account, "2026-01-03T00:00:00Z", n, "eu") for n in range(count)])
    command = [*TALLYSTICK, "ingest", str(path), *CALLS, "--url", server.url, "--connections", "2"]
    variables = environment(None) | {"TALLYSTICK_KEY": KEY}
    progress = path.with_name("usage.csv.progress")
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL)
    try:
        patience = time.monotonic() + 60
        while not progress.exists() and process.poll() is None and time.monotonic() < patience:
            time.sleep(0.005)
    finally:
        process.kill()
        process.wait()
    reached = json.loads(progress.read_text())
    assert 0 < reached["place"][0] < count
    resumed = ingest(server.url, path, *CALLS)
    assert resumed.stdout == (
        f"Going on behind row {reached['place'][0]:,}.\nusage.csv: {count:,} events taken, 0 rows rejected.\n"
    )
    assert used(server, account) == sum(range(count))
