"""CloudEvents as they stand in the bodies of requests, turned into events with the names of their schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.engine.event_bodies import Refused
from tallystick.kernel.errors import BillingError
from tallystick.kernel.shapes import shaped, storable
from tallystick.metering.cloud_event import NO_NAMES, CloudEvent, event_id, event_of
from tallystick.metering.event import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from tallystick.metering.cloud_event import DataNames
    from tallystick.metering.event import Event

_Batch = Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_BATCH)]


class _Identity(msgspec.Struct):
    source: str
    id: str


_BATCH: Final = msgspec.json.Decoder(_Batch)
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_CLOUD_EVENT: Final = msgspec.json.Decoder(CloudEvent)
_IDENTITY: Final = msgspec.json.Decoder(_Identity)


def events_of_cloud(
    body: bytes, names_of: Callable[[Collection[str]], Mapping[str, DataNames]], *, is_batch: bool
) -> list[Event | Refused]:
    """The events that CloudEvents stand for, or why one cannot be taken.

    `names_of` tells what the schemas of these names know; it is asked once.

    Raises:
        BillingError: of kind INVALID, when the body is not JSON, or no batch of 1 to 1,000.
    """
    raws = shaped(body, _BATCH, _Batch) if is_batch else [shaped(body, _RAW, msgspec.Raw)]
    read = [_read(index, raw) for index, raw in enumerate(raws)]
    names = names_of({cloud.type for cloud in read if isinstance(cloud, CloudEvent)})
    return [
        cloud if isinstance(cloud, Refused) else _event(index, cloud, raw, names.get(cloud.type, NO_NAMES))
        for index, (cloud, raw) in enumerate(zip(read, raws, strict=True))
    ]


def _read(index: int, raw: msgspec.Raw) -> CloudEvent | Refused:
    try:
        cloud: CloudEvent = storable(bytes(raw), _CLOUD_EVENT, CloudEvent)
    except BillingError as failure:
        return Refused(index, _readable_id(raw), failure.message)
    return cloud


def _event(index: int, cloud: CloudEvent, raw: msgspec.Raw, names: DataNames) -> Event | Refused:
    try:
        return event_of(cloud, bytes(raw), names)
    except BillingError as failure:
        reason = failure.message
    except UnicodeDecodeError:  # in a text that was only skipped when the envelope was read
        reason = "data: holds a text that is not UTF-8"
    return Refused(index, event_id(cloud.source, cloud.id), reason)


def _readable_id(raw: msgspec.Raw) -> str | None:
    """The id under which an event would be listed, if it can be read."""
    try:
        identity = _IDENTITY.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return event_id(identity.source, identity.id)
