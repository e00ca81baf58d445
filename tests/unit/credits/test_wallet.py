"""When a wallet pays."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest

from tallystick.credits.wallet import Wallet, WalletStatus

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
WALLET = Wallet(
    id="wallet.1",
    account_id="acme",
    customer_id="acme",
    balance=Decimal(5),
    credit_unit="USD",
    status=WalletStatus.ACTIVE,
    hold_amount=Decimal(0),
    effective_from=MARCH,
)


@pytest.mark.parametrize(
    ("status", "at", "pays"),
    [
        (WalletStatus.ACTIVE, MARCH, True),
        (WalletStatus.ACTIVE, MARCH.replace(month=2), False),
        (WalletStatus.INACTIVE, MARCH, False),
    ],
)
def test_an_active_one_pays_from_its_first_instant_on(status: WalletStatus, at: datetime, pays: bool) -> None:  # noqa: FBT001 - a case
    assert msgspec.structs.replace(WALLET, status=status).pays_at(at) is pays
