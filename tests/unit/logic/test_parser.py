"""From JSON to a rule: what is taken, what is refused, and with which position."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tallystick.kernel.errors import BillingError, Kind
from tallystick.logic import evaluate, parse
from tests.unit.logic.dialect import alike

ARTICLE = Path(__file__).parents[3].parent / "shared" / "reference" / "creating-billable-items.md"

# The matcher of the help article "Creating billable items", as its JSON string decodes.
ARTICLE_MATCHER = """{
 "and": [
 {"in": [{"var": "dimension.city"}, "chennai", "mumbai"]},
 "or": [
 {">": [{"var": "attribute.distance"}, 100]},
 {"<": [{"var": "attribute.distance"}, 20]}
 ]
 ]
}
"""
ARTICLE_MESSAGE = (
    'computations[0].matcher: not valid JSON (line 4, column 6): a bare "or": [...] stands inside an array;'
    ' write it as {"or": [...]}'
)


def refusal(source: object, path: str = "") -> str:
    with pytest.raises(BillingError) as caught:
        parse(source, path)
    assert caught.value.kind is Kind.INVALID
    return caught.value.message


def test_the_article_matcher_is_refused_with_what_to_do() -> None:
    """domain.md 11.1 (a)."""
    assert refusal(ARTICLE_MATCHER, "computations[0].matcher") == ARTICLE_MESSAGE


@pytest.mark.skipif(not ARTICLE.exists(), reason="the reference shelf is not beside this clone")
def test_the_printed_article_holds_that_matcher() -> None:
    found = re.search(r'"matcher": ("(?:[^"\\]|\\.)*")', ARTICLE.read_text(encoding="utf-8"))
    assert found
    assert json.loads(found.group(1)) == ARTICLE_MATCHER


def test_the_article_matcher_works_with_the_one_repair_it_is_told() -> None:
    """domain.md 11.1 (a): 150 in Chennai and 10 in Mumbai match; 50 and any other city do not."""
    repaired = parse(ARTICLE_MATCHER.replace('"or": [', '{"or": [').replace(" ]\n ]", " ]}\n ]"))
    rides = [("chennai", 150, True), ("mumbai", 10, True), ("chennai", 50, False), ("pune", 150, False)]
    for city, distance, matches in rides:
        data = {"dimension": {"city": city}, "attribute": {"distance": Decimal(distance)}}
        assert evaluate(repaired, data) is matches


NOT_JSON = [
    ("", "line 1, column 1", "expected a value, found the end of the text"),
    ("\n\n  ", "line 3, column 3", "expected a value, found the end of the text"),
    ('{"or": [1]', "line 1, column 11", '"}" is missing for the bracket at line 1, column 1'),
    ("[\n1, 2", "line 2, column 5", '"]" is missing for the bracket at line 1, column 1'),
    ("[1,\n]", "line 2, column 1", 'a comma stands before "]"; remove it'),
    ('{"a": 1,}', "line 1, column 9", 'a comma stands before "}"; remove it'),
    ("[1 2]", "line 1, column 4", 'expected "," or "]", found "2"'),
    ("[1\r\n,\r\n 2\r\n  x]", "line 4, column 3", 'expected "," or "]", found "x"'),
    ('{"+" [1]}', "line 1, column 6", 'expected ":" after "+", found "["'),
    ('{"+":}', "line 1, column 6", 'expected a value, found "}"'),
    ("{'+': 1}", "line 1, column 2", "expected an operator's name in double quotes"),
    ("{+: 1}", "line 1, column 2", "expected an operator's name in double quotes"),
    ("[}", "line 1, column 2", 'expected a value, found "}"'),
    ("]", "line 1, column 1", 'expected a value, found "]"'),
    ("1 2", "line 1, column 3", '"2" follows after the end of the rule'),
    ('"or": [1]', "line 1, column 5", 'a bare "or": [...] stands without braces around it'),
    ('[{"a": 1}, "b" : {"c": 1}]', "line 1, column 16", 'write it as {"b": {...}}'),
    ('{"and": [\n\t"==": 1]}', "line 2, column 6", 'write it as {"==": ...}'),
    ('["é😀": 1]', "line 1, column 6", 'a bare "é😀": ... stands inside an array'),
    ("[01]", "line 1, column 2", '"01" is no JSON value; a number is written'),
    ("+1", "line 1, column 1", "without plus sign"),
    (".5", "line 1, column 1", "a number is written"),
    ("5.", "line 1, column 1", "a number is written"),
    ("1e", "line 1, column 1", "a number is written"),
    ("0x10", "line 1, column 1", "a number is written"),
    ("1_000", "line 1, column 1", "a number is written"),
    ("-", "line 1, column 1", "a number is written"),
    ("٣", "line 1, column 1", "is no JSON value"),
    ("NaN", "line 1, column 1", "numbers are finite"),
    ("-Infinity", "line 1, column 1", "numbers are finite"),
    ("True", "line 1, column 1", "the words are true, false and null"),
    ("abc", "line 1, column 1", "texts stand in double quotes"),
    ("// all\n1", "line 1, column 1", "is no JSON value"),
    ("\ufeff1", "line 1, column 1", r'"\ufeff1" is no JSON value'),
    ("\u00a01", "line 1, column 1", r'expected a value, found "\u00a0"'),
    ('["a\nb"]', "line 1, column 4", r'"\n" must be escaped in a text'),
    (r'"a\qb"', "line 1, column 3", r'"\\" must be escaped in a text'),
    (r'"a\u12"', "line 1, column 3", r'"\\" must be escaped in a text'),
    ('[1, "abc]', "line 1, column 5", "not closed by a double quote"),
    (r'"\ud800"', "line 1, column 1", "half of a surrogate pair"),
    ('"\ud800"', "line 1, column 1", "half of a surrogate pair"),
    (b"[1,\n\xff]", "line 2, column 1", "not UTF-8"),
    ("[é,\n\xff]".encode("latin-1"), "line 1, column 2", "not UTF-8"),
]


@pytest.mark.parametrize(("text", "position", "reason"), NOT_JSON)
def test_malformed_text_is_refused_at_its_place(text: str | bytes, position: str, reason: str) -> None:
    message = refusal(text)
    assert message.startswith(f"not valid JSON ({position}): ")
    assert reason in message


NOT_A_RULE = [
    ("[1, {}]", "line 1, column 5", "exactly one operator, this one has none"),
    ('[1,\n {"a": 1, "b": [2]}]', "line 2, column 2", 'this one has "a", "b"'),
    ('{"a": 1, "a": 1}', "line 1, column 1", "the same name twice"),
    (f"[{'9' * 2049}]", "line 1, column 2", "more than 2,048 digits"),
    ("1e2049", "line 1, column 1", "more than 2,048 digits"),
    ("1e99999999999999999999", "line 1, column 1", "more than 2,048 digits"),
    ("1e-2049", "line 1, column 1", "more than 2,048 digits"),
    ('"' + "a" * 20_000 + '"', "line 1, column 1", "longer than 20,000 characters"),
    ("[" + "0," * 1000 + "0]", "line 1, column 2000", "more than 1,000 values"),
    ("[" * 41 + "]" * 41, "line 1, column 41", "nested deeper than 40 levels"),
    ('{"!":' * 41 + "1" + "}" * 41, "line 1, column 201", "nested deeper than 40 levels"),
    ("[" * 20_000, "line 1, column 41", "nested deeper than 40 levels"),
]


@pytest.mark.parametrize(("text", "position", "reason"), NOT_A_RULE)
def test_json_that_is_no_rule_is_refused_at_its_place(text: str, position: str, reason: str) -> None:
    message = refusal(text)
    assert message.startswith(f"not a rule ({position}): ")
    assert reason in message


@pytest.mark.parametrize(
    "text", ["[" * 40 + "]" * 40, '{"+":[' * 40 + "1" + "]}" * 40, "[" + "0," * 998 + "0]", "9" * 2048]
)
def test_a_rule_at_the_limit_is_taken(text: str) -> None:
    parse(text)


def too_deep() -> object:
    deep: list[object] = []
    for _ in range(500):
        deep = [deep]
    return deep


NO_JSON_VALUE = [
    (0.1, "the number 0.1 is a float, which is not exact"),
    ({"+": [1, 0.5]}, "the number 0.5 is a float"),
    (float("nan"), "is a float"),
    (Decimal("NaN"), "without a finite value"),
    ([Decimal("Infinity")], "without a finite value"),
    ([10**5000], "too many digits"),
    ({1: 2}, "is no JSON value"),
    ((1, 2), "is no JSON value"),
    (object(), "is no JSON value"),
    ({}, "exactly one operator"),
    ({"a": 1, "b": 2}, "exactly one operator"),
    (too_deep(), "nested deeper"),
]


@pytest.mark.parametrize(("source", "reason"), NO_JSON_VALUE)
def test_a_decoded_value_that_is_no_exact_rule_is_refused(source: object, reason: str) -> None:
    message = refusal(source, "computations[0].computation")
    assert message.startswith("computations[0].computation: ")
    assert reason in message


TAKEN = [
    ("1", 1),
    ("-0", 0),
    (" \t\r\n12.50e1 ", 125),
    ('"1"', "1"),
    ("true", True),
    ("null", None),
    (r'"\u00e9\n\ud83d\ude00\/"', "é\n😀/"),
    ('[1, "a", []]', [1, "a", []]),
    (b'{"+": [1, 2]}', 3),
    ('{"+"\n:\n[ ]\n}', None),
    ({"+": [1, Decimal("2.5")]}, Decimal("3.5")),
    (["a", True, None], ["a", True, None]),
    (Decimal("1E+2"), 100),
    (7, 7),
    (None, None),
    (False, False),
]


@pytest.mark.parametrize(("source", "expected"), TAKEN)
def test_json_is_taken_as_text_bytes_or_decoded(source: object, expected: object) -> None:
    assert alike(evaluate(parse(source), None), expected)


def test_numbers_arrive_digit_for_digit() -> None:
    digits = "0.12345678901234567890123456789012345678901234567890"
    assert str(evaluate(parse(digits), None)) == digits


def test_rules_are_equal_when_their_json_is() -> None:
    assert parse('{"+": [1, {"var": "a"}]}') == parse('{\n"+":[1,{"var":["a"]}]}')
    assert len({parse("1"), parse(" 1 ")}) == 1
    for other in ("true", "1.0", '"1"', "[1]"):
        assert parse("1") != parse(other)
