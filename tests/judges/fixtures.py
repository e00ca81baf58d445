"""The fixtures that the conformance suite asks for by name, laid over the handlers of our own server.

The suite is made for sample servers that have a tool for everything. Here those tools, resources and prompts stand
beside ours, so that what is judged is our transport, guard, authentication and way of erring.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

import mcp.types as wire
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged

from tallystick.agents.replies import refused
from tallystick.kernel.errors import BillingError, Kind, Problem
from tests.judges.blocks import PICTURE, PIXEL, SOUND, embedded, said, text
from tests.judges.questions import (
    CONTEXT,
    answer_to,
    answered_once,
    asked,
    asking_at_once,
    by_capabilities,
    elicitation,
    form,
    missing_capability,
    multi_round,
    sampled,
    with_state,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp.server import Server

    Context = Any
    Handler = Callable[[Context, Any], Awaitable[Any]]
    """Answers a request, or None where it is none of the fixtures'."""

# --- tools ---


def constant(*content: wire.ContentBlock) -> Handler:
    """A tool that always answers the same."""

    async def answer(_context: Context, _params: object) -> wire.CallToolResult:
        return said(*content)

    return answer


async def error_handling(_context: Context, _params: object) -> wire.CallToolResult:
    """An error, told as every tool of ours tells one."""
    failure = BillingError(Kind.INVALID, "invalid", Problem("", "This tool intentionally returns an error for testing"))
    return wire.CallToolResult(content=[text(refused(failure, "test_error_handling", {}).json)], is_error=True)


async def with_progress(context: Context, _params: object) -> wire.CallToolResult:
    """Three words of progress on the way."""
    for done in (0, 50, 100):
        await context.session.report_progress(done, 100)
    return said(text("Done"))


async def with_logging(context: Context, _params: object) -> wire.CallToolResult:
    """Three lines of a log on the way."""
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        logged = wire.LoggingMessageNotification(params=wire.LoggingMessageNotificationParams(level="info", data=line))
        await context.session.send_notification(logged, related_request_id=context.request_id)
    return said(text("Done"))


_PERSON: Final = {
    "name": {"type": "string", "default": "John Doe"},
    "age": {"type": "integer", "default": 30},
    "score": {"type": "number", "default": 95.5},
    "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
    "verified": {"type": "boolean", "default": True},
}
_ROOTS: Final = wire.ListRootsRequest()

TOOLS: Final[dict[str, Handler]] = {
    "test_simple_text": constant(text("This is a simple text response for testing.")),
    "test_image_content": constant(PICTURE),
    "test_audio_content": constant(SOUND),
    "test_embedded_resource": constant(embedded("test://embedded-resource", "text/plain", "An embedded resource.")),
    "test_multiple_content_types": constant(
        text("Multiple content types test:"),
        PICTURE,
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ),
    "test_error_handling": error_handling,
    "test_tool_with_progress": with_progress,
    "test_tool_with_logging": with_logging,
    "test_logging_tool": with_logging,
    "test_sampling": asking_at_once(sampled("Test prompt"), wire.CreateMessageResult),
    "test_elicitation": asking_at_once(form("Who are you?", username={"type": "string"}), wire.ElicitResult),
    "test_elicitation_sep1034_defaults": asking_at_once(form("Who are you?", **_PERSON), wire.ElicitResult),
    "test_elicitation_sep1330_enums": asking_at_once(
        form("Which one?", untitledSingle={"type": "string", "enum": ["option1", "option2", "option3"]}),
        wire.ElicitResult,
    ),
    "test_missing_capability": missing_capability,
    "test_streaming_elicitation": elicitation,
    "test_input_required_result_elicitation": elicitation,
    "test_input_required_result_sampling": answered_once(capital_question=sampled("What is the capital of France?")),
    "test_input_required_result_list_roots": answered_once(client_roots=_ROOTS),
    "test_input_required_result_multiple_inputs": answered_once(
        user_name=form("What is your name?", name={"type": "string"}),
        greeting=sampled("Generate a greeting"),
        client_roots=_ROOTS,
    ),
    "test_input_required_result_request_state": with_state,
    "test_input_required_result_tampered_state": with_state,
    "test_input_required_result_multi_round": multi_round,
    "test_input_required_result_capabilities": by_capabilities,
}


# --- resources ---

RESOURCES: Final[dict[str, wire.TextResourceContents | wire.BlobResourceContents]] = {
    "test://static-text": wire.TextResourceContents(
        uri="test://static-text", mime_type="text/plain", text="This is the content of the static text resource."
    ),
    "test://static-binary": wire.BlobResourceContents(uri="test://static-binary", mime_type="image/png", blob=PIXEL),
}
TEMPLATE: Final = "test://template/{id}/data"


async def resource(_context: Context, params: wire.ReadResourceRequestParams) -> wire.ReadResourceResult | None:
    """A fixture's content."""
    address = str(params.uri)
    before, _, after = TEMPLATE.partition("{id}")
    if address in RESOURCES:
        return wire.ReadResourceResult(contents=[RESOURCES[address]])
    if address.startswith(before) and address.endswith(after):
        name = address.removeprefix(before).removesuffix(after)
        words = f'{{"id":"{name}","templateTest":true,"data":"Data for ID: {name}"}}'
        found = wire.TextResourceContents(uri=address, mime_type="application/json", text=words)
        return wire.ReadResourceResult(contents=[found])
    return None


# --- prompts ---


