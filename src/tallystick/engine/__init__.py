"""The composition root: settings become an engine, and every door runs its operations through it."""

from __future__ import annotations

from tallystick.engine.engine import Answer, Engine
from tallystick.engine.gatekeeper import Caller
from tallystick.engine.settings import Settings

__all__ = ["Answer", "Caller", "Engine", "Settings"]
