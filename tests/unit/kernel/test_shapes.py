"""What is wrong with JSON is said with its place, and without looking for long."""

from __future__ import annotations

import enum
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest

from tallystick.kernel.document import Draft
from tallystick.kernel.errors import BillingError
from tallystick.kernel.json_path import LARGEST_NAMED, LARGEST_SEARCHED
from tallystick.kernel.shapes import drafted, storable


class Letter(enum.StrEnum):
    A = "a"
    B = "b"


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    rate: int = 0
    kind: Letter = Letter.A
    few: Annotated[str, msgspec.Meta(max_length=2)] = ""
    release: Literal["1.0"] = "1.0"
    half: Literal[1, 2] = 1
    name: str = ""
    word: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", description="A word of small letters")] | None = None
    code: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")] = "0"
    short: dict[str, Annotated[str, msgspec.Meta(max_length=2)]] = {}
    deep: dict[str, dict[str, int]] = {}


class Rated(Draft, frozen=True, kw_only=True):
    rate: Decimal = Decimal(0)


class Outer(msgspec.Struct, forbid_unknown_fields=True):
    inner: list[Inner] = []
    texts: dict[str, str] = {}
    named: dict[Annotated[str, msgspec.Meta(max_length=3)], dict[str, list[int]]] = {}
    rated: list[Rated] = []
    at: datetime | None = None
    on: date | None = None
    nothing: Annotated[
        list[msgspec.Raw],
        msgspec.Meta(max_length=0, extra_json_schema={"description": "An empty list: POST /settings takes them"}),
    ] = []
    kept: msgspec.Raw = msgspec.Raw(b"null")


def said(sent: bytes) -> str:
    with pytest.raises(BillingError) as refused:
        storable(sent, msgspec.json.Decoder(Outer), Outer)
    return refused.value.message


def taken(sent: bytes) -> Any:  # noqa: ANN401 - what was decoded
    return storable(sent, msgspec.json.Decoder(Outer), Outer)


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (rb'{"inner":[{},{"name":"a\u0000"}]}', "inner[1].name"),
        (rb'{"texts":{"a":"\u0000"}}', "texts.a"),
        (rb'{"texts":{"\u0000":"a"}}', "texts"),
        (rb'{"kept":["\u0000"]}', "kept[0]"),
    ],
)
def test_the_character_nul_is_refused_with_its_place(sent: bytes, path: str) -> None:
    assert said(sent) == rf"{path}: the character \u0000 cannot be stored"


def test_it_is_refused_without_its_place_where_that_takes_long_or_cannot_be_read() -> None:
    assert said(rb'{"texts":{"a":"\u0000"' + b" " * LARGEST_SEARCHED + b"}}").startswith("the character")
    assert said(rb'{"texts":{"a":"\u0000"').startswith("the character")


def test_a_backslash_before_u0000_is_text() -> None:
    assert taken(rb'{"texts":{"a":"\\u0000"}}').texts == {"a": r"\u0000"}


def test_a_long_unknown_name_is_cut_and_no_similar_one_is_looked_for() -> None:
    assert said(b'{"inner":[{"rates":1}]}') == "inner[0]: unknown field 'rates': did you mean 'rate'?"
    long = "rate" * 30
    known = "expected one of rate, kind, few, release, half, name, word, code, short, deep"
    assert said(f'{{"inner":[{{"{long}":1}}]}}'.encode()) == f"inner[0]: unknown field '{long[:100]}...', {known}"


def test_a_name_that_looks_like_a_place_is_none() -> None:
    message = said(b'{"inner":[{" - at `$.kept`":1}]}')
    assert message.startswith("inner[0]: unknown field ' - at `$.kept`', expected one of rate,")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ('{"texts":{"a":"","b":5,"c":6}}', "texts.b: Expected `str`, got `int` 5"),
        ('{"texts":{"a":1e400}}', "texts.a: Number out of range, expected `str`, got 1E+400"),
        ('{"texts":{"a.b[0]":5}}', "texts.a.b[0]: Expected `str`, got `int` 5"),
        ('{"named":{"a":{"x":[1]},"b":{"y":[1],"z":[1,"2"]}}}', 'named.b.z[1]: Expected `int`, got `str` "2"'),
        ('{"named":{"a":{"x":[1]},"abcd":{}}}', "named: the name 'abcd' in it: Expected `str` of length <= 3"),
    ],
)
def test_the_part_of_a_map_that_is_wrong_is_named(sent: str, message: str) -> None:
    assert said(sent.encode()) == message


def test_it_is_left_open_where_finding_it_would_take_long() -> None:
    assert said(b'{"texts":{"a":5}' + b" " * LARGEST_SEARCHED + b"}") == "texts[...]: Expected `str`, got `int`"


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ('{"inner":5}', "inner: Expected `array`, got `int` 5"),
        ('{"inner":[[1,2]]}', "inner[0]: Expected `object`, got `array` [1,2]"),
        ('{"inner":[{"rate":1e400}]}', "inner[0].rate: Number out of range, expected `int`, got 1E+400"),
        ('{"inner":[{"kind":1e400}]}', "inner[0].kind: Number out of range, expected one of a, b, got 1E+400"),
        ('{"inner":1e400}', "inner: Number out of range, expected `array`, got 1E+400"),
        ('{"rated":[{},{"rate":1e400}]}', "rated[1].rate: is 1E+400, expected a number between 1e-100 and 1e100"),
        ('{"rated":[{"rate":"x"}]}', 'rated[0].rate: Invalid decimal string, expected a number such as 12.50, got "x"'),
        (
            '{"at":"yesterday"}',
            'at: Invalid RFC3339 encoded datetime, expected an instant such as "2026-01-31T12:00:00Z", got "yesterday"',
        ),
        (
            '{"on":"31.1.2026"}',
            'on: Invalid RFC3339 encoded date, expected a day such as "2026-01-31", got "31.1.2026"',
        ),
        ('{"nothing":[1]}', "nothing: expected an empty list: POST /settings takes them, got [1]"),
    ],
)
def test_what_came_and_what_was_expected_are_both_said(sent: str, message: str) -> None:
    assert said(sent.encode()) == message


