"""Names of accounts that have appeared, for which events may have come before: wishes that they be looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from tallystick.stores.state.among import among
from tallystick.stores.state.tables import second_look

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection


def add(connection: Connection, organisation: str, account_refs: Iterable[str], now: datetime) -> None:
    """Wish that events which were sent under these names be looked at again; a wish that stands is wished once."""
    names = set(account_refs)
    standing = connection.execute(
        select(second_look.c.account_ref).where(
            second_look.c.organisation_id == organisation, among(second_look.c.account_ref, names)
        )
    ).scalars()
    wished = [
        {"organisation_id": organisation, "account_ref": name, "created_at": now}
        for name in sorted(names - set(standing))
    ]
    if wished:
        connection.execute(insert(second_look), wished)


def oldest(connection: Connection, most: int) -> dict[str, list[str]]:
    """The account references of the wishes that stand longest, by organisation."""
    rows = connection.execute(
        select(second_look.c.organisation_id, second_look.c.account_ref)
        .order_by(second_look.c.created_at, second_look.c.organisation_id, second_look.c.account_ref)
        .limit(most)
    )
    found: dict[str, list[str]] = {}
    for organisation, account_ref in rows:
        found.setdefault(organisation, []).append(account_ref)
    return found


def forget(connection: Connection, organisation: str, account_refs: Collection[str]) -> None:
    """Wishes are fulfilled."""
    connection.execute(
        delete(second_look).where(
            second_look.c.organisation_id == organisation, among(second_look.c.account_ref, account_refs)
        )
    )
