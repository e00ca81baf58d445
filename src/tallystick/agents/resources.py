"""Resources: what a host may read into a conversation, by address. Each has a tool that answers the same."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import mcp.types as wire

from tallystick.agents.replies import answered
from tallystick.engine.engine import Request
from tallystick.kernel.document import encode
from tallystick.kernel.errors import BillingError, Kind
from tallystick.operations import accounts, credits, customers, event_schemas, invoices, price_plans  # noqa: A004 - the noun

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tallystick.engine import Caller
    from tallystick.workers.running import Workers

JSON: Final = "application/json"
MARKDOWN: Final = "text/markdown"
_TEXTS: Final = files("tallystick.agents") / "texts"
_OK: Final = 200


class UnknownResourceError(Exception):
    """There is no resource at an address."""


@dataclass(frozen=True, slots=True)
class Template:
    """Resources of one noun: their addresses, and the operation that reads one."""

    name: str
    address: str
    description: str
    operation: Callable[..., Any]
    parameter: str

    def named(self, address: str) -> str | None:
        """The id in an address of this form, or None."""
        before, _, after = self.address.partition("{")
        pattern = re.escape(before) + "([^/]+)" + re.escape(after.partition("}")[2])
        found = re.fullmatch(pattern, address)
        return None if found is None else unquote(found[1])


TEMPLATES: Final = (
    Template("customer", "billing://customers/{customerId}", "A customer", customers.get_customer, "customer_id"),
    Template("account", "billing://accounts/{accountId}", "An account", accounts.get_account, "account_id"),
    Template(
        "balance",
        "billing://accounts/{accountId}/balance",
        "What an account has been granted, has left, and has free",
        credits.get_credit_balance,
        "account_id",
    ),
    Template(
        "invoice", "billing://invoices/{invoiceId}", "An invoice with its lines", invoices.get_invoice, "invoice_id"
    ),
    Template(
        "price-plan",
        "billing://price-plans/{pricePlanId}",
        "A price plan with its rate cards",
        price_plans.get_price_plan,
        "price_plan_id",
    ),
    Template(
        "event-schema",
        "billing://event-schemas/{eventSchemaName}",
        "An event schema",
        event_schemas.get_event_schema,
        "event_schema_name",
    ),
)
DOCS: Final = {
    "billing://docs/glossary": ("glossary", "The words of metering and billing, as used here"),
    "billing://docs/errors": ("errors", "What goes wrong, with which code, and what to do"),
    "billing://docs/pricing-model": ("pricing-model", "How a price plan is written, with an example of each price"),
}


class Resources:
    """The resources of an engine; without one, the documentation alone."""

    def __init__(self, workers: Workers | None) -> None:
        self._workers = workers

    def listed(self) -> list[wire.Resource]:
        """The resources that have one address."""
        return [
            wire.Resource(uri=address, name=name, description=description, mime_type=MARKDOWN)
            for address, (name, description) in DOCS.items()
        ]

    def templates(self) -> list[wire.ResourceTemplate]:
        """The forms of address of all others."""
        if self._workers is None:
            return []
        return [
            wire.ResourceTemplate(uri_template=one.address, name=one.name, description=one.description, mime_type=JSON)
            for one in TEMPLATES
        ]

    def read(self, caller: Caller, address: str) -> tuple[str, str]:
        """The text of a resource, and of which kind it is.

        Raises:
            UnknownResourceError: when there is nothing at this address that the caller may read.
        """
        if address in DOCS:
            return (_TEXTS / f"{DOCS[address][0]}.md").read_text(), MARKDOWN
        for template in TEMPLATES if self._workers is not None else ():
            name = template.named(address)
            if name is not None:
                return self._answer(caller, template, name), JSON
        raise UnknownResourceError(f"Resource not found: {address[:200]}")

    def _answer(self, caller: Caller, template: Template, name: str) -> str:
        assert self._workers is not None, "templates are offered only with an engine"
        request = Request(template.operation, {template.parameter: name})
        try:
            answer = self._workers.answer(caller, request, lambda value: (_OK, encode(value)))
        except BillingError as refused:
            if refused.kind in {Kind.NOT_FOUND, Kind.FORBIDDEN, Kind.UNPROCESSABLE, Kind.INVALID}:
                raise UnknownResourceError(f"Resource not found: {refused.message}") from None
            raise
        return answered(answer.body).json