def test_what_came_is_quoted_unless_it_takes_long_to_find() -> None:
    assert said(b'{"inner":[{"kind":"c"}]}') == "inner[0].kind: Invalid enum value 'c', expected one of a, b"
    assert said(b'{"inner":[{"release":"2"}]}') == "inner[0].release: Invalid enum value '2', expected 1.0"
    assert said(b'{"inner":[{"half":3}]}') == "inner[0].half: Invalid enum value 3, expected one of 1, 2"
    assert said(b'{"inner":[{"few":"abc"}]}') == 'inner[0].few: Expected `str` of length <= 2, got "abc"'
    long = b'{"inner":[{"few":"abc"}]' + b" " * LARGEST_SEARCHED + b"}"
    assert said(long) == "inner[0].few: Expected `str` of length <= 2"


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        ('{"texts":{"a":"b","um.2x":5}}', "texts.um.2x: Expected `str`, got `int`"),
        ('{"texts":{"a":"b","c":null,"d":1}}', "texts.c: Expected `str`, got `null`"),
        ('{"inner":[{},{"short":{"a":"b","é":"too long"}}]}', "inner[1].short.é: Expected `str` of length <= 2, got "),
        ('{"inner":[{"deep":{"a":{"b":1},"c":{"d":2,"e":true}}}]}', "inner[0].deep.c.e: Expected `int`, got `bool`"),
        ('{"inner":[{"deep":{}}],"texts":{"' + "n" * 101 + '":1}}', f"texts.{'n' * 100}...: Expected `str`"),
    ],
)
def test_a_member_of_a_map_is_called_by_its_name(sent: str, problem: str) -> None:
    assert said(sent.encode()).startswith(problem)


def test_one_of_many_members_is_found_among_the_others() -> None:
    texts: dict[str, object] = {f"name {number}": "text" for number in range(1000)}
    for wrong in (0, 1, 499, 998, 999):
        problem = said(json.dumps({"texts": texts | {f"name {wrong}": 1}}).encode())
        assert problem == f"texts.name {wrong}: Expected `str`, got `int` 1"


def test_a_member_of_a_map_has_no_name_where_it_cannot_be_found_or_that_takes_long() -> None:
    assert said(b'{"texts":{"a":1,"a":"b"}}') == "texts[...]: Expected `str`, got `int`"
    assert said(b'{"texts":{"a":1}' + b" " * LARGEST_NAMED + b"}") == "texts[...]: Expected `str`, got `int`"


class TestADraft:
    def drafted(self, sent: bytes) -> Any:  # noqa: ANN401 - what was decoded
        return drafted(sent, msgspec.json.Decoder(Amounts), Amounts)

    def said(self, sent: bytes) -> str:
        with pytest.raises(BillingError) as refused:
            self.drafted(sent)
        return refused.value.message

    def test_a_text_in_what_is_kept_as_it_came_must_be_utf8(self) -> None:
        bad = b'{"kept":"caf\xe9"}'
        assert self.said(bad).startswith("not valid JSON: 'utf-8' codec can't decode byte 0xe9 in position 12")
        assert bytes(storable(bad, msgspec.json.Decoder(Amounts), Amounts).kept) == b'"caf\xe9"'
        assert bytes(self.drafted('{"kept":"café"}'.encode()).kept) == '"café"'.encode()

    @pytest.mark.parametrize(
        "text",
        ["1_000", "\N{ARABIC-INDIC DIGIT ONE}", "\N{FULLWIDTH DIGIT ONE}", "1\N{NO-BREAK SPACE}", "  1", "-1. ", "\t1"],
    )
    def test_a_number_that_only_python_reads_is_refused_with_its_place(self, text: str) -> None:
        for sent in (json.dumps(text), json.dumps(text, ensure_ascii=False)):
            bare = f'{{"one":1,"all":[{{"one":{sent}}},{{"one":2}}]}}'.encode()
            assert self.said(bare) == f"all[0].one: is {text!r}, expected a number in plain digits, such as 1000.50"
            assert "one: is " in self.said(f'{{"one":{sent}}}'.encode())
            assert "named.a: is " in self.said(f'{{"named":{{"b":1,"a":{sent}}}}}'.encode())

    def test_what_is_kept_as_it_came_may_be_beyond_any_number(self) -> None:
        sent = b'{"kept":1e99999999999999999999,"name":"a_b"}'
        assert bytes(self.drafted(sent).kept) == b"1e99999999999999999999"

    @pytest.mark.parametrize("sent", ['{"one":"-1.50","name":"a_b"}', '{"one":1e3,"name":"é"}', '{"name":"1_000"}'])
    def test_others_are_left_alone(self, sent: str) -> None:
        self.drafted(sent.encode())


class Amounts(msgspec.Struct):
    one: Decimal = Decimal(0)
    name: str = ""
    all: list[Amounts] = []
    named: dict[str, Decimal] = {}
    kept: msgspec.Raw = msgspec.Raw(b"null")


def test_a_text_that_has_to_look_a_certain_way_is_described_in_words_where_there_are_some() -> None:
    assert said(b'{"inner":[{"word":"A1"}]}') == 'inner[0].word: expected a word of small letters, got "A1"'
    assert said(b'{"inner":[{"code":"A1"}]}').startswith("inner[0].code: Expected `str` matching regex")
