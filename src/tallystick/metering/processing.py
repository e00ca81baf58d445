"""What becomes of a batch of events (domain.md 2.4): events x catalogue -> statuses and usage. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from tallystick.accounts.schedule import TakenUntil
from tallystick.kernel.micros import instant_of, micros_of
from tallystick.kernel.quantity import plain
from tallystick.metering.event import EventStatus
from tallystick.metering.event_block import EventBlock
from tallystick.metering.event_data import EventData
from tallystick.metering.identity import NoIdError, id_of
from tallystick.metering.outcomes import LONGEST_DESCRIPTION, Outcomes, Refusal
from tallystick.metering.predefined import prepared
from tallystick.metering.units import UnitsInvalidError, used_units

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue
    from tallystick.metering.columns import EventColumns
    from tallystick.metering.identity import EventRow
    from tallystick.metering.prepared_schema import PreparedSchema
    from tallystick.metering.purse import Till

_DUPLICATE: Final[Refusal] = (EventStatus.DUPLICATE, "an event with this id came in before")
_NO_SCHEMA: Final[Refusal] = (EventStatus.SCHEMA_NOT_DEFINED, "no active event schema has this name")
_NO_ACCOUNT: Final[Refusal] = (EventStatus.ACCOUNT_NOT_FOUND, "at its time no account had this id or alias")
_TOO_LATE: Final[Refusal] = (EventStatus.PAST_GRACE_PERIOD, "the pricing cycle of the event takes no more events")

WORTH_WHOLESALE: Final = 128
"""Events from which on it is faster to look at columns first."""

_UNKNOWN: Final = np.iinfo(np.int64).min
_NEVER: Final = TakenUntil(0, 0, 0)
_MOST_WINDOWS: Final = 4
"""Cycles of one account that are looked at for the events of a block; events of others are judged one by one."""


def process(
    columns: EventColumns, received_at: datetime, catalogue: Catalogue, claimed: set[str], till: Till | None = None
) -> Outcomes:
    """Judge every event of the columns, which come with their ids (`identified`), in order.

    `claimed` holds the ids that earlier events of this organisation have taken; the ids of these events that are
    processed are added to it. An event that fails has not counted, so it leaves its id to the next one (domain.md 2.3).
    Without a `till`, nobody asks whether there are enough units of a feature.
    """
    if len(columns) >= WORTH_WHOLESALE:
        received_ats = np.full(len(columns), micros_of(received_at))
        return process_block(EventBlock.of(columns), received_ats, catalogue, claimed, till)
    judge = _Judge(catalogue, claimed, Outcomes.blank(len(columns)), till)
    for ordinal, row in enumerate(columns.rows()):
        judge.settle(ordinal, row, received_at)
    return judge.outcomes


def process_block(
    block: EventBlock,
    received_ats: NDArray[np.int64],
    catalogue: Catalogue,
    claimed: set[str],
    till: Till | None = None,
) -> Outcomes:
    """As `process`, for events that each were received at an instant of their own, in microseconds since 1970."""
    judge = _Judge(catalogue, claimed, Outcomes.blank(len(block)), till)
    left = np.arange(len(block))
    if len(block) >= WORTH_WHOLESALE:
        left = judge.wholesale(block, received_ats)
    for ordinal, row in zip(left.tolist(), block.rows(left), strict=True):
        judge.settle(ordinal, row, instant_of(int(received_ats[ordinal])))
    return judge.outcomes


class _Judge:
    """Asks the questions of domain.md 2.4, in their order, about each event of a block."""

    __slots__ = ("_accounts", "_claimed", "_schemas", "_terms", "_till", "outcomes")

    def __init__(self, catalogue: Catalogue, claimed: set[str], outcomes: Outcomes, till: Till | None) -> None:
        self._accounts = catalogue.accounts
        self._terms = catalogue.schemas
        self._schemas = {name: prepared(terms) for name, terms in catalogue.schemas.items()}
        self._claimed = claimed
        self._till = till
        self.outcomes = outcomes

    def settle(self, ordinal: int, row: EventRow, received_at: datetime) -> None:
        """Judge one event, and note what became of it and of its id."""
        refusal = self._judge(ordinal, row, received_at)
        if refusal is not None:
            status, reason = refusal
            self.outcomes.statuses[ordinal] = status
            self.outcomes.descriptions[ordinal] = reason[:LONGEST_DESCRIPTION]
        elif row[0] is not None:
            self._claimed.add(row[0])

    def wholesale(self, block: EventBlock, received_ats: NDArray[np.int64]) -> NDArray[np.int64]:
        """Judge the plain events, schema by schema; the ordinals of those that are left, in order.

        The ids of plain events are neither among themselves nor among those left a second time, so that it does not
        matter which of both are judged first.
        """
        schemas = [self._schemas.get(name) for name in block.schema_names.texts]
        accounts = [_plain_account(self._accounts.get(text, ()), text) for text in block.account_refs.texts]
        of_schema, of_account = block.schema_names.codes, block.account_refs.codes
        is_plain = _met_once(block.ids)
        is_plain &= np.array([schema is not None and schema.wholesale is not None for schema in schemas])[of_schema]
        is_plain &= np.array([account is not None for account in accounts])[of_account]
        plain = np.flatnonzero(is_plain)
        owners = [None if account is None else account.customer_id for account in accounts]
        self.outcomes.account_ids.put(plain, of_account[plain], block.account_refs.texts)
        self.outcomes.customer_ids.put(plain, of_account[plain], owners)
        is_done = np.zeros(len(block), dtype=np.bool_)
        if not self._claimed.isdisjoint(block.ids):
            is_done = is_plain & np.array([event_id in self._claimed for event_id in block.ids])
            self._refuse(np.flatnonzero(is_done), _DUPLICATE)
            plain = np.flatnonzero(is_plain & ~is_done)
        plain = plain[_in_time(accounts, of_account[plain], block.event_ats[plain], received_ats[plain])]
        for place, schema in enumerate(schemas):
            if schema is not None and schema.wholesale is not None:
                metered = schema.wholesale.meter(block, plain[of_schema[plain] == place], self.outcomes)
                self._claimed.update(filter(None, map(block.ids.__getitem__, metered.tolist())))
                is_done[metered] = True
        return np.flatnonzero(~is_done)

    def _refuse(self, ordinals: NDArray[np.int64], refusal: Refusal) -> None:
        status, reason = refusal
        self.outcomes.statuses.put_same(ordinals, status)
        self.outcomes.descriptions.put_same(ordinals, reason)

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

    def _judge(  # noqa: PLR0911 - one for each answer of 2.4
        self, ordinal: int, row: EventRow, received_at: datetime
    ) -> Refusal | None:
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
        if account.gate.refuses(event_at, received_at):
            return _TOO_LATE
        if schema.feature is not None and self._till is not None:
            return self._pay(self._till, schema, data, account, event_at, ordinal)
        return schema.meter(data, account, ordinal, self.outcomes)

    def _pay(
        self,
        till: Till,
        schema: PreparedSchema,
        data: EventData,
        account: AccountTerms,
        event_at: datetime,
        ordinal: int,
    ) -> Refusal | None:
        """Meter the event, if the account has the units of the feature that it uses; then they are debited."""
        refusal = schema.enrich(data, account, ordinal, self.outcomes)
        if refusal is not None:
            return refusal
        assert schema.feature is not None, "asked before"
        feature_id, attribute = schema.feature
        try:
            units = used_units(data, attribute)
        except UnitsInvalidError as failure:
            return EventStatus.UNITS_INVALID, f"feature {feature_id}: {failure}"
        debits = till.offered(ordinal, (account.id, feature_id), units, event_at)
        if debits is None:
            left = till.purses.left((account.id, feature_id), event_at)
            reason = f"feature {feature_id}: the event uses {plain(units):f}, and {plain(left):f} are left at its time"
            return EventStatus.INSUFFICIENT_CREDITS, reason
        refusal = schema.measure(data, ordinal, self.outcomes)
        if refusal is None:
            till.purses.pay(debits)
        return refusal

    def _without_id(self, row: EventRow) -> Refusal:
        """Why neither the event nor its schema's template gave an id."""
        try:
            made = id_of(row, self._terms.get(row[1]))
        except NoIdError as reason:
            return EventStatus.NO_EVENT_ID, str(reason)
        return EventStatus.NO_EVENT_ID, f"the event came without its id {made}"


