"""What to do after an error: steps that an agent can follow literally, made of tools that its key can see.

A step that is a call reads `Call <tool> with {...}`. The JSON is what to send; a text of it in angle brackets is a
blank that the agent has to fill.
"""

from __future__ import annotations

import re
from ast import literal_eval
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tallystick.kernel.errors import BillingError

    Sent = Mapping[str, Any]

LONGEST_CALL: Final = 1000
"""Bytes of a call's arguments that a step repeats; of longer ones it only names the tool."""

_NOUNS: Final = {
    "customer": ("list-customers", {}),
    "account": ("list-accounts", {"customerId": "<id of its customer>"}),
    "invoice": ("list-invoices", {"accountId": "<id of its account>"}),
    "price plan": ("list-price-plans", {}),
    "usage meter": ("list-usage-meters", {"eventSchemaName": "<name of its event schema>"}),
    "event schema": ("list-event-schemas", {}),
}
"""What an error may say is not found, and the call that lists it."""

_TAKEN: Final = {
    "create-customer": ("get-customer", "customerId", "id"),
    "create-account": ("get-account", "accountId", "id"),
    "create-event-schema": ("list-event-schemas", "query", "name"),
}
"""The tool that shows what has the name already, which of its arguments takes that name, and where it was sent."""

_ANEW: Final = {"preview": True, "previewToken": None}
_BY_CODE: Final[Mapping[str, tuple[str, Sent]]] = {
    "preview_stale": ("Call {call} and look at the new effect", _ANEW),
    "preview_expired": ("Call {call} and look at the new effect", _ANEW),
    "preview_mismatch": ("Call {call} for a preview of these arguments, or pass exactly those of the preview", _ANEW),
    "preview_invalid": ("Call {call} and pass on the previewToken that it gives", _ANEW),
    "idempotency_mismatch": ("Call {call} if this is another thing to do", {"idempotencyKey": "<a new one>"}),
    "no_running_invoice": ("Do what the message says, then call {call}", {}),
    "rate_limited": ("Wait a minute, then call {call}", {}),
    "preview_used": ("Nothing is left to do: it was done when the preview was committed; do not do it again", {}),
    "insufficient_scope": ("Ask the person you work for to use an API key with this scope", {}),
}
"""What to do, and what changes of the arguments for it: None takes one out."""

_BY_KIND: Final = {
    Kind.INVALID: "Correct what the message names and call {call}; nothing was changed",
    Kind.NOT_FOUND: "Correct what the message names and call {call}",
    Kind.CONFLICT: "Read what is there now, then decide whether {tool} is still needed",
    Kind.UNPROCESSABLE: "Correct what the message names and call {call}; nothing was changed",
    Kind.UNSUPPORTED: "Send it as the message says",
    Kind.TOO_LARGE: "Call {tool} with less at a time",
    Kind.UNAVAILABLE: "Wait a second, then call {call}",
    Kind.LIMIT_EXCEEDED: "Wait a second, then call {call}",
    Kind.BROKEN: "Tell the person you work for: the server's log says what failed",
}
_NOT_FOUND: Final = re.compile(
    r"(?:^|[:;] )(customer|account|invoice|price plan|usage meter|event schema) "
    r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*") not found"""
)
_UNKNOWN: Final = re.compile(r"unknown field '([^']+)'(?:: did you mean '([^']+)')?")
_MISSING: Final = re.compile(r"required field '([^']+)' is missing")
_AT: Final = re.compile(r"([A-Za-z]\w*)((?:\.\w+|\[[^\]]*\])*): ")


def field_of(failure: BillingError, sent: bytes) -> str | None:
    """The argument at fault, as a path; None where no single one is."""
    message = failure.message
    found = _UNKNOWN.match(message) or _MISSING.match(message)
    if found is not None:
        return found[1]
    found = _AT.match(message)
    if found is not None:
        return found[1] + found[2]
    missing = _NOT_FOUND.match(message)
    return None if missing is None else _argument(_decoded(sent), literal_eval(missing[2]))


def steps_after(failure: BillingError, tool: str, tools: Collection[str], sent: bytes) -> list[str]:
    """What to do after a call of this tool with these arguments failed, most promising first."""
    arguments = _decoded(sent)
    found = [*_finding(failure.message, tool, tools, arguments), *_taken(failure, tool, tools, arguments)]
    if failure.code in _BY_CODE:
        text, changes = _BY_CODE[failure.code]
        return [*found, text.format(call=_call(tool, arguments, changes), tool=tool)]
    if found or failure.kind not in _BY_KIND:
        return found
    return [_BY_KIND[failure.kind].format(call=_call(tool, arguments, _corrections(failure, arguments)), tool=tool)]


def call_of(tool: str, arguments: Sent) -> str:
    """A call as steps write it."""
    return f"{tool} with {encode(arguments).decode()}"


def _call(tool: str, arguments: Sent | None, changes: Sent | None) -> str:
    """The same call with some arguments changed, or only a word for it where that would be long or unknown."""
    if arguments is None or changes is None:
        return f"{tool} again"
    changed = {name: value for name, value in {**arguments, **changes}.items() if value is not None}
    called = call_of(tool, changed)
    return called if len(called) <= LONGEST_CALL else f"{tool} again"


def _finding(message: str, tool: str, tools: Collection[str], arguments: Sent | None) -> Iterator[str]:
    """How to find what was not found, and to go on with it."""
    for noun, quoted in _NOT_FOUND.findall(message):
        name = literal_eval(quoted)
        lister, asked = _NOUNS[noun]
        if "search-billing" in tools and name:
            yield f"Call {call_of('search-billing', {'query': name})} and look for the {noun}"
        elif lister in tools and lister != tool:
            yield f"Call {call_of(lister, asked)} and look for the {noun}"
        argument = _argument(arguments, name)
        if argument is not None:
            yield f"Call {_call(tool, arguments, {argument: f'<id of the {noun} that was found>'})}"


def _taken(failure: BillingError, tool: str, tools: Collection[str], arguments: Sent | None) -> Iterator[str]:
    """How to look at what has the name already."""
    reader, argument, place = _TAKEN.get(tool, ("", "", ""))
    if failure.code == "conflict" and reader in tools and arguments is not None and place in arguments:
        called = call_of(reader, {argument: arguments[place]})
        yield f"Call {called} and go on with it if it is what you meant to create; otherwise choose another {place}"


def _corrections(failure: BillingError, arguments: Sent | None) -> Sent | None:
    """What to change of the arguments, where the problems say so; None where one lies deeper, or none is named."""
    changes: dict[str, Any] = {}
    for problem in map(str, failure.problems):
        unknown, missing, wrong = _UNKNOWN.match(problem), _MISSING.match(problem), _AT.match(problem)
        if unknown is not None:
            changes[unknown[1]] = None
            if unknown[2] is not None and arguments is not None:
                changes[unknown[2]] = arguments.get(unknown[2], arguments.get(unknown[1]))
        elif missing is not None:
            changes[missing[1]] = f"<{missing[1]}>"
        elif wrong is not None and not wrong[2]:
            changes[wrong[1]] = None if wrong[1] == "nextToken" else f"<{wrong[1]}, corrected>"
        else:
            return None
    return changes


def _argument(arguments: Sent | None, value: str) -> str | None:
    return next((name for name, sent in (arguments or {}).items() if sent == value), None)


def _decoded(sent: bytes) -> Sent | None:
    try:
        return decode(sent, dict[str, Any])
    except msgspec.MsgspecError:
        return None
