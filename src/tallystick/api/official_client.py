"""What the official Python client cannot parse, and the way out (domain.md 12).

It is recognised by its User-Agent; everybody else gets the honest answer.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.catalog.usage_meter import UsageMeterAnswer
from tallystick.invoicing.invoice import Invoice, InvoiceMetadata
from tallystick.metering.event_view import EventList
from tallystick.operations.answers import Listed
from tallystick.operations.corrections import CorrectionList

if TYPE_CHECKING:
    from starlette.requests import Request

_USER_AGENT: Final = "OpenAPI-Generator/"
NOTHING: Final = object()
"""Stands for an answer without a body, status 204: the client returns None for it."""


def is_official_client(request: Request) -> bool:
    """Whether the official Python client sent a request."""
    agent = request.headers.get("user-agent", "")
    return agent.startswith(_USER_AGENT) and agent.endswith("/python")


@singledispatch
def parseable(value: Any) -> Any:  # noqa: ANN401 - any answer
    """The answer as the official client can parse it."""
    return value


@parseable.register
def _(value: Invoice) -> Invoice:
    # A line needs at least one line below it, for ever: no finite tree satisfies the client.
    kept = InvoiceMetadata(usage_info=value.usage_info, revenue_info=value.revenue_info)
    return msgspec.structs.replace(value, usage_info=None, revenue_info=None, metadata=kept)


@parseable.register
def _(value: UsageMeterAnswer) -> UsageMeterAnswer:
    return msgspec.structs.replace(value, computations=value.computations[:1])


@parseable.register(Listed)
def _(value: Listed[Any]) -> Listed[Any]:
    return msgspec.structs.replace(value, data=[parseable(item) for item in value.data])


@parseable.register
def _(value: EventList) -> object:
    return value if value.events else NOTHING


@parseable.register
def _(value: CorrectionList) -> object:
    return value if value.data else NOTHING
