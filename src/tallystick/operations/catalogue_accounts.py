"""Which accounts a change of the catalogue is about: who pays by what changes, and who keeps what was agreed on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tallystick.catalog.plan_migration import MigrationMode, PlanFinalisation, VersionsToMigrate
from tallystick.catalog.price_plan import PlanStatus, PricePlan, VersionStatus
from tallystick.catalog.written import Kind
from tallystick.operations.cycles import terms_of
from tallystick.operations.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tallystick.catalog.usage_meter import UsageMeter


class Payers:
    """The accounts of the plans, as they were before anything changed."""

    def __init__(
        self, work: Work, plans: Sequence[PricePlan], meters: Sequence[UsageMeter], migration: PlanFinalisation
    ) -> None:
        self._work = work
        self._plans = plans
        self._meters = meters
        self._migration = migration

    def of_item(self, kind: Kind, thing_id: str) -> set[str]:
        """The accounts with a card for a meter, an add-on or a feature, or for a meter that reads a schema."""
        items = {thing_id}
        if kind is Kind.EVENT_SCHEMA:
            items = {meter.id for meter in self._meters if meter.event_schema_name == thing_id}
        versions = [
            version.id
            for plan in self._plans
            for version in plan.pricing_schedule
            if version.price_plan_details.billable_ids & items
        ]
        found = self._having(versions, overridden=False)
        return found | {account for account, priced in self._own_terms if priced & items}

    def of_terms(self, plan: PricePlan) -> tuple[set[str], set[str]]:
        """The accounts that move to the next version of a plan, and those that keep the one that they have."""
        versions = [version for version in plan.pricing_schedule if version.status is VersionStatus.ACTIVE]
        everybody = self._having([version.id for version in versions])
        mode = self._migration.migration_mode
        if plan.status is PlanStatus.DRAFT or mode is MigrationMode.NONE:
            return set(), everybody
        if self._migration.versions_to_migrate is VersionsToMigrate.LATEST_VERSION:
            versions = versions[-1:]
        moving = self._having([one.id for one in versions], overridden=None if mode.ignores_overrides else False)
        return moving, everybody - moving

    def _having(self, versions: list[str], *, overridden: bool | None = None) -> set[str]:
        return self._work.state.schedules.having(versions, self._work.now, overridden=overridden)

    @cached_property
    def _own_terms(self) -> list[tuple[str, set[str]]]:
        """What is priced for accounts with terms of their own."""
        pieces = self._work.state.schedules.overridden(self._work.now)
        terms = terms_of(self._work, pieces)
        return [(piece.account_id, terms[piece.id].billable_ids) for piece in pieces]
