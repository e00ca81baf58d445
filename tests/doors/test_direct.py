"""Plain requests that take events are served without a task of their own: the same answers, in their order, in time."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from starlette.responses import Response
from uvicorn.server import ServerState

from tallystick.api.errors import message_response
from tallystick.cli.connection import LARGEST_HEAD, Connection
from tallystick.cli.direct import LARGEST_BODY
from tallystick.engine import Settings
from tallystick.engine.administration import administration
from tallystick.kernel.scope import Scope
from tests.operations.shop import event
from tests.servers import KEY, NEW_YEAR, child

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from tests.servers import Child

Handed = tuple[dict[bytes, bytes], bytes]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n"


class App:
    """Serves `/in` directly and says "direct", when it is told to, and everything by ASGI, which says "common"."""

    def __init__(self) -> None:
        self.handed: list[Handed] = []
        self.answers: list[Callable[[Response], None]] = []
        self.common: list[bytes] = []
        self.direct = {b"/in": self._directly}

    def _directly(self, fields: Mapping[bytes, bytes], body: bytes, answer: Callable[[Response], None]) -> bool:
        if body.startswith(b"no"):
            return False
        self.handed.append((dict(fields), body))
        self.answers.append(answer)
        if body.startswith(b"go"):
            answer(Response(b"direct"))
        return True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.common.append(b"gone: " + body)
                return
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.common.append(body)
        await Response(b"common")(scope, receive, send)


class Transport(asyncio.Transport):
    """Remembers what was written to it, and whether anybody reads."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("127.0.0.1", 1), "peername": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


class Wire:
    """A connection to an application of ours, without a socket."""

    def __init__(self) -> None:
        self.app, self.transport = App(), Transport()
        config = uvicorn.Config(self.app, http=Connection, ws="none", log_config=None, proxy_headers=False)
        config.load()
        self.connection = Connection(config=config, server_state=ServerState(), app_state={})
        self.connection.connection_made(self.transport)

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.connection.data_received(piece)
            for _ in range(5):
                await asyncio.sleep(0)

    async def answer(self, number: int = 0) -> None:
        self.app.answers[number](Response(b"direct"))
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def said(self) -> list[str]:
        """The bodies of the answers, in their order."""
        return re.findall(r"\r\n\r\n(direct|common)", self.transport.written.decode())


def request(body: bytes = b"{}", *lines: str, path: str = "/in", first: str = "POST {} HTTP/1.1") -> bytes:
    length = [] if any(line.lower().startswith(("content-length", "transfer")) for line in lines) else [len(body)]
    head = [first.format(path), "Host: x", *lines, *(f"Content-Length: {number}" for number in length), "", ""]
    return "\r\n".join(head).encode() + body


def on_a_loop(story: Callable[[Wire], Coroutine[Any, Any, None]]) -> Wire:
    async def told() -> Wire:
        wire = Wire()
        await story(wire)
        return wire

    return asyncio.run(told())


