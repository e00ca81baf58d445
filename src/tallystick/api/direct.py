"""What an application serves directly: it gets the fields of a request's head and its body, and answers when it can."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.responses import Response

    from tallystick.engine import Caller

    DirectEndpoint: TypeAlias = Callable[[Mapping[bytes, bytes], bytes, Callable[[Response], None]], bool]
    """Answers by the function that it is given, at once or later, or says False: serve it as any other request."""

    DirectTake: TypeAlias = Callable[[bytes, Caller, Callable[[Response | BaseException], None]], None]
    """Takes what a known caller sends, and later tells the answer, or why there is none; raises when it refuses."""
