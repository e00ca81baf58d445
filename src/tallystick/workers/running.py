"""The background work of one server: the processing of events, sorting, the second look, jobs and the billing clock."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tallystick.kernel.errors import BillingError
from tallystick.kernel.job import JobType
from tallystick.operations.work import traits_of
from tallystick.stores.id_folder import IdFolder
from tallystick.stores.known_ids import KnownIds
from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.stores.state.purses import StatePurses
from tallystick.workers.billing_clock import BillingClock
from tallystick.workers.correction_task import CorrectionTask
from tallystick.workers.event_processor import EventProcessor
from tallystick.workers.fact_sorter import FactSorter
from tallystick.workers.grants_on_demand import UnitsOnDemand
from tallystick.workers.job_runner import JobRunner
from tallystick.workers.judging_apart import JudgeApart
from tallystick.workers.migration_task import MigrationTask
from tallystick.workers.remetering_task import RemeteringTask
from tallystick.workers.second_look import SecondLook
from tallystick.workers.simulation_task import SimulationTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tallystick.engine import Answer, Caller, Engine
    from tallystick.engine.engine import Request
    from tallystick.workers.job_desk import Task

TASKS: Final[Mapping[JobType, Callable[[], Task]]] = {
    JobType.EVENT_CORRECTIONS: CorrectionTask,
    JobType.PRICE_PLAN: MigrationTask,
    JobType.REMETERING: RemeteringTask,
    JobType.SIMULATION: SimulationTask,
}
"""What makes what jobs of each type do, for one server."""


class Workers:
    """Started once, stopped once; what was acknowledged meanwhile is processed after the next start."""

    def __init__(self, engine: Engine, *, apart: bool = False) -> None:
        """Make the workers of an engine; with `apart`, many events at once are judged by a process of their own."""
        self._engine = engine
        url = engine.database.url.render_as_string(hide_password=False)
        judge = JudgeApart(url) if apart else None
        known = KnownIds(folder=IdFolder(engine.directory.known_ids, engine.events.identity))
        catalogues = StateCatalogues(engine.database)
        purses = StatePurses(engine.database, UnitsOnDemand(engine))
        self.processor = EventProcessor(engine.log, engine.events, catalogues, known=known, apart=judge, purses=purses)
        self.billing = BillingClock(engine, lambda: self.processor.failure)
        self.fact_sorter = FactSorter(engine, self.processor)
        self.second_look = SecondLook(engine, lambda: self.processor.failure)
        self.jobs = JobRunner(engine, {kind: task() for kind, task in TASKS.items()}, lambda: self.processor.failure)

    def start(self) -> None:
        """Begin to process and to bill."""
        self.processor.start()
        self.fact_sorter.start()
        self.second_look.start()
        self.jobs.start()
        self.billing.start()

    def stop(self) -> None:
        """Finish what is at hand and stop."""
        self.billing.stop()
        self.jobs.stop()
        self.second_look.stop()
        self.fact_sorter.stop()
        self.processor.stop()

    def answer(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        """Run an operation for a door.

        On a test clock, whatever a command made due already is done before it is answered: nothing else would do it.

        Raises:
            BillingError: as `Engine.answer`.
        """
        answer = self._engine.answer(caller, request, encode)
        if self._engine.is_test and traits_of(request.operation).writes:
            with suppress(BillingError):  # the command is done, whatever keeps bills waiting: the next one tries
                self.second_look.catch_up()
                self.jobs.catch_up()
                self.billing.catch_up()
        return answer

    @property
    def failure(self) -> str | None:
        """What keeps the server from working, in one line, or None."""
        if self._engine.log.failure is not None:
            return f"events cannot be taken: {self._engine.log.failure}"
        if self.processor.failure is not None:
            return f"events are not processed: {self.processor.failure}"
        if self._engine.database.failure is not None:
            return f"the state cannot be written: {self._engine.database.failure}"
        if self.billing.failure is not None:
            return f"invoices are not made: {self.billing.failure}"
        return None
