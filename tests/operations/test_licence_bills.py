"""Bills of licences in arrears, day by day (domain.md 4.6, 7.4)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.operations.shop import Shop, amounts, commitment, fee, licence, lines, monthly

CARD, SLAB = "LICENSE_RATE_CARD_AMOUNT", "LICENSE_RATE_CARD_SLAB_AMOUNT"


@pytest.fixture
def seats(shop: Shop) -> str:
    """A licence at 30 a month in arrears, and the account `acme` that pays for it from New Year on."""
    shop.account()
    addon = shop.addon("Seats", "LICENSE")
    shop.associate(shop.plan(cycle=monthly(grace=2), licenseRateCards=[licence(addon, 30)]))
    return addon


def test_a_draft_follows_the_ledger_and_is_frozen_as_it_stood(shop: Shop, seats: str) -> None:
    # The worked example of the reference, in April: 10 seats, 15 from the 11th, 12 from the 21st.
    shop.api.advance("2026-04-01")
    shop.grant(seats, 10, "2026-04-01")
    assert amounts(shop.invoice(3), CARD) == [300]
    shop.api.advance("2026-04-25")
    shop.grant(seats, 5, "2026-04-11")
    shop.grant(seats, -3, "2026-04-21")
    assert amounts(shop.invoice(3), CARD, SLAB) == [370, 370]
    shop.api.advance("2026-05-02")
    shop.grant(seats, 30, "2026-04-30")
    assert amounts(shop.invoice(3), CARD) == [400]  # 30 x 30 / 30 more for one day
    shop.api.advance("2026-05-03")
    frozen = shop.invoice(3)
    assert (frozen["status"], frozen["totalAmount"], amounts(frozen, CARD)) == ("DUE", 400, [400])
    shop.grant(seats, -42, "2026-05-01")
    assert shop.invoice(3) == frozen


def test_the_line_says_how_many_there_were_at_most_and_its_explanation_how_they_add_up(shop: Shop, seats: str) -> None:
    shop.grant(seats, 1, "2026-01-01")
    shop.grant(seats, 30, "2026-01-31")
    invoice = shop.invoice()
    (line,) = [line for line in lines(invoice["revenueInfo"]) if line["type"] == CARD]
    assert (line["id"], line["quantity"], line["value"]) == (seats, 31, Decimal("59.03"))
    told = shop.api.get(f"/v1/invoices/{invoice['id']}/lines/{seats}/explanation").ok()
    assert told["arithmetic"] == "(30 x 30 + 930 x 1) / 31 days = 59.032258..., rounded to 59.03"
    (tier,) = told["tiers"]
    assert [(one["quantity"], one["days"]) for one in tier["stretches"]] == [(1, 30), (31, 1)]
    assert "meter" not in told


def test_metrics_count_licences(shop: Shop, seats: str) -> None:
    shop.grant(seats, 10, "2026-01-01")
    (series,) = shop.metric("REVENUE_FOR_CYCLE", "2026-01-01", "2026-02-01", groupBy="BILLABLE_ID")
    assert (series["groupedBy"]["fieldValue"], series["metricValues"]) == (seats, [300])
    (series,) = shop.metric("REVENUE", "2026-01-01", "2026-02-01")
    assert series["metricValues"] == [300]


def test_credits_for_licences_pay_them_and_a_commitment_counts_them(shop: Shop) -> None:
    shop.account()
    addon, base = shop.addon("Seats", "LICENSE"), shop.addon()
    cards = {"licenseRateCards": [licence(addon, 30)], "fixedFeeRateCards": [fee(base, 50)]}
    shop.associate(shop.plan(minimumCommitment=commitment(400), **cards))
    shop.grant(addon, 10, "2026-01-01")
    shop.credit(1000, applicableEntityIds=["ALL_LICENSE_RATE_CARDS"])
    # 300 + 50 are 50 short of 400, of which the credit pays the 300.
    assert amounts(shop.invoice(), "TRUE_UP_AMOUNT", "SUB_CREDITS") == [50, -300]
    assert shop.invoice()["totalAmount"] == 100


def test_licences_granted_before_the_account_exists_are_billed_from_its_first_day(shop: Shop) -> None:
    addon = shop.addon("Seats", "LICENSE")
    shop.grant(addon, 4, "2026-01-01")
    shop.account()
    shop.associate(shop.plan(licenseRateCards=[licence(addon, 30)]), since="2026-01-16")
    # 16 of 31 days
    assert amounts(shop.invoice(), CARD) == [Decimal("61.94")]


def test_accounts_and_organisations_pay_for_their_own(shop: Shop, seats: str) -> None:
    other = shop.account("other")
    shop.associate(shop.plan(licenseRateCards=[licence(seats, 7)]), other)
    shop.grant(seats, 1, "2026-01-01")
    shop.grant(seats, 2, "2026-01-01", account=other)
    assert (amounts(shop.invoice(), CARD), amounts(shop.invoice(account=other), CARD)) == ([30], [14])
