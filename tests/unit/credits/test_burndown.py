"""Which credit pays what: the worked example of domain.md 6.1, its rules, and properties over invoices."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credits.burndown import Burn, CoverableLine, OpenCredit, burn_down, is_eligible
from tallystick.credits.credit import EntityGroup
from tallystick.kernel.money import Money, from_minor, zero
from tests.unit.credits.grants import FEES, USAGE, credit, line, open_credit, usd

if TYPE_CHECKING:
    from decimal import Decimal
    from random import Random

METER = line("um.a", "60", USAGE)
FEE = line("addon.fee", "40", FEES)


def paid(burns: list[Burn]) -> list[tuple[str, list[tuple[str | None, Decimal]]]]:
    return [
        (burn.credit.id, [(cover.line.billable_id, cover.amount.amount) for cover in burn.covers]) for burn in burns
    ]


def test_the_worked_example_of_the_reference() -> None:
    restricted = open_credit("cred.1", "50", priority=1, applies=["um.a"])
    general = open_credit("cred.2", "70", priority=2)
    burns = burn_down([restricted, general], [METER, FEE], usd("100"))
    assert paid(burns) == [("cred.1", [("um.a", 50)]), ("cred.2", [("um.a", 10), ("addon.fee", 40)])]
    assert general.left - burns[1].amount == usd("20")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (
            open_credit("cred.9", "10", priority=1),
            open_credit("cred.1", "10", priority=2, until="2026-03-01"),
        ),
        (open_credit("cred.9", "10", until="2026-03-01"), open_credit("cred.1", "10", until="2026-03-02")),
        (open_credit("cred.9", "10", until="2026-03-01"), open_credit("cred.1", "10")),
        (open_credit("cred.9", "10", since="2025-12-31"), open_credit("cred.1", "10")),
        (open_credit("cred.1", "10"), open_credit("cred.9", "10")),
    ],
    ids=["priority", "earlier end", "any end before none", "earlier start", "older"],
)
def test_credits_burn_by_priority_then_end_then_start_then_age(first: OpenCredit, second: OpenCredit) -> None:
    burns = burn_down([second, first], [METER], usd("15"))
    assert [(burn.credit.id, burn.amount) for burn in burns] == [
        (first.credit.id, usd("10")),
        (second.credit.id, usd("5")),
    ]


@pytest.mark.parametrize(
    ("applies", "covered"),
    [
        ([], ["um.a", "addon.fee", None]),
        (["um.a"], ["um.a"]),
        (["um.other"], []),
        ([USAGE], ["um.a"]),
        ([FEES], ["addon.fee"]),
        (["um.a", FEES], ["um.a", "addon.fee"]),
        ([EntityGroup.ALL_LICENSE_RATE_CARDS], []),
    ],
)
def test_a_credit_covers_only_what_it_applies_to_and_only_an_unrestricted_one_a_true_up(
    applies: list[str], covered: list[str | None]
) -> None:
    lines = [line(None, "7"), FEE, METER]
    burns = burn_down([open_credit("cred.1", "1000", applies=applies)], lines, usd("107"))
    assert [cover.line.billable_id for burn in burns for cover in burn.covers] == covered


def test_a_discount_lowers_what_credits_may_pay() -> None:
    lines = [METER, line("addon.discount", "-45", FEES)]
    assert [burn.amount for burn in burn_down([open_credit("cred.1", "80")], lines, usd("15"))] == [usd("15")]


@pytest.mark.parametrize("gross", ["0", "-5"])
def test_an_invoice_that_comes_to_nothing_or_less_burns_nothing(gross: str) -> None:
    lines = [METER, line("addon.discount", "-65", FEES)]
    assert burn_down([open_credit("cred.1", "80")], lines, usd(gross)) == []


def test_a_credit_with_nothing_left_burns_nothing() -> None:
    used_up = OpenCredit(credit("cred.1", "80"), usd("0"))
    assert burn_down([used_up], [METER], usd("60")) == []


def test_only_what_is_left_burns_not_what_was_granted() -> None:
    burns = burn_down([OpenCredit(credit("cred.1", "80"), usd("12.34"))], [METER], usd("60"))
    assert [burn.amount for burn in burns] == [usd("12.34")]


def test_currencies_never_mix() -> None:
    euros = open_credit("cred.1", "80", currency="EUR")
    with pytest.raises(ValueError, match="cannot combine"):
        burn_down([euros], [METER], usd("60"))


@pytest.mark.parametrize(
    ("since", "until", "eligible"),
    [
        ("2026-01-01", None, True),
        ("2026-01-31", None, True),
        ("2026-02-01", None, False),
        ("2025-06-01", "2026-01-31", False),
        ("2025-06-01", "2026-02-01", True),
        ("2025-06-01", "2026-02-02", True),
    ],
)
def test_a_credit_is_eligible_when_it_is_effective_as_the_period_ends(
    since: str, until: str | None, *, eligible: bool
) -> None:
    assert is_eligible(credit("cred.1", "80", since=since, until=until), date(2026, 2, 1)) is eligible


BILLABLES = {"um.a": USAGE, "um.b": USAGE, "addon.f": FEES, "addon.g": FEES}
APPLIES = st.lists(st.sampled_from([*BILLABLES, USAGE, FEES]), max_size=3)
CENTS = st.integers(0, 20_000)


@st.composite
def credits_and_lines(draw: st.DrawFn) -> tuple[list[OpenCredit], list[CoverableLine]]:
    lines = [
        CoverableLine(from_minor(draw(st.integers(-5_000, 20_000)), "USD"), billable_id, group)
        for billable_id, group in BILLABLES.items()
    ]
    lines.append(CoverableLine(from_minor(draw(CENTS), "USD")))
    days = st.dates(date(2026, 1, 1), date(2026, 1, 3)).map(str)
    credits_ = [
        OpenCredit(
            credit(
                f"cred.{number}",
                "200",
                priority=draw(st.integers(1, 3)),
                applies=draw(APPLIES),
                since=draw(days),
                until=draw(st.none() | st.sampled_from(["2026-03-01", "2026-04-01"])),
            ),
            from_minor(draw(CENTS), "USD"),
        )
        for number in range(draw(st.integers(0, 5)))
    ]
    return credits_, lines


def gross_of(lines: list[CoverableLine]) -> Money:
    return sum((each.amount for each in lines), start=zero("USD"))


@given(credits_and_lines())
def test_nothing_is_burned_twice_beyond_what_is_left_or_below_zero(
    invoice: tuple[list[OpenCredit], list[CoverableLine]],
) -> None:
    credits_, lines = invoice
    gross = gross_of(lines)
    burns = burn_down(credits_, lines, gross)
    left = {each.credit.id: each.left for each in credits_}
    nothing = zero("USD")
    assert len({burn.credit.id for burn in burns}) == len(burns)
    for burn in burns:
        assert nothing < burn.amount <= left[burn.credit.id]
        assert burn.amount == sum((cover.amount for cover in burn.covers), start=nothing)
        assert all(cover.amount > nothing for cover in burn.covers)
    for each in lines:
        covers = [cover.amount for burn in burns for cover in burn.covers if cover.line is each]
        assert sum(covers, start=nothing) <= max(each.amount, nothing)
    assert sum((burn.amount for burn in burns), start=nothing) <= max(gross, nothing)


@given(credits_and_lines(), st.randoms(use_true_random=False))
def test_neither_the_order_of_credits_nor_that_of_lines_matters(
    invoice: tuple[list[OpenCredit], list[CoverableLine]], random: Random
) -> None:
    credits_, lines = invoice
    expected = burn_down(credits_, lines, gross_of(lines))
    random.shuffle(credits_)
    random.shuffle(lines)
    assert burn_down(credits_, lines, gross_of(lines)) == expected


@given(credits_and_lines())
def test_an_unrestricted_credit_that_has_enough_leaves_nothing_to_pay(
    invoice: tuple[list[OpenCredit], list[CoverableLine]],
) -> None:
    credits_, lines = invoice
    gross = gross_of(lines)
    plenty = open_credit("cred.plenty", "100000", priority=100)
    burns = burn_down([*credits_, plenty], lines, gross)
    assert sum((burn.amount for burn in burns), start=zero("USD")) == max(gross, zero("USD"))
