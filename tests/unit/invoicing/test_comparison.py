"""Bills of an account by two terms, compared line by line and added up over accounts; figures by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.invoicing.comparison import Comparison, added, compared
from tallystick.invoicing.line import InvoiceLineItem, LineType
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.money import LARGEST_MINOR


def bill(**amounts: str) -> InvoiceLineItem:
    """An invoice of usage cards."""
    cards = tuple(
        InvoiceLineItem(
            id=name, description=name.title(), type=LineType.USAGE_RATE_CARD_AMOUNT, units="USD", value=Decimal(amount)
        )
        for name, amount in amounts.items()
    )
    total = sum((card.value for card in cards), Decimal())
    return InvoiceLineItem(description="Gross", type=LineType.GROSS_AMOUNT, units="USD", value=total, line_items=cards)


def figures(one: object) -> tuple[Decimal, Decimal, Decimal]:
    return one.old_revenue, one.new_revenue, one.difference  # type: ignore[attr-defined]


def test_cycles_are_added_up_item_by_item_and_what_one_side_lacks_is_nothing() -> None:
    """Calls 10.10 + 0.20 against 5; hits against nothing; seats the other way round."""
    found = compared(
        "acme",
        "USD",
        2,
        [bill(calls="10.10", hits="3"), bill(calls="0.20")],
        [bill(calls="5"), bill(seats="7.05")],
    )
    assert (found.cycles, *figures(found)) == (2, Decimal("13.30"), Decimal("12.05"), Decimal("-1.25"))
    assert {line.billable_id: figures(line) for line in found.lines} == {
        "calls": (Decimal("10.3"), 5, Decimal("-5.3")),
        "hits": (3, 0, -3),
        "seats": (0, Decimal("7.05"), Decimal("7.05")),
    }
    assert [line.description for line in found.lines] == ["Calls", "Hits", "Seats"]


def test_more_than_can_be_kept_is_refused() -> None:
    most = str(Decimal(LARGEST_MINOR) / 100)
    assert compared("acme", "USD", 1000, [bill(calls=most)] * 1000, []).old_revenue == Decimal(LARGEST_MINOR) * 10
    with pytest.raises(BillingError, match="too much to be kept") as refused:
        compared("acme", "USD", 1001, [bill(calls=most)] * 1001, [])
    assert refused.value.kind is Kind.UNPROCESSABLE


def comparison(name: str, old: int, new: int, currency: str = "USD") -> Comparison:
    return compared(name, currency, 3, [bill(calls=str(old))], [bill(calls=str(new))])


def test_totals_of_each_currency_and_who_pays_more_less_or_the_same() -> None:
    found = added(
        [], [comparison("a", 10, 12), comparison("b", 10, 9), comparison("c", 5, 5), comparison("d", 1, 2, "EUR")]
    )
    assert [(one.currency, one.accounts, one.cycles, *figures(one)) for one in found] == [
        ("EUR", 1, 3, 1, 2, 1),
        ("USD", 3, 9, 25, 26, 1),
    ]
    assert [
        (one.accounts_that_pay_more, one.accounts_that_pay_less, one.accounts_that_pay_the_same) for one in found
    ] == [(1, 0, 0), (1, 1, 1)]
    assert [figures(line) for line in found[1].lines] == [(25, 26, 1)]


AMOUNTS = st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000), st.sampled_from(["USD", "EUR"]))


@given(st.lists(AMOUNTS, max_size=12), st.integers(0, 12))
def test_totals_do_not_depend_on_the_portions(amounts: list[tuple[int, int, str]], cut: int) -> None:
    found = [comparison(f"a{number}", *one) for number, one in enumerate(amounts)]
    at_once = added([], found)
    assert added(added([], found[:cut]), found[cut:]) == at_once
    for one in at_once:
        mine = [pair for pair in amounts if pair[2] == one.currency]
        assert figures(one) == (sum(p[0] for p in mine), sum(p[1] for p in mine), sum(p[1] - p[0] for p in mine))
        assert one.accounts_that_pay_less == sum(new < old for old, new, _ in mine)
