"""Add-ons: create, read, list, rename, archive."""

from __future__ import annotations

import itertools

import msgspec

from tallystick.catalog.addon import AddOn, AddOnDraft, AddOnPatch, AddOnType
from tallystick.catalog.fields import Shelf
from tallystick.kernel.document import given
from tallystick.kernel.errors import not_found
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.price_plans import refuse_priced
from tallystick.operations.work import Work, catalogue_command, command, query


@catalogue_command
def create_addon(work: Work, draft: AddOnDraft) -> AddOn:
    """Create an add-on; one without a name gets its type's plain name (domain.md 11.1 b)."""
    name = draft.name or _free_name(work, draft.type)
    addon = AddOn(
        id=work.ids.mint("addon"),
        name=name,
        type=draft.type,
        billable_name=draft.billable_name,
        display_name=draft.billable_name or name,
        status=Shelf.ACTIVE,
        created_at=work.now,
    )
    work.state.addons.add(addon, work.now)
    _tell_processing(work, addon)
    return addon


@query
def list_addons(
    work: Work, page: PageRequest, *, status: Shelf | None = None, type: AddOnType | None = None
) -> Listed[AddOn]:
    """Page through add-ons by name; archived ones only when asked for."""
    addons, token = work.state.addons.page(page, status=status, type=type)
    return Listed(data=addons, next_token=token)


@query
def get_addon(work: Work, addon_id: str) -> AddOn:
    """Read one add-on."""
    return live_addon(work, addon_id)


@command
def update_addon(work: Work, addon_id: str, patch: AddOnPatch) -> AddOn:
    """Rename an add-on; its type never changes."""
    changed = msgspec.structs.replace(live_addon(work, addon_id), **given(patch))
    changed = msgspec.structs.replace(changed, display_name=changed.billable_name or changed.name)
    work.state.addons.replace(changed, work.now)
    return changed


@catalogue_command
def archive_addon(work: Work, addon_id: str) -> Done:
    """Archive an add-on; refused while a plan that is not archived prices it."""
    addon = live_addon(work, addon_id)
    refuse_priced(work, addon.id, f"add-on {addon.id!r}")
    work.state.addons.replace(msgspec.structs.replace(addon, status=Shelf.ARCHIVED), work.now)
    _tell_processing(work, addon)
    return DONE


def live_addon(work: Work, addon_id: str) -> AddOn:
    """The add-on that a path names.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none or it is archived.
    """
    addon = work.state.addons.get(addon_id)
    if addon.status is Shelf.ARCHIVED:
        raise not_found("add-on", addon_id)
    return addon


def _tell_processing(work: Work, addon: AddOn) -> None:
    """Events of the predefined schema for named licences are judged by which of them there are."""
    if addon.type is AddOnType.NAMED_LICENSE:
        work.state.catalogue_changed()


def _free_name(work: Work, kind: AddOnType) -> str:
    """The type's plain name, with a number behind it when it is taken."""
    taken = {addon.display_name for addon in work.state.addons.all(status=Shelf.ACTIVE)}
    names = itertools.chain([kind.plain_name], (f"{kind.plain_name} {number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)
