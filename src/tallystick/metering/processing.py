"""What becomes of a batch of events (domain.md 2.4): events x catalogue -> statuses and usage. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from tallystick.metering.event import EventStatus
from tallystick.metering.event_data import EventData
from tallystick.metering.identity import NoIdError, id_of
from tallystick.metering.outcomes import LONGEST_DESCRIPTION, Outcomes, Refusal
from tallystick.metering.predefined import prepared
from tallystick.metering.wholesale import PlainEvents

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.identity import EventRow

_DUPLICATE: Final[Refusal] = (EventStatus.DUPLICATE, "an event with this id came in before")
_NO_SCHEMA: Final[Refusal] = (EventStatus.SCHEMA_NOT_DEFINED, "no active event schema has this name")
_NO_ACCOUNT: Final[Refusal] = (EventStatus.ACCOUNT_NOT_FOUND, "at its time no account had this id or alias")
_TOO_LATE: Final[Refusal] = (EventStatus.PAST_GRACE_PERIOD, "the pricing cycle of the event takes no more events")

WORTH_WHOLESALE: Final = 32
"""Events from which on it is faster to look at columns first."""


def process(columns: EventColumns, received_at: datetime, catalogue: Catalogue, claimed: set[str]) -> Outcomes:
    """Judge every event of the columns, which come with their ids (`identified`), in order.

    `claimed` holds the ids that earlier events of this organisation have taken; the ids of these events that are
    processed are added to it. An event that fails has not counted, so it leaves its id to the next one (domain.md 2.3).
    """
    judge = _Judge(received_at, catalogue, claimed, Outcomes.blank(len(columns)))
    left = judge.wholesale(columns) if len(columns) >= WORTH_WHOLESALE else range(len(columns))
    for ordinal in left:
        row = columns.row(ordinal)
        refusal = judge.judge(ordinal, row)
        if refusal is not None:
            judge.refuse([ordinal], refusal)
        elif row[0] is not None:
            claimed.add(row[0])
    return judge.outcomes


class _Judge:
    """Asks the questions of domain.md 2.4, in their order, about each event of a block."""

    __slots__ = ("_accounts", "_claimed", "_received_at", "_schemas", "_terms", "outcomes")

    def __init__(self, received_at: datetime, catalogue: Catalogue, claimed: set[str], outcomes: Outcomes) -> None:
        self._received_at = received_at
        self._accounts = catalogue.accounts
        self._terms = catalogue.schemas
        self._schemas = {name: prepared(terms) for name, terms in catalogue.schemas.items()}
        self._claimed = claimed
        self.outcomes = outcomes

    def refuse(self, ordinals: Iterable[int], refusal: Refusal) -> None:
        """Note with which status events end, and why."""
        status, reason = refusal
        for ordinal in ordinals:
            self.outcomes.statuses[ordinal] = status
            self.outcomes.descriptions[ordinal] = reason[:LONGEST_DESCRIPTION]

    def wholesale(self, columns: EventColumns) -> list[int]:
        """Judge the plain events, schema by schema; the ordinals of those that are left, in order.

        The ids of plain events are neither among themselves nor among those left a second time, so that it does not
        matter which of both are judged first.
        """
        sent = Counter(columns.ids) if len(set(columns.ids)) < len(columns) else {}
        repeated = {event_id for event_id, times in sent.items() if times > 1} | {None, ""}
        left: list[int] = []
        by_schema: defaultdict[str, list[int]] = defaultdict(list)
        for ordinal, name in enumerate(columns.schema_names):
            by_schema[name].append(ordinal)
        for name, ordinals in by_schema.items():
            schema = self._schemas.get(name)
            if schema is None or schema.wholesale is None:
                left += ordinals
                continue
            events = PlainEvents(columns, ordinals)
            self._sift(events, repeated)
            schema.wholesale.meter(events, self.outcomes)
            self._claimed.update(filter(None, events.ids))
            left += events.left
        return sorted(left)

    def _sift(self, events: PlainEvents, repeated: Collection[str | None]) -> None:
        """Leave the events about whose id, account or time there is more to say."""
        events.keep([event_id not in repeated for event_id in events.ids])
        found = [self._accounts.get(reference) for reference in events.account_refs]
        accounts = events.beside([spans[0].account if spans else None for spans in found])
        named = zip(accounts, events.account_refs, strict=True)
        events.keep([account is not None and account.id == reference for account, reference in named])
        known = [account for account in accounts if account is not None]
        events.put(events.account_refs, self.outcomes.account_ids)
        events.put([account.customer_id for account in known], self.outcomes.customer_ids)
        self.refuse(events.drop([event_id in self._claimed for event_id in events.ids]), _DUPLICATE)
        dated = zip(accounts, events.event_ats, strict=True)
        events.keep([account is not None and not account.gate.refuses(at, self._received_at) for account, at in dated])

    def _identify(self, ordinal: int, reference: str, event_at: datetime) -> AccountTerms | None:
        """Whose event it is, which is written down whatever becomes of it."""
        spans = self._accounts.get(reference, ())
        account = spans[0].account if spans else None  # nearly every event names its account by id
        if account is not None and account.id != reference:
            account = _account_of(spans, reference, event_at)
        if account is not None:
            self.outcomes.account_ids[ordinal] = account.id
            self.outcomes.customer_ids[ordinal] = account.customer_id
        return account

    def judge(self, ordinal: int, row: EventRow) -> Refusal | None:  # noqa: PLR0911 - one for each answer of 2.4
        """Meter the event, unless there is a reason against it."""
        event_id, schema_name, event_at, account_ref, attributes, dimensions = row
        account = self._identify(ordinal, account_ref, event_at)
        if not event_id:
            return self._without_id(row)
        if event_id in self._claimed:
            return _DUPLICATE
        schema = self._schemas.get(schema_name)
        if schema is None:
            return _NO_SCHEMA
        self.outcomes.schema_versions[ordinal] = schema.version
        data = EventData(attributes, dimensions)
        if schema.lacks(data):
            return schema.refusal(data)
        if account is None:
            return _NO_ACCOUNT
        if account.gate.refuses(event_at, self._received_at):
            return _TOO_LATE
        return schema.meter(data, account, ordinal, self.outcomes)

    def _without_id(self, row: EventRow) -> Refusal:
        """Why neither the event nor its schema's template gave an id."""
        try:
            made = id_of(row, self._terms.get(row[1]))
        except NoIdError as reason:
            return EventStatus.NO_EVENT_ID, str(reason)
        return EventStatus.NO_EVENT_ID, f"the event came without its id {made}"


def _account_of(spans: Sequence[AccountSpan], reference: str, event_at: datetime) -> AccountTerms | None:
    """The account with exactly this id, else the one that had this alias when the event happened (domain.md 2.4)."""
    for span in spans:
        if span.account.id == reference:
            return span.account
    for span in spans:
        if span.effective_from <= event_at < span.effective_until:
            return span.account
    return None
