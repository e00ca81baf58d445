"""Simulations: what accounts would have paid in past cycles by other terms, from their real usage (docs/what-if.md)."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from tallystick.catalog.fields import CurrencyCode, Id, Text255
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.pricing_rule import PricingRule
from tallystick.invoicing.comparison import ComparedTotals, Comparison
from tallystick.kernel.document import Document, Draft, decode
from tallystick.kernel.errors import Problem, attempted, not_found, refuse_if_any
from tallystick.kernel.job import Job, JobStatus, JobType
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import Period, local_midnight
from tallystick.operations.answers import Listed
from tallystick.operations.jobs import JobStarted, started
from tallystick.operations.simulated_plan import SimulatedPlan, new_terms
from tallystick.operations.work import Work, event_command, query

MOST_ACCOUNTS = 1000
"""Named one by one; all accounts, or all of a plan, may be more."""

EARLIEST = date(1970, 1, 1)


class AccountSelection(Draft, frozen=True, kw_only=True):
    """Whose cycles are priced anew: these accounts', those under a plan, or, when neither is sent, all."""

    account_ids: Annotated[list[Id], Meta(min_length=1, max_length=MOST_ACCOUNTS)] | None = None
    price_plan_id: Id | None = None


class SimulationDraft(Draft, frozen=True, kw_only=True):
    """What `POST /v1/simulations` takes: new terms, accounts, and the days on which the cycles started."""

    name: Text255 | None = None
    since: date = msgspec.field(name="from")
    until: date = msgspec.field(name="to")
    plan: SimulatedPlan
    accounts: AccountSelection = AccountSelection()


class Simulation(Document, frozen=True, kw_only=True):
    """What a job is to find out: the terms as they stood when it was started, and whose cycles they price."""

    name: str | None = None
    since: date
    until: date
    price_plan_id: str | None = None
    price_plan_version: int | None = None
    details: PricePlanDetails
    rules: list[PricingRule] = []
    accounts: AccountSelection
    through_row: int

    @classmethod
    def of(cls, job: Job) -> Simulation:
        """What a job was started with."""
        return decode(job.instructions, cls)

    def span(self, zone: ZoneInfo) -> Period:
        """When the cycles started: from the first instant of one local day until that of another."""
        return Period(local_midnight(self.since, zone), local_midnight(self.until, zone))


class SimulationProgress(Document, frozen=True, kw_only=True):
    """How far a job is: the last account that was listed, and what was found so far, by currency."""

    listed: str = ""
    totals: list[ComparedTotals] = []

    @classmethod
    def of(cls, job: Job) -> SimulationProgress:
        """How far a job is."""
        return cls() if job.progress is None else decode(job.progress, cls)


class SimulationView(Document, frozen=True, kw_only=True, omit_defaults=False):
    """A simulation: how far it is, and what all accounts that it has come to would have paid, by currency.

    Why an account failed is told by its entry, at `/v1/jobs/{jobId}/entries`.
    """

    job_id: str
    status: JobStatus
    name: str | None
    since: date = msgspec.field(name="from")
    until: date = msgspec.field(name="to")
    price_plan_id: str | None
    price_plan_version: int | None
    total_accounts: int
    pending_accounts: int
    failed_accounts: int
    totals: list[ComparedTotals]


@event_command
def start_simulation(work: Work, draft: SimulationDraft) -> JobStarted:
    """Let a job compute what accounts would have paid by other terms in the cycles that started in a span and are over.

    Nothing that is billed changes. Read the totals at /v1/simulations/{jobId}, the accounts at .../accounts.
    """
    problems: list[Problem] = []
    if draft.since < EARLIEST:
        problems.append(Problem("from", f"{draft.since} is before {EARLIEST}"))
    if draft.since >= draft.until:
        problems.append(Problem("to", f"{draft.until} must lie after from: it is the first day that does not count"))
    terms = attempted(problems, lambda: new_terms(work, draft.plan))
    problems += _selection_problems(work, draft.accounts)
    refuse_if_any(problems)
    assert terms is not None, "what is wrong with the plan is among the problems"
    simulation = Simulation(
        name=draft.name,
        since=draft.since,
        until=draft.until,
        price_plan_id=terms.price_plan_id,
        price_plan_version=terms.version,
        details=terms.details,
        rules=list(terms.rules),
        accounts=draft.accounts,
        through_row=work.log.end(),
    )
    shown = {"from": draft.since.isoformat(), "to": draft.until.isoformat()} | (
        {"name": draft.name} if draft.name else {}
    )
    job = started(work, JobType.SIMULATION, simulation, requires_confirmation=False, **shown)
    return JobStarted(success=True, job_id=job.id)


@query
def get_simulation(work: Work, simulation_id: str) -> SimulationView:
    """How far a simulation is, and its totals; named by its job."""
    job = _simulation(work, simulation_id)
    asked = Simulation.of(job)
    return SimulationView(
        job_id=job.id,
        status=job.status,
        name=asked.name,
        since=asked.since,
        until=asked.until,
        price_plan_id=asked.price_plan_id,
        price_plan_version=asked.price_plan_version,
        total_accounts=job.total,
        pending_accounts=job.pending,
        failed_accounts=job.failed,
        totals=SimulationProgress.of(job).totals,
    )


@query
def list_simulated_accounts(
    work: Work, page: PageRequest, simulation_id: str, *, currency: CurrencyCode | None = None
) -> Listed[Comparison]:
    """Page through what each account would have paid: by currency, those first who would pay most more.

    `_sort=difference:ASC` begins with those who would pay most less.
    """
    job = _simulation(work, simulation_id)
    comparisons, token = work.state.simulations.page(page, job.id, currency)
    return Listed(data=comparisons, next_token=token)


def _simulation(work: Work, simulation_id: str) -> Job:
    job = work.state.jobs.get(simulation_id)
    if job.type is not JobType.SIMULATION:
        raise not_found("simulation", simulation_id)
    return job


def _selection_problems(work: Work, selected: AccountSelection) -> list[Problem]:
    names = selected.account_ids or []
    known = work.state.accounts.among(names)
    problems = [
        Problem(f"accounts.accountIds[{index}]", f"account {name!r} not found")
        for index, name in enumerate(names)
        if name not in known
    ]
    if selected.price_plan_id is None:
        return problems
    if names:
        problems.append(Problem("accounts", "name accountIds or a pricePlanId, not both"))
    if work.state.price_plans.find(selected.price_plan_id) is None:
        problems.append(Problem("accounts.pricePlanId", f"price plan {selected.price_plan_id!r} not found"))
    return problems
