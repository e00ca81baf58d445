"""What an account agreed to: its aliases and the pieces of its pricing timeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from tallystick.accounts.alias import AliasSpan
from tallystick.accounts.schedule import Opening, Schedule
from tallystick.catalog.price_plan import PricePlanDetailsPatch
from tallystick.catalog.pricing_rule import PricingRule
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.kernel.recurrence import CycleRule, Interval
from tallystick.stores.state import organisations
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import licence_entry
from tallystick.stores.state.tables import account, alias, schedule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, Row

_RULES: Final = tuple[PricingRule, ...]
_HAS_OWN_TERMS: Final = or_(schedule.c.override.is_not(None), schedule.c.pricing_rules.is_not(None))


class Aliases:
    """The aliases of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def add(self, account_id: str, names: Iterable[str], spans: Iterable[AliasSpan], now: datetime) -> None:
        """Give an account new aliases, under the ids given.

        Raises:
            BillingError: of kind CONFLICT, when a value is taken at that time by an alias or an account id.
        """
        organisations.take_turns(self._connection, self._organisation)  # on PostgreSQL two could else both find it free
        for name, span in zip(names, spans, strict=True):
            self._refuse_taken(span)
            try:
                self._connection.execute(
                    insert(alias).values(
                        organisation_id=self._organisation,
                        id=name,
                        value=span.value,
                        account_id=account_id,
                        effective_from=span.valid.start,
                        effective_until=span.valid.end,
                        created_at=now,
                    )
                )
            except IntegrityError:
                raise _taken(span) from None
            self._adopt_licences(account_id, span)

    def of(self, account_ids: Collection[str]) -> dict[str, list[AliasSpan]]:
        """The aliases of these accounts, by account, in the order they were given."""
        rows = self._connection.execute(
            select(alias.c.account_id, alias.c.value, alias.c.effective_from, alias.c.effective_until)
            .where(alias.c.organisation_id == self._organisation, among(alias.c.account_id, account_ids))
            .order_by(alias.c.created_at, alias.c.id)
        )
        found: dict[str, list[AliasSpan]] = {account_id: [] for account_id in account_ids}
        for account_id, value, start, end in rows:
            found[account_id].append(AliasSpan(value, Period(start, end)))
        return found

    def claims(self, value: str) -> bool:
        """Whether the value is an alias of any account, now or at another time."""
        statement = select(alias.c.id).where(alias.c.organisation_id == self._organisation, alias.c.value == value)
        return self._connection.execute(statement.limit(1)).first() is not None

    def _adopt_licences(self, account_id: str, span: AliasSpan) -> None:
        """Give the account the licences that were kept under the alias before anybody had it."""
        self._connection.execute(
            update(licence_entry)
            .where(
                licence_entry.c.organisation_id == self._organisation,
                licence_entry.c.account_id == span.value,
                licence_entry.c.effective_from >= span.valid.start,
                licence_entry.c.effective_from < span.valid.end,
            )
            .values(account_id=account_id)
        )

    def _refuse_taken(self, span: AliasSpan) -> None:
        overlapping = select(alias.c.id).where(
            alias.c.organisation_id == self._organisation,
            alias.c.value == span.value,
            alias.c.effective_from < span.valid.end,
            alias.c.effective_until > span.valid.start,
        )
        same_id = select(account.c.id).where(
            account.c.organisation_id == self._organisation, account.c.id == span.value
        )
        for statement in (overlapping, same_id):
            if self._connection.execute(statement.limit(1)).first() is not None:
                raise _taken(span)


