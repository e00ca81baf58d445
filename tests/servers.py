"""Servers for tests, and a client that keeps every number exact.

`inside` runs a server in this process, without a socket: quick to start, and a test may hold its processing back.
`child` runs the real command on a free port; what a test starts it ends by the id of that process.
"""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import httpx
import msgspec
from anyio.from_thread import start_blocking_portal

from tallystick.api.app import create_app
from tallystick.engine import Engine, Settings, progress
from tallystick.engine.administration import Administration
from tallystick.workers.running import Workers
from tests import compiled  # noqa: F401 - being imported, it lets all servers share what is compiled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from anyio.from_thread import BlockingPortal
    from starlette.applications import Starlette

    Send = Callable[..., httpx.Response]

KEY: Final = "tsk_the-first-key-of-the-tests"
NEW_YEAR: Final = "2026-01-01T00:00:00Z"
TALLYSTICK: Final = (sys.executable, "-c", "from tallystick.cli.main import main; main(prog_name='tallystick')")
_PATIENCE_S: Final = 60
_ENCODE: Final = msgspec.json.Encoder(decimal_format="number").encode
_GREETING: Final = re.compile(r"serves (http://\S+) ")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON
        """The JSON of the answer, every number exact."""
        return json.loads(self.content, parse_float=Decimal)

    def ok(self) -> Any:  # noqa: ANN401 - JSON
        """The JSON of a success; anything else fails the test with what was said."""
        assert 200 <= self.status < 300, f"{self.status}: {self.content.decode()}"
        return self.body

    def refused(self, status: int = 400) -> str:
        """The message of a refusal; any other answer fails the test."""
        assert self.status == status, f"{self.status}: {self.content.decode()[:600]}"
        assert set(self.body) == {"message"}, self.body
        message: str = self.body["message"]
        assert 0 < len(message) <= 500, message
        return message


