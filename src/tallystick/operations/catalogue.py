"""The whole catalogue at once: read it, see what another one would change, and change it, all or nothing."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tallystick.catalog.plan_migration import MigrationMode, PlanFinalisation, VersionsToMigrate
from tallystick.catalog.written import Kind
from tallystick.kernel.document import Document, Draft, encode
from tallystick.kernel.errors import conflict, refuse_if_any
from tallystick.kernel.scope import Scope
from tallystick.operations.catalogue_changes import CatalogueChange, CatalogueProblem, Changing
from tallystick.operations.catalogue_stock import LeftOut, stock_of
from tallystick.operations.work import Work, catalogue_command, needs, preview, query

Things = Annotated[list[msgspec.Raw], Meta(max_length=2_000)]
"""Things as their own routes create them, with a status, and with names in the place of ids; rules may be JSON."""


class Catalogue(Document, frozen=True, kw_only=True, omit_defaults=False):
    """Everything that can be metered and sold, as it is written down: each list in the order of its names."""

    event_schemas: list[dict[str, Any]]
    usage_meters: list[dict[str, Any]]
    add_ons: list[dict[str, Any]]
    features: list[dict[str, Any]]
    price_plans: list[dict[str, Any]]


class WantedCatalogue(Draft, frozen=True, kw_only=True):
    """The catalogue that somebody wants; a list that is left out wants nothing of its kind."""

    event_schemas: Things = []
    usage_meters: Things = []
    add_ons: Things = []
    features: Things = []
    price_plans: Things = []


class CatalogueReading(Document, frozen=True, kw_only=True, omit_defaults=False):
    """The catalogue, and what of it cannot be written down."""

    catalogue: Catalogue
    left_out: list[LeftOut]


class CatalogueOutcome(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What changes, what is left alone, what keeps it from being done; `digest` stands for exactly these changes."""

    digest: str
    changes: list[CatalogueChange]
    left_alone: list[LeftOut]
    problems: list[CatalogueProblem]


@query
def get_catalogue(work: Work) -> CatalogueReading:
    """Read the event schemas, usage meters, add-ons, features and price plans, with names in the place of ids."""
    stock = stock_of(work)
    trees = {kind: [kept.tree for kept in of_kind.values()] for kind, of_kind in stock.kept.items()}
    catalogue = Catalogue(
        event_schemas=trees[Kind.EVENT_SCHEMA],
        usage_meters=trees[Kind.USAGE_METER],
        add_ons=trees[Kind.ADD_ON],
        features=trees[Kind.FEATURE],
        price_plans=trees[Kind.PRICE_PLAN],
    )
    left_out = [LeftOut(kind=kind, name=name, reason=reason) for (kind, name), reason in stock.left_out.items()]
    return CatalogueReading(catalogue=catalogue, left_out=left_out)


@preview
def preview_catalogue(
    work: Work,
    wanted: WantedCatalogue,
    *,
    prune: bool = False,
    migration_mode: MigrationMode = MigrationMode.NONE,
    versions_to_migrate: VersionsToMigrate = VersionsToMigrate.LATEST_VERSION,
) -> CatalogueOutcome:
    """Tell what a catalogue would change, and every problem that it has; nothing is changed."""
    migration = PlanFinalisation(migration_mode=migration_mode, versions_to_migrate=versions_to_migrate)
    return _outcome(work, wanted, migration, prune=prune)


@needs(Scope.MONEY)
@catalogue_command
def apply_catalogue(
    work: Work,
    wanted: WantedCatalogue,
    *,
    prune: bool = False,
    migration_mode: MigrationMode = MigrationMode.NONE,
    versions_to_migrate: VersionsToMigrate = VersionsToMigrate.LATEST_VERSION,
    digest: str | None = None,
) -> CatalogueOutcome:
    """Make the catalogue what is wanted, all of it or nothing.

    What is there and not wanted is left alone, or archived where it may be (`prune`). New terms of an active plan are
    its next version, to which the accounts that have it move as the `migrationMode` says. With the `digest` of a
    preview exactly the changes that it showed are made.
    """
    migration = PlanFinalisation(migration_mode=migration_mode, versions_to_migrate=versions_to_migrate)
    outcome = _outcome(work, wanted, migration, prune=prune)
    refuse_if_any([problem.problem for problem in outcome.problems])
    if digest is not None and digest != outcome.digest:
        reason = "other changes than those that the preview showed: look at a new one"
        raise conflict(reason, "digest", "preview_stale")
    return outcome


def _outcome(work: Work, wanted: WantedCatalogue, migration: PlanFinalisation, *, prune: bool) -> CatalogueOutcome:
    changing = Changing(work, migration)
    lists = {
        Kind.EVENT_SCHEMA: wanted.event_schemas,
        Kind.USAGE_METER: wanted.usage_meters,
        Kind.ADD_ON: wanted.add_ons,
        Kind.FEATURE: wanted.features,
        Kind.PRICE_PLAN: wanted.price_plans,
    }
    changing.to(lists, prune=prune)
    return CatalogueOutcome(
        digest=hashlib.sha256(encode([migration, changing.steps])).hexdigest()[:32],
        changes=changing.changes,
        left_alone=changing.left_alone,
        problems=changing.problems,
    )