class Schedules:
    """The pricing timelines of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def of(self, account_ids: Collection[str]) -> dict[str, tuple[Schedule, ...]]:
        """The timelines of these accounts, each oldest piece first."""
        rows = self._connection.execute(
            select(schedule)
            .where(schedule.c.organisation_id == self._organisation, among(schedule.c.account_id, account_ids))
            .order_by(schedule.c.starts_at)
        )
        found: dict[str, list[Schedule]] = {account_id: [] for account_id in account_ids}
        for row in rows:
            found[row.account_id].append(piece_of(row))
        return {account_id: tuple(pieces) for account_id, pieces in found.items()}

    def among(self, names: Collection[str]) -> dict[str, Schedule]:
        """The pieces of these ids, by id."""
        rows = self._connection.execute(
            select(schedule).where(schedule.c.organisation_id == self._organisation, among(schedule.c.id, names))
        )
        return {row.id: piece_of(row) for row in rows}

    def add(self, piece: Schedule, now: datetime) -> None:
        """Store a new piece, none of whose cycles is open yet.

        Raises:
            BillingError: of kind CONFLICT, when another piece of the account is in force at any instant of it.
        """
        values = columns_of(piece) | {
            "organisation_id": self._organisation,
            "next_cycle_at": piece.within.start,
            "next_ordinal": piece.first_ordinal,
            "created_at": now,
        }
        try:
            self._connection.execute(insert(schedule).values(values))
        except IntegrityError:
            raise conflict("the account already has a plan on one of these days") from None

    def remove(self, piece: Schedule) -> None:
        """Forget a piece that nothing was billed for."""
        self._connection.execute(delete(schedule).where(*self._mine(piece)))

    def move_end(self, piece: Schedule, next_cycle_at: datetime | None) -> None:
        """Let a piece end when it says now; its next cycle to open is the one that starts then, None after its last.

        Raises:
            BillingError: as `add`.
        """
        ending = update(schedule).where(*self._mine(piece))
        try:
            self._connection.execute(ending.values(ends_at=piece.within.end, next_cycle_at=next_cycle_at))
        except IntegrityError:
            raise conflict("the account already has a plan on one of these days") from None

    def next_cycle_of(self, piece: Schedule) -> datetime | None:
        """When the next cycle of a piece has to be opened; None after its last."""
        found: datetime | None = self._connection.execute(
            select(schedule.c.next_cycle_at).where(*self._mine(piece))
        ).scalar()
        return found

    def opening_at(self, instant: datetime, limit: int) -> list[Opening]:
        """Cycles that have to be opened at that very instant."""
        rows = self._connection.execute(
            select(schedule)
            .where(schedule.c.organisation_id == self._organisation, schedule.c.next_cycle_at == instant)
            .order_by(schedule.c.id)
            .limit(limit)
        )
        return [Opening(piece_of(row), row.next_cycle_at, row.next_ordinal) for row in rows]

    def opened(self, piece: Schedule, next_cycle_at: datetime | None, next_ordinal: int) -> None:
        """Note which cycle of the piece has to be opened next, and when; None after its last."""
        self._connection.execute(
            update(schedule).where(*self._mine(piece)).values(next_cycle_at=next_cycle_at, next_ordinal=next_ordinal)
        )

    def granting(
        self, now: datetime, account_ids: Collection[str] | None = None, limit: int | None = None
    ) -> list[Schedule]:
        """So many pieces, of some accounts or of all, of which a cycle has started whose units were not granted yet."""
        conditions = [schedule.c.organisation_id == self._organisation, schedule.c.next_grant_at <= now]
        if account_ids is not None:
            conditions.append(among(schedule.c.account_id, account_ids))
        statement = select(schedule).where(*conditions).order_by(schedule.c.next_grant_at, schedule.c.id)
        rows = self._connection.execute(statement.limit(limit))
        return [piece_of(row) for row in rows]

    def next_grant_of(self, piece: Schedule) -> datetime | None:
        """When the next cycle of a piece starts that has to grant its units; None, where none does."""
        found: datetime | None = self._connection.execute(
            select(schedule.c.next_grant_at).where(*self._mine(piece))
        ).scalar()
        return found

    def grants_next(self, piece: Schedule, next_grant_at: datetime | None) -> None:
        """Note when the next cycle of a piece starts that has to grant its units."""
        self._connection.execute(update(schedule).where(*self._mine(piece)).values(next_grant_at=next_grant_at))

    def overridden(self, now: datetime) -> list[Schedule]:
        """The pieces that are in force now or later on other terms than their plan's."""
        rows = self._connection.execute(
            select(schedule)
            .where(
                schedule.c.organisation_id == self._organisation,
                _HAS_OWN_TERMS,
                schedule.c.ends_at > now,
            )
            .order_by(schedule.c.account_id, schedule.c.starts_at)
        )
        return [piece_of(row) for row in rows]

    def account_ids(self) -> set[str]:
        """The accounts that ever had a plan."""
        statement = select(schedule.c.account_id).where(schedule.c.organisation_id == self._organisation).distinct()
        return set(self._connection.execute(statement).scalars())

    def next_accounts(self, span: Period, price_plan_id: str | None, *, after: str, size: int) -> list[str]:
        """The next accounts, by id, that have a plan, or this one, at some time in a span."""
        conditions = [
            schedule.c.organisation_id == self._organisation,
            schedule.c.account_id > after,
            schedule.c.starts_at < span.end,
            schedule.c.ends_at > span.start,
        ]
        if price_plan_id is not None:
            conditions.append(schedule.c.price_plan_id == price_plan_id)
        statement = select(schedule.c.account_id).where(*conditions).distinct()
        return list(self._connection.execute(statement.order_by(schedule.c.account_id).limit(size)).scalars())

    def accounts_on(self, versions: Collection[str], now: datetime, after: str, size: int) -> list[str]:
        """So many accounts that have one of these plan versions now or later, by id, from the one after that id on."""
        statement = select(schedule.c.account_id).where(
            schedule.c.organisation_id == self._organisation,
            schedule.c.account_id > after,
            among(schedule.c.plan_version_id, versions),
            schedule.c.ends_at > now,
        )
        in_order = statement.distinct().order_by(schedule.c.account_id).limit(size)
        return list(self._connection.execute(in_order).scalars())

    def any_of_plan(self, price_plan_id: str, now: datetime) -> bool:
        """Whether an account has the plan now or later."""
        statement = select(schedule.c.id).where(
            schedule.c.organisation_id == self._organisation,
            schedule.c.price_plan_id == price_plan_id,
            schedule.c.ends_at > now,
        )
        return self._connection.execute(statement.limit(1)).first() is not None

    def having(self, versions: Collection[str], now: datetime, *, overridden: bool | None = None) -> set[str]:
        """The accounts that have one of these plan versions now or later; with or without own terms, when asked."""
        statement = select(schedule.c.account_id).where(
            schedule.c.organisation_id == self._organisation,
            among(schedule.c.plan_version_id, versions),
            schedule.c.ends_at > now,
        )
        if overridden is not None:
            statement = statement.where(_HAS_OWN_TERMS if overridden else ~_HAS_OWN_TERMS)
        return set(self._connection.execute(statement.distinct()).scalars())

    def any_at_all(self) -> bool:
        """Whether any account of the organisation ever had a plan."""
        statement = select(schedule.c.id).where(schedule.c.organisation_id == self._organisation)
        return self._connection.execute(statement.limit(1)).first() is not None

    def _mine(self, piece: Schedule) -> tuple[ColumnElement[bool], ...]:
        return schedule.c.organisation_id == self._organisation, schedule.c.id == piece.id


