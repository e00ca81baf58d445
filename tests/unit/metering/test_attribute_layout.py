"""How the attributes of many events are read at once."""

from __future__ import annotations

import msgspec
import pyarrow as pa
import pytest

from tallystick.metering.attribute_layout import AttributeLayout
from tallystick.metering.event import Attribute


def written(*attributes: tuple[str, str] | tuple[str, str, str]) -> str:
    return msgspec.json.encode([Attribute(*one) for one in attributes]).decode()


def digits(learnt: str, *documents: str) -> tuple[list[bool], dict[str, list[str | None]]]:
    layout = AttributeLayout.of(learnt)
    assert layout is not None
    found, columns = layout.digits(pa.array(documents))
    return found.tolist(), {name: column.to_pylist() for name, column in columns.items()}


def test_the_digits_of_those_that_are_written_alike() -> None:
    alike = written(("bytes", "1"), ("a.b (c)*", "-2.50", "s"))
    others = [
        written(("bytes", "1"), ("a.b (c)*", "2")),
        written(("bytes", "1")),
        written(("a.b (c)*", "2", "s"), ("bytes", "1")),
        "[]",
        alike + alike,
        "x" + alike,
    ]
    found, columns = digits(alike, written(("bytes", "007"), ("a.b (c)*", "3", "s")), *others)
    assert found == [True] + [False] * len(others)
    assert (columns["bytes"][0], columns["a.b (c)*"][0]) == ("007", "3")


def test_the_last_of_two_equal_names_counts() -> None:
    twice = written(("bytes", "1"), ("bytes", "2"))
    assert digits(twice, twice) == ([True], {"bytes": ["2"]})


def test_no_attributes_are_a_way_of_writing_too() -> None:
    assert digits("[]", "[]", written(("bytes", "1"))) == ([True, False], {})


@pytest.mark.parametrize("name", ['"value":"', "a\\b", 'x","value":"1'])
def test_names_that_are_escaped_are_left_to_a_decoder(name: str) -> None:
    assert AttributeLayout.of(written((name, "1"))) is None


def test_a_name_may_be_value() -> None:
    assert digits(written(("value", "1")), written(("value", "23"))) == ([True], {"value": ["23"]})
