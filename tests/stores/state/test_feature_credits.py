"""Entries of feature credits and the debits of events: exact, never below nothing, granted once, kept for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tallystick.credits.feature_credit import CreditSource, EntryStatus, FeatureCredit, FeatureGrant
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import Period
from tallystick.metering.purse import Debit
from tests.stores.state.world import ABROAD, HOME, NOW, at_once, later

if TYPE_CHECKING:
    from tests.stores.state.world import World

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
FEBRUARY = Period(JANUARY.end, datetime(2026, 3, 1, tzinfo=UTC))
NAME = "sch.1#2026-01-01$PRICE_PLAN"
KEY = ("acme-main", "feature.calls", NAME)
GRANT = FeatureGrant(NAME, "acme-main", "feature.calls", CreditSource.PRICE_PLAN, Decimal(100), JANUARY)
OVERAGE = replace(GRANT, id="sch.1#2026-01-01$OVERAGE", source=CreditSource.OVERAGE, granted=None)


def add(world: World, *grants: FeatureGrant, organisation: str = HOME) -> None:
    with world.writing(organisation) as state:
        state.feature_credits.add(grants, NOW)


def entry(world: World, key: tuple[str, str, str] = KEY) -> FeatureCredit:
    with world.reading() as state:
        return state.feature_credits.entries([key])[key]


def debit(units: str, position: int = 7, row: int = 1, *, grant: FeatureGrant = GRANT, back: bool = False) -> Debit:
    return Debit(row, position, grant.account_id, grant.feature_id, grant.id, Decimal(units), back)


def book(world: World, *debits: Debit) -> None:
    with world.writing() as state:
        entries = state.feature_credits.entries(one.entry for one in debits)
        state.feature_credits.book(debits, {key: entry.revision for key, entry in entries.items()})


class TestEntries:
    def test_what_is_granted_twice_is_there_once(self, world: World) -> None:
        add(world, GRANT, OVERAGE)
        book(world, debit("20"))
        add(world, replace(GRANT, granted=Decimal(500)), replace(GRANT, id="another"))
        found = entry(world)
        assert (found.grant, found.used, found.left, found.revision) == (GRANT, 20, 80, 1)
        assert entry(world, (*KEY[:2], "another")).left == 100
        assert entry(world, (*KEY[:2], OVERAGE.id)).left is None

    def test_of_ten_that_grant_at_once_one_does(self, world: World) -> None:
        outcomes = at_once([lambda: add(world, GRANT) for _ in range(10)])
        assert outcomes == [None] * 10
        with world.reading() as state:
            assert len(state.feature_credits.of(["acme-main"], JANUARY)) == 1

    def test_one_id_may_stand_for_an_entry_of_each_feature_account_and_organisation(self, world: World) -> None:
        add(world, GRANT, replace(GRANT, feature_id="feature.seats"), replace(GRANT, account_id="other"))
        add(world, replace(GRANT, granted=Decimal(5)), organisation=ABROAD)
        with world.reading() as state:
            found = state.feature_credits.of(["acme-main", "other"], JANUARY)
        assert [(one.grant.account_id, one.grant.feature_id) for one in found] == [
            ("acme-main", "feature.calls"),
            ("acme-main", "feature.seats"),
            ("other", "feature.calls"),
        ]
        assert {one.left for one in found} == {100}

    def test_entries_are_found_by_the_time_they_share_with_a_span(self, world: World) -> None:
        add(world, GRANT, replace(GRANT, id="next", valid=FEBRUARY))
        with world.reading() as state:
            of = state.feature_credits.of
            assert [one.grant.id for one in of(["acme-main"], JANUARY)] == [NAME]
            both = Period(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 2, tzinfo=UTC))
            assert [one.grant.id for one in of(["acme-main"], both)] == ["next", NAME]
            assert of(["acme-main"], both, "feature.seats") == []
            assert of([], both) == []

    def test_pages_go_from_the_latest_to_the_earliest(self, world: World) -> None:
        add(world, GRANT, OVERAGE, replace(GRANT, id="next", valid=FEBRUARY), replace(GRANT, account_id="other"))
        with world.reading() as state:
            page = state.feature_credits.page
            first, token = page(PageRequest(page_size=2), "acme-main", "feature.calls")
            rest, end = page(PageRequest(next_token=token), "acme-main", "feature.calls")
        assert [one.grant.id for one in [*first, *rest]] == ["next", OVERAGE.id, NAME]
        assert end is None

    def test_an_entry_that_is_not_there_is_not_found(self, world: World) -> None:
        add(world, GRANT, organisation=ABROAD)
        with world.writing() as state, pytest.raises(BillingError) as refused:
            state.feature_credits.get(*KEY)
        assert refused.value.kind is Kind.NOT_FOUND

    def test_a_change_by_what_was_read_before_another_change_is_refused(self, world: World) -> None:
        add(world, GRANT)
        before = entry(world)
        book(world, debit("1"))
        with pytest.raises(BillingError, match="changed meanwhile") as refused, world.writing() as state:
            state.feature_credits.change(before, later(1), granted=Decimal(5))
        assert refused.value.kind is Kind.CONFLICT
        with world.writing() as state:
            changed = state.feature_credits.change(entry(world), later(2), granted=Decimal("120.5"))
        assert (changed.left, changed.updated_at, changed.revision) == (Decimal("119.5"), later(2), 2)


class TestDebits:
    def test_they_are_exact_to_the_last_of_38_digits(self, world: World) -> None:
        all_of_them = Decimal("99999999999999999999999999.999999999999")
        add(world, replace(GRANT, granted=all_of_them))
        book(world, debit("99999999999999999999999999.999999999998"))
        assert entry(world).left == Decimal("0.000000000001")
        book(world, debit("0.000000000001", position=8))
        assert entry(world).left == 0

    @pytest.mark.parametrize("units", ["0.0000000000001", "-1", "1e26"])
    def test_what_cannot_be_kept_exactly_is_refused(self, world: World, units: str) -> None:
        add(world, OVERAGE)
        with pytest.raises(Exception, match="cannot be kept"):
            book(world, debit(units, grant=OVERAGE))

    def test_an_entry_never_falls_below_nothing(self, world: World) -> None:
        add(world, GRANT)
        with pytest.raises(IntegrityError, match="left"):
            book(world, debit("60"), debit("40.000000000001", position=8))
        assert entry(world).left == 100
        with world.reading() as state:
            assert state.feature_credits.booked_behind(0) == []

    def test_they_are_refused_when_an_entry_has_changed_since_it_was_read(self, world: World) -> None:
        add(world, GRANT, OVERAGE)
        with world.reading() as state:
            seen = state.feature_credits.entries([KEY, (*KEY[:2], OVERAGE.id)])
        with world.writing() as state:
            state.feature_credits.change(seen[KEY], later(1), status=EntryStatus.VOIDED)
        with pytest.raises(BillingError, match="changed meanwhile"), world.writing() as state:
            state.feature_credits.book([debit("1", grant=OVERAGE), debit("1")], dict.fromkeys(seen, 0))
        assert entry(world, (*KEY[:2], OVERAGE.id)).used == 0

    def test_of_ten_that_use_the_same_last_units_at_once_one_does(self, world: World) -> None:
        add(world, GRANT)

        def use(position: int) -> None:
            with world.writing() as state:
                state.feature_credits.book([debit("100", position)], {KEY: 0})

        outcomes = at_once([lambda position=position: use(position) for position in range(10)])
        assert outcomes.count(None) == 1
        assert entry(world).left == 0

    def test_an_event_uses_an_entry_once_by_a_row_of_the_log(self, world: World) -> None:
        add(world, GRANT)
        book(world, debit("10"))
        with pytest.raises(IntegrityError):
            book(world, debit("10"))
        book(world, debit("10", row=2, back=True))
        assert entry(world).left == 100

    def test_they_are_found_by_event_and_by_what_came_behind_a_row(self, world: World) -> None:
        add(world, GRANT, OVERAGE)
        used, beyond = debit("5", position=70, row=3), debit("2", position=70, row=3, grant=OVERAGE)
        other, back = debit("1", position=71, row=3), debit("5", position=70, row=4, back=True)
        book(world, used, beyond, other)
        book(world, back)
        with world.reading() as state:
            credits_of = state.feature_credits
            assert set(credits_of.debits_of([70], through_row=4)) == {used, beyond, back}
            assert set(credits_of.debits_of([70], through_row=3)) == {used, beyond}
            assert credits_of.booked_behind(3) == [back]
            assert credits_of.booked_behind(4) == []
        with world.reading(ABROAD) as state:
            assert state.feature_credits.booked_behind(0) == []
            assert state.feature_credits.debits_of([70], through_row=4) == []

    def test_what_was_booked_for_features_of_accounts_is_told_in_the_order_of_the_log(self, world: World) -> None:
        other = replace(GRANT, feature_id="feature.seats")
        elsewhere = replace(GRANT, account_id="other")
        add(world, GRANT, OVERAGE, other, elsewhere)
        late, early = debit("3", position=90, row=9), debit("5", position=70, row=3)
        beyond, back = debit("2", position=70, row=3, grant=OVERAGE), debit("3", position=90, row=12, back=True)
        for one in (late, early, beyond, debit("1", 71, 3, grant=other), debit("1", 72, 3, grant=elsewhere), back):
            book(world, one)
        with world.reading() as state:
            ledger = state.feature_credits
            assert list(ledger.history(["acme-main"], ["feature.calls"])) == [beyond, early, late, back]
            assert ledger.given_back(["acme-main"], ["feature.calls"]) == {90}
            assert ledger.given_back(["other", "acme-main"], ["feature.seats"]) == set()
            assert {one.grant for one in ledger.all_of(["acme-main"], ["feature.calls"])} == {GRANT, OVERAGE}

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE feature_debit SET units = '00000000000000000000000000000000000001'",
            "DELETE FROM feature_debit",
            "DELETE FROM feature_credit",
            "UPDATE feature_credit SET account_id = 'another'",
            "UPDATE feature_credit SET source = 'OVERAGE'",
        ],
    )
    def test_whoever_holds_a_connection_cannot_change_what_happened(self, world: World, statement: str) -> None:
        add(world, GRANT)
        book(world, debit("10"))
        with pytest.raises(DBAPIError, match="rows are frozen"), world.database.write() as connection:
            connection.execute(text(statement))

    def test_a_void_entry_stays_void(self, world: World) -> None:
        add(world, GRANT)
        with world.writing() as state:
            state.feature_credits.change(entry(world), later(1), status=EntryStatus.VOIDED)
        with pytest.raises(DBAPIError, match="rows are frozen"), world.database.write() as connection:
            connection.execute(text("UPDATE feature_credit SET status = 'ACTIVE'"))