@dataclass(frozen=True, slots=True)
class Reference:
    """An account that events may mean by a text: its id, or one of its aliases with the time that is valid."""

    text: str
    account_id: str
    customer_id: str
    valid: Period


def references(connection: Connection, organisation: str, texts: Collection[str]) -> list[Reference]:
    """The accounts that events may mean by these texts; archived ones are meant by nothing."""
    mine = (account.c.organisation_id == organisation, account.c.status != "ARCHIVED")
    by_id = select(account.c.id, account.c.customer_id).where(*mine, among(account.c.id, texts))
    found = [
        Reference(row.id, row.id, row.customer_id, Period(BEGINNING, FOREVER)) for row in connection.execute(by_id)
    ]
    same = (account.c.organisation_id == alias.c.organisation_id) & (account.c.id == alias.c.account_id)
    by_alias = (
        select(alias.c.value, account.c.id, account.c.customer_id, alias.c.effective_from, alias.c.effective_until)
        .join(account, same)
        .where(*mine, among(alias.c.value, texts))
    )
    return found + [
        Reference(row.value, row.id, row.customer_id, Period(row.effective_from, row.effective_until))
        for row in connection.execute(by_alias)
    ]


def piece_of(row: Row[Any]) -> Schedule:
    """The piece that a row stands for, in force or in draft."""
    return Schedule(
        id=row.id,
        account_id=row.account_id,
        price_plan_id=row.price_plan_id,
        plan_version_id=row.plan_version_id,
        within=Period(row.starts_at, row.ends_at),
        rule=CycleRule.of(Interval(row.interval), row.day_offset, row.month_offset),
        grace_days=row.grace_days,
        anniversary=row.anniversary,
        first_ordinal=row.first_ordinal,
        override=None if row.override is None else decode(row.override, PricePlanDetailsPatch),
        pricing_rules=None if row.pricing_rules is None else decode(row.pricing_rules, _RULES),
    )


def columns_of(piece: Schedule) -> dict[str, Any]:
    """The columns of a piece that it has in force and in draft alike."""
    day_offset, month_offset = piece.rule.offsets()
    return {
        "id": piece.id,
        "account_id": piece.account_id,
        "price_plan_id": piece.price_plan_id,
        "plan_version_id": piece.plan_version_id,
        "starts_at": piece.within.start,
        "ends_at": piece.within.end,
        "interval": piece.rule.interval.value,
        "day_offset": day_offset,
        "month_offset": month_offset,
        "grace_days": piece.grace_days,
        "anniversary": piece.anniversary,
        "first_ordinal": piece.first_ordinal,
        "override": None if piece.override is None else encode(piece.override).decode(),
        "pricing_rules": None if piece.pricing_rules is None else encode(piece.pricing_rules).decode(),
    }


def _taken(span: AliasSpan) -> Exception:
    return conflict(f"{span.value!r} already names an account")
