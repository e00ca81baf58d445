"""What every test stands on: exact decimals on every thread, and properties that hold on a busy machine."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tallystick.kernel import quantity


def pytest_configure() -> None:
    """Install the one decimal context before anything is collected; no example has to be done by a time."""
    quantity.install()
    settings.register_profile(
        "without a clock", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("without a clock")
