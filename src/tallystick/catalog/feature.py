"""Features: capabilities that are gated or counted, tied to event schemas by one attribute each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.fields import Name255, Text255
from tallystick.kernel.document import Document, Draft


class SchemaAssociation(Draft, frozen=True, kw_only=True):
    """The schema whose events use the feature, and the attribute that says how much."""

    schema_name: str
    attribute_name: str


class Feature(Document, frozen=True, kw_only=True):
    """A feature; without associations it is unmetered."""

    id: str
    name: str
    billable_name: str | None = None
    display_name: str
    schema_associations: list[SchemaAssociation]
    created_at: datetime
    updated_at: datetime


class FeatureListItem(Document, frozen=True, kw_only=True):
    """A feature as lists show it."""

    id: str
    name: str
    billable_name: str | None = None
    display_name: str
    schema_count: int
    created_at: datetime
    updated_at: datetime


Associations = Annotated[list[SchemaAssociation | str], Meta(max_length=50)]
"""A bare text names a schema that has exactly one attribute (domain.md 11.1 c)."""


class FeatureDraft(Draft, frozen=True, kw_only=True):
    """What `POST /features` takes; `schemaAssocitions` is the spelling of Togai's own article."""

    name: Name255
    description: Text255 | None = None
    billable_name: Text255 | None = None
    schema_associations: Associations | UnsetType = UNSET
    schema_associtions: Associations | UnsetType = UNSET


class FeaturePatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /features/{id}` takes: fields that are absent stay."""

    name: Name255 | UnsetType = UNSET
    billable_name: Text255 | UnsetType = UNSET
    schema_associations: Associations | UnsetType = UNSET