def prompted(*content: wire.ContentBlock) -> wire.GetPromptResult:
    """A prompt of these blocks."""
    return wire.GetPromptResult(messages=[wire.PromptMessage(role="user", content=block) for block in content])


def simple_prompt(_params: wire.GetPromptRequestParams) -> wire.GetPromptResult:
    """A prompt without arguments."""
    return prompted(text("This is a simple prompt for testing."))


def prompt_with_arguments(params: wire.GetPromptRequestParams) -> wire.GetPromptResult:
    """A prompt with two."""
    given = params.arguments or {}
    return prompted(text(f"Prompt with arguments: arg1='{given['arg1']}', arg2='{given['arg2']}'"))


def prompt_with_resource(params: wire.GetPromptRequestParams) -> wire.GetPromptResult:
    """A prompt with a resource in it."""
    address = (params.arguments or {})["resourceUri"]
    content = embedded(address, "text/plain", "Embedded resource content for testing.")
    return prompted(content, text("Please process the embedded resource above."))


def prompt_with_image(_params: wire.GetPromptRequestParams) -> wire.GetPromptResult:
    """A prompt with a picture in it."""
    return prompted(PICTURE, text("Please analyze the image above."))


def prompt_that_asks(params: wire.GetPromptRequestParams) -> wire.GetPromptResult | wire.InputRequiredResult:
    """A prompt that asks the user first."""
    context = answer_to(CONTEXT, params)
    return asked(CONTEXT) if context is None else prompted(text(f"Use this context: {context}"))


PROMPTS: Final[dict[str, tuple[Callable[[wire.GetPromptRequestParams], Any], tuple[str, ...]]]] = {
    "test_simple_prompt": (simple_prompt, ()),
    "test_prompt_with_arguments": (prompt_with_arguments, ("arg1", "arg2")),
    "test_prompt_with_embedded_resource": (prompt_with_resource, ("resourceUri",)),
    "test_prompt_with_image": (prompt_with_image, ()),
    "test_input_required_result_prompt": (prompt_that_asks, ()),
}


async def prompt(_context: Context, params: wire.GetPromptRequestParams) -> object:
    """A fixture's prompt, filled."""
    return PROMPTS[params.name][0](params) if params.name in PROMPTS else None


async def completion(_context: Context, params: wire.CompleteRequestParams) -> wire.CompleteResult:
    """The words that begin as the argument does."""
    values = [word for word in ("paris", "park", "party", "test") if word.startswith(params.argument.value)]
    return wire.CompleteResult(completion=wire.Completion(values=values, total=len(values), has_more=False))


# --- all of them ---


def lay_over(server: Server[Any]) -> None:
    """Put the fixtures beside what a server has."""
    bus = InMemorySubscriptionBus()
    triggers = {
        "test_trigger_tool_change": publishing(bus, ToolsListChanged()),
        "test_trigger_prompt_change": publishing(bus, PromptsListChanged()),
    }
    tools = TOOLS | triggers

    async def call(context: Context, params: wire.CallToolRequestParams) -> object:
        return await tools[params.name](context, params) if params.name in tools else None

    for method, handler in (("tools/call", call), ("resources/read", resource), ("prompts/get", prompt)):
        _first(server, method, handler)
    _listed(server, "tools/list", "tools", [_tool(name) for name in tools])
    _listed(server, "prompts/list", "prompts", [_prompt(name) for name in PROMPTS])
    _listed(server, "resources/list", "resources", [wire.Resource(uri=uri, name=uri) for uri in RESOURCES])
    template = wire.ResourceTemplate(uri_template=TEMPLATE, name="template")
    _listed(server, "resources/templates/list", "resource_templates", [template])
    server.add_request_handler("completion/complete", wire.CompleteRequestParams, completion)
    server.add_request_handler("subscriptions/listen", wire.SubscriptionsListenRequestParams, ListenHandler(bus))
    security = RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience=server.name))


def publishing(bus: InMemorySubscriptionBus, event: ToolsListChanged | PromptsListChanged) -> Handler:
    """A tool that says to whoever listens that a list has changed."""

    async def publish(_context: Context, _params: object) -> wire.CallToolResult:
        await bus.publish(event)
        return said(text("Said"))

    return publish


def _first(server: Server[Any], method: str, handler: Handler) -> None:
    """Let the fixtures answer what is theirs, and the server all else."""
    ours = server.get_request_handler(method)
    assert ours is not None, method

    async def answer(context: Context, params: Any) -> Any:  # noqa: ANN401 - of any method
        return await handler(context, params) or await ours.handler(context, params)

    server.add_request_handler(method, ours.params_type, answer)


def _listed(server: Server[Any], method: str, field: str, fixtures: list[Any]) -> None:
    """List the fixtures behind what the server lists."""
    ours = server.get_request_handler(method)
    assert ours is not None, method

    async def answer(context: Context, params: Any) -> Any:  # noqa: ANN401 - of any method
        result = copy.copy(await ours.handler(context, params))
        setattr(result, field, [*getattr(result, field), *fixtures])
        return result

    server.add_request_handler(method, ours.params_type, answer)


def _tool(name: str) -> wire.Tool:
    return wire.Tool(name=name, description="A fixture of the suite", input_schema={"type": "object"})


def _prompt(name: str) -> wire.Prompt:
    arguments = [wire.PromptArgument(name=one, description="An argument", required=True) for one in PROMPTS[name][1]]
    return wire.Prompt(name=name, description="A fixture of the suite", arguments=arguments)
