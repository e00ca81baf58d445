"""The real command as a child process: how it starts, refuses to start, and ends."""

from __future__ import annotations

import itertools
import re
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from click.testing import CliRunner

from tallystick.cli.main import main
from tests.operations.shop import Shop, event
from tests.servers import KEY, Child, child, inside, tallystick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

JANUARY: Final = ("--test-clock", "2026-01-01T00:00:00Z")
SHOWN_KEY: Final = re.compile(r"API key, shown only now: (tsk_\S+)")


@pytest.fixture(scope="module")
def clocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A server on a test clock at New Year 2026."""
    with child(tmp_path_factory.mktemp("clocked") / "data", *JANUARY) as running:
        yield running


def beside(*arguments: str) -> Result:
    """What a command says that runs in this process, beside the server."""
    return CliRunner().invoke(main, arguments)


def only_line(status: int, said: str) -> str:
    """The one line with which a command refuses."""
    assert status != 0
    (line,) = said.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def files_with(directory: Path, secret: str) -> list[str]:
    return [path.name for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


class TestFirstStart:
    def test_the_value_of_the_environment_becomes_the_first_key(self, clocked: Child) -> None:
        assert clocked.api().get("/v1/organization").ok()["baseCurrency"] == "USD"
        assert "TOGAI_API_TOKEN" in clocked.said
        assert KEY not in clocked.said
        assert files_with(clocked.data, KEY) == []

    def test_blanks_around_that_value_are_no_part_of_the_key(self, tmp_path: Path) -> None:
        with child(tmp_path / "data", *JANUARY, key=f" {KEY}\r\n") as padded:
            assert padded.api(KEY).get("/addons").status == 200

    def test_without_it_a_key_is_made_and_shown_once_and_kept_nowhere(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with child(data, *JANUARY, key=None) as first:
            (key,) = SHOWN_KEY.findall(first.said)
            assert first.api(key).post("/addons", {"type": "LICENSE"}).status == 200
            token = first.api(key).post("/authenticate").ok()["token"]
            assert files_with(data, key) == files_with(data, token) == []
        assert files_with(data, key) == []
        with inside(data) as second:
            assert second.engine.first_key is None
            assert second.api(key).get("/addons").status == 200
            assert second.api(token).get("/addons").status == 200
            second.api(KEY).get("/addons").refused(401)

    def test_it_says_where_it_serves_and_how_the_clock_stands(self, clocked: Child) -> None:
        lines = clocked.said.splitlines()
        assert lines[0].startswith(f"Tallystick serves {clocked.url} (docs: /docs), data in ")
        assert lines[1].startswith("Agents come in at http://127.0.0.1:")
        assert lines[2] == "The test clock stands at 2026-01-01T00:00:00+00:00."


class TestRefusals:
    def test_a_port_that_is_taken(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            ended = tallystick("serve", "--data", str(tmp_path / "data"), "--port", port, "--mcp-port", "0")
        line = only_line(ended.returncode, ended.stderr)
        assert f"127.0.0.1:{port}" in line
        assert "choose another --port" in line
        assert not (tmp_path / "data").exists()

    def test_a_second_server_on_the_same_directory(self, clocked: Child) -> None:
        refused = beside("serve", "--data", str(clocked.data), "--port", "0", "--mcp-port", "0", *JANUARY)
        assert "another server runs on" in only_line(refused.exit_code, refused.output)
        assert clocked.api().get("/healthz").status == 200

    @pytest.mark.parametrize(
        ("made_with", "options", "message"),
        [("2026-01-01T00:00:00Z", (), "start with --test-clock"), (None, JANUARY, "runs in real time")],
    )
    def test_the_other_clock_than_the_directory_was_made_with(
        self, tmp_path: Path, made_with: str | None, options: tuple[str, ...], message: str
    ) -> None:
        with inside(tmp_path / "data", now=made_with):
            pass
        ended = tallystick("serve", "--data", str(tmp_path / "data"), "--port", "0", "--mcp-port", "0", *options)
        assert message in only_line(ended.returncode, ended.stderr)

    def test_a_state_whose_event_store_is_gone(self, tmp_path: Path) -> None:
        data, aside = tmp_path / "data", tmp_path / "aside"
        aside.mkdir()
        with inside(data) as server:
            Shop(server.api()).metered_plan((0, 1))
            Shop(server.api()).use(7)
        for file in data.glob("events.duckdb*"):
            file.rename(aside / file.name)
        # Again and again: a refused start must not make the new store the known one.
        for _ in range(2):
            ended = tallystick("serve", "--data", str(data), "--port", "0", "--mcp-port", "0", *JANUARY)
            line = only_line(ended.returncode, ended.stderr)
            assert "belongs to another event store" in line
            assert "events.duckdb" in line
            assert "restore" in line
        for file in data.glob("events.duckdb*"):
            file.unlink()
        for file in aside.iterdir():
            file.rename(data / file.name)
        with inside(data) as server:
            assert Shop(server.api()).invoices()[0]["totalAmount"] == 7

    @pytest.mark.parametrize(
        "options",
        [
            ("--test-clock", "yesterday"),
            ("--port", "seven"),
            ("--port", "70000"),
            ("--port", "-1"),
            ("--host", "no.such.host.invalid"),
        ],
    )
    def test_options_that_make_no_sense(self, tmp_path: Path, options: tuple[str, str]) -> None:
        refused = beside("serve", "--data", str(tmp_path / "data"), "--port", "0", "--mcp-port", "0", *options)
        assert isinstance(refused.exception, SystemExit)
        assert refused.exit_code != 0
        assert "Error: " in refused.output

    def test_a_directory_that_cannot_be(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("not a directory")
        refused = beside("serve", "--data", str(file / "data"), "--port", "0")
        assert "data directory" in only_line(refused.exit_code, refused.output)


class TestEnd:
    def test_sigterm_under_load_loses_nothing_that_was_acknowledged(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        with child(data, *JANUARY) as first:
            Shop(first.api()).metered_plan((0, 1))
            acknowledged = self.under_load(first)
        with inside(data) as second:
            shop = Shop(second.api())
            counted = shop.invoice()["usageInfo"][0]["value"]
            (counts,) = shop.metric("EVENTS", "2026-01-01", "2026-02-01")
            # What was cut off before its answer may be there as well, once.
            assert len(acknowledged) <= counted == counts["metricValues"][0]
            for name in acknowledged[:: len(acknowledged) // 20]:
                assert shop.status(name) == "INGESTION_COMPLETED_EVENT_METERED"

    def under_load(self, server: Child) -> list[str]:
        """Four senders until the server ends with status 0; the events that it acknowledged."""
        acknowledged: list[str] = []
        started = threading.Barrier(5)

        def sender(number: int) -> None:
            started.wait()
            with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {KEY}"}) as client:
                for batch in itertools.count():
                    names = [f"load-{number}-{batch}-{one}" for one in range(10)]
                    try:
                        answer = client.post("/ingestBatch", json={"events": [event(name) for name in names]})
                    except httpx.TransportError:
                        return
                    if answer.status_code == 202:
                        acknowledged.extend(names)

        senders = [threading.Thread(target=sender, args=(number,)) for number in range(4)]
        for thread in senders:
            thread.start()
        started.wait()
        while len(acknowledged) < 500:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(60) == 0
        for thread in senders:
            thread.join()
        return acknowledged

    def test_a_caller_that_hangs_up_is_no_defect_of_ours(self, clocked: Child) -> None:
        url = httpx.URL(clocked.url)
        head = f"POST /ingest HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\nContent-Length: 100\r\n\r\n"
        with socket.create_connection((url.host, url.port or 0)) as connection:
            connection.sendall(head.encode() + b'{"event": ')
        name = 'tallystick_http_requests_total{method="POST",route="/ingest",status="400"} 1.0'
        patience = time.monotonic() + 60
        while name not in clocked.api().get("/internal/metrics").content.decode():
            assert time.monotonic() < patience, "the caller who hung up was not counted"
            time.sleep(0.01)
        assert "Traceback" not in clocked.said

    def test_ctrl_c_is_no_failure_either(self, tmp_path: Path) -> None:
        server = Child(tmp_path / "data", *JANUARY)
        server.process.send_signal(signal.SIGINT)
        assert server.stop() == 0
        assert "Traceback" not in server.said


def test_the_clock_goes_on_at_the_later_of_flag_and_store(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with inside(data) as first:
        Shop(first.api()).metered_plan((0, 1))
        first.api().advance("2026-03-10")
    with inside(data) as second:
        assert second.api().get("/v1/test-clock").ok() == {"now": "2026-03-10T00:00:00Z"}
    with inside(data, now="2026-07-01T00:00:00Z") as third:
        api = third.api()
        assert api.get("/v1/test-clock").ok() == {"now": "2026-07-01T00:00:00Z"}
        # What fell due while it was down is done in order with the next step of the clock.
        api.advance("2026-07-01")
        frozen = [one for one in Shop(api).invoices() if one["status"] != "DRAFT"]
        assert [one["sequenceId"] for one in frozen] == [f"INV-{number:06d}" for number in range(1, 6)]
        assert [one["invoiceDate"][:10] for one in frozen] == [f"2026-{month:02d}-03" for month in range(2, 7)]


class TestKeysBesideARunningServer:
    def test_a_key_works_and_is_refused_from_the_next_request_after_its_revocation(self, clocked: Child) -> None:
        made = beside("keys", "create", "--name", "for a day", "--data", str(clocked.data)).output
        (secret,) = SHOWN_KEY.findall(made)
        (key_id,) = re.findall(r"Key (key\.\S+) \(for a day\)", made)
        api = clocked.api(secret)
        token = api.post("/authenticate").ok()["token"]
        assert (api.get("/addons").status, clocked.api(token).get("/addons").status) == (200, 200)
        revoked = beside("keys", "revoke", key_id, "--data", str(clocked.data))
        assert (revoked.exit_code, revoked.output) == (0, f"Key {key_id} is revoked.\n")
        api.get("/addons").refused(401)
        assert "revoked" in clocked.api(token).get("/addons").refused(401)
        assert clocked.api().get("/addons").status == 200
        assert files_with(clocked.data, secret) == []

    def test_an_organisation_is_added_beside_it_too(self, clocked: Child) -> None:
        made = beside("init", "--name", "Neighbours", "--currency", "EUR", "--data", str(clocked.data))
        (secret,) = SHOWN_KEY.findall(made.output)
        found = clocked.api(secret).get("/v1/organization").ok()
        assert (found["name"], found["baseCurrency"], found["timeZone"]) == ("Neighbours", "EUR", "UTC")
