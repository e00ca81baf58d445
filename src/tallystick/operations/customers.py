"""Customers: create (with the first account), read, list, change, archive."""

from __future__ import annotations

import msgspec

from tallystick.accounts.account import AccountStatus, FirstAccountDraft
from tallystick.accounts.customer import Customer, CustomerCreated, CustomerDraft, CustomerPatch
from tallystick.catalog.fields import Shelf
from tallystick.kernel.document import given
from tallystick.kernel.errors import not_found
from tallystick.kernel.paging import PageRequest
from tallystick.operations.accounts import archive, open_account
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.work import Work, catalogue_command, command, query


@command
def create_customer(work: Work, draft: CustomerDraft) -> CustomerCreated:
    """Create a customer and its first account: the one given, or one cloned from the customer."""
    work.state.catalogue_changed()  # first, because it locks: nobody else takes the account's id or an alias meanwhile
    customer = Customer(
        id=draft.id,
        togai_customer_id=work.ids.mint("customer"),
        name=draft.name,
        primary_email=draft.primary_email,
        billing_address=draft.address.one_line,
        address=draft.address,
        status=Shelf.ACTIVE,
        created_at=work.now,
        updated_at=work.now,
    )
    work.state.customers.add(customer, work.now)
    first = draft.account or FirstAccountDraft(id=draft.id, name=draft.name)
    account = open_account(work, customer, first, path="account." if draft.account else "")
    return CustomerCreated(
        id=customer.id,
        togai_customer_id=customer.togai_customer_id,
        name=customer.name,
        primary_email=customer.primary_email,
        billing_address=customer.billing_address,
        address=customer.address,
        account=account,
    )


@query
def list_customers(
    work: Work, page: PageRequest, *, id: str | None = None, status: Shelf | None = None
) -> Listed[Customer]:
    """Page through customers; archived ones only when asked for."""
    customers, token = work.state.customers.page(page, id=id, status=status)
    return Listed(data=customers, next_token=token)


@query
def get_customer(work: Work, customer_id: str) -> Customer:
    """Read one customer."""
    return _live(work, customer_id)


@command
def update_customer(work: Work, customer_id: str, patch: CustomerPatch) -> Customer:
    """Change name, e-mail or address."""
    changed = msgspec.structs.replace(_live(work, customer_id), **given(patch), updated_at=work.now)
    changed = msgspec.structs.replace(changed, billing_address=changed.address.one_line)
    work.state.customers.replace(changed, work.now)
    return changed


@catalogue_command
def archive_customer(work: Work, customer_id: str) -> Done:
    """Archive a customer and its accounts; refused while one of them has a plan or a draft invoice."""
    work.state.catalogue_changed()  # first, because it locks: whoever changes accounts waits in the same place
    customer = _live(work, customer_id)
    owned = [account.id for account in work.state.accounts.all(customer_id=customer_id)]
    for account in work.state.accounts.kept_among(owned).values():
        if account.status is not AccountStatus.ARCHIVED:
            archive(work, account)
    archived = msgspec.structs.replace(customer, status=Shelf.ARCHIVED, updated_at=work.now)
    work.state.customers.replace(archived, work.now)
    return DONE


def _live(work: Work, customer_id: str) -> Customer:
    customer = work.state.customers.get(customer_id)
    if customer.status is Shelf.ARCHIVED:
        raise not_found("customer", customer_id)
    return customer
