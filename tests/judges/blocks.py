"""What fixtures answer: blocks of text, pictures, sounds and resources."""

from __future__ import annotations

import base64
from typing import Final

import mcp.types as wire

PIXEL: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A picture of one point."""
SILENCE: Final = base64.b64encode(
    b"RIFF\x26\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00"
    b"data\x02\x00\x00\x00\x00\x00"
).decode()
"""A sound of one sample."""


def text(words: str) -> wire.TextContent:
    """A block of text."""
    return wire.TextContent(type="text", text=words)


def said(*content: wire.ContentBlock) -> wire.CallToolResult:
    """What a tool answers."""
    return wire.CallToolResult(content=list(content))


PICTURE: Final = wire.ImageContent(type="image", data=PIXEL, mime_type="image/png")
SOUND: Final = wire.AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")


def embedded(address: str, kind: str, words: str) -> wire.EmbeddedResource:
    """A resource inside an answer."""
    return wire.EmbeddedResource(
        type="resource", resource=wire.TextResourceContents(uri=address, mime_type=kind, text=words)
    )
