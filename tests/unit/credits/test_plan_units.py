"""What a cycle grants of a feature, when, and under which ids (domain.md 4.7, 6.3)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.accounts.schedule import Schedule
from tallystick.credits.feature_credit import CreditSource
from tallystick.credits.plan_units import overage_allowed, units_granted
from tallystick.kernel.period import FOREVER, Period, local_midnight
from tallystick.kernel.recurrence import CycleRule, Interval, cycle_at
from tests.unit.rating.cards import S, entitlement_card, overage_card

UTC_ZONE = ZoneInfo("UTC")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
ONE_EACH = S("0", "PER_UNIT", "1")
NAME = "sch.23Xx0Jkc2DM.0TkcT"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def piece(start: datetime, end: datetime = FOREVER) -> Schedule:
    return Schedule(
        id=NAME,
        account_id="acme",
        price_plan_id="pp.1",
        plan_version_id="sch.1",
        within=Period(start, end),
        rule=CycleRule.of(Interval.MONTHLY, "1"),
        grace_days=2,
        anniversary=False,
    )


def spans(
    *configs: tuple[str | None, str], since: str = "2026-01-01", zone: ZoneInfo = UTC_ZONE
) -> list[tuple[str, datetime, datetime]]:
    """What a card with these spans grants in the first cycle of a piece: id, from, until."""
    start = local_midnight(date.fromisoformat(since), zone)
    mine = piece(start)
    card = entitlement_card(ONE_EACH, units=("100",) * len(configs), spans=configs)
    granted = units_granted(card, mine, cycle_at(mine.rule, mine.within, zone, start), zone)
    return [(one.id, one.valid.start, one.valid.end) for one in granted]


def test_twenty_days_from_the_start_of_the_cycle() -> None:
    assert spans((None, "P20D")) == [(f"{NAME}#2026-01-01$PRICE_PLAN", at("2026-01-01"), at("2026-01-21"))]
    assert spans(("PT0S", "P20D")) == spans((None, "P20D"))


def test_units_for_halves_of_a_month() -> None:
    assert spans((None, "P15D"), ("P15D", "P1M")) == [
        (f"{NAME}#2026-01-01$PRICE_PLAN", at("2026-01-01"), at("2026-01-16")),
        (f"{NAME}#2026-01-01$PRICE_PLAN.2", at("2026-01-16"), at("2026-02-01")),
    ]


def test_a_short_first_cycle_grants_from_its_own_first_day_on() -> None:
    # A month from 31 January ends with February, which has 28 days.
    assert spans((None, "P1M"), since="2026-01-31") == [
        (f"{NAME}#2026-01-31$PRICE_PLAN", at("2026-01-31"), at("2026-02-28"))
    ]


def test_days_are_those_of_the_organisation() -> None:
    # Midnight in Kathmandu is 18:15 of the day before in UTC; the id names the local day.
    assert spans((None, "P1D"), zone=KATHMANDU) == [
        (f"{NAME}#2026-01-01$PRICE_PLAN", at("2025-12-31T18:15"), at("2026-01-01T18:15"))
    ]


def test_units_are_granted_as_many_times_as_they_are_bought() -> None:
    mine = piece(at("2026-01-01"))
    cycle = cycle_at(mine.rule, mine.within, UTC_ZONE, mine.within.start)
    (grant,) = units_granted(entitlement_card(ONE_EACH), mine, cycle, UTC_ZONE, Decimal("1.2"))
    assert (grant.account_id, grant.feature_id, grant.granted) == ("acme", "feature.exports", 120)
    assert grant.source is CreditSource.PRICE_PLAN


@pytest.mark.parametrize(("most", "granted"), [(None, None), ("50", 50)])
def test_overage_is_allowed_while_its_cycle_lasts(most: str | None, granted: int | None) -> None:
    mine = piece(at("2026-01-10"), at("2026-01-20"))
    cycle = cycle_at(mine.rule, mine.within, UTC_ZONE, mine.within.start)
    allowed = overage_allowed(overage_card(ONE_EACH, most=most), mine, cycle, UTC_ZONE)
    assert (allowed.id, allowed.source) == (f"{NAME}#2026-01-10$OVERAGE", CreditSource.OVERAGE)
    assert (allowed.granted, allowed.valid) == (granted, mine.within)


def test_ids_fit_the_wire() -> None:
    configs = [(None, "P1M")] * 50
    assert max(len(name) for name, _, _ in spans(*configs)) <= 50
    assert len({name for name, _, _ in spans(*configs)}) == 50


def test_nothing_is_granted_at_the_end_of_time() -> None:
    assert spans((None, "P100Y"), since="9990-01-01") == []


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), st.integers(0, 40), st.integers(1, 40))
def test_units_are_granted_for_as_many_days_as_are_said(since: date, first: int, length: int) -> None:
    ((_, begins, ends),) = spans((f"P{first}D" if first else None, f"P{first + length}D"), since=since.isoformat())
    assert (begins.date() - since).days == first
    assert (ends - begins).days == length
