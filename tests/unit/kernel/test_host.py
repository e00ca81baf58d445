"""To which hosts a secret would travel in clear."""

from __future__ import annotations

import pytest

from tallystick.kernel.host import in_clear


@pytest.mark.parametrize(
    ("scheme", "host", "is_so"),
    [
        ("http", "billing.example.com", True),
        ("http", "10.0.0.1", True),
        ("http", "localhost.example.com", True),
        ("http", None, True),
        ("http", "localhost", False),
        ("http", "127.0.0.1", False),
        ("http", "::1", False),
        ("https", "billing.example.com", False),
    ],
)
def test_a_secret_is_read_on_the_way_over_http_to_another_machine(
    scheme: str, host: str | None, *, is_so: bool
) -> None:
    assert in_clear(scheme, host) == is_so
