"""Settings: set, read, list, change, delete values on the organisation, its customers and accounts."""

from __future__ import annotations

from typing import Final

import msgspec

from tallystick.accounts.account import AccountStatus
from tallystick.catalog.fields import Shelf
from tallystick.catalog.setting import (
    Setting,
    SettingDraft,
    SettingEntity,
    SettingPatch,
    problems_of,
)
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.work import Work, catalogue_command, query

_PARTS: Final = 5


@catalogue_command
def set_setting(work: Work, draft: SettingDraft) -> Setting:
    """Put a value on an entity, in the place of the one that had its name there."""
    setting = Setting(
        id=draft.id,
        value=draft.value,
        entity_type=draft.entity_type,
        entity_id=draft.entity_id,
        namespace=draft.namespace.upper(),
        name=draft.name,
        data_type=draft.data_type,
    )
    refuse_if_any(problems_of(setting) + _entity_problems(work, setting))
    if work.state.settings.find(setting.path) is None:
        work.state.settings.add(setting, work.now)
    else:
        work.state.settings.replace(setting, work.now)
    work.state.catalogue_changed()
    return setting


@query
def list_settings(
    work: Work,
    page: PageRequest,
    *,
    entity_type: SettingEntity | None = None,
    entity_id: str | None = None,
    setting_id: str | None = None,
    namespace: str | None = None,
) -> Listed[Setting]:
    """Page through settings, the one changed last first."""
    settings, token = work.state.settings.page(
        page,
        entity_type=entity_type,
        entity_id=entity_id,
        setting_id=setting_id,
        namespace=None if namespace is None else namespace.upper(),
    )
    return Listed(data=settings, next_token=token)


@query
def get_setting(work: Work, setting_id_str: str) -> Setting:
    """Read a setting by its path, such as `setting.USER.threshold.ACCOUNT.acme`."""
    return work.state.settings.get(_path(setting_id_str))


@catalogue_command
def update_setting(work: Work, setting_id_str: str, patch: SettingPatch) -> Setting:
    """Change a setting; events from now on are enriched with it."""
    changed = msgspec.structs.replace(work.state.settings.get(_path(setting_id_str)), **given(patch))
    refuse_if_any(problems_of(changed))
    work.state.settings.replace(changed, work.now)
    work.state.catalogue_changed()
    return changed


@catalogue_command
def delete_setting(work: Work, setting_id_str: str) -> Done:
    """Take a setting away; enrichments that need it look farther from the account, or fail."""
    setting = work.state.settings.get(_path(setting_id_str))
    work.state.settings.remove(setting.path)
    work.state.catalogue_changed()
    return DONE


def _path(text: str) -> str:
    """The path as it is kept: its namespace in capitals."""
    parts = text.split(".", _PARTS - 1)
    return ".".join([*parts[:1], parts[1].upper(), *parts[2:]]) if len(parts) == _PARTS else text


def _entity_problems(work: Work, setting: Setting) -> list[Problem]:
    """Whether the entity that the setting is to sit on exists."""
    if _exists(work, setting):
        return []
    return [Problem("entityId", f"{setting.entity_type.lower()} {setting.entity_id!r} not found")]


def _exists(work: Work, setting: Setting) -> bool:
    match setting.entity_type:
        case SettingEntity.ORGANIZATION:
            return setting.entity_id == work.organisation.id
        case SettingEntity.CUSTOMER:
            customer = work.state.customers.find(setting.entity_id)
            return customer is not None and customer.status is not Shelf.ARCHIVED
        case SettingEntity.ACCOUNT:
            account = work.state.accounts.find(setting.entity_id)
            return account is not None and account.status is not AccountStatus.ARCHIVED
