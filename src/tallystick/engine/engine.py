"""One narrow function that every operation passes through: transaction, idempotency, dry run, audit row."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tallystick.engine.gatekeeper import Caller, Gatekeeper, new_key
from tallystick.engine.progress import Progress
from tallystick.kernel import quantity
from tallystick.kernel.clock import FrozenClock, SystemClock
from tallystick.kernel.errors import BillingError, Kind, Problem, conflict
from tallystick.kernel.ids import IdSource
from tallystick.operations.organisations import new_organisation
from tallystick.operations.work import Work, traits_of
from tallystick.stores.directory import DataDirectory
from tallystick.stores.event_log import SqliteEventLog
from tallystick.stores.event_store import DuckEventStore
from tallystick.stores.state import access, organisations
from tallystick.stores.state.database import Database
from tallystick.stores.state.due import next_due
from tallystick.stores.state.state import State

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from sqlalchemy import Connection

    from tallystick.engine.settings import Settings
    from tallystick.kernel.clock import Clock

_SIGNING: Final = "signing_secret"
_BOOTS: Final = "boots"
_TEST_CLOCK: Final = "test_clock"
_REAL: Final = "real"
_RUN_AHEAD: Final = 1 << 30
"""Nanoseconds that each run on a test clock moves its ids ahead of the run before."""

ANSWERS_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answered, as bytes; `replayed` when it was stored under the idempotency key."""

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
        self.database = Database(settings.database_url or self.directory.state_url)
        self.wall_clock: Clock = SystemClock()
        with self.database.write() as connection:
            self.clock = _clock(connection, settings.test_clock)
            self.secret = _secret(connection)
            self.ids = IdSource(self.clock, ahead=_RUN_AHEAD * _boots(connection, self.is_test))
            self.first_key = self._first_organisation(connection, settings.first_key)
        self.log = SqliteEventLog(self.directory.event_log, self.clock, self.ids)
        self.events = DuckEventStore(self.directory.event_store)
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

    def progress(self) -> Progress:
        """A new watch on the processing of events, for one operation."""
        return Progress(self.log, self.events)

    def run(self, caller: Caller, request: Request) -> Any:  # noqa: ANN401 - whatever the operation returns
        """Run an operation for a caller and return its value."""
        with self._work(caller, request) as (work, _):
            return request.operation(work, **request.arguments)

    def answer(self, caller: Caller, request: Request, encode: Callable[[Any], tuple[int, bytes]]) -> Answer:
        """Run an operation for a caller and return its encoded answer, the stored one when it was run before.

        Raises:
            BillingError: whatever the operation raises; of kind CONFLICT, when the idempotency key was used for
                another request.
        """
        if not traits_of(request.operation).writes:
            # Reading twice does no harm, and a read has no transaction to keep its answer in.
            request = replace(request, idempotency_key=None)
        with self._work(caller, request) as (work, connection):
            stored = self._claim(connection, caller, request)
            if stored is not None:
                return stored
            status, body = encode(request.operation(work, **request.arguments))
            if request.idempotency_key is not None:
                access.store_answer(connection, caller.organisation, request.idempotency_key, status, body)
            as_of = work.progress.as_of if isinstance(work.progress, Progress) else None
        return Answer(status, body, as_of)

    @contextmanager
    def work_for(
        self, organisation: str, actor: str, *, writes: bool, now: datetime | None = None
    ) -> Iterator[tuple[Work, Connection]]:
        """One transaction of one organisation: committed at the end when it writes; `now` is its instant."""
        opened = self.database.write() if writes else self.database.read()
        with opened as connection:
            yield (
                Work(
                    organisation=organisations.get_organisation(connection, organisation),
                    actor=actor,
                    now=now or self.clock.now(),
                    ids=self.ids,
                    secret=self.secret,
                    state=State(connection, organisation, self.secret),
                    events=self.events,
                    progress=self.progress(),
                ),
                connection,
            )

    def forget_old_answers(self) -> None:
        """Drop answers whose idempotency key nobody will send again; by the wall clock."""
        with self.database.write() as connection:
            access.forget_answers(connection, self.wall_clock.now() - ANSWERS_KEPT)

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
        """Move the test clock forward and remember where it stands.

        Raises:
            BillingError: as `refuse_move`.
        """
        self.refuse_move(instant)
        assert isinstance(self.clock, FrozenClock), "checked above"
        self.clock.move_to(instant)
        with self.database.write() as connection:
            organisations.remember(connection, _TEST_CLOCK, instant.isoformat())

    def next_due(self, end: datetime, parked: Collection[str]) -> tuple[str, datetime] | None:
        """The organisation and instant of the first thing that falls due by `end`, without parked invoices."""
        with self.database.read() as connection:
            return next_due(connection, end, parked)

    @contextmanager
    def _work(self, caller: Caller, request: Request) -> Iterator[tuple[Work, Connection]]:
        traits = traits_of(request.operation)
        if traits.after_events:
            self.progress().pass_all()
        with (
            _rolled_back(request.dry_run),
            self.work_for(caller.organisation, caller.key_id, writes=traits.writes) as (work, connection),
        ):
            yield work, connection
            if request.dry_run:
                raise _DryRunError
            if traits.writes:
                self._audit(connection, caller, request, work.now)

    def _claim(self, connection: Connection, caller: Caller, request: Request) -> Answer | None:
        if request.idempotency_key is None:
            return None
        stored = access.claim_answer(
            connection,
            caller.organisation,
            request.idempotency_key,
            request.fingerprint,
            self.wall_clock.now(),
        )
        if stored is None:
            return None
        if stored.fingerprint != request.fingerprint:
            raise conflict("the Idempotency-Key was used for another request: choose a new one")
        if stored.status is None or stored.body is None:
            raise conflict("a request with this Idempotency-Key is still running: try again in a moment")
        return Answer(stored.status, stored.body, replayed=True)

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

    def _first_organisation(self, connection: Connection, first_key: str | None) -> str | None:
        """Make a new directory usable at once: an organisation, and a key that is shown once."""
        if organisations.count_organisations(connection):
            return None
        first = new_organisation(self.ids)
        organisations.add_organisation(connection, first, self.clock.now())
        return new_key(connection, self.ids, first.id, "first key", self.wall_clock.now(), first_key)[1]


