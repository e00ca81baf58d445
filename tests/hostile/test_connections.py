"""What comes before a request is looked at: its size, its encoding, and the time it takes (F-71)."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import pytest

from tallystick.api.requests import LARGEST_BODY
from tallystick.cli.connection import LARGEST_HEAD
from tests.agent import mcp_of
from tests.hostile.verdict import complaints
from tests.operations.shop import event
from tests.servers import KEY, NEW_YEAR, child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Child

SECONDS: Final = 1.5
PATIENCE_S: Final = 60
PORTION: Final = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """A server that gives requests the usual time to come in."""
    with child(tmp_path_factory.mktemp("connections") / "data", "--test-clock", NEW_YEAR) as running:
        yield running


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """One that gives them little."""
    data = tmp_path_factory.mktemp("hasty") / "data"
    with child(data, "--test-clock", NEW_YEAR, "--request-seconds", str(SECONDS)) as running:
        yield running


@contextmanager
def connected(url: str) -> Iterator[socket.socket]:
    """A bare connection to a server."""
    at = urlsplit(url)
    assert at.hostname is not None
    with socket.create_connection((at.hostname, at.port or 0), timeout=PATIENCE_S) as opened:
        yield opened


def head(path: str, *lines: str) -> bytes:
    """The head of a POST with the first key."""
    return "\r\n".join(
        [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {KEY}", *lines, "", ""]
    ).encode()


def received(connection: socket.socket) -> bytes:
    """Everything that comes until the server hangs up."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass  # it hung up while we were still sending
    return b"".join(parts)


def answered(content: bytes) -> tuple[int, bytes]:
    """The status and the body of the one answer there."""
    first, _, body = content.partition(b"\r\n\r\n")
    return int(first.split(b" ", 2)[1]), body


def is_alive(server: Child) -> bool:
    return server.api().get("/v1/whoami").status == 200


