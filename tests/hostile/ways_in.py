"""Every way by which events come in, with a place in what is sent for any piece of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = b"<here>"
EVENT: Final = (
    b'{"schemaName":"api_call","id":"e","timestamp":"2026-01-10T12:00:00Z","accountId":"acme",'
    b'"attributes":[{"name":"calls","value":"1"}],"dimensions":{"region":"eu"}}'
)
CLOUD_EVENT: Final = (
    b'{"specversion":"1.0","id":"e","source":"/tests","type":"api_call","subject":"acme",'
    b'"time":"2026-01-10T12:00:00Z","data":{"calls":1,"region":"eu"}}'
)
METER: Final = (
    b'{"name":"Tried","type":"COUNTER","aggregation":"SUM","eventSchemaName":"api_call",'
    b'"computations":[{"computation":"{\\"var\\":\\"attributes.calls\\"}","order":1}]}'
)

EVENT_PLACES: Final = {
    "schemaName": b'"api_call"',
    "id": b'"e"',
    "timestamp": b'"2026-01-10T12:00:00Z"',
    "accountId": b'"acme"',
    "attributes": b'[{"name":"calls","value":"1"}]',
    "attributes[0]": b'{"name":"calls","value":"1"}',
    "attributes[0].name": b'"calls"',
    "attributes[0].value": b'"1"',
    "dimensions": b'{"region":"eu"}',
    "dimensions.region": b'"eu"',
}
"""The parts of an event, by their path, as they stand there in `EVENT`."""

CLOUD_PLACES: Final = {
    "specversion": b'"1.0"',
    "id": b'"e"',
    "source": b'"/tests"',
    "type": b'"api_call"',
    "subject": b'"acme"',
    "time": b'"2026-01-10T12:00:00Z"',
    "data": b'{"calls":1,"region":"eu"}',
    "data.calls": b"1}"[:1],
    "data.region": b'"eu"',
}


@dataclass(frozen=True, slots=True)
class WayIn:
    """A route that takes events: `body` is what it is sent, with `HERE` where the event stands."""

    name: str
    path: str
    body: bytes
    event: bytes = EVENT
    places: Mapping[str, bytes] = field(default_factory=lambda: EVENT_PLACES)
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    @property
    def has_others(self) -> bool:
        """Whether a good event stands beside this one, for which the whole may be taken."""
        return self.event in self.body

    def with_event(self, event: bytes) -> bytes:
        """The body with this in the place of the event."""
        return self.body.replace(HERE, event)

    def with_part(self, place: str, part: bytes) -> bytes:
        """The body with this in the place of a part of the event."""
        usual = self.places[place]
        name = place.rpartition(".")[2].partition("[")[0]
        named = b'"' + name.encode() + b'":'
        if named + usual in self.event:
            return self.with_event(self.event.replace(named + usual, named + part, 1))
        assert usual in self.event, f"{self.name} has no {place}"
        return self.with_event(self.event.replace(usual, part, 1))


def _cloud(name: str, body: bytes, **headers: str) -> WayIn:
    return WayIn(name, "/v1/cloudevents", body, CLOUD_EVENT, CLOUD_PLACES, headers)


CLOUD_HEADERS: Final = {
    "Content-Type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "e",
    "ce-source": "/tests",
    "ce-type": "api_call",
    "ce-subject": "acme",
    "ce-time": "2026-01-10T12:00:00Z",
}

WAYS_IN: Final = (
    WayIn("ingest", "/ingest", b'{"event":' + HERE + b"}"),
    WayIn("ingest of a batch", "/ingest", b'{"events":[' + HERE + b"]}"),
    WayIn("ingestBatch", "/ingestBatch", b'{"events":[' + HERE + b"]}"),
    WayIn("ingestBatch beside a good one", "/ingestBatch", b'{"events":[' + EVENT + b"," + HERE + b"]}"),
    WayIn("v1/events", "/v1/events", b'{"events":[' + HERE + b"]}"),
    _cloud("structured CloudEvent", HERE, **{"Content-Type": "application/cloudevents+json"}),
    _cloud("batch of CloudEvents", b"[" + HERE + b"]", **{"Content-Type": "application/cloudevents-batch+json"}),
    WayIn(
        "CloudEvent in headers",
        "/v1/cloudevents",
        HERE,
        b'{"calls":1,"region":"eu"}',
        {"data.calls": b"1", "data.region": b'"eu"'},
        CLOUD_HEADERS,
    ),
    WayIn("preview of a meter", "/v1/usage-meters/preview", b'{"meter":' + METER + b',"events":[' + HERE + b"]}"),
    WayIn("correction", "/events/correction?action=REDO_EVENT&account_id=acme&event_id=e", b'{"event":' + HERE + b"}"),
)
"""Those over REST; `tests/agent.py` has the one over MCP."""
