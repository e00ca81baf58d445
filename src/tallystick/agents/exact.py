"""Exact numbers on the way out: the SDK writes JSON by way of binary floats, so ours takes its place at the edge.

A tool's structured content is handed to the SDK as a mark. When the response is written, the mark is replaced by the
JSON of the answer itself, byte for byte what the text block holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from starlette.types import Message, Send

_KEY: Final = "exact"
_JSON: Final = b"application/json"


def mark(number: int) -> dict[str, int]:
    """The structured content that stands for an answer."""
    return {_KEY: number}


class ExactSend:
    """Sends a response with its mark replaced; streams, which carry no answers of tools, pass as they are."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body: list[bytes] = []
        self.answer: str | None = None
        """The JSON of the answer, once there is one."""

    async def __call__(self, message: Message) -> None:
        """Send one message of the response, or keep it until the whole is known."""
        if message["type"] == "http.response.start" and self._is_json(message):
            self._start = message
        elif self._start is not None and message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = b"".join(self._body)
        if self.answer is not None:
            marked = msgspec.json.encode(mark(id(self)))
            body = body.replace(marked, self.answer.encode())  # inside a text its quotes would be escaped: found once
        headers = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
        await self._send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await self._send({"type": "http.response.body", "body": body})

    @staticmethod
    def _is_json(message: Message) -> bool:
        return any(name.lower() == b"content-type" and value.startswith(_JSON) for name, value in message["headers"])