class _DryRunError(Exception):
    """Ends the transaction of a dry run, so that it is rolled back."""


@contextmanager
def _rolled_back(dry_run: bool) -> Iterator[None]:  # noqa: FBT001 - the one thing it is about
    try:
        yield
    except _DryRunError:
        assert dry_run, "only a dry run ends like this"


def _clock(connection: Connection, wanted: datetime | None) -> Clock:
    """The clock that the directory was made with: it never changes between real and test."""
    stored = organisations.remembered(connection, _TEST_CLOCK)
    if wanted is None:
        if stored not in {None, _REAL}:
            raise _clock_refused(f"the directory runs on a test clock at {stored}: start with --test-clock")
        organisations.remember(connection, _TEST_CLOCK, _REAL)
        return SystemClock()
    if stored == _REAL:
        raise _clock_refused("the directory runs in real time: choose another --data directory for a test clock")
    start = wanted if stored is None else max(wanted, datetime.fromisoformat(stored))
    organisations.remember(connection, _TEST_CLOCK, start.isoformat())
    return FrozenClock(start)


def _clock_refused(reason: str) -> BillingError:
    return BillingError(Kind.CONFLICT, "wrong_clock", Problem("", reason))


def _secret(connection: Connection) -> bytes:
    """The secret that signs page tokens, access tokens and event references; made once."""
    stored = organisations.remembered(connection, _SIGNING)
    if stored is None:
        stored = secrets.token_hex(32)
        organisations.remember(connection, _SIGNING, stored)
    return bytes.fromhex(stored)


def _boots(connection: Connection, is_test: bool) -> int:  # noqa: FBT001 - told apart by name
    """How often a test directory was opened before; always 0 in real time, where the clock itself moves on."""
    if not is_test:
        return 0
    before = int(organisations.remembered(connection, _BOOTS) or 0)
    organisations.remember(connection, _BOOTS, str(before + 1))
    return before
