"""Event schemas: which attributes (numbers) and dimensions (text) an event of a name must carry."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.enrichment import Enrichments
from tallystick.catalog.fields import Lifecycle, SchemaName, Text255
from tallystick.kernel.document import Document, Draft

USAGE_SCHEMA: Final = "togai-usage"
NAMED_LICENSE_SCHEMA: Final = "togai-named-license"
RESERVED: Final = frozenset({USAGE_SCHEMA, NAMED_LICENSE_SCHEMA})
"""Names of the predefined schemas (domain.md 2.5): never created, never listed."""


class EventAttribute(Draft, frozen=True, kw_only=True):
    """A number that each event of the schema carries, and the unit it is meant in."""

    name: SchemaName
    default_unit: Annotated[str, Meta(max_length=10)] | None = None


class EventDimension(Draft, frozen=True, kw_only=True):
    """A text that each event of the schema carries."""

    name: SchemaName


Attributes = Annotated[list[EventAttribute], Meta(max_length=50)]
Dimensions = Annotated[list[EventDimension], Meta(max_length=50)]
FilterFields = Annotated[list[str], Meta(max_length=100)]
Template = Annotated[str, Meta(max_length=512)]
"""From what the id of an event is made that brings none; an empty one stands for no template."""


class FeatureTie(Document, frozen=True, kw_only=True):
    """The one feature whose credits the events of a schema use up, and by which attribute."""

    feature_id: str
    attribute_name: str


class EventSchema(Document, frozen=True, kw_only=True):
    """One version of a schema; addressed by name."""

    name: str
    description: str | None = None
    version: int
    status: Lifecycle
    attributes: list[EventAttribute]
    dimensions: list[EventDimension]
    filter_fields: list[str] | None = None
    feature_details: FeatureTie | None = None
    enrichments: Enrichments | None = None
    event_id_template: str | None = None
    event_level_revenue: bool
    created_at: datetime
    updated_at: datetime

    @property
    def sent_variables(self) -> frozenset[str]:
        """The attributes and dimensions that each event is sent with, as rules name them."""
        return frozenset(f"attributes.{attribute.name}" for attribute in self.attributes) | frozenset(
            f"dimensions.{dimension.name}" for dimension in self.dimensions
        )

    @property
    def variables(self) -> frozenset[str]:
        """The names that a rule over this schema's events may read: those that they are enriched with too."""
        return self.sent_variables | (self.enrichments.variables if self.enrichments else frozenset())


class EventSchemaListItem(EventSchema, frozen=True, kw_only=True):
    """A schema as lists show it."""

    usage_meters_count: int


class EventSchemaDraft(Draft, frozen=True, kw_only=True):
    """What `POST /event_schema` takes."""

    name: SchemaName
    description: Text255 | None = None
    attributes: Attributes
    dimensions: Dimensions
    filter_fields: FilterFields | None = None
    enrichments: Enrichments | None = None
    event_id_template: Template | None = None


class EventSchemaPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /event_schema/{name}` takes: fields that are absent stay."""

    description: Text255 | UnsetType = UNSET
    attributes: Attributes | UnsetType = UNSET
    dimensions: Dimensions | UnsetType = UNSET
    filter_fields: FilterFields | UnsetType = UNSET
    enrichments: Enrichments | UnsetType = UNSET
    event_id_template: Template | UnsetType = UNSET
