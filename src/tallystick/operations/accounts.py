"""Accounts: open, read, list, change, archive."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from tallystick.accounts.account import (
    Account,
    AccountDraft,
    AccountPatch,
    AccountStatus,
    FirstAccountDraft,
)
from tallystick.accounts.alias import spans_of, with_aliases
from tallystick.accounts.customer import Customer
from tallystick.catalog.fields import Shelf
from tallystick.kernel.document import given
from tallystick.kernel.errors import conflict, invalid, not_found
from tallystick.kernel.money import is_currency
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import in_utc
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.work import Work, catalogue_command, command, query

_BILLED: Final = "a plan, a credit, a wallet, a purchase or a proposal"
"""What is kept in the currency of an account."""


@command
def create_account(work: Work, draft: AccountDraft) -> Account:
    """Open another account under an existing customer."""
    work.state.catalogue_changed()  # first, because it locks: whoever changes accounts waits in the same place
    customer = work.state.customers.find(draft.customer_id)
    if customer is None or customer.status is Shelf.ARCHIVED:
        raise invalid("customerId", f"customer {draft.customer_id!r} not found")
    return open_account(work, customer, draft, path="")


@query
def list_accounts(
    work: Work,
    page: PageRequest,
    *,
    account_id: str | None = None,
    customer_id: str | None = None,
    status: AccountStatus | None = None,
    invoice_currency: str | None = None,
) -> Listed[Account]:
    """Page through accounts; archived ones only when asked for."""
    accounts, token = work.state.accounts.page(
        page, id=account_id, customer_id=customer_id, status=status, invoice_currency=invoice_currency
    )
    aliases = work.state.aliases.of([account.id for account in accounts])
    shown = [with_aliases(account, aliases[account.id], work.now) for account in accounts]
    return Listed(data=shown, next_token=token)


@query
def get_account(
    work: Work,
    account_id: str,
    *,
    effective_on: datetime | None = None,
    include_group_details: bool = False,  # noqa: ARG001 - accounts are in no group yet
) -> Account:
    """Read one account, with the aliases that are valid now or at the moment asked for."""
    at = None if effective_on is None else in_utc(effective_on, "effectiveOn")
    return shown(work, live_account(work, account_id), at)


@command
def update_account(work: Work, account_id: str, patch: AccountPatch) -> Account:
    """Change an account; its id never changes, its currency only while nothing was billed in it."""
    account = live_account(work, account_id)
    changes = given(patch)
    _refuse_forbidden(work, account, patch)
    if "tags" in changes:
        changes["tags"] = _lower(changes["tags"])
    changed = msgspec.structs.replace(account, **changes)
    work.state.accounts.replace(changed, work.now)
    work.state.invoices.set_net_terms(account_id, changed.net_term_days)
    return shown(work, changed)


@catalogue_command
def archive_account(work: Work, account_id: str) -> Done:
    """Archive an account; refused while it has a plan or a draft invoice, or is its customer's last one."""
    work.state.catalogue_changed()  # first, because it locks: two siblings are not archived at once
    account = live_account(work, account_id)
    siblings = work.state.accounts.all(customer_id=account.customer_id)
    if sum(sibling.status is not AccountStatus.ARCHIVED for sibling in siblings) == 1:
        raise invalid("", f"{account_id!r} is the only account of its customer: archive the customer instead")
    archive(work, account)
    return DONE


def open_account(work: Work, customer: Customer, draft: FirstAccountDraft, path: str) -> Account:
    """Store a new account of a customer, with its aliases; `path` is where the draft stands in the body.

    The caller has locked the catalogue, so that nobody else takes the id or an alias meanwhile.

    Raises:
        BillingError: of kind INVALID for an unknown currency or a bad alias, CONFLICT for a taken id or alias.
    """
    currency = draft.invoice_currency or work.organisation.base_currency
    if not is_currency(currency):
        raise invalid(f"{path}invoiceCurrency", f"{currency!r} is not an ISO 4217 currency code such as USD")
    if draft.status is AccountStatus.ARCHIVED:
        raise invalid(f"{path}status", "a new account is ACTIVE or DRAFT")
    spans = spans_of(draft, path)
    if work.state.aliases.claims(draft.id):
        raise conflict(f"{draft.id!r} is already an alias of an account", f"{path}id")
    days = draft.net_term_days
    account = Account(
        id=draft.id,
        togai_account_id=work.ids.mint("account"),
        togai_customer_id=customer.togai_customer_id,
        name=draft.name,
        customer_id=customer.id,
        invoice_currency=currency,
        net_term_days=work.organisation.net_term_days if days is None else days,
        address=draft.address,
        primary_email=draft.primary_email,
        billing_information=draft.billing_information,
        status=draft.status,
        metadata=draft.metadata,
        tags=None if draft.tags is None else _lower(draft.tags),
    )
    work.state.accounts.add(account, work.now)
    work.state.aliases.add(account.id, [work.ids.mint("alias") for _ in spans], spans, work.now)
    work.state.look_again([account.id, *(span.value for span in spans)], work.now)
    return with_aliases(account, spans, work.now)


def archive(work: Work, account: Account) -> None:
    """Put an account away, in a transaction that has locked the catalogue.

    Raises:
        BillingError: of kind INVALID, while it has a plan now or later, or a draft invoice.
    """
    timeline = work.state.schedules.of([account.id])[account.id]
    if any(piece.within.end > work.now for piece in timeline):
        raise invalid("", f"account {account.id!r} has a price plan: take it off the account first")
    if work.state.invoices.has_draft(account.id):
        raise invalid("", f"account {account.id!r} has a draft invoice: wait until it is due")
    archived = msgspec.structs.replace(account, status=AccountStatus.ARCHIVED)
    work.state.accounts.replace(archived, work.now)


def live_account(work: Work, account_id: str) -> Account:
    """The account that a path names.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none or it is archived.
    """
    account = work.state.accounts.get(account_id)
    if account.status is AccountStatus.ARCHIVED:
        raise not_found("account", account_id)
    return account


def shown(work: Work, account: Account, at: datetime | None = None) -> Account:
    """The account as it is shown: with the aliases valid at a moment, by default now."""
    return with_aliases(account, work.state.aliases.of([account.id])[account.id], at or work.now)


def _refuse_forbidden(work: Work, account: Account, patch: AccountPatch) -> None:
    if patch.status is AccountStatus.ARCHIVED:
        raise invalid("status", "set ACTIVE or DRAFT; DELETE archives an account")
    currency = patch.invoice_currency
    billed = (
        work.state.schedules.of([account.id])[account.id]
        or work.state.credits.any_of(account.id)
        or work.state.wallets.find(account.id)
        or work.state.purchases.any_of(account.id)
        or work.state.proposals.any_of(account.id)
    )
    if isinstance(currency, str) and currency != account.invoice_currency:
        if not is_currency(currency):
            raise invalid("invoiceCurrency", f"{currency!r} is not an ISO 4217 currency code such as USD")
        if billed:
            raise invalid("invoiceCurrency", f"the currency is fixed once the account has {_BILLED}")
    if patch.status is AccountStatus.DRAFT and account.status is AccountStatus.ACTIVE and billed:
        raise invalid("status", f"an account that has {_BILLED} cannot go back to DRAFT")


def _lower(tags: list[str]) -> list[str]:
    return [tag.lower() for tag in tags]
