"""The credit balance: the figures of domain.md 6.1."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from tallystick.credits.balance import Standing, balance_of
from tallystick.kernel.document import encode
from tests.unit.credits.grants import usd

AS_OF = datetime(2026, 1, 10, 12, 0, 2, tzinfo=UTC)


def standing(granted: str, consumed: str, held: str, *, applicable: bool = True) -> Standing:
    return Standing(granted=usd(granted), consumed=usd(consumed), held=usd(held), is_applicable=applicable)


def test_the_sample_of_the_reference_1000_granted_800_available_700_running_100_inapplicable() -> None:
    standings = [standing("900", "200", "100"), standing("100", "0", "0", applicable=False)]
    balance = balance_of(standings, "USD", AS_OF)
    assert (balance.active_credits, balance.available_balance) == (1000, 800)
    assert (balance.running_balance, balance.inapplicable_credits) == (700, 100)


def test_the_walk_of_the_reference_80_granted_and_all_of_it_held_by_the_draft() -> None:
    balance = balance_of([standing("80.00", "0", "80")], "USD", AS_OF)
    assert msgspec.json.decode(encode(balance)) == {
        "activeCredits": 80,
        "availableBalance": 80,
        "runningBalance": 0,
        "inapplicableCredits": 0,
        "unit": "USD",
        "lastUpdatedAt": "2026-01-10T12:00:02Z",
    }


def test_an_account_without_credits_has_a_balance_of_nothing() -> None:
    balance = balance_of([], "USD", AS_OF)
    assert (balance.active_credits, balance.running_balance) == (0, 0)
