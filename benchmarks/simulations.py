"""Measure (j): what all accounts would have paid by other terms in three months, as a job from start to end."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from benchmarks import store, world
from benchmarks.figure import Aim, Figure
from tallystick.engine import Engine, Settings
from tallystick.kernel.document import decode, encode
from tallystick.kernel.job import JobStatus
from tallystick.operations.cycles import begun_cycles
from tallystick.operations.simulated_revenue import next_accounts, simulated
from tallystick.operations.simulations import Simulation, SimulationDraft, get_simulation, start_simulation
from tallystick.stores.event_store import UsageWindow
from tallystick.workers.job_runner import JobRunner
from tallystick.workers.running import TASKS
from tallystick.workers.simulation_task import COMPARED_AT_ONCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.figure import Scale
    from benchmarks.world import World
    from tallystick.operations.work import Work

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
END: Final = datetime(2026, 4, 1, tzinfo=UTC)
MONTHS: Final = 3
_EVENTS_EACH: Final = 20
_LIMIT: Final = "one Python thread makes both bills of each cycle, with every line of an invoice"


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Accounts with five cards; by other terms, they pay for their usage alone. Then what parts of that take alone."""
    accounts = scale.accounts
    made = world.build(scratch / "simulations", accounts, test_clock=START)
    store.fill(made, MONTHS * _EVENTS_EACH * accounts, accounts, START, START, END - START)
    with closing(Engine(Settings(data=made.data, test_clock=START))) as engine:
        engine.move_clock(END)  # without a billing clock: a simulation needs no invoices
        name = f"{accounts:,} accounts, {MONTHS} months, five cards: the whole job"
        whole = [_job(engine, made, accounts) for _ in range(scale.runs)]
        yield Figure(name=name, unit="s", runs=whole, aim=Aim(30, _LIMIT, at_most=True))
        for part, take in (("accounts, terms and cycles", _cycles), ("usage too", _usage), ("both bills too", _bills)):
            runs = [_timed(engine, made, take) for _ in range(scale.runs)]
            yield Figure(name=f"of it, nothing stored: {part}", unit="s", runs=runs, baselines=(name,))


def _draft(made: World) -> SimulationDraft:
    cards = [world.usage_card(meter) for meter in (made.bytes_meter, made.region_meter)]
    plan = {"pricePlanDetails": {"supportedCurrencies": ["USD"], "usageRateCards": cards}}
    body: dict[str, Any] = {"from": START.date(), "to": END.date(), "plan": plan}
    return decode(encode(body), SimulationDraft)


def _job(engine: Engine, made: World, accounts: int) -> float:
    """Seconds from the request until the last account is compared."""
    runner = JobRunner(engine, {kind: task() for kind, task in TASKS.items()}, lambda: None)
    started = time.perf_counter()
    with engine.work_for(made.organisation, "benchmarks", writes=True) as (work, _):
        job = start_simulation(work, _draft(made)).job_id
    runner.catch_up()
    seconds = time.perf_counter() - started
    with engine.work_for(made.organisation, "benchmarks", writes=False) as (work, _):
        view = get_simulation(work, job)
    (totals,) = view.totals
    if (view.status, totals.accounts, totals.cycles) != (JobStatus.COMPLETED, accounts, MONTHS * accounts):
        raise RuntimeError(f"expected {accounts} accounts with {MONTHS} cycles each: {view}")
    return seconds


def _timed(engine: Engine, made: World, take: Callable[[Work, Simulation, list[str]], None]) -> float:
    """Seconds that a part takes for all accounts, portion by portion as the job does."""
    started = time.perf_counter()
    with engine.work_for(made.organisation, "benchmarks", writes=True) as (work, _):
        job = work.state.jobs.get(start_simulation(work, _draft(made)).job_id)
        asked, last = Simulation.of(job), ""
        while portion := next_accounts(work, asked, last, COMPARED_AT_ONCE):
            take(work, asked, portion)
            last = portion[-1]
        seconds = time.perf_counter() - started
        work.state.jobs.store(job.moved(JobStatus.FAILED, work.now))
    return seconds


def _cycles(work: Work, asked: Simulation, portion: list[str]) -> None:
    list(begun_cycles(work, portion, asked.span(work.organisation.zone)))


def _usage(work: Work, asked: Simulation, portion: list[str]) -> None:
    cycles = begun_cycles(work, portion, asked.span(work.organisation.zone))
    work.events.usage_totals(
        work.organisation.id, [UsageWindow(cycle.piece.account_id, cycle.period) for cycle in cycles]
    )


def _bills(work: Work, asked: Simulation, portion: list[str]) -> None:
    list(simulated(work, asked, portion))
