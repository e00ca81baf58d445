"""One narrow function that every operation passes through: transaction, idempotency, dry run, audit row."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.engine import founding
from tallystick.engine.gatekeeper import Gatekeeper
from tallystick.engine.progress import Progress
from tallystick.kernel import quantity
from tallystick.kernel.clock import FrozenClock, SystemClock
from tallystick.kernel.errors import conflict
from tallystick.kernel.ids import IdSource
from tallystick.metering.event import FURTHEST_AHEAD
from tallystick.operations.work import Work, traits_of
from tallystick.stores import faults
from tallystick.stores.directory import DataDirectory
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_log import SqliteEventLog
from tallystick.stores.state import access, organisations
from tallystick.stores.state.database import Database
from tallystick.stores.state.due import next_due
from tallystick.stores.state.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sqlalchemy import Connection

    from tallystick.engine.gatekeeper import Caller
    from tallystick.engine.settings import Settings
    from tallystick.kernel.clock import Clock

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)
_RUN_AHEAD: Final = 1 << 30
"""Nanoseconds that each run on a test clock moves its ids ahead of the run before."""

ANSWERS_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered, as bytes; `replayed` when it was stored under the idempotency key.

    `as_of` is how far events were processed, when not all that had been acknowledged were.
    """

    status: int
    body: bytes
    as_of: datetime | None = None
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One call of an operation by a door.

    `idempotency_key` and `fingerprint` belong together: the same key with another fingerprint is refused.
    """

    operation: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    idempotency_key: str | None = None
    fingerprint: str = ""


class Engine:
    """Everything one server works with; opened once, closed once."""

    def __init__(self, settings: Settings) -> None:
        quantity.install()
        self.directory = DataDirectory(settings.data)
        self.directory.lock()
        self.directory.check(with_state=settings.database_url is None)
        self.database = Database(settings.database_url or self.directory.state_url)
        self.events = DuckEventStore(self.directory.event_store)
        self.wall_clock: Clock = SystemClock()
        with self.database.write() as connection:
            founding.tie_event_store(connection, self.events.identity)
            self.clock = founding.clock_of(connection, settings.test_clock)
            self.secret = founding.secret_of(connection)
            self.ids = IdSource(self.clock, ahead=_RUN_AHEAD * founding.runs_before(connection, self.clock))
            self.first_key = founding.first_organisation(
                connection, self.ids, self.clock.now(), self.wall_clock.now(), settings.first_key
            )
            faults.reach(faults.FOUNDING_BEFORE_COMMIT)
        faults.reach(faults.FOUNDED)
        self.log = SqliteEventLog(self.directory.event_log, self.clock, self.ids)
        self.gatekeeper = Gatekeeper(self.database, self.secret, self.wall_clock)

    @property
    def is_test(self) -> bool:
        """Whether time is frozen and moves only when told."""
        return isinstance(self.clock, FrozenClock)

    def close(self) -> None:
        """Close every store; what was acknowledged is durable already."""
        self.log.close()
        self.events.close()
        self.database.close()
        self.directory.unlock()

    def answer(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        """Run an operation for a caller and return its encoded answer, the stored one when it was run before.

        Raises:
            BillingError: whatever the operation raises; of kind FORBIDDEN, when the key lacks the operation's scope;
                of kind CONFLICT, when the idempotency key was used for another request.
        """
        traits = traits_of(request.operation)
        caller.require(traits.scope)
        progress = Progress(self.log, self.events)
        if traits.after_events:
            progress.pass_all()
        if traits.with_events:
            progress.settle()
        run = self._rehearsed if traits.is_rolled_back else self._commanded if traits.writes else self._asked
        answer = run(caller, request, encode)
        return replace(answer, as_of=progress.as_of)

    @contextmanager
    def work_for(
        self, organisation: str, actor: str, *, writes: bool, now: datetime | None = None, dry_run: bool = False
    ) -> Iterator[tuple[Work, Connection]]:
        """One transaction of one organisation: committed at the end when it writes; `now` is its instant.

        With `dry_run` whoever opens it ends it by an error, and has it rolled back.
        """
        opened = self.database.write() if writes else self.database.read()
        with opened as connection:
            yield self._work(connection, organisation, actor, now, dry_run=dry_run), connection

    def _work(
        self, connection: Connection, organisation: str, actor: str, now: datetime | None, *, dry_run: bool
    ) -> Work:
        return Work(
            organisation=organisations.get_organisation(connection, organisation),
            actor=actor,
            now=now or self.clock.now(),
            ids=self.ids,
            secret=self.secret,
            state=State(connection, organisation, self.secret),
            events=self.events,
            log=self.log,
            latest_event_at=self.latest_event_at(),
            is_rolled_back=dry_run,
        )

    def latest_event_at(self) -> datetime:
        """The latest time that an event may have now; on a test clock it may have any (domain.md 2.2)."""
        return _END_OF_TIME if self.is_test else self.clock.now() + FURTHEST_AHEAD

    def recall(self, caller: Caller, key: str, fingerprint: str) -> Answer | None:
        """The answer that stands under an idempotency key, or None.

        Raises:
            BillingError: of kind CONFLICT, when the key was used for another request or one that still runs.
        """
        with self.database.read() as connection:
            stored = access.stored_answer(connection, caller.organisation, key)
        return None if stored is None else _replayed(stored, fingerprint)

    def keep(self, caller: Caller, key: str, fingerprint: str, answer: Answer) -> Answer:
        """Keep the answer of something that ran without a transaction of its own; an earlier answer wins.

        Raises:
            BillingError: as `recall`.
        """
        with self.database.write() as connection:
            return self._claim(connection, caller, key, fingerprint) or self._kept(connection, caller, key, answer)

    def record_tool_call(self, caller: Caller, *, client: str, tool: str, argument_digest: str, result: str) -> None:
        """Note that a key's agent called a tool, and how it ended; by the wall clock."""
        with self.database.write() as connection:
            access.add_tool_call(
                connection,
                name=self.ids.mint("call"),
                organisation=caller.organisation,
                actor=caller.key_id,
                client=client,
                tool=tool,
                argument_digest=argument_digest,
                result=result,
                at=self.wall_clock.now(),
            )

    def forget_old_answers(self) -> None:
        """Drop answers whose idempotency key nobody will send again, and previews that expired; by the wall clock."""
        with self.database.write() as connection:
            now = self.wall_clock.now()
            access.forget_answers(connection, now - ANSWERS_KEPT)
            access.forget_previews(connection, now)

    def refuse_move(self, instant: datetime) -> None:
        """Check that the clock can be moved to an instant.

        Raises:
            BillingError: of kind CONFLICT, on the real clock or for an instant that has passed.
        """
        if not self.is_test:
            raise conflict("this server runs in real time: start it with --test-clock to move time")
        if instant < self.clock.now():
            raise conflict(f"the test clock stands at {self.clock.now().isoformat()} and only moves forward", "to")

    def move_clock(self, instant: datetime) -> None:
        """Move the test clock forward, remembering first where it will stand.

        Raises:
            BillingError: as `refuse_move`.
        """
        self.refuse_move(instant)
        assert isinstance(self.clock, FrozenClock), "checked above"
        with self.database.write() as connection:
            founding.remember_clock(connection, instant)
        self.clock.move_to(instant)

    def next_due(self, end: datetime, parked: Collection[str], without: Collection[str]) -> tuple[str, datetime] | None:
        """The organisation and instant of the first thing that falls due by `end`.

        Parked invoices are left out, and so are the organisations in `without`.
        """
        with self.database.read() as connection:
            return next_due(connection, end, parked, without)

    def _commanded(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        key = request.idempotency_key
        with (
            _rolled_back(request.dry_run),
            self.work_for(caller.organisation, caller.key_id, writes=True, dry_run=request.dry_run) as (
                work,
                connection,
            ),
        ):
            if key is not None:
                stored = self._claim(connection, caller, key, request.fingerprint)
                if stored is not None:
                    return stored
            answer = Answer(*encode(request.operation(work, **request.arguments)))
            if key is not None:
                self._kept(connection, caller, key, answer)
            self._audit(connection, caller, request, work.now)
            if request.dry_run:
                raise _DryRunError
            faults.reach(faults.COMMAND_BEFORE_COMMIT)
        faults.reach(faults.COMMAND_COMMITTED)
        return answer

    def _rehearsed(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        """Run an operation that shows what a command would change; nothing of it stays, also no idempotency key."""
        key = request.idempotency_key
        stored = None if key is None else self.recall(caller, key, request.fingerprint)
        if stored is not None:
            return stored
        with self.database.rehearse(caller.organisation) as connection:
            work = self._work(connection, caller.organisation, caller.key_id, None, dry_run=True)
            return Answer(*encode(request.operation(work, **request.arguments)))

    def _asked(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        with self.work_for(caller.organisation, caller.key_id, writes=False) as (work, _):
            answer = Answer(*encode(request.operation(work, **request.arguments)))
        if traits_of(request.operation).is_audited:
            with self.database.write() as connection:
                self._audit(connection, caller, request, work.now)
        if request.idempotency_key is None:
            return answer
        return self.keep(caller, request.idempotency_key, request.fingerprint, answer)

    def _claim(self, connection: Connection, caller: Caller, key: str, fingerprint: str) -> Answer | None:
        """Claim an idempotency key, or give the answer that stands under it."""
        stored = access.claim_answer(connection, caller.organisation, key, fingerprint, self.wall_clock.now())
        return None if stored is None else _replayed(stored, fingerprint)

    def _kept(self, connection: Connection, caller: Caller, key: str, answer: Answer) -> Answer:
        access.store_answer(connection, caller.organisation, key, answer.status, answer.body)
        return answer

    def _audit(self, connection: Connection, caller: Caller, request: Request, now: datetime) -> None:
        subject = "/".join(value for value in request.arguments.values() if isinstance(value, str))
        access.add_audit(
            connection,
            name=self.ids.mint("audit"),
            organisation=caller.organisation,
            actor=caller.key_id,
            operation=request.operation.__name__,
            subject=subject,
            at=now,
        )


class _DryRunError(Exception):
    """Ends the transaction of a dry run, so that it is rolled back."""


@contextmanager
def _rolled_back(dry_run: bool) -> Iterator[None]:  # noqa: FBT001 - the one thing it is about
    try:
        yield
    except _DryRunError:
        assert dry_run, "only a dry run ends like this"


def _replayed(stored: access.StoredAnswer, fingerprint: str) -> Answer:
    if stored.fingerprint != fingerprint:
        reason = "the Idempotency-Key was used for another request: choose a new one"
        raise conflict(reason, code="idempotency_mismatch")
    if stored.status is None or stored.body is None:
        raise conflict("a request with this Idempotency-Key is still running: try again in a moment")
    return Answer(stored.status, stored.body, replayed=True)