class Api:
    """One caller of one server."""

    def __init__(self, send: Send, key: str | None) -> None:
        self._send = send
        self.key = key

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        content: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Answer:
        """One request: `body` is sent as JSON, `content` as it is."""
        sent = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        raw = _ENCODE(body) if body is not None else content
        answer = self._send(method, path, content=raw, headers=sent | dict(headers or {}), params=query or None)
        return Answer(answer.status_code, answer.headers, answer.content)

    def get(self, path: str, **query: object) -> Answer:
        """Read; keywords are query parameters."""
        return self.send("GET", path, query=query)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """Write; keywords are headers, with underscores for dashes."""
        return self.send("POST", path, body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def patch(self, path: str, body: object) -> Answer:
        """Change."""
        return self.send("PATCH", path, body)

    def delete(self, path: str) -> Answer:
        """Put away."""
        return self.send("DELETE", path)

    def pages(self, path: str, **query: object) -> list[list[Any]]:
        """Every page of a list."""
        page = self.get(path, **query).ok()
        found = [page["data"]]
        while page["nextToken"] is not None:
            page = self.get(path, nextToken=page["nextToken"]).ok()
            found.append(page["data"])
        return found

    def advance(self, to: str) -> Any:  # noqa: ANN401 - JSON
        """Move the test clock to an instant, or to the beginning of a day."""
        return self.post("/v1/test-clock/advance", {"to": to if "T" in to else f"{to}T00:00:00Z"}).ok()


@dataclass(frozen=True, slots=True)
class Inside:
    """A server in this process."""

    engine: Engine
    workers: Workers
    app: Starlette
    data: Path
    send: Send

    def api(self, key: str | None = KEY) -> Api:
        """A caller with a key, by default the first one of the first organisation."""
        return Api(self.send, key)

    def new_organisation(self, *, name: str = "Another", currency: str = "USD", timezone: str = "UTC") -> Api:
        """A caller of a new organisation, made as the command beside a running server makes it."""
        made = Administration(self.engine.database).add_organisation(name, currency, timezone)
        return Api(self.send, made[1])


@contextmanager
def inside(data: Path, *, now: str | None = NEW_YEAR, works: bool = True, apart: bool = False) -> Iterator[Inside]:
    """A server without a socket, on a test clock or (`now=None`) in real time.

    With `works=False` nothing is processed or billed until the test starts its workers; with `apart`, many events at
    once are judged by a process of their own, as `tallystick serve` does it. A read waits for the processing for as
    long as it takes on a busy machine.
    """
    if not data.exists():
        shutil.copytree(_started_once(is_test=now is not None), data)
    engine = Engine(_settings(data, now))
    workers = Workers(engine, apart=apart)
    if works:
        workers.start()
    try:
        app = create_app(engine, workers)
        with (
            patch.object(progress, "READ_PATIENCE", float(_PATIENCE_S)),
            start_blocking_portal() as portal,
            _client(portal, app) as send,
        ):
            yield Inside(engine, workers, app, data, send)
    finally:
        workers.stop()
        engine.close()


def _settings(data: Path, now: str | None) -> Settings:
    return Settings(data=data, test_clock=None if now is None else datetime.fromisoformat(now), first_key=KEY)


@cache
def _started_once(*, is_test: bool) -> Path:
    """A directory as a first start leaves it: making one anew for each test takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-tests-"))
    atexit.register(shutil.rmtree, folder)
    Engine(_settings(folder / "data", NEW_YEAR if is_test else None)).close()
    return folder / "data"


@contextmanager
def _client(portal: BlockingPortal, app: Starlette) -> Iterator[Send]:
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://inside", timeout=_PATIENCE_S, trust_env=False
    )

    def send(*arguments: Any, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        async def request() -> httpx.Response:
            return await client.request(*arguments, **options)

        return portal.call(request)

    try:
        yield send
    finally:
        portal.call(client.aclose)


class Child:
    """A server as a child process."""

    def __init__(self, data: Path, *options: str, key: str | None = KEY) -> None:
        """Start it and wait until it is ready; without a key it makes one itself."""
        self.data = data
        self.log = data.with_name(f"{data.name}.log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [*TALLYSTICK, "serve", "--data", str(data), "--port", "0", "--mcp-port", "0", *options],
                env=environment(key),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            self.url = self._url()
            self._client = httpx.Client(base_url=self.url, timeout=_PATIENCE_S)
            self.api(None).get("/readyz").ok()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    @property
    def said(self) -> str:
        """Everything that it has written so far."""
        return self.log.read_text()

    def api(self, key: str | None = KEY) -> Api:
        """A caller with a key, who asks again while the processing is behind, as it may be on a busy machine."""
        return Api(self._settled, key)

    def stop(self) -> int:
        """Ask it to stop, as an operator would; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        self._client.close()
        return self.process.wait(_PATIENCE_S)

    def _settled(self, *arguments: Any, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        patience = time.monotonic() + _PATIENCE_S
        while "Tallystick-Usage-As-Of" in (answer := self._client.request(*arguments, **options)).headers:
            assert time.monotonic() < patience, "the processing is behind"
        return answer

    def _url(self) -> str:
        patience = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None and time.monotonic() < patience:
            greeting = _GREETING.search(self.said)
            if greeting is not None:
                return greeting[1]
            time.sleep(0.02)
        raise AssertionError(f"the server does not start: {self.said}")


@contextmanager
def child(data: Path, *options: str, key: str | None = KEY) -> Iterator[Child]:
    """A server as a child process, on a test clock unless options say otherwise."""
    server = Child(data, *options, key=key)
    try:
        yield server
    finally:
        server.stop()


def tallystick(*arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [*TALLYSTICK, *arguments],
        env=environment(key),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )


def environment(key: str | None) -> dict[str, str]:
    """The environment of this process without the settings of whoever runs the tests."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("TALLYSTICK_", "TOGAI_"))}
    return plain | ({"TOGAI_API_TOKEN": key} if key else {}) | {"COLUMNS": "200"}
