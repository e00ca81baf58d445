"""The MCP endpoint as an ASGI application: who may come in, which tools are at which path, and exact bytes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tallystick.agents.exact import ExactSend
from tallystick.agents.tool import Toolset
from tallystick.agents.visit import SCOPE, Visit, asked_of
from tallystick.kernel.credential import credential_in
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.scope import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from mcp.server import Server
    from starlette.types import Message, Receive, Send
    from starlette.types import Scope as Asgi

    from tallystick.agents.tool import Tool
    from tallystick.agents.visit import Asked
    from tallystick.engine import Caller

    LetIn = Callable[[str | None], Caller]
    """Says whose credential it is, or raises BillingError of kind UNAUTHENTICATED."""

PATHS: Final = {
    "/": Toolset.CORE,
    "/mcp": Toolset.CORE,
    "/mcp/all": Toolset.ALL,
    "/mcp/catalog": Toolset.CATALOG,
    "/mcp/invoicing": Toolset.INVOICING,
}
LARGEST_BODY: Final = 4 * 1024 * 1024
_METADATA: Final = "/.well-known/oauth-protected-resource"
_POST: Final = "POST"
_STATUS: Final = {Kind.UNAUTHENTICATED: 401, Kind.FORBIDDEN: 403, Kind.TOO_LARGE: 413, Kind.UNAVAILABLE: 503}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """To whom the endpoint shows itself: by which names it may be called, and whether it offers to write."""

    hosts: Sequence[str] = ("127.0.0.1", "localhost", "[::1]")
    read_only: bool = False

    @property
    def security(self) -> TransportSecuritySettings:
        """The allow-lists of the Host and Origin headers: these names with any port or none."""
        hosts = [form for host in self.hosts for form in (host, f"{host}:*")]
        origins = [f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts]
        return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


class AgentsApp:
    """Serves the toolsets; one server, whatever the path and the protocol's revision."""

    def __init__(self, server: Server[Any], let_in: LetIn, tools: Sequence[Tool], exposure: Exposure) -> None:
        self._manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        self._let_in = let_in
        offered = [tool for tool in tools if tool.hints.read_only or not exposure.read_only]
        self._tools = {kind: {tool.name: tool for tool in offered if kind in tool.toolsets} for kind in Toolset}
        self._security = TransportSecurityMiddleware(exposure.security)

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Answer one request, or run from start to stop."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            refusal = await self._served({**scope, "headers": _trimmed(scope["headers"])}, receive, send)
            if refusal is not None:
                await refusal(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The time in which requests can be answered."""
        async with self._manager.run():
            yield

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with self.running():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _served(self, scope: Asgi, receive: Receive, send: Send) -> Response | None:
        """None when the request was answered, else why it is not."""
        request = Request(scope, receive)
        is_post = scope["method"] == _POST
        refusal = await self._security.validate_request(request, is_post=is_post)
        if refusal is not None:
            return refusal
        path = scope["path"].rstrip("/") or "/"
        if path.startswith(_METADATA):
            return _metadata(request, path.removeprefix(_METADATA) or "/mcp")
        toolset = PATHS.get(path)
        if toolset is None:
            return _error(404, "not_found", f"{path}: there are {', '.join(PATHS)}")
        try:
            caller = await run_in_threadpool(self._let_in, credential_in(request.headers))
            if not is_post:
                return Response(status_code=405, headers={"Allow": _POST})
            body = await _body(receive)
            asked = asked_of(body)
            _require(caller, asked, self._tools[toolset])
        except BillingError as refused:
            return _refused(request, path, refused)
        visible = {name: tool for name, tool in self._tools[toolset].items() if tool.scope in caller.scopes}
        answers = ExactSend(send)
        client = asked.client(request.headers.get("user-agent", ""))
        visit = Visit(caller, client, visible, asked.arguments, answers)
        replayed = _replayed(body, receive)
        await self._manager.handle_request({**scope, "path": "/mcp", SCOPE: visit}, replayed, answers)
        return None


def _require(caller: Caller, asked: Asked, tools: Mapping[str, Tool]) -> None:
    """Refuse a call for whose tool the key lacks the scope, before anything else is said about it."""
    tool = tools.get(asked.tool or "")
    if tool is not None:
        caller.require(tool.scope)


def _trimmed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers without the white space around their values, which is no part of them (RFC 9110 5.5)."""
    return [(name, value.strip(b" \t")) for name, value in headers]


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""  # the caller has hung up: there is nobody to answer
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > LARGEST_BODY:
            reason = f"the request is larger than {LARGEST_BODY // 1024 // 1024} MB: send fewer events at a time"
            raise BillingError(Kind.TOO_LARGE, "too_large", Problem("", reason))
        if not message.get("more_body", False):
            return b"".join(chunks)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The request once more for the SDK, then whatever comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _metadata(request: Request, path: str) -> Response:
    """Where tokens come from, as RFC 9728 wants it told: from nobody else, they are this server's own API keys."""
    if path not in PATHS:
        return _error(404, "not_found", f"{path}: there are {', '.join(PATHS)}")
    described = {
        "resource": f"{_address(request)}{path}",
        "bearer_methods_supported": ["header"],
        "scopes_supported": list(Scope),
        "resource_name": "Tallystick",
    }
    return Response(encode(described), media_type="application/json")


def _refused(request: Request, path: str, refused: BillingError) -> Response:
    headers = {}
    scopes = " ".join(Scope)
    where = f'resource_metadata="{_address(request)}{_METADATA}{path if path != "/" else "/mcp"}"'
    if refused.kind is Kind.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = f'Bearer realm="tallystick", {where}, scope="{scopes}"'
    if refused.kind is Kind.FORBIDDEN:
        needed = next((scope for scope in Scope if f"scope {scope};" in refused.message), "")
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", {where}, scope="{needed}"'
    return _error(_STATUS.get(refused.kind, 400), refused.code, refused.message, headers)


def _error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = encode({"error": {"code": code, "message": message[:500]}})
    return Response(body, status, dict(headers or {}), "application/json")


def _address(request: Request) -> str:
    return f"{request.url.scheme}://{request.headers['host']}"
