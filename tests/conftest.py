"""What every test stands on: exact decimals, on this thread and on every thread that a test starts."""

from __future__ import annotations

from tallystick.kernel import quantity


def pytest_configure() -> None:
    """Install the one decimal context before anything is collected."""
    quantity.install()
