"""Moving accounts from one version of a plan to another one, or to another plan (domain.md 4.9)."""

from __future__ import annotations

import enum

from tallystick.kernel.document import Draft


class MigrationMode(enum.StrEnum):
    """When accounts move; those with overrides only where they are to be ignored, which drops them."""

    IMMEDIATE = "IMMEDIATE"
    IMMEDIATE_IGNORE_OVERRIDE = "IMMEDIATE_IGNORE_OVERRIDE"
    NEXT_CYCLE = "NEXT_CYCLE"
    NEXT_CYCLE_IGNORE_OVERRIDE = "NEXT_CYCLE_IGNORE_OVERRIDE"
    START_OF_CURRENT_CYCLE = "START_OF_CURRENT_CYCLE"
    NONE = "NONE"


class VersionsToMigrate(enum.StrEnum):
    """Whose accounts move to a new version: those of the version before it, or those of all versions."""

    LATEST_VERSION = "LATEST_VERSION"
    ALL_VERSION = "ALL_VERSION"


class PlanFinalisation(Draft, frozen=True, kw_only=True):
    """What `POST /v2/price_plans/{id}/finalize` takes."""

    migration_mode: MigrationMode = MigrationMode.NONE
    versions_to_migrate: VersionsToMigrate = VersionsToMigrate.LATEST_VERSION
