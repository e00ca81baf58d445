"""The capability's own operations: the same use cases as the Togai routes, seen from a customer or an account.

What a path names must exist: an unknown customer, account or schema is not found, and never an empty list.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from tallystick.accounts.account import Account, AccountDraft, FirstAccountDraft
from tallystick.catalog.usage_meter import UsageMeterAnswer
from tallystick.credits.credit import Credit, CreditRequest, CreditRequests, Priority, Purpose, Reference
from tallystick.invoicing.invoice import InvoiceSummary
from tallystick.kernel.document import Draft
from tallystick.kernel.errors import BillingError, invalid
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.scope import Scope
from tallystick.operations import accounts, credits, customers, event_schemas, invoices, togai_meters
from tallystick.operations.answers import Listed
from tallystick.operations.work import Work, command, event_query, needs, query

T = TypeVar("T", bound=msgspec.Struct)


class OwnedAccountDraft(FirstAccountDraft, frozen=True, kw_only=True):
    """What `POST /v1/customers/{customerId}/accounts` takes; the path says whose account it is."""

    customer_id: str | None = None


class CreditGrant(Draft, frozen=True, kw_only=True):
    """What `POST /v1/accounts/{accountId}/credits` takes: an amount in the account's currency, and since when.

    `effectiveTo` is the capability's word for `effectiveUntil`.
    """

    credit_amount: Decimal
    effective_from: date
    effective_until: date | None = None
    effective_to: date | None = None
    purpose: Purpose = "Credit grant"
    priority: Priority = 1
    applicable_entity_ids: Annotated[list[Reference], Meta(max_length=100)] = []
    grantor_id: Reference | None = None
    idempotency_key: Reference | None = None


@query
def list_accounts(work: Work, customer_id: str, page: PageRequest) -> Listed[Account]:
    """Page through the accounts of a customer."""
    customers.get_customer(work, customer_id)
    return accounts.list_accounts(work, page, customer_id=customer_id)


@command
def create_account(work: Work, customer_id: str, draft: OwnedAccountDraft) -> Account:
    """Open another account under a customer."""
    if draft.customer_id not in {None, customer_id}:
        raise invalid("customerId", f"is {draft.customer_id!r}, the path says {customer_id!r}: send one of them")
    customers.get_customer(work, customer_id)
    return accounts.create_account(work, _as(AccountDraft, draft, customer_id=customer_id))


@event_query
def list_invoices(work: Work, account_id: str, page: PageRequest) -> Listed[InvoiceSummary]:
    """Page through an account's invoices: the running draft, other drafts, then frozen ones, newest cycle first."""
    accounts.live_account(work, account_id)
    records, token = work.state.invoices.page_of_account(page, account_id, work.now)
    return Listed(data=invoices.summaries(work, records), next_token=token)


@event_query
def list_credits(work: Work, account_id: str, page: PageRequest) -> Listed[Credit]:
    """Page through an account's credits, newest first."""
    accounts.live_account(work, account_id)
    return credits.list_credits(work, page, account_id=account_id)


@needs(Scope.MONEY)
@command
def grant_credit(work: Work, account_id: str, draft: CreditGrant) -> Credit:
    """Grant a credit to an account; without an end it is good until it is used up."""
    accounts.live_account(work, account_id)
    if draft.effective_to is not None and draft.effective_until is not None:
        raise invalid("effectiveTo", "means the same as effectiveUntil: send one of them")
    until = draft.effective_until or draft.effective_to
    request = _as(CreditRequest, draft, account_id=account_id, effective_until=until)
    try:
        granted = credits.create_credits(work, CreditRequests(credit_requests=[request]))
    except BillingError as refused:
        raise refused.with_paths(lambda path: path.removeprefix("creditRequests[0].")) from None
    return granted.credits[0]


@query
def list_usage_meters(work: Work, event_schema_name: str, page: PageRequest) -> Listed[UsageMeterAnswer]:
    """Page through the usage meters that read events of a schema, by COUNT or SUM."""
    event_schemas.live_schema(work, event_schema_name)
    return togai_meters.list_usage_meters(work, page, event_schema_name=event_schema_name)


def _as(kind: type[T], draft: msgspec.Struct, **more: object) -> T:
    """The draft of an operation that has the same fields and some that the path says."""
    shared = {name: getattr(draft, name) for name in kind.__struct_fields__ if hasattr(draft, name)}
    return kind(**shared | more)
