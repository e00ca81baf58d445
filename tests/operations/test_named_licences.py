"""Named licences over REST: events give and take names, bills count them (domain.md 2.5, 4.6, 8.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, licence, monthly

if TYPE_CHECKING:
    from tests.servers import Inside

CARD = "LICENSE_RATE_CARD_AMOUNT"


def named(shop: Shop, seats: str, name: str, day: str, action: int = 1, account: str = "acme") -> str:
    """An event that gives a name a licence, or takes it; its id."""
    event_id = f"{name}-{day}-{action}-{account}"
    event: dict[str, Any] = {
        "schemaName": "togai-named-license",
        "id": event_id,
        "timestamp": f"2026-01-{day}T12:00:00Z",
        "accountId": account,
        "attributes": [{"name": "action", "value": str(action)}],
        "dimensions": {"license_id": seats, "name": name},
    }
    shop.api.post("/ingest", {"event": event}).ok()
    return event_id


def ledger(shop: Shop, **filters: object) -> list[tuple[str, str, str | None]]:
    found = shop.api.get("/named_license_updates", **filters).ok()["data"]
    return [(one["name"], one["effectiveFrom"][8:10], one.get("effectiveUntil", "")[8:10]) for one in found]


@pytest.fixture
def seats(shop: Shop) -> str:
    """A named licence at 31 for each name and month, and the account `acme` that pays for it from New Year on."""
    shop.account()
    addon = shop.addon("Named seats", "NAMED_LICENSE")
    shop.associate(shop.plan(cycle=monthly(grace=2), licenseRateCards=[licence(addon, 31)]))
    return addon


def test_names_are_billed_for_the_days_on_which_they_were_there(shop: Shop, seats: str) -> None:
    shop.api.advance("2026-01-30")
    named(shop, seats, "ada", "01")
    named(shop, seats, "bob", "11")
    named(shop, seats, "bob", "20", -1)
    named(shop, seats, "ada", "05")
    assert ledger(shop) == [("bob", "11", "20"), ("ada", "01", "")]
    # ada 31 days, bob 10 with the day on which he goes, of 31.
    assert amounts(shop.invoice(), CARD) == [41]
    shop.api.advance("2026-02-03")
    assert (shop.invoice()["status"], shop.invoice()["totalAmount"]) == ("DUE", 41)
    assert shop.invoice(1)["totalAmount"] == 31


def test_an_event_that_is_taken_back_was_never_there(shop: Shop, seats: str) -> None:
    named(shop, seats, "ada", "01")
    event = named(shop, seats, "bob", "01")
    assert shop.invoice()["totalAmount"] == 62
    shop.api.post(f"/events/correction?action=UNDO&account_id=acme&event_id={event}").ok()
    assert shop.invoice()["totalAmount"] == 31
    assert [name for name, _, _ in ledger(shop)] == ["ada"]


def test_names_wait_for_their_account(shop: Shop, seats: str) -> None:
    named(shop, seats, "ada", "01", account="later")
    shop.account("later")
    shop.associate(shop.plan(licenseRateCards=[licence(seats, 5, prorated=False)]), "later")
    assert ledger(shop, account_id="later") == [("ada", "01", "")]
    assert amounts(shop.invoice(account="later"), CARD) == [5]


def test_the_ledger_is_paged_and_filtered(shop: Shop, seats: str) -> None:
    other = shop.addon("Other", "NAMED_LICENSE")
    for name in ("ada", "bob", "cid"):
        named(shop, seats, name, "01")
    named(shop, other, "ada", "02")
    assert [len(page) for page in shop.api.pages("/named_license_updates", pageSize=3)] == [3, 1]
    assert ledger(shop, license_id=other) == [("ada", "02", "")]
    assert ledger(shop, account_id="nobody") == []
    (entry,) = shop.api.get("/named_license_updates", license_id=other).ok()["data"]
    assert set(entry) == {"id", "licenseId", "accountId", "name", "effectiveFrom", "createdAt", "updatedAt"}
    assert entry["id"].startswith("named_license_entry.")


def test_another_organisation_sees_none_of_them(server: Inside, shop: Shop, seats: str) -> None:
    named(shop, seats, "ada", "01")
    assert ledger(Shop(server.new_organisation())) == []


def test_revenue_of_names_is_dated_on_their_days(shop: Shop, seats: str) -> None:
    shop.api.advance("2026-01-30")
    named(shop, seats, "ada", "01")
    named(shop, seats, "bob", "11")
    (series,) = shop.metric("REVENUE", "2026-01-01", "2026-02-01", "DAY")
    by_day = {at[8:10]: one for at, one in zip(series["timestamps"], series["metricValues"], strict=True) if one}
    assert by_day == {"01": 31, "11": Decimal(21)}