def resident(server: Child) -> int:
    """Bytes of memory that the server's process holds."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


class TestSize:
    @pytest.mark.parametrize("path", ["/ingest", "/ingestBatch", "/v1/events", "/v1/cloudevents", "/customers"])
    def test_one_byte_over_the_limit_is_refused(self, server: Child, path: str) -> None:
        largest = json.dumps({"event": event("x")}).encode().ljust(LARGEST_BODY)
        assert "larger than 8 MB" in server.api().send("POST", path, content=largest + b" ").refused(413)
        assert server.api().send("POST", path, content=largest).status != 413

    def test_the_same_holds_for_a_body_in_chunks_without_a_length(self, hasty: Child) -> None:
        """Which has no end here, so that the server gives up waiting for it."""
        chunk = b"%x\r\n%s\r\n" % (PORTION, b" " * PORTION)
        with connected(hasty.url) as connection:
            connection.sendall(head("/ingest", "Transfer-Encoding: chunked"))
            try:
                for _ in range(64):
                    connection.sendall(chunk)
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused before its end
            status, body = answered(received(connection))
        assert (status, complaints(status, body)) == (413, [])

    def test_a_length_that_is_none_is_refused(self, server: Child) -> None:
        for length in ("-1", "1e3", "99999999999999999999999", "0x10", "\N{ARABIC-INDIC DIGIT ONE}"):
            with connected(server.url) as connection:
                connection.sendall(head("/ingest", "Connection: close", f"Content-Length: {length}"))
                assert answered(received(connection))[0] in {400, 413}

    @pytest.mark.parametrize("lines", [(), ("X-Way: common", "X-Way: common")])
    def test_zeros_before_a_length_change_nothing(self, server: Child, lines: tuple[str, ...]) -> None:
        with connected(server.url) as connection:
            body = json.dumps({"event": event("zeros")}).encode()
            connection.sendall(head("/ingest", f"Content-Length: {len(body):05000d}", *lines) + body)
            assert answered(connection.recv(65536))[0] == 202

    def test_a_length_beside_chunks_is_refused(self, server: Child) -> None:
        with connected(server.url) as connection:
            lines = ("Content-Length: 5", "Transfer-Encoding: chunked")
            connection.sendall(head("/ingest", *lines) + b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
            status, body = answered(received(connection))
        assert (status, complaints(status, body)) == (400, [])

    def test_a_text_of_64_mb_is_refused_without_being_held(self, server: Child) -> None:
        before = resident(server)
        with connected(server.url) as connection:
            connection.sendall(head("/ingest", f"Content-Length: {64 * PORTION}") + b'"')
            try:
                for _ in range(64):
                    connection.sendall(b"t" * PORTION)
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused before its end
            status, _ = answered(received(connection))
        assert status == 413
        assert resident(server) - before < 20_000_000

    @pytest.mark.parametrize("size", [LARGEST_HEAD, 16 * LARGEST_HEAD])
    def test_a_head_beyond_64_kb_is_refused(self, server: Child, size: int) -> None:
        with connected(server.url) as connection:
            connection.sendall(head("/ingest", "Connection: close", f"X-Large: {'x' * size}", "Content-Length: 0"))
            status, body = answered(received(connection))
        assert (status, complaints(status, body)) == (431, [])

    def test_a_head_without_an_end_is_refused_on_its_way(self, server: Child) -> None:
        with connected(server.url) as connection:
            connection.sendall(b"POST /ingest HTTP/1.1\r\n")
            try:
                for number in range(200_000):
                    connection.sendall(b"X-%d: y\r\n" % number)
            except (ConnectionResetError, BrokenPipeError):
                pass  # refused before its end
            else:
                pytest.fail("the server took two megabytes of headers")

    def test_a_head_just_below_it_is_read(self, server: Child) -> None:
        with connected(server.url) as connection:
            sent = head("/ingest", "Connection: close", "Content-Length: 0", f"X-Large: {'x' * (LARGEST_HEAD - 400)}")
            connection.sendall(sent)
            status, body = answered(received(connection))
        assert (status, json.loads(body)["message"]) == (400, "not valid JSON: Input data was truncated")

    def test_a_large_body_is_no_large_head(self, server: Child) -> None:
        batch = {"events": [event(f"large-{number}") for number in range(1000)]}
        assert server.api().post("/ingestBatch", batch).ok()["details"]["accepted"] == 1000

    @pytest.mark.parametrize("path", ["/events", "/invoices", "/search"])
    def test_100_000_query_parameters_are_refused(self, server: Child, path: str) -> None:
        query = "&".join(f"p{number}={number}" for number in range(100_000))
        with connected(server.url) as connection:
            connection.sendall(f"GET {path}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert answered(received(connection))[0] == 431
        fewer = "&".join(f"p{number}=1" for number in range(6_000))
        assert server.api().send("GET", f"{path}?{fewer}").status in {400, 404}

    def test_what_is_no_http_is_refused(self, server: Child) -> None:
        for sent in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"):
            with connected(server.url) as connection:
                connection.sendall(sent)
                status, body = answered(received(connection))
            assert (status, complaints(status, body)) == (400, [])
        assert is_alive(server)


class TestEncoding:
    PACKED: Final = gzip.compress(b" " * (4 * PORTION))

    @pytest.mark.parametrize("path", ["/ingest", "/ingestBatch", "/v1/cloudevents", "/customers"])
    def test_a_compressed_body_is_refused_by_name(self, server: Child, path: str) -> None:
        api = server.api()
        for encoding in ("gzip", "GZip", "deflate", "br", "zstd", "x-gzip", "gzip, gzip", "compress", "x" * 1000):
            answer = api.send("POST", path, content=self.PACKED, headers={"Content-Encoding": encoding})
            assert answer.refused(415).startswith(f"Content-Encoding: is '{encoding[:10].lower()}")

    def test_a_body_as_it_is_may_say_so(self, server: Child) -> None:
        answer = server.api().send(
            "POST",
            "/ingest",
            content=json.dumps({"event": event("plain")}).encode(),
            headers={"Content-Encoding": "identity"},
        )
        assert answer.status == 202

    def test_a_bomb_of_8_mb_for_8_gb_is_never_unpacked(self, server: Child) -> None:
        packer = zlib.compressobj(9, wbits=31)
        begun = packer.compress(bytes(10 * PORTION)) + packer.flush(zlib.Z_FULL_FLUSH)
        block = packer.compress(bytes(10 * PORTION)) + packer.flush(zlib.Z_FULL_FLUSH)
        bomb = begun + block * ((LARGEST_BODY - len(begun)) // len(block))
        assert len(zlib.decompressobj(wbits=31).decompress(begun + 2 * block)) == 3 * 10 * PORTION
        assert len(bomb) // len(block) * 10 * PORTION > 7_000_000_000
        before = resident(server)
        for headers in ({"Content-Encoding": "gzip"}, {}):
            assert server.api().send("POST", "/ingest", content=bomb, headers=headers).status in {400, 415}
        assert resident(server) - before < 20_000_000

    def test_nor_is_it_by_the_door_of_agents(self, server: Child) -> None:
        with mcp_of(server) as door:
            request = door.agent().request("tools/list")
            sent = door.agent().headers(request) | {"Content-Encoding": "gzip"}
            answer = door.agent().send(gzip.compress(json.dumps(request).encode()), sent)
        assert 400 <= answer.status < 500


class TestSlowness:
    """Each of these holds a connection open with as little as it can."""

    SLOW: Final[dict[str, bytes]] = {
        "says nothing": b"",
        "begins the first line": b"POS",
        "begins a header": b"POST /ingest HTTP/1.1\r\nHost: x\r\nX-",
        "sends line feeds": b"\r\n",
        "begins a body": head("/ingest", "Content-Length: 100") + b'{"ev',
        "begins a chunk": head("/ingest", "Transfer-Encoding: chunked") + b"64\r\n{",
        "was refused but sends on": head("/ingest", f"Content-Length: {LARGEST_BODY + 1}") + b"{",
    }

    def test_a_request_that_does_not_come_in_is_ended(self, hasty: Child) -> None:
        with ThreadPoolExecutor(len(self.SLOW)) as threads:
            said = dict(
                zip(self.SLOW, threads.map(partial(self.dripped_at, hasty.url), self.SLOW.values()), strict=True)
            )
        assert said.pop("was refused but sends on").startswith(b"HTTP/1.1 413")
        answers = {kind: answered(content) for kind, content in said.items() if content}
        assert {status for status, _ in answers.values()} <= {408, 400}
        assert {kind for kind, (status, _) in answers.items() if status == 408} >= {"begins a body", "begins a chunk"}
        assert [complaint for answer in answers.values() for complaint in complaints(*answer)] == []

    def test_a_server_that_waits_for_ever_would_be_found(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as patient, pytest.raises(pytest.fail.Exception, match="on and on"):
            self.dripped_at(f"http://127.0.0.1:{patient.getsockname()[1]}", b"x", patience_s=1)

    def dripped_at(self, url: str, sent: bytes, patience_s: int = PATIENCE_S) -> bytes:
        """What a new connection is told, while a byte is sent every 200 ms, until the server hangs up."""
        with connected(url) as connection:
            return self.dripped(connection, sent, patience_s)

    def dripped(self, connection: socket.socket, sent: bytes, patience_s: int = PATIENCE_S) -> bytes:
        """The same over a connection that there is."""
        said: list[bytes] = []
        connection.settimeout(0.2)
        try:
            connection.sendall(sent)
            for _ in range(patience_s * 5):
                try:
                    part = connection.recv(65536)
                except TimeoutError:
                    connection.sendall(sent[-1:])
                    continue
                if not part:
                    return b"".join(said)
                said.append(part)
        except (ConnectionResetError, BrokenPipeError):
            return b"".join(said)
        pytest.fail("the server waits on and on")

    def test_the_door_of_agents_ends_it_too(self, hasty: Child) -> None:
        with mcp_of(hasty) as door, connected(door.address) as connection:
            assert answered(self.dripped(connection, b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-"))[0] == 408

    def test_others_are_served_meanwhile(self, hasty: Child) -> None:
        slow = [connected(hasty.url) for _ in range(200)]
        opened = [one.__enter__() for one in slow]
        try:
            for connection in opened:
                connection.sendall(self.SLOW["begins a body"])
            for number in range(20):
                assert hasty.api().post("/ingest", {"event": event(f"meanwhile-{number}")}).status == 202
            for connection in opened:
                assert answered(received(connection))[0] == 408
        finally:
            for one in slow:
                one.__exit__(None, None, None)

    def test_a_request_that_comes_in_pieces_but_in_time_is_answered(self, hasty: Child) -> None:
        body = json.dumps({"event": event("in pieces")}).encode()
        sent = head("/ingest", "Connection: close", f"Content-Length: {len(body)}") + body
        with connected(hasty.url) as connection:
            for start in range(0, len(sent), 64):
                connection.sendall(sent[start : start + 64])
                time.sleep(0.01)
            assert answered(received(connection))[0] == 202

    def test_a_connection_is_used_for_longer_than_one_request_may_take(self, hasty: Child) -> None:
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        with connected(hasty.url) as connection:
            begun = time.monotonic()
            while time.monotonic() - begun < 2 * SECONDS:
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b'{"message":"ok"}'):
                    part = connection.recv(65536)
                    assert part, "the server hung up"
                    answer += part
                time.sleep(0.3)

    def test_an_answer_may_take_longer_than_a_request(self, hasty: Child) -> None:
        request = head("/v1/test-clock/advance", "Connection: close", "Content-Length: 29")
        with connected(hasty.url) as connection:
            connection.sendall(request + b'{"to":"2026-01-02T00:00:00Z"}')
            time.sleep(SECONDS + 0.5)
            assert answered(received(connection))[0] == 200


def test_the_judge_of_answers_finds_what_is_wrong() -> None:
    fine: Any = b'{"message":"no"}'
    assert complaints(400, fine) == []
    assert complaints(500, fine) == ["the status is 500"]
    assert complaints(202, b"{}") == ["was taken with 202: b'{}'"]
    assert complaints(202, b"{}", may_be_taken=True) == []
    assert len(complaints(400, b'{"message":"' + b"x" * 20_000 + b'"}')) == 2
    assert len(complaints(400, b"Internal Server Error")) == 1
