"""Exact decimals: what is let in, what fits the store (domain.md 1.9, design section 4)."""

from __future__ import annotations

import decimal
import threading
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING

import pytest

from tallystick.kernel.quantity import from_text, install, is_tame, plain, spelled, written_out

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize(
    "text", ["0", "-1", "007", "12.50", "0.1234567890123456789012345", "9" * 512, f"0.{'0' * 511}1"]
)
def test_plain_digits_are_a_number(text: str) -> None:
    assert from_text(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "1\n", "+1", "--1", ".5", "5.", "1,000", "1_000", "0x10", "1e3", "1E400",
        "NaN", "Infinity", "sNaN", "\u0663", "\uff11", "\u00b2", "\u22121",
        "9" * 513, f"0.{'1' * 513}", "1e999999999",
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal number"):
        from_text(text)


def test_a_refusal_does_not_repeat_a_long_text() -> None:
    with pytest.raises(ValueError, match="not a plain") as refused:
        from_text("x" * 100_000)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("number", "text"),
    [("2.50", "2.5"), ("1E+2", "100"), ("-0", "0"), ("0.00", "0"), ("-7.10", "-7.1"), ("1E+9", "1000000000")],
)  # fmt: skip
def test_the_shortest_form_has_no_exponent(number: str, text: str) -> None:
    assert str(plain(Decimal(number))) == text


@pytest.mark.parametrize(
    ("number", "tame"),
    [
        ("1E+100", True), ("1E+101", False), ("1E-100", True), ("1E-101", False), ("0", True),
        ("1E+999999", False), ("0E+999999", False), ("NaN", False), ("sNaN", False), ("-Infinity", False),
        ("9" * 100 + "." + "9" * 100, True), ("0." + "9" * 101, False),
    ],
)  # fmt: skip
def test_a_number_is_tame_when_it_can_be_calculated_with(number: str, *, tame: bool) -> None:
    assert is_tame(Decimal(number)) is tame


@pytest.fixture
def _as_found() -> Iterator[None]:
    """Put the defaults of new threads back after a test that installs the exact context."""
    default = decimal.DefaultContext
    before = (default.prec, default.rounding, default.Emin, default.Emax, dict(default.traps))
    with localcontext():
        yield
    default.prec, default.rounding, default.Emin, default.Emax, default.traps = before


@pytest.mark.usefixtures("_as_found")
def test_installing_makes_this_thread_and_later_ones_exact() -> None:
    install()
    sums: list[Decimal] = []
    thread = threading.Thread(target=lambda: sums.append(Decimal("1E+50") + Decimal("1E-50")))
    thread.start()
    thread.join()
    assert sums == [Decimal("1E+50") + Decimal("1E-50")]
    assert len(sums[0].as_tuple().digits) == 101
    with pytest.raises(decimal.FloatOperation):
        Decimal(0.1)  # noqa: RUF032 - the float is the point


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("007", "007"),
        ("25e-4", "0.0025"),
        ("1.5E+3", "1500"),
        ("0e999", "0"),
        ("9" * 512, "9" * 512),
        ("9" * 513, None),
        ("1e511", "1" + "0" * 511),
        ("1e512", None),
        ("1e-512", "0." + "0" * 511 + "1"),
        ("1e-513", None),
        ("1e99999", None),
        ("", None),
        ("+1", None),
        (".5", None),
        ("1.", None),
        (" 1", None),
        ("1\n", None),
        ("1_0", None),
        ("NaN", None),
        ("\N{ARABIC-INDIC DIGIT ONE}", None),
    ],
)
def test_a_number_is_written_out_without_an_exponent_and_without_losing_a_digit(text: str, digits: str | None) -> None:
    assert written_out(text) == digits


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("1E+30", "1" + "0" * 30),
        ("-2.5E+3", "-2500"),
        ("1E-8", "0.00000001"),
        ("1.50", "1.50"),
        ("0", "0"),
        ("1E+39", "1" + "0" * 39),
        ("1E+40", "1" + "0" * 39 + "..."),
        ("-1E-40", "-0." + "0" * 37 + "..."),
        ("1E+999", "1E+999"),
        ("NaN", "NaN"),
    ],
)
def test_messages_show_plain_digits_as_far_as_they_are_short(number: str, text: str) -> None:
    assert spelled(Decimal(number)) == text
