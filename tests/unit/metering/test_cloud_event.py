"""A CloudEvent becomes an event: who, when, under which id, and which of its data is a number (docs/ingest.md)."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError
from tallystick.metering.cloud_event import NO_NAMES, CloudEvent, DataNames, event_id, event_of
from tallystick.metering.event import Event

NAMES = DataNames({"calls", "both"}, {"region", "zone", "both"})


def translated(data: str, names: DataNames = NAMES, **more: object) -> Event:
    """The event that a CloudEvent with this data stands for; what is made is a legal event."""
    cloud: dict[str, Any] = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/meters/eu",
        "type": "api_call",
        "subject": "acme",
        "time": "2026-01-10T12:00:00Z",
        "data": msgspec.Raw(data.encode()),
    }
    sent = msgspec.json.encode(cloud | more)
    event = event_of(msgspec.json.decode(sent, type=CloudEvent), sent, names)
    return msgspec.json.decode(msgspec.json.encode(event), type=Event)


def attributes(event: Event) -> dict[str, str]:
    return {attribute.name: attribute.value for attribute in event.attributes}


def test_the_envelope_says_who_when_and_what() -> None:
    event = translated("{}")
    assert (event.schema_name, event.account_id, event.id) == ("api_call", "acme", "/meters/eu e-1")
    assert event.timestamp.isoformat() == "2026-01-10T12:00:00+00:00"
    assert (event.attributes, event.dimensions) == ([], {})


@pytest.mark.parametrize(
    ("data", "numbers", "texts"),
    [
        ('{"calls": 3, "region": "eu"}', {"calls": "3"}, {"region": "eu"}),
        ('{"calls": "3.50"}', {"calls": "3.50"}, {}),
        ('{"calls": "1e3"}', {"calls": "1000"}, {}),
        ('{"zone": 7}', {}, {"zone": "7"}),
        ('{"zone": 7.10}', {}, {"zone": "7.10"}),
        ('{"both": 7}', {"both": "7"}, {"both": "7"}),
        ('{"both": "7"}', {"both": "7"}, {"both": "7"}),
        ('{"other": 7}', {"other": "7"}, {}),
        ('{"other": "7"}', {}, {"other": "7"}),
        ('{"other": "\\u00e9\\n"}', {}, {"other": "é\n"}),
    ],
)
def test_data_is_split_by_the_schema_and_what_it_does_not_know_by_its_kind(
    data: str, numbers: dict[str, str], texts: dict[str, str]
) -> None:
    event = translated(data)
    assert (attributes(event), event.dimensions) == (numbers, texts)


def test_without_a_schema_numbers_are_attributes_and_texts_dimensions() -> None:
    event = translated('{"calls": "3", "zone": 7}', NO_NAMES)
    assert (attributes(event), event.dimensions) == ({"zone": "7"}, {"calls": "3"})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("0.1234567890123456789012345", "0.1234567890123456789012345"),
        ("9007199254740993", "9007199254740993"),
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("1e3", "1000"),
        ("1.5E+3", "1500"),
        ("-25e-4", "-0.0025"),
        ("1e511", "1" + "0" * 511),
        ("1e-512", "0." + "0" * 511 + "1"),
        ("0e999", "0"),
    ],
)
def test_numbers_keep_every_digit(sent: str, kept: str) -> None:
    assert attributes(translated(f'{{"calls": {sent}}}')) == {"calls": kept}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"calls": "many"}', "data.calls: is 'many', expected a number"),
        ('{"calls": ""}', "data.calls: is '', expected a number"),
        ('{"calls": "1,5"}', "data.calls: is '1,5', expected a number"),
        (f'{{"calls": {"9" * 513}}}', "expected a number of at most 512 digits before its point"),
        ('{"calls": 1e512}', "data.calls: is '1e512', expected a number of at most 512 digits"),
        ('{"calls": 1e-513}', "data.calls: is '1e-513'"),
        ('{"calls": 1e99999}', "data.calls: is '1e99999'"),
        ('{"calls": true}', "data.calls: is true, expected a number or a text"),
        ('{"region": null}', "data.region: is null, expected a number or a text: leave it out"),
        ('{"region": {"a": 1}}', "data.region: is an object, expected a number or a text: name its parts"),
        ('{"region": ["eu"]}', "data.region: is a list, expected a number or a text"),
        ('{"region": ""}', "data.region: has 0 characters, a text has 1 to 200"),
        (f'{{"region": "{"r" * 201}"}}', "data.region: has 201 characters, a text has 1 to 200"),
        ('{"": 1}', "data.: the name of a number has 1 to 50 characters"),
        (f'{{"{"n" * 51}": 1}}', "the name of a number has 1 to 50 characters"),
        (msgspec.json.encode({f"n{i}": i for i in range(11)}).decode(), "data: has 11 numbers"),
        (msgspec.json.encode({f"n{i}": "x" for i in range(101)}).decode(), "data: has 101 texts"),
    ],
)
def test_data_that_cannot_be_kept_is_refused_with_its_place(data: str, reason: str) -> None:
    with pytest.raises(BillingError) as refused:
        translated(data)
    assert reason in refused.value.message


def test_everything_that_is_wrong_with_data_is_told_at_once() -> None:
    with pytest.raises(BillingError) as refused:
        translated('{"calls": "many", "region": false}', data_base64="AA==")
    told = [problem.path for problem in refused.value.problems]
    assert told == ["data_base64", "data.calls", "data.region"]


def test_a_time_is_never_rounded_into_the_next_second() -> None:
    event = translated("{}", time="2026-01-31T23:59:59.9999999Z")
    assert event.timestamp.isoformat() == "2026-01-31T23:59:59.999999+00:00"


class TestIds:
    def test_the_same_source_and_id_are_one_event_and_others_are_others(self) -> None:
        pairs = [("/a", "1"), ("/b", "1"), ("/a", "2"), ("/a", "b 1"), ("/a#b", "1"), ("/a", ""), ("/", "a1")]
        assert len({event_id(*pair) for pair in pairs}) == len(pairs)
        assert event_id("/a", "1") == event_id("/a", "1") == "/a 1"

    def test_what_is_too_long_is_told_apart_by_a_digest(self) -> None:
        assert event_id("/a", "x" * 509) == "/a " + "x" * 509
        long = [event_id("/a", "x" * 510), event_id("/b", "x" * 510), event_id("/a", "x" * 511)]
        assert len(set(long)) == 3
        assert all(name.startswith("sha256:") and len(name) == 71 and " " not in name for name in long)

    @given(st.lists(st.tuples(st.text("ab#:", min_size=1), st.text("ab #:")), min_size=2, max_size=20, unique=True))
    def test_no_two_pairs_share_an_id(self, pairs: list[tuple[str, str]]) -> None:
        for one, other in itertools.combinations(pairs, 2):
            assert event_id(*one) != event_id(*other)
