"""Documents: exact numbers in JSON, camelCase, refusals that name the field (issue text, section 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.document import Document, Draft, decode, encode


class Rate(Document, frozen=True, kw_only=True):
    start_after: Decimal
    rate: Decimal
    remark: str | None = None


class RateDraft(Draft, frozen=True, kw_only=True):
    start_after: Decimal = Decimal(0)
    rate: Decimal


LONG = b"0.1234567890123456789012345"


def test_a_number_travels_exactly() -> None:
    assert encode(decode(LONG, Decimal)) == LONG
    assert encode(decode(b'{"startAfter":0,"rate":' + LONG + b"}", Rate)) == (b'{"startAfter":0,"rate":' + LONG + b"}")


def test_a_number_without_a_declared_type_travels_exactly_too() -> None:
    text = b'{"rate":' + LONG + b',"rates":[1e400,7,12345678901234567890123]}'
    assert decode(text, dict[str, Any]) == {
        "rate": Decimal(LONG.decode()),
        "rates": [Decimal("1E+400"), 7, 12345678901234567890123],
    }


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_any_decimal_comes_back_as_it_went(number: Decimal) -> None:
    assert decode(encode(number), Decimal) == number


def test_fields_are_camel_case_and_defaults_are_left_out() -> None:
    rate = Rate(start_after=Decimal(100), rate=Decimal("0.5"))
    assert encode(rate) == b'{"startAfter":100,"rate":0.5}'
    assert decode(encode(rate), Rate) == rate
    assert decode('{"startAfter":100,"rate":0.5,"later":1}', Rate) == rate


@pytest.mark.parametrize(
    "text", [b"NaN", b"-Infinity", b"1.", b"{", b"", b'"\xff"', b'{"\xed\xa0\x80":1}', b"[" * 100_000]
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError, match=r"malformed|truncated"):
        decode(text, Any)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('{"rate":1,"rat":2}', "Object contains unknown field `rat`"),
        ('{"startAfter":1}', "Object missing required field `rate`"),
        ('{"rate":true}', "Expected `decimal`, got `bool` - at `$.rate`"),
        ('{"rate":"NaN"}', "`rate` is NaN, expected a number between 1e-100 and 1e100"),
        ('{"rate":1,"startAfter":1e101}', "`startAfter` is 1E+101, expected a number"),
        ('{"rate":-1e-101}', "`rate` is -1E-101, expected a number"),
    ],
)
def test_a_draft_names_what_it_cannot_take(body: str, message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        decode(body, RateDraft)
    assert message in str(refused.value)


def test_a_refusal_inside_a_list_carries_the_path() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"`rate` is NaN.* - at `\$\[1\]`"):
        decode('[{"rate":1},{"rate":"NaN"}]', list[RateDraft])


def test_a_number_beyond_any_exponent_is_refused_typed_or_not() -> None:
    for kind in (Decimal, dict[str, Any], RateDraft):
        with pytest.raises(msgspec.ValidationError):
            decode(b'{"rate":1e99999999999999999999}', kind)


def test_documents_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Rate(start_after=Decimal(0), rate=Decimal(1)).rate = Decimal(2)  # type: ignore[misc]
