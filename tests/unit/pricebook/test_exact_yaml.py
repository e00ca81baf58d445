"""YAML means one thing: what is written is read back to the digit, and what could mean two things is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.errors import BillingError
from tallystick.pricebook.exact_yaml import DEEPEST, LARGEST, read, write


def value(text: str) -> Any:  # noqa: ANN401 - JSON
    return read(text.encode(), "a.yaml").value


def refused(text: str | bytes) -> list[str]:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(BillingError) as failure:
        read(content, "a.yaml")
    return [str(problem) for problem in failure.value.problems]


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "number"),
        [
            ("0.1234567890123456789012345", Decimal("0.1234567890123456789012345")),
            ("-5.50", Decimal("-5.50")),
            ("123456789012345678901234567890", 123456789012345678901234567890),
            ("1e-7", Decimal("1E-7")),
            ("-0", 0),
        ],
    )
    def test_are_exact(self, text: str, number: object) -> None:
        assert (value(text), type(value(text))) == (number, type(number))

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (Decimal("0.0180"), "0.0180"),
            (Decimal("1E-7"), "0.0000001"),
            (Decimal("1E+3"), "1000"),
            (Decimal("-0.10"), "-0.10"),
            (10**30, "1" + "0" * 30),
            (Decimal("1E+600"), "1E+600"),
        ],
    )
    def test_are_written_in_plain_digits(self, number: object, text: str) -> None:
        assert write({"rate": number}) == f"rate: {text}\n"
        assert value(write({"rate": number}))["rate"] == number

    @pytest.mark.parametrize("text", ["9" * 1027, "1e12345", "1.5e-99999999999"])
    def test_of_any_length_are_refused(self, text: str) -> None:
        (said,) = refused(f"a: 1\nb: {text}")
        assert said.startswith(f"a.yaml:2: {text[:40]!r} is longer than any number")


class TestTexts:
    @pytest.mark.parametrize(
        "text",
        [
            "yes",
            "no",
            "on",
            "Off",
            "True",
            "TRUE",
            "NULL",
            "0x1F",
            "0o17",
            "017",
            "007",
            "1_000",
            "12:30",
            "2026-01-01",
            ".5",
            "5.",
            "+1",
            ".inf",
            "-.Inf",
            ".nan",
            "=",
            "<<",
        ],
    )
    def test_that_somebody_could_take_for_something_else_stand_in_quotes(self, text: str) -> None:
        assert f"a.yaml:2: {text!r} is read differently by different programs" in refused(f"x: y\na: {text}")[0]
        assert refused(f"{text}: 1")
        assert value(f"a: '{text}'") == {"a": text}

    @pytest.mark.parametrize("text", ["null", "~", ""])
    def test_nothing_is_nothing(self, text: str) -> None:
        assert value(f"a: {text}") == {"a": None}

    def test_true_and_false(self) -> None:
        assert value("[true, false, 'true']") == [True, False, "true"]

    def test_that_anybody_could_take_for_something_else_are_written_in_quotes(self) -> None:
        for text in [
            "yes",
            "No",
            "1",
            "1.5",
            "1e5",
            "0x1F",
            "0o17",
            "2026-01-01",
            "~",
            "null",
            "true",
            "=",
            "<<",
            "12:30",
        ]:
            assert write({"a": text}) == f"a: '{text}'\n"

    def test_are_written_as_people_write_them(self) -> None:
        assert write({"a": "Ünïcode 東京 🎉", "b": "two words", "c": "line\nend"}) == (
            'a: Ünïcode 東京 🎉\nb: two words\nc: "line\\nend"\n'
        )

    @pytest.mark.parametrize(
        "text", ["\x85", "\u2028", "\ufeff", "\t", "\r\n", "a\x07", " x ", "# x", "a: b", "- a", ""]
    )
    def test_come_back_whatever_is_in_them(self, text: str) -> None:
        assert value(write({"a": text, "b": [text]})) == {"a": text, "b": [text]}


class TestRefused:
    def test_keys_that_stand_twice(self) -> None:
        assert refused("a: 1\nb: {c: 1,\n  c: 2}\na: 3") == [
            "a.yaml:3: 'c' stands twice",
            "a.yaml:4: 'a' stands twice",
        ]

    def test_every_problem_at_once(self) -> None:
        assert [one.partition(": ")[0] for one in refused("a: yes\nb: 0x1\nc: ok\nd: 1_0")] == [
            "a.yaml:1",
            "a.yaml:2",
            "a.yaml:4",
        ]

    def test_a_bomb_of_aliases(self) -> None:
        bomb = "a: &a [x, x]\n" + "".join(
            f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        assert refused(bomb) == ["a.yaml:1: anchors and aliases are not read: write it out where it is needed"]
        assert refused("a: *nowhere")

    @pytest.mark.parametrize(
        "text",
        [
            "a: !!python/object/apply:os.system [ls]",
            "!!set {a, b}",
            "a: !secret x",
            "a: !!binary aGk=",
            "a: !!float 1",
            "a: !!str 1",
        ],
    )
    def test_tags(self, text: str) -> None:
        assert "tags such as " in refused(text)[0]

    @pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 50_000, "- " * 50_000, "[" * 61 + "]" * 61, "? " * 999])
    def test_nesting_without_end(self, text: str) -> None:
        assert refused(text)

    def test_but_not_as_deep_as_rules_go(self) -> None:
        assert value("[" * DEEPEST + "]" * DEEPEST)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1: a", "a.yaml:1: '1' is no name of a field: put it in quotes"),
            ("null: a", "a.yaml:1: 'null' is no name of a field: put it in quotes"),
            ("? [a]\n: b", "a.yaml:1: an object or a list is no name of a field"),
            ("a: 1\n---\nb: 1", "a.yaml:2: a second document: write one thing into a file"),
            ("", "a.yaml: is empty"),
            ("# nothing\n", "a.yaml: is empty"),
        ],
    )
    def test_other_things(self, text: str, said: str) -> None:
        assert refused(text) == [said]

    @pytest.mark.parametrize(
        "text", ["a: [1", "a: 'x", "a: b: c", "a:\n\tb: 1", "\x00", "a: \x07", "%YAML 9.9\n---\na: 1"]
    )
    def test_what_is_no_yaml(self, text: str) -> None:
        assert "not valid YAML" in refused(text)[0]

    def test_what_is_no_text_or_too_long(self) -> None:
        assert refused(b"a: \xff") == ["a.yaml: is not UTF-8: invalid start byte at byte 3"]
        assert refused("a: " + "x" * LARGEST) == [f"a.yaml: has {LARGEST + 3:,} bytes, at most {LARGEST:,} are read"]
        assert refused(r'a: "\ud800"')


def test_every_part_has_its_line() -> None:
    reading = read(b"# c\na: 1\nb:\n- x: 1\n  y: {z: [1,\n    2]}\n- 3\n", "a.yaml")
    assert [reading.line(path) for path in ("a", "b", "b[0].x", "b[0].y", "b[0].y.z[1]", "b[1]")] == [2, 4, 4, 5, 6, 7]
    assert [reading.line(path) for path in ("", "nowhere", "b[0].missing", "b[9].x")] == [2, 2, 4, 4]


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert value("\ufeffa: 1") == {"a": 1}


NUMBERS = st.integers() | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30)
ODD = st.sampled_from(
    [chr(code) for code in (9, 10, 13, 32, 0x85, 0xA0, 0x2028, 0xFEFF, 0x1F389)] + list("yno01.:-#'\"\\{}&*!")
)
TEXTS = st.lists(ODD, max_size=8).map("".join)
THINGS = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(TEXTS, THINGS, max_size=4))
def test_what_is_written_is_read_back_and_by_others_too(thing: dict[str, Any]) -> None:
    text = write(thing)
    assert shown(value(text)) == shown(thing)
    assert text == write(value(text))
    assert names(yaml.safe_load(text)) == names(thing)


def shown(thing: object) -> str:
    """A value to the digit; numbers have the form in which they are written."""
    return json.dumps(thing, default=lambda number: f"{number:f}" if "." in f"{number:f}" else int(number))


def names(thing: object) -> object:
    """A value without its numbers: other readers make floats of them."""
    if isinstance(thing, dict):
        return {key: names(below) for key, below in thing.items()}
    if isinstance(thing, list):
        return [names(below) for below in thing]
    return thing if isinstance(thing, str | bool | None) else "a number"
