"""JSON that nobody sends by accident, at every way in for events: refused with its place, or taken as it is (F-70)."""

from __future__ import annotations

import json
import os
import re
import statistics
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.hostile.corpus import BROKEN, FRAGMENTS, STRANGE
from tests.hostile.verdict import LONGEST_ANSWER, complaints
from tests.hostile.ways_in import EVENT, WAYS_IN, WayIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent import Agent
    from tests.servers import Answer, Child

LARGE: Final = 200_000
"""Bytes from which a fragment stands at a few places only."""

MEDIAN_S: Final = 0.2
LONGEST_S: Final = 1.0
"""Seconds of the server's own processor time, which others on the machine do not lengthen."""

MOST_GROWTH: Final = 20_000_000
BY_NAME: Final = {way.name: way for way in WAYS_IN}


def sendings(way: WayIn, *, all_places: bool) -> Iterator[tuple[str, str, bytes]]:
    """(fragment, place, body): each fragment as the body, as the event, and at one or at every part of it."""
    parts = cycle(way.places)
    for name, fragment in FRAGMENTS.items():
        yield name, "", fragment
        yield name, "event", way.with_event(fragment)
        places = way.places if all_places and len(fragment) < LARGE else [next(parts)]
        for place in places:
            yield name, place, way.with_part(place, fragment)


def may_be_taken(way: WayIn, place: str, name: str) -> bool:
    """Whether a fragment may be part of something that is taken: a batch is, for the other events in it."""
    return name in STRANGE or (place != "" and way.has_others)


def unnamed(place: str, name: str, answer: Answer) -> list[str]:
    """What is wrong with a refusal that does not say where in the event the fault is."""
    if answer.status != 400 or name in BROKEN or place in {"", "event"}:
        return []
    field = re.split(r"[.\[]", place)[-1 if place.startswith("data.") else 0]
    message = answer.body["message"]
    if field in message or "not valid JSON" in message:
        return []
    return [f"does not name {place}: {message}"]


def resident(server: Child) -> int:
    """Bytes of memory that the server's process holds."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


def worked(server: Child) -> float:
    """Seconds of processor time that the server's process has used."""
    behind_the_name = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(behind_the_name[11]) + int(behind_the_name[12])) / os.sysconf("SC_CLK_TCK")


def test_the_corpus_is_large_enough() -> None:
    assert len(FRAGMENTS) >= 60
    assert len(FRAGMENTS) == len(BROKEN) + len(STRANGE)


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_called_broken_is_no_json(name: str) -> None:
    with pytest.raises((ValueError, RecursionError)):
        json.dumps(json.loads(BROKEN[name].decode(), parse_constant=refused), ensure_ascii=False).encode()


def refused(word: str) -> None:
    raise ValueError(f"{word} is no number")


def test_every_body_is_well_formed_before_it_is_spoiled() -> None:
    for way in WAYS_IN:
        json.loads(way.with_event(way.event))
        for place in way.places:
            assert way.with_part(place, b'"spoiled"') != way.with_event(way.event)
            json.loads(way.with_part(place, b'"spoiled"'))


@pytest.mark.parametrize("way", BY_NAME)
def test_every_fragment_is_refused_or_taken_and_never_breaks_anything(server: Child, way: str, rounds: int) -> None:
    door = BY_NAME[way]
    times: list[float] = []
    wrong: list[str] = []
    for name, place, body in sendings(door, all_places=rounds > 1):
        answer, taken = timed(server, door, body)
        times.append(taken)
        found = complaints(answer.status, answer.content, may_be_taken=may_be_taken(door, place, name))
        wrong += [f"{name} at {place or 'the top'}: {complaint}" for complaint in found + unnamed(place, name, answer)]
    assert wrong == []
    assert statistics.median(times) < MEDIAN_S
    assert max(times) < LONGEST_S
    assert "Traceback" not in server.said


