"""Add-ons: flat billable items without a price of their own."""

from __future__ import annotations

import enum
from datetime import datetime

from msgspec import UNSET, UnsetType

from tallystick.catalog.fields import Name255, Shelf, Text255
from tallystick.kernel.document import Document, Draft


class AddOnType(enum.StrEnum):
    """The four kinds of add-on; a kind never changes."""

    LICENSE = "LICENSE"
    FIXED_FEE = "FIXED_FEE"
    CREDIT_GRANT = "CREDIT_GRANT"
    NAMED_LICENSE = "NAMED_LICENSE"

    @property
    def plain_name(self) -> str:
        """The name that an add-on without one gets (domain.md 11.1 b)."""
        return self.value.replace("_", " ").capitalize()


class AddOn(Document, frozen=True, kw_only=True):
    """An add-on; `displayName` is the billable name, or the name."""

    id: str
    name: str
    type: AddOnType
    billable_name: str | None = None
    display_name: str
    status: Shelf
    created_at: datetime


class AddOnDraft(Draft, frozen=True, kw_only=True):
    """What `POST /addons` takes; a missing name becomes the type's plain name."""

    name: Name255 | None = None
    type: AddOnType
    billable_name: Text255 | None = None


class AddOnPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /addons/{id}` takes: fields that are absent stay."""

    name: Name255 | UnsetType = UNSET
    billable_name: Text255 | UnsetType = UNSET
