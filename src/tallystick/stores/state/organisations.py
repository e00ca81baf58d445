"""Organisations and what the server remembers about itself, across all organisations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, update

from tallystick.accounts.organisation import Organisation
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import not_found
from tallystick.stores.state.tables import meta, organisation

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def remembered(connection: Connection, key: str) -> str | None:
    """A value that the server keeps about itself, or None."""
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()


def remember(connection: Connection, key: str, value: str) -> None:
    """Keep a value about the server itself, in the place of an older one."""
    changed = connection.execute(update(meta).where(meta.c.key == key).values(value=value))
    if not changed.rowcount:
        connection.execute(insert(meta).values(key=key, value=value))


def add_organisation(connection: Connection, new: Organisation, now: datetime) -> None:
    """Store a new organisation."""
    connection.execute(
        insert(organisation).values(
            id=new.id, body=encode(new).decode(), catalogue_version=1, last_invoice_number=0, created_at=now
        )
    )


def replace_organisation(connection: Connection, changed: Organisation) -> None:
    """Store an organisation in the place of the one with its id."""
    connection.execute(
        update(organisation).where(organisation.c.id == changed.id).values(body=encode(changed).decode())
    )


def organisations(connection: Connection) -> list[Organisation]:
    """Every organisation, oldest first."""
    rows = connection.execute(select(organisation.c.body).order_by(organisation.c.created_at, organisation.c.id))
    return [decode(body, Organisation) for (body,) in rows]


def get_organisation(connection: Connection, name: str) -> Organisation:
    """The organisation of that id.

    Raises:
        BillingError: of kind NOT_FOUND.
    """
    body = connection.execute(select(organisation.c.body).where(organisation.c.id == name)).scalar_one_or_none()
    if body is None:
        raise not_found("organisation", name)
    return decode(body, Organisation)


def catalogue_version(connection: Connection, name: str) -> int:
    """A number that moves with every change that the processing of events can see."""
    version: int = connection.execute(
        select(organisation.c.catalogue_version).where(organisation.c.id == name)
    ).scalar_one()
    return version


def catalogue_changed(connection: Connection, name: str) -> None:
    """Move the catalogue's version; visible with the rest of the transaction."""
    connection.execute(
        update(organisation)
        .where(organisation.c.id == name)
        .values(catalogue_version=organisation.c.catalogue_version + 1)
    )


def take_turns(connection: Connection, name: str) -> None:
    """Wait for others who lock the organisation: what is read from then on holds until the transaction ends."""
    connection.execute(select(organisation.c.id).where(organisation.c.id == name).with_for_update())


def next_invoice_number(connection: Connection, name: str) -> int:
    """The next invoice number, without gaps: it is given back when the transaction fails."""
    connection.execute(
        update(organisation)
        .where(organisation.c.id == name)
        .values(last_invoice_number=organisation.c.last_invoice_number + 1)
    )
    return last_invoice_number(connection, name)


def last_invoice_number(connection: Connection, name: str) -> int:
    """The invoice number that was given last, 0 before the first."""
    number: int = connection.execute(
        select(organisation.c.last_invoice_number).where(organisation.c.id == name)
    ).scalar_one()
    return number


def count_organisations(connection: Connection) -> int:
    """How many organisations there are."""
    return connection.execute(select(func.count()).select_from(organisation)).scalar_one()
