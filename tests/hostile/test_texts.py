"""Texts that other systems cut, fold or trip over: stored and given back byte for byte, or refused (F-73)."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest

from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from tests.servers import Api

TEXTS: Final = {
    "right-to-left override": "a\N{RIGHT-TO-LEFT OVERRIDE}b",
    "zero width": "a\N{ZERO WIDTH SPACE}b\N{ZERO WIDTH JOINER}c\N{WORD JOINER}",
    "a mark in the middle": "a\ufeffb",
    "composed": unicodedata.normalize("NFC", "cafe\u0301"),
    "decomposed": unicodedata.normalize("NFD", "caf\u00e9"),
    "a ligature": "\N{LATIN SMALL LIGATURE FI}",
    "a homoglyph": "\N{CYRILLIC SMALL LETTER A}cme",
    "emoji": "\U0001f469\u200d\U0001f4bb \U0001f1e9\U0001f1ea",
    "beyond the first plane": "\U0002f81a",
    "no character": "\uffff\ufdd0",
    "private use": "\ue000",
    "dots": "..",
    "a path": "../../etc/passwd",
    "an escaped path": "..%2f..%2fetc%2fpasswd",
    "backslashes": "..\\..\\windows",
    "line ends": "a\r\nSet-Cookie: b=c\r\n\r\n",
    "a tab": "a\tb",
    "escape": "\x1b[31mred",
    "delete": "a\x7fb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "blanks around": "  a  ",
    "a percent sign": "100%",
    "wildcards": "%_*?",
    "quotes": "'\"`",
    "SQL": "'; DROP TABLE event; --",
    "markup": "<script>alert(1)</script>&amp;",
    "a template": "${timestamp} {0} {{x}} %s",
    "a formula": "=1+1",
    "a question": "a?b=c&d#e",
    "a literal escape": r"\u0000",
    "the word null": "null",
}


def events_called(api: Api, name: str) -> list[dict[str, object]]:
    return [one["eventPayload"] for one in api.get(f"/events/{quote(name, safe='')}").ok()["events"]]


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "in UTF-8"])
def test_an_event_keeps_every_text_as_it_is(shop: Shop, name: str, *, escaped: bool) -> None:
    text = TEXTS[name]
    sent = event(f"{text}{'e' if escaped else 'u'}", dimensions={"region": text, text: "x"}, schemaName="api_call")
    content = json.dumps({"event": sent}, ensure_ascii=escaped).encode()
    shop.api.send("POST", "/ingest", content=content).ok()
    assert events_called(shop.api, sent["id"]) == [sent]


@pytest.mark.parametrize("name", TEXTS)
def test_an_account_of_that_name_is_that_account_alone(shop: Shop, name: str) -> None:
    """By an event that names it, since the ids of accounts have fewer letters."""
    sent = event(f"of {name}", TEXTS[name])
    shop.api.post("/ingest", {"event": sent}).ok()
    found = shop.api.get("/events", account_id=TEXTS[name]).ok()["events"]
    assert [one["eventPayload"] for one in found] == [sent]


def test_composed_and_decomposed_are_two_ids(shop: Shop) -> None:
    for name in ("composed", "decomposed"):
        shop.api.post("/ingest", {"event": event(f"{TEXTS[name]}!")}).ok()
        assert shop.status(quote(f"{TEXTS[name]}!")) == "INGESTION_COMPLETED_EVENT_METERED"


def test_large_and_small_letters_are_two_ids(shop: Shop) -> None:
    for name in ("case", "Case", "case "):
        shop.api.post("/ingest", {"event": event(name)}).ok()
        assert [one["id"] for one in events_called(shop.api, name)] == [name]


@pytest.mark.parametrize("letter", ["x", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\U0001f600"])
def test_an_id_has_up_to_512_characters_of_any_size(shop: Shop, letter: str) -> None:
    shop.api.post("/ingest", {"event": event(letter * 512)}).ok()
    assert [one["id"] for one in events_called(shop.api, letter * 512)] == [letter * 512]
    assert "event.id: " in shop.api.post("/ingest", {"event": event(letter * 513)}).refused(400)


@pytest.mark.parametrize("field", ["schemaName", "id", "accountId"])
@pytest.mark.parametrize("text", [r"a\u0000b", r"\ud800", r"\udc00\ud800", "\\ud83d"])
def test_nul_and_halves_of_characters_are_refused(shop: Shop, field: str, text: str) -> None:
    content = json.dumps({"event": event("x") | {field: "HERE"}}).replace("HERE", text).encode()
    message = shop.api.send("POST", "/ingest", content=content).refused(400)
    assert f"event.{field}" in message or "not valid JSON" in message


def test_a_name_of_a_megabyte_is_refused_and_not_repeated(shop: Shop) -> None:
    for change in ({"id": "x" * 1_000_000}, {"dimensions": {"d" * 1_000_000: "x"}}, {"x" * 1_000_000: 1}):
        assert len(shop.api.post("/ingest", {"event": event("x") | change}).refused(400)) <= 500


@pytest.mark.parametrize("name", TEXTS)
def test_names_of_customers_come_back_as_they_are(shop: Shop, name: str) -> None:
    text = TEXTS[name]
    answer = shop.api.post("/addons", {"name": text, "type": "LICENSE"})
    if answer.status == 200:
        assert shop.api.get(f"/addons/{answer.body['id']}").ok()["name"] == text
    else:
        answer.refused(400)


def test_an_answer_is_utf8_and_says_nothing_in_its_headers(shop: Shop) -> None:
    """What a caller sends must not end up where lines end."""
    answer = shop.api.send("GET", "/events/" + quote(TEXTS["line ends"], safe="") + "none")
    assert answer.status == 404
    assert "set-cookie" not in answer.headers
    answer.content.decode()


def test_a_store_that_normalises_would_be_found() -> None:
    folded = {unicodedata.normalize("NFC", text).strip() for text in TEXTS.values()}
    assert len(folded) < len(set(TEXTS.values())) == len(TEXTS)