def timed(server: Child, way: WayIn, body: bytes) -> tuple[Answer, float]:
    """The answer, and what it cost the server."""
    before = worked(server)
    answer = server.api().send("POST", way.path, content=body, headers=way.headers)
    return answer, worked(server) - before


def test_a_thousand_events_with_a_long_wrong_name_do_not_hold_the_others_up(server: Child) -> None:
    """Each is told what is wrong with it; looking for the nearest of the known names took two and a half seconds."""
    way = BY_NAME["ingestBatch"]
    bad = EVENT.replace(b'"id"', b'"' + b"ab" * 3_500 + b'"')
    answer, taken = timed(server, way, way.with_event(b",".join([bad] * 1000)))
    assert "unknown field 'abab" in answer.refused(400)
    assert taken < LONGEST_S


def test_agents_are_told_the_same(server: Child, agent: Agent, rounds: int) -> None:
    wrong: list[str] = []
    way = BY_NAME["ingestBatch"]
    with httpx.Client(timeout=60) as client:  # one for all: to make one takes longer than any of the requests
        for name, place, body in sendings(way, all_places=rounds > 1):
            request = agent.request("tools/call", {"name": "ingest-events", "arguments": None})
            sent = json.dumps(request).encode().replace(b'"arguments": null', b'"arguments": ' + body)
            answer = client.post(agent.door.address + agent.path, content=sent, headers=agent.headers(request))
            about = f"{name} at {place or 'the top'}: {answer.status_code} {answer.content[:300]!r}"
            wrong += [about] * (told(answer) not in ({"refused", "taken"} if name in STRANGE else {"refused"}))
    assert wrong == []
    assert "Traceback" not in server.said


def told(answer: httpx.Response) -> str:
    """In one word what an agent was told."""
    if answer.status_code >= 500 or len(answer.content) > LONGEST_ANSWER:
        return "wrong"
    if answer.status_code >= 400:
        return "refused"
    result = answer.json().get("result")
    if result is None:
        return "refused"
    said = json.loads(result["content"][0]["text"])
    if not result["isError"]:
        return "taken"
    return "wrong" if said["error"]["code"] == "broken" else "refused"


def test_what_agents_are_told_is_told_apart() -> None:
    def answer(status: int, text: str, **result: object) -> httpx.Response:
        return httpx.Response(status, json={"result": {"content": [{"text": text}], "isError": False} | result})

    assert told(answer(200, "{}")) == "taken"
    assert told(answer(200, '{"error":{"code":"invalid"}}', isError=True)) == "refused"
    assert told(answer(200, '{"error":{"code":"broken"}}', isError=True)) == "wrong"
    assert told(answer(500, "{}")) == "wrong"
    assert told(answer(200, '"' + "x" * LONGEST_ANSWER + '"')) == "wrong"
    assert told(httpx.Response(200, json={"error": {"code": -32700}})) == "refused"


def test_the_server_keeps_nothing_of_it(server: Child) -> None:
    """What was sent before has warmed it up: threads have their stacks and the allocator its arenas."""
    api = server.api()

    def once_through() -> int:
        for way in (BY_NAME["ingest"], BY_NAME["v1/events"], BY_NAME["structured CloudEvent"]):
            for name, fragment in FRAGMENTS.items():
                answer = api.send("POST", way.path, content=way.with_event(fragment), headers=way.headers)
                assert answer.status < 500, name
        api.get("/events/e").ok()
        return resident(server)

    sizes = [once_through() for _ in range(3)]
    assert min(sizes[1:]) - sizes[0] < MOST_GROWTH, sizes


def test_the_good_events_among_all_that_were_taken(server: Child) -> None:
    api = server.api()
    api.send("POST", "/ingest", content=b'{"event":' + EVENT.replace(b'"e"', b'"at the end"') + b"}").ok()
    (found,) = api.get("/events/at the end").ok()["events"]
    assert found["ingestionStatus"]["status"] == "INGESTION_COMPLETED_EVENT_METERED"
