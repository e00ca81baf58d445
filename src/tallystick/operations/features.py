"""Features: create, read, list, change; tied to event schemas by one attribute each."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UnsetType

from tallystick.catalog.feature import (
    Feature,
    FeatureDraft,
    FeatureListItem,
    FeaturePatch,
    SchemaAssociation,
)
from tallystick.catalog.fields import Lifecycle
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.operations.answers import Listed
from tallystick.operations.work import Work, catalogue_command, query


@catalogue_command
def create_feature(work: Work, draft: FeatureDraft) -> Feature:
    """Create a feature; without associations it is unmetered (domain.md 11.1 c)."""
    work.state.catalogue_changed()
    associations = _associations(work, _one_spelling(draft) or [])
    feature = Feature(
        id=work.ids.mint("feature"),
        name=draft.name,
        billable_name=draft.billable_name,
        display_name=draft.billable_name or draft.name,
        schema_associations=associations,
        created_at=work.now,
        updated_at=work.now,
    )
    work.state.features.add(feature, work.now)
    work.state.ties.tie(feature.id, associations)
    return feature


@query
def list_features(work: Work, page: PageRequest) -> Listed[FeatureListItem]:
    """Page through features."""
    features, token = work.state.features.page(page)
    items = [
        FeatureListItem(
            id=feature.id,
            name=feature.name,
            billable_name=feature.billable_name,
            display_name=feature.display_name,
            schema_count=len(feature.schema_associations),
            created_at=feature.created_at,
            updated_at=feature.updated_at,
        )
        for feature in features
    ]
    return Listed(data=items, next_token=token)


@query
def get_feature(work: Work, feature_id: str) -> Feature:
    """Read one feature."""
    return work.state.features.get(feature_id)


@catalogue_command
def update_feature(work: Work, feature_id: str, patch: FeaturePatch) -> Feature:
    """Change a feature; associations that are sent replace the old ones."""
    work.state.catalogue_changed()
    changes = given(patch)
    if "schema_associations" in changes:
        changes["schema_associations"] = _associations(work, changes["schema_associations"])
    changed = msgspec.structs.replace(work.state.features.get(feature_id), **changes, updated_at=work.now)
    changed = msgspec.structs.replace(changed, display_name=changed.billable_name or changed.name)
    work.state.features.replace(changed, work.now)
    work.state.ties.tie(feature_id, changed.schema_associations)
    return changed


def _one_spelling(draft: FeatureDraft) -> Sequence[SchemaAssociation | str] | None:
    """The associations, under the contract's spelling or the article's, never under both."""
    spellings = [
        given for given in (draft.schema_associations, draft.schema_associtions) if not isinstance(given, UnsetType)
    ]
    if len(spellings) > 1:
        raise invalid("schemaAssocitions", "schemaAssociations was sent too: send only that one")
    return spellings[0] if spellings else None


def _associations(work: Work, asked: Sequence[SchemaAssociation | str]) -> list[SchemaAssociation]:
    """Associations whose schema and attribute exist, a bare schema name completed with its one attribute."""
    problems: list[Problem] = []
    found: list[SchemaAssociation] = []
    for index, entry in enumerate(asked):
        try:
            found.append(_association(work, entry))
        except LookupError as unknown:
            problems.append(Problem(f"schemaAssociations[{index}]", str(unknown.args[0])))
    names = [association.schema_name for association in found]
    problems += [
        Problem("schemaAssociations", f"event schema {name!r} stands twice")
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    refuse_if_any(problems)
    return found


def _association(work: Work, entry: SchemaAssociation | str) -> SchemaAssociation:
    name = entry if isinstance(entry, str) else entry.schema_name
    schema = work.state.event_schemas.find(name)
    if schema is None or schema.status is Lifecycle.ARCHIVED:
        raise LookupError(f"event schema {name!r} not found")
    attributes = [attribute.name for attribute in schema.attributes]
    if isinstance(entry, SchemaAssociation):
        enriched = [] if schema.enrichments is None else schema.enrichments.attributes
        if entry.attribute_name not in (*attributes, *enriched):
            raise LookupError(f"event schema {name!r} has no attribute {entry.attribute_name!r}")
        return entry
    if len(attributes) != 1:
        example = f'{{"schemaName": "{name}", "attributeName": "{attributes[0] if attributes else "..."}"}}'
        listed = f"attributes {', '.join(attributes)}" if attributes else "no attributes"
        raise LookupError(f"event schema {name!r} has {listed}: name one as {example}")
    return SchemaAssociation(schema_name=name, attribute_name=attributes[0])
