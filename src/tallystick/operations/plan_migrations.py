"""Migrations: a job moves the accounts of some plan versions to another one, each account by itself (domain.md 4.9)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from tallystick.accounts.account import Account
from tallystick.accounts.plan_move import kept_anniversary, moves_at
from tallystick.accounts.schedule import Schedule
from tallystick.accounts.timeline import Timeline, cut, put_in
from tallystick.catalog.plan_migration import MigrationMode, PlanFinalisation, PlanMigrationDraft, VersionsToMigrate
from tallystick.catalog.price_plan import PlanStatus, PlanType, PlanVersion, PricePlan, VersionStatus
from tallystick.kernel.document import Document, decode, encode
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.job import EntryStatus, Job, JobEntry, JobType
from tallystick.kernel.period import Period, local_date, local_midnight
from tallystick.kernel.recurrence import CycleRule
from tallystick.kernel.scope import Scope
from tallystick.operations.answers import DONE, Done
from tallystick.operations.jobs import started
from tallystick.operations.timelines import billed_account, keep_timeline, refuse_change, retained_rule, tomorrow
from tallystick.operations.work import Work, command, needs


class PlanMigration(Document, frozen=True, kw_only=True):
    """What a job is to do: whose accounts move, where to and when; without a target, plans are taken off."""

    source_id: str
    source_version_ids: list[str]
    target_id: str | None = None
    target_version_id: str | None = None
    mode: MigrationMode
    retain_start_offsets: bool = False

    @classmethod
    def of(cls, job: Job) -> PlanMigration:
        """What a job was started with."""
        return decode(job.instructions, cls)


class Target(Document, frozen=True, kw_only=True):
    """Where accounts move to."""

    plan: PricePlan
    version: PlanVersion


@needs(Scope.MONEY)
@command
def migrate_price_plan(work: Work, draft: PlanMigrationDraft) -> Done:
    """Let a job move the accounts of one plan version to another one, or take the plan off them.

    The job is the newest one of type PRICE_PLAN; it has one entry for each account, and waits for a confirmation
    when that is asked for.
    """
    problems: list[Problem] = []
    source = _version(work, "source", draft.source_id, draft.source_version, problems)
    target = None
    if draft.target_id is not None:
        target = _version(work, "target", draft.target_id, draft.target_version, problems)
    problems += _unfitting(draft, source, target)
    refuse_if_any(problems)
    assert source is not None, "else there was a problem"
    _start(
        work,
        source.plan,
        [source.version],
        target,
        draft.migration_mode,
        retain_start_offsets=draft.retain_start_offsets,
        requires_confirmation=draft.require_confirmation,
    )
    return DONE


def migrate_to_active(work: Work, plan: PricePlan, asked: PlanFinalisation) -> None:
    """Let a job move accounts from older versions of a plan to its active one, when that is asked for."""
    older = [version for version in plan.pricing_schedule if version != plan.active]
    if asked.migration_mode is MigrationMode.NONE or not older or plan.active is None:
        return
    sources = older if asked.versions_to_migrate is VersionsToMigrate.ALL_VERSION else older[-1:]
    _start(work, plan, sources, Target(plan=plan, version=plan.active), asked.migration_mode)


def accounts_to_migrate(work: Work, job: Job, size: int) -> list[JobEntry]:
    """The next accounts of a job that are not among its entries yet, at most so many."""
    versions = PlanMigration.of(job).source_version_ids
    last = "" if job.progress is None else decode(job.progress, str)
    names = work.state.schedules.accounts_on(versions, work.now, last, size)
    return [JobEntry(number=job.total + place, entity_id=name, created_at=work.now) for place, name in enumerate(names)]


def listed_until(entry: JobEntry) -> str:
    """The progress of a job whose accounts are listed up to this one."""
    return encode(entry.entity_id).decode()


def migrate_account(work: Work, job: Job, entry: JobEntry) -> JobEntry:
    """Move the account of an entry, in one transaction with the entry; what became of it.

    Raises:
        BillingError: of kind INVALID, when the account cannot be moved; as `change_account_plan`.
    """
    migration = PlanMigration.of(job)
    work, account, before = billed_account(work, entry.entity_id)
    moving = [piece for piece in before if _is_on(piece, migration, work)]
    if not migration.mode.ignores_overrides and moving:
        moving = [piece for piece in moving if not piece.has_own_terms]
        if not moving:
            return _skipped(
                entry, "the account has overrides: they are dropped by the modes that end in _IGNORE_OVERRIDE"
            )
    after, since = _moved(work, account, before, moving, migration)
    if since is None:
        return _skipped(entry, "the account does not have the plan any more when it would move")
    refuse_change(work, before, after, since)
    keep_timeline(work, account, before, after)
    day = local_date(since.start, work.organisation.zone).isoformat()
    outcome = "DISASSOCIATED" if migration.target_id is None else "MIGRATED"
    return entry.begun().moved(EntryStatus.COMPLETED, outcome=outcome, effectiveFrom=day)


def _version(work: Work, side: str, plan_id: str, number: int | None, problems: list[Problem]) -> Target | None:
    """The version of a plan that a request names on one of its sides; None, when there is none that is finalised."""
    plan = work.state.price_plans.find(plan_id)
    if plan is None or plan.status is PlanStatus.ARCHIVED:
        problems.append(Problem(f"{side}Id", f"price plan {plan_id!r} not found"))
        return None
    version = plan.version if number is None else plan.numbered(number)
    if version is None:
        problems.append(Problem(f"{side}Version", f"price plan {plan_id!r} has no version {number}"))
        return None
    if version.status is not VersionStatus.ACTIVE:
        problems.append(Problem(f"{side}Version", f"version {version.version} is a DRAFT: finalize it first"))
        return None
    if plan.type is not PlanType.BILLING:
        problems.append(Problem(f"{side}Id", f"price plan {plan_id!r} is a {plan.type} plan, which no account is on"))
        return None
    return Target(plan=plan, version=version)


def _unfitting(draft: PlanMigrationDraft, source: Target | None, target: Target | None) -> list[Problem]:
    """What makes no sense together."""
    problems: list[Problem] = []
    if draft.migration_mode is MigrationMode.NONE:
        problems.append(Problem("migrationMode", "NONE moves nobody: say when accounts are to move"))
    if draft.target_id is None:
        said = {"targetVersion": draft.target_version is not None, "retainStartOffsets": draft.retain_start_offsets}
        reason = "says nothing without targetId, which takes plans off: leave it out"
        problems += [Problem(path, reason) for path, is_said in said.items() if is_said]
    if source is None or target is None:
        return problems
    if source.version.id == target.version.id:
        problems.append(Problem("targetVersion", "is the version that accounts would leave"))
    intervals = [_interval(source), _interval(target)]
    if draft.retain_start_offsets and intervals[0] != intervals[1]:
        reason = f"the cycle of the source is {intervals[0]}, that of the target {intervals[1]}: they must be equal"
        problems.append(Problem("retainStartOffsets", reason))
    return problems


def _interval(side: Target) -> str:
    config = side.version.price_plan_details.pricing_cycle_config
    return "none" if config is None else config.interval


def _start(
    work: Work,
    plan: PricePlan,
    sources: list[PlanVersion],
    target: Target | None,
    mode: MigrationMode,
    *,
    retain_start_offsets: bool = False,
    requires_confirmation: bool = False,
) -> None:
    migration = PlanMigration(
        source_id=plan.id,
        source_version_ids=[version.id for version in sources],
        target_id=None if target is None else target.plan.id,
        target_version_id=None if target is None else target.version.id,
        mode=mode,
        retain_start_offsets=retain_start_offsets,
    )
    told = {"sourceId": plan.id, "sourceVersion": ", ".join(str(version.version) for version in sources)}
    if target is not None:
        told |= {"targetId": target.plan.id, "targetVersion": str(target.version.version)}
    started(
        work,
        JobType.PRICE_PLAN,
        migration,
        requires_confirmation=requires_confirmation,
        migrationMode=mode,
        **told,
    )


def _is_on(piece: Schedule, migration: PlanMigration, work: Work) -> bool:
    return piece.plan_version_id in migration.source_version_ids and piece.within.end > work.now


def _moved(
    work: Work, account: Account, timeline: Timeline, moving: list[Schedule], migration: PlanMigration
) -> tuple[Timeline, Period | None]:
    """The timeline with what is left of these pieces moved, and the first range that has; None when nothing has."""
    zone, new_id = work.organisation.zone, partial(work.ids.mint, "sch")
    earliest = local_midnight(tomorrow(work), zone)
    target = _target(work, account, migration)
    first: Period | None = None
    ordered = work.state.purchases.ordered([piece.id for piece in moving])
    for piece in moving:
        start = moves_at(piece, migration.mode, work.now, earliest, zone)
        if piece.id in ordered and work.now < piece.within.start:  # its order has billed its first cycle already
            start = piece.cycle_at(piece.within.start, zone).period.end
        if start >= piece.within.end:
            continue
        within = Period(start, piece.within.end)
        first = first or within
        if target is None:
            timeline = cut(timeline, within, zone, new_id)
        else:
            rest = _rest(work, timeline, piece, within, target, keeps=migration.retain_start_offsets)
            timeline = put_in(timeline, rest, zone, new_id)
    return timeline, first


def _target(work: Work, account: Account, migration: PlanMigration) -> Target | None:
    """Where an account moves to, as long as it is there, and active in the account's currency."""
    if migration.target_id is None:
        return None
    plan = work.state.price_plans.find(migration.target_id)
    if plan is None or plan.status is not PlanStatus.ACTIVE:
        raise invalid("targetId", f"price plan {migration.target_id!r} not found")
    version = next(one for one in plan.pricing_schedule if one.id == migration.target_version_id)
    active = version.price_plan_details.active_currencies
    if account.invoice_currency not in active:
        reason = f"price plan {plan.id!r} is active in {', '.join(active)}"
        raise invalid("targetId", f"{reason}, the account is billed in {account.invoice_currency}")
    return Target(plan=plan, version=version)


def _rest(work: Work, timeline: Timeline, piece: Schedule, within: Period, target: Target, *, keeps: bool) -> Schedule:
    """What is left of a piece, on the terms of the target; its overrides are gone."""
    config = target.version.price_plan_details.pricing_cycle_config
    assert config is not None, "an ACTIVE version has a pricing cycle"
    kept: CycleRule | None = kept_anniversary(piece, target.plan.id, config)
    if keeps:
        kept = retained_rule(timeline, within, config)
    starts_on = local_date(within.start, work.organisation.zone)
    return replace(
        piece,
        id=work.ids.mint("sch"),
        price_plan_id=target.plan.id,
        plan_version_id=target.version.id,
        within=within,
        rule=kept or config.calendar_rule or CycleRule.anniversary(config.interval, starts_on),
        grace_days=config.grace_period,
        anniversary=bool(config.anniversary_cycle) and not keeps,
        first_ordinal=0,
        override=None,
        pricing_rules=None,
    )


def _skipped(entry: JobEntry, reason: str) -> JobEntry:
    return entry.begun().moved(EntryStatus.COMPLETED, outcome="SKIPPED", reason=reason)
