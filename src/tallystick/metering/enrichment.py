"""Enriching an event: fields from rules and settings, which meters read as if they had been sent (domain.md 2.6)."""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from tallystick.catalog.enrichment import Dependency, EnrichmentField, EnrichmentType, FieldType
from tallystick.catalog.setting import SettingDataType, setting_key
from tallystick.kernel.document import Document, decode, encode
from tallystick.kernel.quantity import plain
from tallystick.logic import EvaluationError, check, evaluate, kind_of, parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from tallystick.catalog.enrichment import Enrichments
    from tallystick.catalog.setting import Setting
    from tallystick.logic import Rule, Value
    from tallystick.metering.event_data import EventData

MOST_REMEMBERED: Final = 4096
"""Values and rules of settings that are remembered as read."""


class EnrichmentError(Exception):
    """An event cannot be enriched."""


class EnrichedField(Document, frozen=True, kw_only=True):
    """A field that an event was enriched with."""

    name: str
    type: FieldType
    value: str


class UsedDependency(Document, frozen=True, kw_only=True):
    """A setting that was read for it, as it stood then."""

    key: str
    type: str
    name: str
    value: str


class EnrichmentTrace(Document, frozen=True, kw_only=True):
    """Everything that an event was enriched with."""

    attributes: list[EnrichedField] = []
    dimensions: list[EnrichedField] = []
    dependencies: list[UsedDependency] = []


class Enrichment:
    """The enrichments of one schema version, ready for events."""

    __slots__ = ("_dependencies", "_fields", "_known", "_rules")

    def __init__(self, enrichments: Enrichments, sent: AbstractSet[str]) -> None:
        """Prepare enrichments; `sent` are the variables that events of the schema are sent with."""
        self._dependencies: list[Dependency] = enrichments.dependencies
        self._fields: list[EnrichmentField] = enrichments.in_order
        self._rules = {
            field.variable: parse(field.value)
            for field in self._fields
            if field.enrichment_type is EnrichmentType.JSON_LOGIC
        }
        self._known = frozenset({*sent, *enrichments.variables})

    def enrich(self, data: EventData, settings: Mapping[str, Setting]) -> str:
        """Add all fields to what an event says; the JSON of an `EnrichmentTrace`.

        Raises:
            EnrichmentError: when a setting is absent, or a rule fails or gives what its field cannot be.
        """
        used = {dependency.name: self._setting(dependency, settings) for dependency in self._dependencies}
        data.depend_on({name: _value(setting.data_type, setting.value) for name, setting in used.items()})
        for field in self._fields:
            try:
                self._add(field, data, used)
            except EvaluationError as failure:
                raise EnrichmentError(f"enrichment {field.variable}: {failure}") from failure
        return self._trace(data, used)

    def _setting(self, dependency: Dependency, settings: Mapping[str, Setting]) -> Setting:
        _, namespace, name = dependency.key.split(".")
        found = settings.get(setting_key(namespace, name))
        if found is None:
            reason = "neither the account nor its customer nor the organization has the setting"
            raise EnrichmentError(f"enrichment dependency {dependency.name}: {reason} {dependency.key}")
        return found

    def _add(self, field: EnrichmentField, data: EventData, used: Mapping[str, Setting]) -> None:
        value: Value = field.value
        if field.enrichment_type is EnrichmentType.JSON_LOGIC:
            value = evaluate(self._rules[field.variable], data.for_rules())
        elif field.enrichment_type is EnrichmentType.JSON_LOGIC_FROM_DEPENDENCY:
            value = evaluate(self._rule_of(field, used[field.value]), data.for_rules())
        if field.type is FieldType.DIMENSION:
            data.add_dimension(field.name, _text(value, field))
        else:
            data.add_attribute(field.name, _digits(value, field))

    def _rule_of(self, field: EnrichmentField, setting: Setting) -> Rule:
        """The rule that a setting holds, which could not be checked against the schema before."""
        if setting.data_type is not SettingDataType.JSON_LOGIC:
            reason = f"the setting {setting.path} is {setting.data_type}, expected JSON_LOGIC"
            raise EnrichmentError(f"enrichment {field.variable}: {reason}")
        rule, issue = _checked(setting.value, self._known)
        if issue:
            raise EnrichmentError(f"enrichment {field.variable}: the setting {setting.path}: {issue}")
        return rule

    def _trace(self, data: EventData, used: Mapping[str, Setting]) -> str:
        made: dict[FieldType, list[EnrichedField]] = {FieldType.ATTRIBUTE: [], FieldType.DIMENSION: []}
        for field in self._fields:
            held = data.attributes if field.type is FieldType.ATTRIBUTE else data.dimensions
            made[field.type].append(EnrichedField(name=field.name, type=field.type, value=held[field.name]))
        trace = EnrichmentTrace(
            attributes=made[FieldType.ATTRIBUTE],
            dimensions=made[FieldType.DIMENSION],
            dependencies=[
                UsedDependency(key=one.key, type=one.type, name=one.name, value=used[one.name].value)
                for one in self._dependencies
            ],
        )
        return encode(trace).decode()


@functools.lru_cache(maxsize=MOST_REMEMBERED)
def _value(kind: SettingDataType, text: str) -> object:
    """What a setting is to a rule that reads it (domain.md 3.2)."""
    if kind is SettingDataType.NUMERIC:
        return Decimal(text)
    return decode(text, object) if kind is SettingDataType.JSON else text


@functools.lru_cache(maxsize=MOST_REMEMBERED)
def _checked(text: str, known: frozenset[str]) -> tuple[Rule, str]:
    """A rule, and the first thing that is wrong with it."""
    rule = parse(text)
    issues = check(rule, known)
    return rule, str(issues[0]) if issues else ""


def _digits(value: Value, field: EnrichmentField) -> str:
    if isinstance(value, Decimal):
        return f"{plain(value):f}"
    if field.enrichment_type is EnrichmentType.VALUE and isinstance(value, str):
        return value
    raise EnrichmentError(f"enrichment {field.variable}: its rule gives {kind_of(value)}, an attribute is a number")


def _text(value: Value, field: EnrichmentField) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{plain(value):f}"
    raise EnrichmentError(f"enrichment {field.variable}: its rule gives {kind_of(value)}, a dimension is a text")