def any_is_late(block: EventBlock, catalogue: Catalogue, received_at: datetime) -> bool:
    """Whether the cycle of some event could take no more of them at an instant; without its account, it has none."""
    for _, _, event_at, account_ref, _, _ in block.rows():
        account = _account_of(catalogue.accounts.get(account_ref, ()), account_ref, event_at)
        if account is not None and account.gate.refuses(event_at, received_at):
            return True
    return False


def _account_of(spans: Sequence[AccountSpan], reference: str, event_at: datetime) -> AccountTerms | None:
    """The account with exactly this id, else the one that had this alias when the event happened (domain.md 2.4)."""
    for span in spans:
        if span.account.id == reference:
            return span.account
    for span in spans:
        if span.effective_from <= event_at < span.effective_until:
            return span.account
    return None


def _plain_account(spans: Sequence[AccountSpan], reference: str) -> AccountTerms | None:
    """The account that nearly every reference names: the one with just this id."""
    return spans[0].account if spans and spans[0].account.id == reference else None


def _met_once(ids: Sequence[str | None]) -> NDArray[np.bool_]:
    """Which events have an id that no other of these has."""
    distinct = set(ids)
    if len(distinct) == len(ids) and None not in distinct and "" not in distinct:
        return np.ones(len(ids), dtype=np.bool_)
    times = Counter(ids)
    return np.array([bool(event_id) and times[event_id] == 1 for event_id in ids], dtype=np.bool_)


def _in_time(
    accounts: Sequence[AccountTerms | None],
    of_account: NDArray[np.int32],
    event_ats: NDArray[np.int64],
    received_ats: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Which events surely are not too late: gates are asked for one event of each account, and once more for others."""
    is_taken = np.zeros(len(event_ats), dtype=np.bool_)
    windows = np.zeros((3, len(accounts)), dtype=np.int64)
    asking = np.arange(len(event_ats))
    for _ in range(_MOST_WINDOWS):
        if not len(asking):
            break
        codes, ats = of_account[asking], event_ats[asking]
        sample = np.full(len(accounts), _UNKNOWN, dtype=np.int64)
        sample[codes] = ats
        asked = np.flatnonzero(sample != _UNKNOWN)
        owners = [accounts[code] for code in asked.tolist()]
        found = [
            _NEVER if owner is None else owner.gate.taken_until(event_at)
            for owner, event_at in zip(owners, sample[asked].tolist(), strict=True)
        ]
        windows[:, asked] = np.array(found, dtype=np.int64).T
        starts, ends, dues = windows[:, codes]
        is_known = (starts <= ats) & (ats < ends)
        is_taken[asking] = is_known & (received_ats[asking] < dues)
        asking = asking[~is_known]
    return is_taken
