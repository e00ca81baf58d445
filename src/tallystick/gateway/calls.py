"""What each operation of the capability asks of a Togai-compatible API (domain.md 11.2).

Bodies go through as the JSON they came as, field by field, so that no number is read on its way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from tallystick.kernel.document import encode
from tallystick.kernel.shapes import object_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Fields = dict[str, msgspec.Raw]

GET: Final = "GET"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the upstream."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None

    @property
    def is_safe(self) -> bool:
        """Whether asking twice does no harm."""
        return self.method == GET


@dataclass(frozen=True, slots=True)
class Call:
    """How an operation is asked of the upstream.

    `parameter` is the name in the capability's path; where the upstream has no such path, it becomes the query's
    `filter`. `owner` is the path that says whether it exists at all: an empty list is looked into, never passed on.
    """

    method: str
    path: str
    parameter: str | None = None
    filter: str | None = None
    owner: str | None = None
    body: Callable[[Fields, str], object] | None = None
    answer: Callable[[bytes], bytes] | None = None

    def asked(self, name: str, query: Mapping[str, str], sent: bytes) -> Asked:
        """The request for what the path names, with this query and this body.

        Raises:
            BillingError: of kind INVALID, when a body that has to be rearranged is no JSON object.
        """
        path = self.path.replace("{}", quote(name, safe=""))
        filters = {} if self.filter is None else {self.filter: name}
        if self.method == GET:
            return Asked(self.method, path, {**query, **filters})
        body = sent if self.body is None else encode(self.body(object_fields(sent or b"null"), name))
        return Asked(self.method, path, query, body)

    def proof(self, name: str) -> Asked | None:
        """The request that says whether what the path names exists."""
        return None if self.owner is None else Asked(GET, self.owner.replace("{}", quote(name, safe="")), {})


def _customer(fields: Fields, _name: str) -> object:
    """Togai wants an address, of which every part is optional."""
    return {"address": {}, **fields}


def _account(fields: Fields, customer_id: str) -> object:
    return {**fields, "customerId": customer_id}


def _credit(fields: Fields, account_id: str) -> object:
    """Togai grants credits in lists, each with a purpose and a priority, and calls their end effectiveUntil."""
    renamed = {"effectiveUntil" if name == "effectiveTo" else name: value for name, value in fields.items()}
    request = {"purpose": "Credit grant", "priority": 1, **renamed, "accountId": account_id}
    return {"creditRequests": [request]}


def _granted(answer: bytes) -> bytes:
    """The one credit of the list."""
    credits_of = msgspec.json.decode(answer, type=_Granted).credits
    return bytes(credits_of[0]) if len(credits_of) == 1 else answer


class _Granted(msgspec.Struct):
    credits: list[msgspec.Raw] = []


CALLS: Final = {
    "list-customers": Call(GET, "/customers"),
    "create-customer": Call("POST", "/customers", body=_customer),
    "get-customer": Call(GET, "/customers/{}", "customerId"),
    "list-accounts": Call(GET, "/accounts", "customerId", filter="customer_id", owner="/customers/{}"),
    "create-account": Call("POST", "/accounts", "customerId", body=_account),
    "ingest-events": Call("POST", "/ingestBatch"),
    "list-price-plans": Call(GET, "/price_plans"),
    "create-price-plan": Call("POST", "/price_plans"),
    "list-invoices": Call(GET, "/invoices", "accountId", filter="owner_id", owner="/accounts/{}"),
    "list-credits": Call(GET, "/credits", "accountId", filter="account_id", owner="/accounts/{}"),
    "grant-credit": Call("POST", "/credits", "accountId", body=_credit, answer=_granted),
    "list-usage-meters": Call(
        GET, "/usage_meters", "eventSchemaName", filter="event_schema_name", owner="/event_schema/{}"
    ),
}
