"""An operation's answer as HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from tallystick.engine import Answer


def response_of(answer: Answer) -> Response:
    """An operation's answer as HTTP."""
    headers = {}
    if answer.as_of is not None:
        headers["Tallystick-Usage-As-Of"] = answer.as_of.isoformat()
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    media_type = "application/json" if answer.body else None
    return Response(answer.body, answer.status, headers, media_type)
