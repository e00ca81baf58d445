"""The credit that a card of a plan makes (domain.md 4.7, 6.1)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tallystick.credits.credit import Credit, CreditStatus
from tallystick.credits.plan_grant import PlanGrant
from tallystick.kernel.money import Money
from tests.unit.rating.cards import S, grant_card

FEBRUARY_3 = date(2026, 2, 3)


def granted(expiry: str = "NO_EXPIRY", lasts: str | None = None, on: date = FEBRUARY_3) -> Credit:
    card = grant_card("100", S("0", "FLAT", "10"), expiry=expiry, lasts=lasts, entities=("um.calls",))
    return PlanGrant(card, "Bonus", Money(Decimal("100.00"), "USD")).credit(
        account_id="acme",
        customer_id="acme-inc",
        granted_on=on,
        cycle_ends_on=date(2026, 3, 1),
        credit_id="cred.1",
        now=datetime(2026, 2, 3, tzinfo=UTC),
    )


def test_it_says_what_it_is_for_and_where_it_comes_from() -> None:
    credit = granted()
    assert (credit.purpose, credit.grantor_id, credit.priority) == ("Bonus", "addon.bonus", 1)
    assert (credit.amount, credit.applicable_entity_ids) == (Money(Decimal(100), "USD"), ["um.calls"])
    assert (credit.status, credit.consumed_amount, credit.idempotency_key) == (CreditStatus.ACTIVE, 0, None)


@pytest.mark.parametrize(
    ("expiry", "lasts", "until"),
    [
        ("NO_EXPIRY", None, None),
        ("PRICING_CYCLE", None, date(2026, 3, 1)),
        ("CUSTOM", "P10D", date(2026, 2, 13)),
        ("CUSTOM", "P1M", date(2026, 3, 3)),
        ("CUSTOM", "PT48H", date(2026, 2, 5)),
    ],
)
def test_it_is_effective_from_the_grant_until_its_end(expiry: str, lasts: str | None, until: date | None) -> None:
    credit = granted(expiry, lasts)
    assert (credit.effective_from, credit.effective_until) == (FEBRUARY_3, until)
