"""What an operation works with, and how it says what kind of operation it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tallystick.kernel.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tallystick.accounts.organisation import Organisation
    from tallystick.kernel.ids import IdSource
    from tallystick.stores.event_log import EventLog
    from tallystick.stores.event_store import EventStore
    from tallystick.stores.state.state import State


@dataclass(frozen=True, slots=True)
class Work:
    """One operation's view of the world: one organisation, one instant, one transaction."""

    organisation: Organisation
    actor: str
    now: datetime
    ids: IdSource
    secret: bytes
    state: State
    events: EventStore
    log: EventLog
    latest_event_at: datetime
    """The latest time that an event may have which comes in now."""
    is_rolled_back: bool = False
    """Whether nothing of it will stay: then it needs no more rights than looking does."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine has to know of an operation before it runs it.

    `scope` is what the caller's key must be allowed to do.
    `after_events` lets the processing pass everything acknowledged before the call, `with_events` waits for that too,
    but only for a few seconds. Either wait ends before the transaction begins, so that no connection is held.
    `is_audited` is for what changes something elsewhere than in the state.
    `is_rolled_back` is for what shows a change: it is done where nobody waits for it, looked at, and never committed.
    """

    writes: bool
    scope: Scope
    after_events: bool = False
    with_events: bool = False
    is_audited: bool = False
    is_rolled_back: bool = False


F = TypeVar("F", bound="Callable[..., Any]")
_TRAITS: Final = "tallystick_traits"


def query(operation: F) -> F:
    """Mark an operation that only reads: it gets a snapshot and opens no write transaction."""
    setattr(operation, _TRAITS, Traits(writes=False, scope=Scope.READ))
    return operation


def event_query(operation: F) -> F:
    """Mark a query whose answer depends on events: it sees those acknowledged before it (design 4)."""
    setattr(operation, _TRAITS, Traits(writes=False, scope=Scope.READ, with_events=True))
    return operation


def command(operation: F) -> F:
    """Mark an operation that writes: it runs in one transaction and leaves an audit row."""
    setattr(operation, _TRAITS, Traits(writes=True, scope=Scope.WRITE))
    return operation


def event_command(operation: F) -> F:
    """Mark a command that is about events: it sees those acknowledged before it, as an `event_query` does."""
    setattr(operation, _TRAITS, Traits(writes=True, scope=Scope.WRITE, with_events=True))
    return operation


def catalogue_command(operation: F) -> F:
    """Mark a command that first lets the processing pass every event acknowledged before it.

    The catalogue changes at a position: events that came before are judged by what stood then (design 4).
    """
    setattr(operation, _TRAITS, Traits(writes=True, scope=Scope.WRITE, after_events=True))
    return operation


def log_command(operation: F) -> F:
    """Mark an operation that orders something in the event log: it writes no state, and leaves an audit row."""
    setattr(operation, _TRAITS, Traits(writes=False, scope=Scope.WRITE, with_events=True, is_audited=True))
    return operation


def preview(operation: F) -> F:
    """Mark an operation that shows what a change of the catalogue would do: it is rehearsed and rolled back."""
    setattr(operation, _TRAITS, Traits(writes=True, scope=Scope.READ, is_rolled_back=True))
    return operation


def needs(scope: Scope) -> Callable[[F], F]:
    """Mark an operation, on top of the other mark, as one for keys of another scope than reading or writing."""

    def mark(operation: F) -> F:
        setattr(operation, _TRAITS, replace(traits_of(operation), scope=scope))
        return operation

    return mark


def like(operation: Callable[..., Any], *, with_events: bool = False) -> Callable[[F], F]:
    """Mark an operation that is made of another one as of the same kind, waiting for events too when asked to."""

    def mark(made: F) -> F:
        traits = traits_of(operation)
        setattr(made, _TRAITS, replace(traits, with_events=traits.with_events or with_events))
        made.__name__ = operation.__name__
        return made

    return mark


def traits_of(operation: Callable[..., Any]) -> Traits:
    """What kind of operation this is.

    Raises:
        AttributeError: when the operation was not marked.
    """
    traits: Traits = getattr(operation, _TRAITS)
    return traits
