"""How CloudEvents travel over HTTP: as JSON, as a batch of JSON, or with their attributes in headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import msgspec

from tallystick.kernel.document import encode
from tallystick.kernel.errors import invalid
from tallystick.kernel.shapes import shaped

if TYPE_CHECKING:
    from starlette.datastructures import Headers

STRUCTURED: Final = "application/cloudevents+json"
BATCHED: Final = "application/cloudevents-batch+json"
_JSON: Final = "application/json"
_PREFIX: Final = "ce-"
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


def structured(headers: Headers, body: bytes) -> tuple[bytes, bool]:
    """The JSON of what was sent, and whether it is a batch.

    Plain `application/json` with headers that begin with `ce-` is the data of one event, else what it looks like.

    Raises:
        BillingError: of kind INVALID, for another content type, or headers or data that cannot be read.
    """
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in {STRUCTURED, BATCHED}:
        return body, media == BATCHED
    attributes = {name[len(_PREFIX) :]: value for name, value in headers.items() if name.startswith(_PREFIX)}
    if media == _JSON or (attributes and not body):
        return (_from_headers(attributes, body), False) if attributes else (body, body.lstrip()[:1] == b"[")
    expected = f"{STRUCTURED}, {BATCHED} or {_JSON}"
    raise invalid("Content-Type", f"is {repr(media[:60]) if media else 'missing'}, expected {expected}")


def _from_headers(attributes: dict[str, str], body: bytes) -> bytes:
    """The JSON of an event whose attributes came in headers, where its texts are percent-encoded."""
    event: dict[str, Any] = {}
    for name, value in attributes.items():
        try:
            event[name] = unquote(value, errors="strict")
        except UnicodeDecodeError:
            raise invalid(f"{_PREFIX}{name}", "is not percent-encoded UTF-8") from None
    if body:
        event["data"] = shaped(body, _ANY, msgspec.Raw)
    return encode(event)
