"""Add-ons: the name that one without a name gets (domain.md 11.1 b)."""

from __future__ import annotations

import pytest

from tallystick.catalog.addon import AddOnType


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (AddOnType.LICENSE, "License"),
        (AddOnType.NAMED_LICENSE, "Named license"),
        (AddOnType.FIXED_FEE, "Fixed fee"),
        (AddOnType.CREDIT_GRANT, "Credit grant"),
    ],
)
def test_each_type_has_a_plain_name(kind: AddOnType, name: str) -> None:
    assert kind.plain_name == name


def test_no_type_is_without_a_plain_name() -> None:
    assert len({kind.plain_name for kind in AddOnType}) == 4
