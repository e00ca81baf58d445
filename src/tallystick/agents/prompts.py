"""Prompts: tasks that a person may hand to an agent by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import mcp.types as wire
from mcp.shared.exceptions import MCPError

from tallystick.agents.replies import cleaned
from tallystick.kernel.document import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class Prompt:
    """A task with blanks: `arguments` are their names, what goes there, and whether it must."""

    name: str
    description: str
    arguments: tuple[tuple[str, str, bool], ...]
    text: str

    @property
    def described(self) -> wire.Prompt:
        """The prompt as lists show it."""
        arguments = [
            wire.PromptArgument(name=name, description=meaning, required=required)
            for name, meaning, required in self.arguments
        ]
        return wire.Prompt(name=self.name, description=self.description, arguments=arguments)


PROMPTS: Final = (
    Prompt(
        "investigate-invoice",
        "Find out why an invoice comes to what it does, line by line",
        (("invoiceId", "the invoice's id or number", True),),
        "Explain the invoice {invoiceId}. Read it with get-invoice (find its id with search-billing if this is its "
        "number). For each line of its largest amounts call explain-charge and check that quantity, tiers and amount "
        "agree. Look up surprising events with get-event. Compare with the invoice before it from list-invoices. "
        "Say in plain words what was used, how it was priced, what credits paid, and what looks unusual. "
        "Change nothing.",
    ),
    Prompt(
        "onboard-customer",
        "Create a customer, put a plan on its account, and check with a first event that it is billed",
        (("name", "the customer's name", True), ("plan", "the price plan's name or id", False)),
        "Onboard the customer {name}. Make sure with search-billing that it does not exist yet. Ask me for its id and "
        "e-mail address if I have not given them, and call create-customer. Find the price plan {plan} with "
        "list-price-plans; ask me if several fit. Preview it with assign-price-plan, show me the effect, and commit "
        "only when I agree. Send one event with ingest-events, read it with get-event, and show me the running "
        "invoice with preview-invoice.",
    ),
    Prompt(
        "month-end-close",
        "Go through the invoices of a month before and after they fall due",
        (("period", "the month, such as 2026-10", True),),
        "Close the month {period}. Page through list-customers and, for each account of list-accounts, through "
        "list-invoices to the end. List the invoices of that month that are still drafts with the day they fall due, "
        "those that are due, and those that come to nothing although the account sent usage (get-usage). Call "
        "explain-charge for what changed by more than half against the month before. Give me totals by currency as a "
        "table, and a list of what a person should look at. Change nothing.",
    ),
)


def filled(prompts: Sequence[Prompt], name: str, arguments: dict[str, str]) -> wire.GetPromptResult:
    """A prompt with its blanks filled.

    Raises:
        MCPError: of the code for invalid parameters, for an unknown prompt or argument, or one that is missing.
    """
    prompt = next((one for one in prompts if one.name == name), None)
    if prompt is None:
        raise MCPError(code=wire.INVALID_PARAMS, message=f"Unknown prompt: {name[:100]}")
    known = {argument: required for argument, _, required in prompt.arguments}
    missing = [argument for argument, required in known.items() if required and not arguments.get(argument)]
    unknown = [argument for argument in arguments if argument not in known]
    if missing or unknown:
        wrong = [f"{one} is missing" for one in missing] + [f"{one[:50]} is unknown" for one in unknown]
        raise MCPError(code=wire.INVALID_PARAMS, message=f"Prompt {name}: {', '.join(wrong)}")
    blanks = {one: _quoted(arguments[one]) if arguments.get(one) else "that I name" for one in known}
    content = wire.TextContent(type="text", text=prompt.text.format(**blanks))
    return wire.GetPromptResult(
        description=prompt.description, messages=[wire.PromptMessage(role="user", content=content)]
    )


def _quoted(text: str) -> str:
    """What somebody typed into a blank, as the JSON of a text: it cannot be taken for more of the task."""
    return cleaned(encode(text[:_LONGEST]).decode())
