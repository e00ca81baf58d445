"""Fixtures that ask: the user a question, the client's model another, or for its roots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import mcp.types as wire
from mcp.shared.exceptions import MCPError

from tests.judges.blocks import said, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    Context = Any
    Handler = Callable[[Context, Any], Awaitable[Any]]
    """Answers a request."""

NAME: Final = ("user_name", "What is your name?", "name", "string")
CONFIRMATION: Final = ("confirm", "Please confirm", "ok", "boolean")
STEPS: Final = (
    ("step1", "Step 1: What is your name?", "name", "string"),
    ("step2", "Step 2: What is your favorite color?", "color", "string"),
)
CONTEXT: Final = ("user_context", "What context should the prompt use?", "context", "string")


def form(message: str, **properties: Mapping[str, Any]) -> wire.ElicitRequest:
    """A question to the user."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return wire.ElicitRequest(params=wire.ElicitRequestFormParams(message=message, requested_schema=schema))


def sampled(question: str) -> wire.CreateMessageRequest:
    """A question to the client's model."""
    message = wire.SamplingMessage(role="user", content=text(question))
    return wire.CreateMessageRequest(params=wire.CreateMessageRequestParams(messages=[message], max_tokens=100))


def asked(question: tuple[str, str, str, str], state: str | None = None) -> wire.InputRequiredResult:
    """That a question has to be answered before a call can be done."""
    key, message, field, kind = question
    return wire.InputRequiredResult(input_requests={key: form(message, **{field: {"type": kind}})}, request_state=state)


def answer_to(question: tuple[str, str, str, str], params: wire.InputResponseRequestParams) -> object:
    """What the user answered, or None."""
    key, _, field, _ = question
    given = (params.input_responses or {}).get(key)
    return (given.content or {}).get(field) if isinstance(given, wire.ElicitResult) else None


def asking_at_once(request: wire.ElicitRequest | wire.CreateMessageRequest, result: type[wire.Result]) -> Handler:
    """A tool that asks the client in the middle of a call, as it was done before the revision of 2026."""

    async def answer(context: Context, _params: object) -> wire.CallToolResult:
        return said(text(str(await context.session.send_request(request, result))))

    return answer


async def missing_capability(context: Context, _params: object) -> wire.CallToolResult:
    """Needs a client with a model to ask."""
    needed = wire.ClientCapabilities(sampling=wire.SamplingCapability())
    if not context.session.check_client_capability(needed):
        data = wire.MissingRequiredClientCapabilityErrorData(required_capabilities=needed)
        shown = data.model_dump(by_alias=True, exclude_none=True)
        raise MCPError(wire.MISSING_REQUIRED_CLIENT_CAPABILITY, "This needs sampling", shown)
    return said(text("The client has a model"))


async def elicitation(_context: Context, params: wire.CallToolRequestParams) -> object:
    """Asks for a name, and greets."""
    name = answer_to(NAME, params)
    return asked(NAME) if name is None else said(text(f"Hello, {name}!"))


def answered_once(**requests: Any) -> Handler:  # noqa: ANN401 - any request to a client
    """A tool that needs answers to all of these, in one round; several come with a state."""
    state = "asked" if len(requests) > 1 else None

    async def answer(_context: Context, params: wire.CallToolRequestParams) -> object:
        given = params.input_responses or {}
        if not requests.keys() <= given.keys() or params.request_state != state:
            return wire.InputRequiredResult(input_requests=requests, request_state=state)
        return said(text("; ".join(given[key].model_dump_json(exclude_none=True) for key in requests)))

    return answer


async def with_state(_context: Context, params: wire.CallToolRequestParams) -> object:
    """Asks to confirm, and goes by the state that comes back with the answer."""
    if answer_to(CONFIRMATION, params) is None or params.request_state != "asked":
        return asked(CONFIRMATION, "asked")
    return said(text("state-ok"))


async def multi_round(_context: Context, params: wire.CallToolRequestParams) -> object:
    """Asks twice; the state is the answer to the first question."""
    first, second = STEPS
    if params.request_state is None:
        return asked(first, "")
    if params.request_state == "":
        return asked(second, f"{answer_to(first, params)}")
    return said(text(f"{params.request_state} likes {answer_to(second, params)}"))


async def by_capabilities(context: Context, _params: object) -> object:
    """Asks only for what the client says that it can do."""
    can = context.session.client_capabilities or wire.ClientCapabilities()
    requests: dict[str, Any] = {}
    if can.elicitation is not None:
        requests["user_name"] = form("What is your name?", name={"type": "string"})
    if can.sampling is not None:
        requests["greeting"] = sampled("Generate a greeting")
    return wire.InputRequiredResult(input_requests=requests, request_state="asked")
