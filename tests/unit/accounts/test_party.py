"""Postal addresses as one line (domain.md 9.0)."""

from __future__ import annotations

import pytest

from tallystick.accounts.party import Address


@pytest.mark.parametrize(
    ("address", "line"),
    [
        # The example of domain.md 9.0: billingAddress of POST /customers.
        (
            Address(line1="1 Main St", city="Florence", postal_code="29501", country="US"),
            "1 Main St, 29501, Florence, US",
        ),
        (
            Address(line1="a", line2="b", postal_code="c", city="d", state="e", country="f"),
            "a, b, c, d, e, f",
        ),
        (Address(phone_number="+1 555 0100", city="Pune"), "Pune"),
        (Address(line1="", city="Pune"), "Pune"),
        (Address(), ""),
    ],
)
def test_an_address_is_told_in_one_line_without_its_missing_parts(address: Address, line: str) -> None:
    assert address.one_line == line


def test_a_line_has_at_most_a_thousand_characters() -> None:
    assert Address(line1="x" * 999, city="yz").one_line == "x" * 999 + ","
