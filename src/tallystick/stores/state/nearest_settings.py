"""The settings that hold for an account: its own, else its customer's, else the organisation's (domain.md 2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from tallystick.catalog.setting import Setting, SettingEntity
from tallystick.kernel.document import decode
from tallystick.stores.state.among import among
from tallystick.stores.state.tables import setting

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy import Connection

    Settings = Mapping[str, Setting]


def nearest_settings(
    connection: Connection, organisation: str, accounts: Collection[tuple[str, str]]
) -> dict[str, Settings]:
    """By account id, the nearest setting of each key; `accounts` are (account id, customer id).

    Three queries however many accounts there are, and one where the organisation keeps no settings at all.
    """
    if not _has_any(connection, organisation):
        return {account: {} for account, _ in accounts}
    everywhere = _on(connection, organisation, SettingEntity.ORGANIZATION, [organisation]).get(organisation, {})
    customers = _on(connection, organisation, SettingEntity.CUSTOMER, {customer for _, customer in accounts})
    own = _on(connection, organisation, SettingEntity.ACCOUNT, {account for account, _ in accounts})
    return {
        account: {**everywhere, **customers.get(customer, {}), **own.get(account, {})}
        if account in own or customer in customers
        else everywhere
        for account, customer in accounts
    }


def _has_any(connection: Connection, organisation: str) -> bool:
    statement = select(setting.c.id).where(setting.c.organisation_id == organisation).limit(1)
    return connection.execute(statement).first() is not None


def _on(
    connection: Connection, organisation: str, entity: SettingEntity, names: Collection[str]
) -> dict[str, dict[str, Setting]]:
    """By entity id, the settings on entities of a kind, by key."""
    statement = select(setting.c.entity_id, setting.c.body).where(
        setting.c.organisation_id == organisation,
        setting.c.entity_type == entity,
        among(setting.c.entity_id, names),
    )
    found: dict[str, dict[str, Setting]] = {}
    for entity_id, body in connection.execute(statement):
        kept = decode(body, Setting)
        found.setdefault(entity_id, {})[kept.key] = kept
    return found
