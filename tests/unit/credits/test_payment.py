"""How a payment is allotted: by order, never more than there is or than is owed, the rest to the wallet (7.8)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.credits.payment import PaymentLine, PaymentLineType, allot
from tallystick.kernel.errors import BillingError
from tallystick.kernel.money import Money, from_minor

T = PaymentLineType


def usd(amount: object) -> Money:
    return Money(Decimal(str(amount)), "USD")


def line(kind: PaymentLineType, order: int = 1, amount: object = None, name: str | None = None) -> PaymentLine:
    given_amount = None if amount is None else Decimal(str(amount))
    return PaymentLine(type=kind, order=order, amount=given_amount, togai_id=name)


def shared(total: object, *lines: PaymentLine, **owed: object) -> list[tuple[str, Decimal]]:
    shares = allot(lines, usd(total), {name: usd(amount) for name, amount in owed.items()})
    return [(share.type, share.amount.amount) for share in shares]


def test_the_sample_of_the_reference() -> None:
    # domain.md 7.8: 1700 of 10000 are allotted; 8300 are left.
    lines = (
        line(T.INVOICE, 1, 1000, "a"),
        line(T.INVOICE, 2, 500, "b"),
        line(T.CREDIT, 3, 200),
    )
    assert shared(10000, *lines, a=1000, b=600) == [
        ("INVOICE", 1000),
        ("INVOICE", 500),
        ("CREDIT", 200),
        ("WALLET_CREDIT", 8300),
    ]


def test_what_names_no_amount_takes_what_is_left_by_order() -> None:
    lines = (line(T.WALLET_CREDIT, 9), line(T.INVOICE, 2, None, "a"), line(T.INVOICE, 1, None, "b"))
    assert shared(50, *lines, a=30, b=15) == [("INVOICE", 15), ("INVOICE", 30), ("WALLET_CREDIT", 5)]
    assert shared(40, *lines, a=30, b=15) == [("INVOICE", 15), ("INVOICE", 25), ("WALLET_CREDIT", 0)]
    assert shared(10, *lines, a=30, b=15) == [("INVOICE", 10), ("INVOICE", 0), ("WALLET_CREDIT", 0)]


def test_the_rest_stands_behind_every_line_also_the_last_possible_one() -> None:
    for order, behind in ((5, 6), (-3, -2), (2**31 - 1, 2**31 - 1)):
        shares = allot([line(T.INVOICE, order, None, "a")], usd(5), {"a": usd(3)})
        assert [share.order for share in shares] == [order, behind]


def test_all_that_does_not_fit_is_told() -> None:
    lines = (line(T.CREDIT, 1, "0.001"), line(T.INVOICE, 2, 5, "a"), line(T.CREDIT, 3, -1), line(T.CREDIT, 4, 99))
    with pytest.raises(BillingError) as refused:
        shared(50, *lines, a=4)
    assert [problem.path for problem in refused.value.problems] == [f"lineItemRecords[{n}].amount" for n in range(4)]


minor = st.integers(0, 10**6)
parts = st.lists(
    st.tuples(st.sampled_from(T), st.integers(-5, 5), st.none() | st.integers(1, 10**5), st.sampled_from("abc")),
    min_size=1,
    max_size=6,
)


@given(total=st.integers(1, 10**6), owed=st.dictionaries(st.sampled_from("abc"), minor, min_size=3), parts=parts)
def test_nothing_is_lost_and_nobody_gets_more_than_is_owed(
    total: int, owed: dict[str, int], parts: list[tuple[PaymentLineType, int, int | None, str]]
) -> None:
    lines = [
        PaymentLine(
            type=kind,
            order=order,
            amount=None if amount is None else from_minor(amount, "USD").amount,
            togai_id=name if kind is T.INVOICE else None,
        )
        for kind, order, amount, name in parts
    ]
    try:
        shares = allot(
            lines, from_minor(total, "USD"), {name: from_minor(units, "USD") for name, units in owed.items()}
        )
    except BillingError:
        assert any(amount is not None for _, _, amount, _ in parts), "only a named amount can fail to fit"
        return
    assert sum(share.amount.minor for share in shares) == total
    assert all(share.amount.minor >= 0 for share in shares)
    assert [share.order for share in shares] == sorted(share.order for share in shares)
    for name, units in owed.items():
        assert sum(share.amount.minor for share in shares if share.target == name) <= units
    for asked, got in zip(sorted(lines, key=lambda one: one.order), shares, strict=False):
        assert asked.amount in {None, got.amount.amount}