class TestConnection:
    def test_a_plain_request_is_handed_over_whole_and_answered_in_one_piece(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"{1}", "X-Api-Key: k"))
            assert wire.transport.written == b""
            await wire.answer()

        wire = on_a_loop(story)
        assert wire.app.handed == [({b"host": b"x", b"x-api-key": b"k", b"content-length": b"3"}, b"{1}")]
        assert wire.transport.written == OK + b"direct"
        assert (wire.app.common, wire.transport.closed) == ([], False)

    def test_a_body_may_come_in_pieces(self) -> None:
        async def story(wire: Wire) -> None:
            whole = request(b"go, it is here")
            await wire.send(whole[:10], whole[10:-8], whole[-8:-1])
            assert wire.app.handed == []
            await wire.send(whole[-1:])

        wire = on_a_loop(story)
        assert [body for _, body in wire.app.handed] == [b"go, it is here"]
        assert wire.said == ["direct"]

    def test_one_connection_takes_request_after_request(self) -> None:
        async def story(wire: Wire) -> None:
            for number in range(3):
                await wire.send(request(b"{%d}" % number))
                await wire.answer(number)
            await wire.send(request(b"x", path="/other"), request(b"go"))

        wire = on_a_loop(story)
        assert wire.said == ["direct", "direct", "direct", "common", "direct"]
        assert wire.app.common == [b"x"]

    @pytest.mark.parametrize(
        "asked",
        [
            request(path="/in?a=1"),
            request(path="/other"),
            request(first="PUT {} HTTP/1.1"),
            request(first="POST {} HTTP/1.0"),
            request(b"{}", "Connection: keep-alive", first="POST {} HTTP/1.0"),
            request(b"{}", "Connection: close"),
            request(b"{}", "Idempotency-Key: k"),
            request(b"{}", "Content-Encoding: identity"),
            request(b"{}", "Expect: 100-continue"),
            request(b"{}", "X-Api-Key: a", "X-Api-Key: b"),
            request(b"2\r\n{}\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
            request(b"x" * (LARGEST_BODY + 1)),
            request(b""),
            request(b"no, thanks"),
        ],
    )
    def test_whatever_is_not_as_plain_goes_the_common_way(self, asked: bytes) -> None:
        wire = on_a_loop(lambda wire: wire.send(asked))
        assert (wire.app.handed, wire.said) == ([], ["common"])
        assert len(wire.app.common) == 1

    def test_the_largest_body_is_handed_over(self) -> None:
        wire = on_a_loop(lambda wire: wire.send(request(b"go".ljust(LARGEST_BODY))))
        assert [len(body) for _, body in wire.app.handed] == [LARGEST_BODY]

    def test_a_head_that_is_too_large_is_refused(self) -> None:
        wire = on_a_loop(lambda wire: wire.send(request(b"go", f"X-Long: {'x' * LARGEST_HEAD}")))
        assert wire.transport.written.startswith(b"HTTP/1.1 431 ")
        assert wire.app.handed == []

    def test_what_goes_the_common_way_after_all_has_its_body(self) -> None:
        wire = on_a_loop(lambda wire: wire.send(request(b"no, I do not know you"), request(b"go")))
        assert (wire.app.common, wire.said) == ([b"no, I do not know you"], ["common", "direct"])

    def test_requests_in_one_piece_are_answered_in_their_order(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"{1}") + request(b"second") + request(b"third", path="/other"))
            assert (len(wire.app.handed), wire.app.common) == (1, [])
            await wire.answer()

        wire = on_a_loop(story)
        assert wire.app.common == [b"second", b"third"]
        assert wire.said == ["direct", "common", "common"]

    def test_a_request_behind_one_that_is_served_waits_for_it(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"first", path="/other") + request(b"{2}"))

        wire = on_a_loop(story)
        assert (wire.said, wire.app.handed) == (["common", "common"], [])

    def test_a_server_that_stops_answers_first_and_then_hangs_up(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request())
            wire.connection.shutdown()
            assert not wire.transport.closed
            await wire.answer()

        wire = on_a_loop(story)
        assert wire.transport.closed
        assert wire.transport.written == OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + b"direct"

    def test_nobody_is_answered_who_has_hung_up(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request())
            wire.connection.connection_lost(None)
            await wire.answer()

        wire = on_a_loop(story)
        assert wire.transport.written == b""

    def test_a_request_that_ends_in_the_middle_is_seen_by_the_application(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"{1}")[:-1])
            wire.connection.connection_lost(None)
            for _ in range(5):
                await asyncio.sleep(0)

        wire = on_a_loop(story)
        assert (wire.app.handed, wire.transport.written) == ([], b"")
        assert [body[:5] for body in wire.app.common] == [b"gone:"]

    def test_who_does_not_read_is_not_served_directly(self) -> None:
        async def story(wire: Wire) -> None:
            wire.connection.pause_writing()
            await wire.send(request(b"go"))
            assert wire.transport.written == b""
            wire.connection.resume_writing()
            await asyncio.sleep(0)

        wire = on_a_loop(story)
        assert (wire.app.handed, wire.app.common) == ([], [b"go"])

    def test_a_body_that_does_not_come_in_is_refused(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"{}")[:-1])
            await asyncio.sleep(0.01)
            wire.connection.end_if_slow(0.001)

        wire = on_a_loop(story)
        assert wire.transport.written.startswith(b"HTTP/1.1 408 ")
        assert (wire.transport.closed, wire.app.handed) == (True, [])

    def test_a_caller_who_waits_for_an_answer_is_not_slow(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request(b"{}"))
            await asyncio.sleep(0.01)
            wire.connection.end_if_slow(0.001)
            await wire.answer()

        assert on_a_loop(story).said == ["direct"]

    def test_headers_of_a_refusal_are_sent(self) -> None:
        async def story(wire: Wire) -> None:
            await wire.send(request())
            wire.app.answers[0](message_response(503, "full", {"Retry-After": "1"}))

        written = on_a_loop(story).transport.written
        assert written.startswith(b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    with child(tmp_path_factory.mktemp("direct") / "data", "--test-clock", NEW_YEAR) as running:
        running.api().get("/v1/whoami").ok()
        yield running


def answered(server: Child, path: str, body: bytes, key: str, *lines: str) -> tuple[list[str], Any]:
    """The head without its date and the JSON of what a real server answers."""
    at = urlsplit(server.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=60) as connection:
        connection.sendall(request(body, f"Authorization: Bearer {key}", *lines, path=path))
        received = b""
        while True:
            received += connection.recv(65536)
            head, divider, rest = received.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            if divider and length is not None and len(rest) >= int(length[1]):
                break
    kept = [line for line in head.decode().split("\r\n") if not line.startswith("date:")]
    return kept, json.loads(rest)


def of(name: str, **changes: object) -> bytes:
    return json.dumps({"event": event(name) | changes}).encode()


@pytest.mark.parametrize("path", ["/ingest", "/ingestBatch"])
@pytest.mark.parametrize(
    "body",
    [
        of("one"),
        json.dumps({"events": [event("two"), event("three")]}).encode(),
        json.dumps({"events": [event("four"), {"id": "five"}]}).encode(),
        json.dumps({"events": []}).encode(),
        of("six", timestamp="2099-01-01T00:00:00Z"),
        of("seven", schemaName=7),
        b'{"event": ',
        b"[]",
        b"\xff",
    ],
)
def test_both_ways_answer_the_same(server: Child, path: str, body: bytes) -> None:
    directly = answered(server, path, body, KEY)
    assert directly == answered(server, path, body, KEY, "X-Way: common", "X-Way: common")


@pytest.mark.parametrize("key", ["tsk_unknown", ""])
def test_both_ways_refuse_strangers(server: Child, key: str) -> None:
    directly = answered(server, "/ingest", of("eight"), key)
    assert directly == answered(server, "/ingest", of("eight"), key, "X-Way: common", "X-Way: common")
    assert "401" in directly[0][0]


def test_every_answer_has_its_date(server: Child) -> None:
    at = urlsplit(server.url)
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=60) as connection:
        connection.sendall(request(of("nine"), f"Authorization: Bearer {KEY}", path="/ingest"))
        assert b"\r\ndate: " in connection.recv(65536)


def test_a_key_that_may_only_read_or_was_revoked_is_refused_in_either_way(server: Child) -> None:
    with administration(Settings(data=server.data)) as admin:
        key, secret = admin.create_key(None, "reader", frozenset({Scope.READ}))
        common = ("X-Way: common", "X-Way: common")
        server.api(secret).get("/v1/whoami").ok()
        may_not = answered(server, "/ingest", of("ten"), secret)
        assert may_not == answered(server, "/ingest", of("ten"), secret, *common)
        assert "403" in may_not[0][0]
        admin.revoke_key(None, key.id)
        gone = answered(server, "/ingest", of("ten"), secret)
        assert gone == answered(server, "/ingest", of("ten"), secret, *common)
        assert "401" in gone[0][0]
