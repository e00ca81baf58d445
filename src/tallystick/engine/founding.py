"""What a state store remembers about its server: the clock, the secret, the event store, the first key."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Final

from tallystick.engine.gatekeeper import new_key
from tallystick.kernel.clock import FrozenClock, SystemClock
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.operations.organisations import new_organisation
from tallystick.stores.state import organisations

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tallystick.kernel.clock import Clock
    from tallystick.kernel.ids import IdSource

_SIGNING: Final = "signing_secret"
_BOOTS: Final = "boots"
_TEST_CLOCK: Final = "test_clock"
_REAL: Final = "real"
_EVENT_STORE: Final = "event_store"


def clock_of(connection: Connection, wanted: datetime | None) -> Clock:
    """The clock that the directory was made with: it never changes between real and test.

    Raises:
        BillingError: of kind CONFLICT, when the other kind is wanted.
    """
    stored = organisations.remembered(connection, _TEST_CLOCK)
    if wanted is None:
        if stored not in {None, _REAL}:
            raise _refused(Kind.CONFLICT, f"the directory runs on a test clock at {stored}: start with --test-clock")
        organisations.remember(connection, _TEST_CLOCK, _REAL)
        return SystemClock()
    if stored == _REAL:
        reason = "the directory runs in real time: choose another --data directory for a test clock"
        raise _refused(Kind.CONFLICT, reason)
    start = wanted if stored is None else max(wanted, datetime.fromisoformat(stored))
    remember_clock(connection, start)
    return FrozenClock(start)


def remember_clock(connection: Connection, instant: datetime) -> None:
    """Note where the test clock stands."""
    organisations.remember(connection, _TEST_CLOCK, instant.isoformat())


def secret_of(connection: Connection) -> bytes:
    """The secret that signs page tokens, access tokens and event references; made once."""
    stored = organisations.remembered(connection, _SIGNING)
    if stored is None:
        stored = secrets.token_hex(32)
        organisations.remember(connection, _SIGNING, stored)
    return bytes.fromhex(stored)


def runs_before(connection: Connection, clock: Clock) -> int:
    """How often a test directory was opened before; always 0 in real time, where the clock itself moves on."""
    if not isinstance(clock, FrozenClock):
        return 0
    before = int(organisations.remembered(connection, _BOOTS) or 0)
    organisations.remember(connection, _BOOTS, str(before + 1))
    return before


def tie_event_store(connection: Connection, identity: str) -> None:
    """Make sure that the state and the event store belong together; without its events a bill would be too low.

    Raises:
        BillingError: of kind BROKEN, when the state was made beside another event store.
    """
    known = organisations.remembered(connection, _EVENT_STORE)
    if known is None:
        organisations.remember(connection, _EVENT_STORE, identity)
    elif known != identity:
        reason = (
            "the state belongs to another event store: events.duckdb is missing or was replaced, or another"
            " --data directory uses this database; restore the files that belong together"
        )
        raise _refused(Kind.BROKEN, reason)


def first_organisation(
    connection: Connection, ids: IdSource, now: datetime, wall_now: datetime, first_key: str | None
) -> str | None:
    """Make a new state usable at once: an organisation, and a key whose secret is returned here only."""
    if organisations.count_organisations(connection):
        return None
    first = new_organisation(ids)
    organisations.add_organisation(connection, first, now)
    return new_key(connection, ids, first.id, "first key", wall_now, first_key)[1]


def _refused(kind: Kind, reason: str) -> BillingError:
    return BillingError(kind, "cannot_start", Problem("", reason))
