"""What becomes of granted credit when the invoice that it was sold with is void, and made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, monthly
from tests.operations.test_credit_grants import granted, history, sell, standings

if TYPE_CHECKING:
    from decimal import Decimal

Json = dict[str, Any]


@pytest.fixture
def sold(shop: Shop) -> Shop:
    """An account that is granted 100 for 10 each month in advance; 30 of it are used in January."""
    sell(shop, 100, 10, expiry="PRICING_CYCLE")
    shop.use(30, "2026-01-10T00:00:00Z")
    return shop


def void(shop: Shop, position: int = 0) -> str:
    """Void an invoice; its id."""
    name = shop.invoices()[position]["id"]
    shop.api.patch(f"/invoices/{name}", {"status": "VOID"}).ok()
    return name


def reissue(shop: Shop, name: str) -> Json:
    return shop.api.post(f"/v1/invoices/{name}/reissue").ok()


def only(shop: Shop) -> tuple[str, Decimal, Decimal]:
    """Status, what was consumed and what drafts hold of the only credit."""
    (credit,) = granted(shop)
    return credit["status"], credit["consumedAmount"], credit["holdAmount"]


def total_of(shop: Shop, kind: str, month: str) -> Decimal:
    """What the invoice of a month comes to that is not void."""
    (found,) = [
        one["totalAmount"]
        for one in shop.invoices()
        if (one["invoiceType"], one["startDate"][:7]) == (kind, f"2026-{month}") and one["status"] != "VOID"
    ]
    return found


def test_credit_is_void_with_its_invoice_and_back_with_the_one_in_its_place(sold: Shop) -> None:
    assert only(sold) == ("ACTIVE", 0, 30)
    first = void(sold)
    assert only(sold) == ("VOIDED", 0, 0)
    assert total_of(sold, "STANDARD", "01") == 30
    second = reissue(sold, first)["id"]
    assert only(sold) == ("ACTIVE", 0, 30)
    assert total_of(sold, "STANDARD", "01") == 0
    (credit,) = granted(sold)
    assert history(sold, credit["id"]) == [("CREDITED", 100, first), ("VOIDED", 100, first), ("CREDITED", 100, second)]


def test_the_invoice_in_its_place_is_not_paid_by_the_credit_that_it_sells(sold: Shop) -> None:
    assert reissue(sold, void(sold))["totalAmount"] == 10


def test_it_comes_back_as_often_as_it_goes(sold: Shop) -> None:
    name = void(sold)
    for _ in range(3):
        name = reissue(sold, name)["id"]
        assert only(sold) == ("ACTIVE", 0, 30)
        sold.api.patch(f"/invoices/{name}", {"status": "VOID"}).ok()
        assert only(sold) == ("VOIDED", 0, 0)


def test_what_it_has_paid_stays_paid(sold: Shop) -> None:
    sold.api.advance("2026-01-31T23:00:00Z")
    endless = granted(sold)[0]["id"]
    sold.api.advance("2026-02-03")
    assert total_of(sold, "STANDARD", "01") == 0
    assert standings(sold)[0] == ("2026-01-01", 100, "EXPIRED", 30)
    name = void(sold)
    assert standings(sold)[0] == ("2026-01-01", 100, "VOIDED", 30)
    assert total_of(sold, "STANDARD", "01") == 0
    second = reissue(sold, name)["id"]
    assert standings(sold)[0] == ("2026-01-01", 100, "EXPIRED", 30)
    assert [kind for kind, _, _ in history(sold, endless)] == ["CREDITED", "DEBITED", "EXPIRED"]
    assert sold.api.get(f"/invoices/{second}").ok()["totalAmount"] == 10


def test_what_comes_back_meanwhile_is_there_again_with_it(shop: Shop) -> None:
    # By hand: 100 without end, 30 of them burned by January. Both invoices are void and made anew: 30 again, 70 left.
    sell(shop, 100, 10, recurrenceConfig={"interval": 12})
    shop.use(30, "2026-01-10T00:00:00Z")
    shop.api.advance("2026-02-03")
    assert only(shop) == ("ACTIVE", 30, 0)
    sale, usage = void(shop, 0), void(shop, 1)
    assert only(shop) == ("VOIDED", 0, 0)
    reissue(shop, sale)
    assert only(shop) == ("ACTIVE", 0, 0)
    assert reissue(shop, usage)["totalAmount"] == 0
    assert only(shop) == ("ACTIVE", 30, 0)


def test_used_up_credit_does_not_come_back_without_its_invoice(shop: Shop) -> None:
    # 100 are burned by January. Whoever voids the sale and then January must not be left with 100 for nothing.
    sell(shop, 100, 10, recurrenceConfig={"interval": 12})
    shop.use(130, "2026-01-10T00:00:00Z")
    shop.api.advance("2026-02-03")
    assert only(shop) == ("CONSUMED", 100, 0)
    sale = void(shop, 0)
    assert only(shop) == ("VOIDED", 100, 0)
    usage = void(shop, 1)
    assert only(shop) == ("VOIDED", 0, 0)
    assert reissue(shop, usage)["totalAmount"] == 130
    reissue(shop, sale)
    assert only(shop) == ("ACTIVE", 0, 0)


def test_used_up_credit_is_used_up_again_with_it(shop: Shop) -> None:
    sell(shop, 100, 10, recurrenceConfig={"interval": 12})
    shop.use(130, "2026-01-10T00:00:00Z")
    shop.api.advance("2026-02-03")
    reissue(shop, void(shop, 0))
    assert only(shop) == ("CONSUMED", 100, 0)


def test_credit_that_somebody_has_voided_stays_void(sold: Shop) -> None:
    (credit,) = granted(sold)
    sold.api.post(f"/credits/{credit['id']}/void").ok()
    reissue(sold, void(sold))
    assert only(sold) == ("VOIDED", 0, 0)
    assert [kind for kind, _, _ in history(sold, credit["id"])] == ["CREDITED", "VOIDED"]


def test_other_credits_and_other_invoices_are_left_alone(sold: Shop) -> None:
    gift = sold.credit(5, grantorId=sold.invoices()[0]["id"], priority=2)
    void(sold, 0)
    assert sold.api.get(f"/credits/{gift}").ok()["status"] == "ACTIVE"
    sold.api.advance("2026-02-03")
    before = standings(sold)
    void(sold, 1)  # January's usage
    after = standings(sold)
    assert [one for one in after if one[0] != "2026-01-01"] == [one for one in before if one[0] != "2026-01-01"]


def test_in_arrears_too(shop: Shop) -> None:
    sell(shop, 100, 10, timing="IN_ARREARS", cycle=monthly(grace=0))
    shop.api.advance("2026-02-01")
    name = void(shop)
    assert only(shop) == ("VOIDED", 0, 0)
    assert reissue(shop, name)["totalAmount"] == 10
    assert only(shop) == ("ACTIVE", 0, 0)
    (credit,) = granted(shop)
    assert credit["effectiveFrom"] == "2026-02-01"
