"""What belongs to an event schema beside its latest version: older versions, and the feature it is tied to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from tallystick.catalog.event_schema import EventSchema, FeatureTie
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict
from tallystick.stores.state.tables import event_schema_version, feature_tie

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tallystick.catalog.feature import SchemaAssociation


class SchemaTies:
    """Older schema versions and feature ties of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def keep_version(self, schema: EventSchema) -> None:
        """Keep a version that a newer one has replaced."""
        self._connection.execute(
            insert(event_schema_version).values(
                organisation_id=self._organisation,
                name=schema.name,
                version=schema.version,
                body=encode(schema).decode(),
            )
        )

    def older_versions(self, name: str) -> list[EventSchema]:
        """The replaced versions of a schema, oldest first."""
        rows = self._connection.execute(
            select(event_schema_version.c.body)
            .where(
                event_schema_version.c.organisation_id == self._organisation,
                event_schema_version.c.name == name,
            )
            .order_by(event_schema_version.c.version)
        )
        return [decode(body, EventSchema) for (body,) in rows]

    def tie(self, feature_id: str, associations: list[SchemaAssociation]) -> None:
        """Tie a feature to exactly these schemas.

        Raises:
            BillingError: of kind CONFLICT, when a schema is tied to another feature already.
        """
        self._connection.execute(
            delete(feature_tie).where(
                feature_tie.c.organisation_id == self._organisation, feature_tie.c.feature_id == feature_id
            )
        )
        for index, association in enumerate(associations):
            try:
                self._connection.execute(
                    insert(feature_tie).values(
                        organisation_id=self._organisation,
                        schema_name=association.schema_name,
                        feature_id=feature_id,
                        attribute_name=association.attribute_name,
                    )
                )
            except IntegrityError:
                raise conflict(
                    f"event schema {association.schema_name!r} is already tied to a feature",
                    f"schemaAssociations[{index}]",
                ) from None

    def of_schema(self, name: str) -> FeatureTie | None:
        """The feature that a schema is tied to, or None."""
        row = self._connection.execute(
            select(feature_tie.c.feature_id, feature_tie.c.attribute_name).where(
                feature_tie.c.organisation_id == self._organisation, feature_tie.c.schema_name == name
            )
        ).one_or_none()
        return None if row is None else FeatureTie(feature_id=row.feature_id, attribute_name=row.attribute_name)
