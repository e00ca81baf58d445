"""Where a caller's key stands in a request."""

from __future__ import annotations

import pytest

from tallystick.kernel.credential import credential_in


@pytest.mark.parametrize(
    ("headers", "credential"),
    [
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer  a "}, "a"),
        ({"authorization": "BEARER a", "x-api-key": "b"}, "a"),
        ({"authorization": "Basic a", "x-api-key": "b"}, "b"),
        ({"x-api-key": "b"}, "b"),
        ({"authorization": "a"}, None),
        ({}, None),
    ],
)
def test_a_bearer_goes_before_the_other_header(headers: dict[str, str], credential: str | None) -> None:
    assert credential_in(headers) == credential
