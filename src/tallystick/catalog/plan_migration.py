"""Moving accounts from one version of a plan to another one, or to another plan (domain.md 4.9)."""

from __future__ import annotations

import enum

from tallystick.catalog.fields import Text255
from tallystick.kernel.document import Draft


class MigrationMode(enum.StrEnum):
    """When accounts move; those with overrides only where they are to be ignored, which drops them."""

    IMMEDIATE = "IMMEDIATE"
    IMMEDIATE_IGNORE_OVERRIDE = "IMMEDIATE_IGNORE_OVERRIDE"
    NEXT_CYCLE = "NEXT_CYCLE"
    NEXT_CYCLE_IGNORE_OVERRIDE = "NEXT_CYCLE_IGNORE_OVERRIDE"
    START_OF_CURRENT_CYCLE = "START_OF_CURRENT_CYCLE"
    NONE = "NONE"

    @property
    def ignores_overrides(self) -> bool:
        """Whether accounts move that have overrides, which they lose."""
        return self.name.endswith("_IGNORE_OVERRIDE")


class VersionsToMigrate(enum.StrEnum):
    """Whose accounts move to a new version: those of the version before it, or those of all versions."""

    LATEST_VERSION = "LATEST_VERSION"
    ALL_VERSION = "ALL_VERSION"


class PlanFinalisation(Draft, frozen=True, kw_only=True):
    """What `POST /v2/price_plans/{id}/finalize` takes: who moves to the version that becomes active, and when."""

    migration_mode: MigrationMode = MigrationMode.NONE
    versions_to_migrate: VersionsToMigrate = VersionsToMigrate.LATEST_VERSION


class PlanMigrationDraft(Draft, frozen=True, kw_only=True):
    """What `POST /price_plans/migration` takes, in v1 and v2; without a target, plans are taken off accounts.

    `isPricePlanV2Migration` tells which API the plans were made by: they are the same plans in both.
    """

    source_id: Text255
    source_version: int
    target_id: Text255 | None = None
    target_version: int | None = None
    migration_mode: MigrationMode
    retain_start_offsets: bool = False
    is_price_plan_v2_migration: bool = False
    require_confirmation: bool = False
