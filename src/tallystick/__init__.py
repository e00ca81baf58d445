"""Tallystick: usage-based metering and billing that you host yourself."""
