"""Enrichments: fields that an event gets beside those it was sent with, from rules and settings (domain.md 2.6)."""

from __future__ import annotations

import enum
from typing import Annotated

from msgspec import Meta

from tallystick.catalog.fields import SchemaName
from tallystick.kernel.document import Draft


class DependencyType(enum.StrEnum):
    """The one kind of thing that an enrichment can depend on."""

    SETTING = "SETTING"


class FieldType(enum.StrEnum):
    """What a field becomes: a number or a text of the event."""

    ATTRIBUTE = "ATTRIBUTE"
    DIMENSION = "DIMENSION"

    @property
    def prefix(self) -> str:
        """What stands before the field's name in a rule."""
        return f"{self.value.lower()}s."


class EnrichmentType(enum.StrEnum):
    """Where a field's value comes from: the text itself, a rule, or a rule that a setting holds."""

    VALUE = "VALUE"
    JSON_LOGIC = "JSON_LOGIC"
    JSON_LOGIC_FROM_DEPENDENCY = "JSON_LOGIC_FROM_DEPENDENCY"


class Dependency(Draft, frozen=True, kw_only=True):
    """A setting that the fields read: by its key, such as `setting.user.meters_per_km`, under a name of theirs."""

    type: DependencyType
    key: Annotated[str, Meta(max_length=150)]
    name: SchemaName


class EnrichmentField(Draft, frozen=True, kw_only=True):
    """A field, and how it gets its value; it may read the fields of a lower order."""

    name: SchemaName
    type: FieldType
    enrichment_type: EnrichmentType
    value: Annotated[str, Meta(max_length=1500)]
    order: int

    @property
    def variable(self) -> str:
        """What rules call the field."""
        return f"{self.type.prefix}{self.name}"


class Enrichments(Draft, frozen=True, kw_only=True):
    """Everything that the events of a schema are enriched with."""

    dependencies: Annotated[list[Dependency], Meta(max_length=50)] = []
    fields: Annotated[list[EnrichmentField], Meta(max_length=50)]

    @property
    def in_order(self) -> list[EnrichmentField]:
        """The fields as they are computed; those of one order as they stand."""
        return sorted(self.fields, key=lambda field: field.order)

    @property
    def attributes(self) -> list[str]:
        """The names of the attributes that are added."""
        return [field.name for field in self.fields if field.type is FieldType.ATTRIBUTE]

    @property
    def variables(self) -> frozenset[str]:
        """The names that rules may read because of these enrichments."""
        return frozenset(field.variable for field in self.fields) | self.dependency_variables

    @property
    def dependency_variables(self) -> frozenset[str]:
        """The names under which rules read the settings."""
        return frozenset(f"dependencies.{dependency.name}" for dependency in self.dependencies)
