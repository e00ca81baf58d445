"""What to do after an error: steps that an agent can follow literally, made of tools that its key can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.kernel.document import encode
from tallystick.kernel.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tallystick.kernel.errors import BillingError

_NOUNS: Final = {
    "customer": ("customerId", "list-customers"),
    "account": ("accountId", "list-accounts"),
    "invoice": ("invoiceId", "list-invoices"),
    "price plan": ("pricePlanId", "list-price-plans"),
    "usage meter": ("usageMeterId", "list-usage-meters"),
    "event schema": ("eventSchemaName", "list-event-schemas"),
}
"""What an error may say is not found: the argument that names it, and the tool that lists it."""

_BY_CODE: Final = {
    "preview_stale": "Call {tool} with the same arguments and preview true, and look at the new effect",
    "preview_expired": "Call {tool} with the same arguments and preview true, and look at the new effect",
    "preview_used": "Nothing: it was done when the preview was committed; do not do it again",
    "preview_mismatch": "Call {tool} with exactly the arguments of the preview, or without previewToken for a new one",
    "preview_invalid": "Call {tool} without previewToken, and pass on the one that the preview gives",
    "insufficient_scope": "Ask the person you work for to use an API key with this scope",
    "rate_limited": "Wait a minute, then send the same call again",
    "unknown_resource": "Call search-billing for its id",
}
_BY_KIND: Final = {
    Kind.INVALID: "Correct what the message names and call {tool} again; nothing was changed",
    Kind.CONFLICT: "Read what is there now, then decide whether {tool} is still needed",
    Kind.UNPROCESSABLE: "Correct what the message names and call {tool} again; nothing was changed",
    Kind.TOO_LARGE: "Call {tool} with less at a time",
    Kind.UNAVAILABLE: "Wait a second, then send the same call again with the same idempotencyKey",
    Kind.LIMIT_EXCEEDED: "Wait a second, then send the same call again",
    Kind.BROKEN: "Tell the person you work for: the server's log says what failed",
}


def steps_after(failure: BillingError, tool: str, tools: Collection[str]) -> list[str]:
    """What to do after a call of this tool failed, most promising first."""
    return [*_finding(failure.message, tools), *_general(failure, tool)]


def _finding(message: str, tools: Collection[str]) -> Iterator[str]:
    """How to find what was not found."""
    for noun, (argument, lister) in _NOUNS.items():
        before, found, after = message.partition(f"{noun} '")
        name, _, rest = after.partition("'")
        if not found or not rest.startswith(" not found") or before.endswith("event ") != noun.startswith("event"):
            continue
        if "search-billing" in tools:
            yield f"Call search-billing with {encode({'query': name}).decode()} and use the id of a hit as {argument}"
        if lister in tools:
            yield f"Call {lister} to see what there is"


def _general(failure: BillingError, tool: str) -> Iterator[str]:
    step = _BY_CODE.get(failure.code) or _BY_KIND.get(failure.kind)
    if step is not None:
        yield step.format(tool=tool)
