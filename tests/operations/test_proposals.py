"""Proposals: approved, declined or expired, paid before or afterwards (domain.md 1.4, 5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.operations.buying import answer, credits_of, pack, pay, propose, purchase
from tests.operations.shop import fee, licence, monthly

if TYPE_CHECKING:
    from tests.operations.shop import Shop

EXPIRY = "2026-01-10T12:00:00Z"


def proposal(shop: Shop, name: str) -> dict[str, object]:
    return shop.api.get(f"/purchase_proposals/{name}").ok()


class TestPrepaid:
    def test_approved_ordered_paid_granted(self, shop: Shop) -> None:
        # By hand: 2 x 50 + 10 = 110, as of the day of the proposal and of the approval alike.
        shop.account()
        plan, _, _ = pack(shop)
        made = propose(shop, plan, quantity=2, expiryDate=EXPIRY).ok()
        assert (made["status"], made["paymentMode"], made["price"]) == ("PROPOSAL_ACTIVE", "PREPAID", 110)
        assert "invoiceId" not in made
        assert shop.invoices() == []
        shop.api.get(f"/purchases/{made['id']}").refused(404)
        shop.api.advance("2026-01-05")
        approved = answer(shop, made["id"]).ok()
        assert (approved["status"], approved["proposalResponseDate"]) == ("PROPOSAL_APPROVED", "2026-01-05T00:00:00Z")
        going_on = purchase(shop, made["id"])
        assert (going_on["status"], going_on["price"]) == ("PENDING", 110)
        assert going_on["invoiceId"] == approved["invoiceId"]
        assert credits_of(shop) == []
        pay(shop, approved["invoiceId"])
        assert purchase(shop, made["id"])["status"] == "SUCCESS"
        assert proposal(shop, made["id"])["status"] == "PROPOSAL_APPROVED"
        assert credits_of(shop) == [("2026-01-05", 200, "ACTIVE")]

    def test_its_price_stays_when_the_plan_becomes_dearer(self, shop: Shop) -> None:
        shop.account()
        plan, base, _ = pack(shop)
        made = propose(shop, plan).ok()
        dearer = {"pricePlanDetails": {"fixedFeeRateCards": [fee(base, 90, type="ONE_TIME")]}}
        shop.api.patch(f"/price_plans/{plan}", dearer).ok()
        assert answer(shop, made["id"]).ok()["price"] == 60
        assert propose(shop, plan).ok()["price"] == 100

    def test_a_plan_is_associated_once_its_order_is_paid(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
        late = propose(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-10", expiryDate=EXPIRY).refused(400)
        assert late == "effectiveFrom: is 2026-01-10, expected a day after expiryDate, 2026-01-10"
        made = propose(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01", expiryDate=EXPIRY).ok()
        assert made["price"] == 30
        approved = answer(shop, made["id"]).ok()
        assert shop.api.get("/accounts/acme/pricing_schedules").ok()["data"] == []
        pay(shop, approved["invoiceId"])
        shop.api.advance("2026-01-11")
        assert purchase(shop, made["id"])["status"] == "SUCCESS"
        (piece,) = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        assert (piece["pricePlanId"], piece["startDate"]) == (plan, "2026-02-01T00:00:00Z")


class TestPostpaid:
    def test_granted_at_once_and_billed_afterwards(self, shop: Shop) -> None:
        shop.account(netTermDays=30)
        plan, _, _ = pack(shop)
        made = propose(shop, plan, "POSTPAID").ok()
        approved = answer(shop, made["id"]).ok()
        assert purchase(shop, made["id"])["status"] == "SUCCESS"
        assert credits_of(shop) == [("2026-01-01", 100, "ACTIVE")]
        bill = shop.api.get(f"/invoices/{approved['invoiceId']}").ok()
        assert (bill["invoiceClass"], bill["invoiceType"], bill["status"]) == ("INVOICE", "AD_HOC", "DUE")
        assert (bill["totalAmount"], bill["dueDate"]) == (60, "2026-01-31T00:00:00Z")

    def test_a_plan_is_associated_and_billed_by_its_cycles(self, shop: Shop) -> None:
        shop.account()
        seats = shop.addon("Seats", "LICENSE")
        cards = {
            "fixedFeeRateCards": [fee(shop.addon(), 30, timing="IN_ADVANCE")],
            "licenseRateCards": [licence(seats, 5, timing="IN_ADVANCE")],
        }
        plan = shop.plan(cycle=monthly(), **cards)
        prepaid = propose(shop, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").refused(400)
        assert prepaid.startswith(f"pricePlanId: bills licences in advance ({seats})")
        made = propose(shop, plan, "POSTPAID", type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
        approved = answer(shop, made["id"]).ok()
        assert "invoiceId" not in approved
        assert purchase(shop, made["id"])["status"] == "SUCCESS"
        shop.api.advance("2026-02-01")
        assert [one["invoiceType"] for one in shop.invoices()] == ["STANDARD_ADVANCED", "STANDARD"]

    def test_what_cannot_be_carried_out_is_not_approved(self, shop: Shop) -> None:
        shop.account()
        plan = shop.plan(cycle=monthly(), fixedFeeRateCards=[fee(shop.addon(), 30)])
        made = propose(shop, plan, "POSTPAID", type="ASSOCIATION", effectiveFrom="2026-02-01").ok()
        shop.api.delete(f"/price_plans/{plan}").ok()
        assert answer(shop, made["id"]).refused(400).startswith(f"pricePlanId: price plan '{plan}' not found")
        assert proposal(shop, made["id"])["status"] == "PROPOSAL_ACTIVE"


class TestEnds:
    @pytest.mark.parametrize(("said", "status"), [("APPROVE", "PROPOSAL_APPROVED"), ("DECLINE", "PROPOSAL_DECLINED")])
    def test_an_answer_is_given_once(self, shop: Shop, said: str, status: str) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        made = propose(shop, plan, expiryDate=EXPIRY).ok()
        answer(shop, made["id"], said).ok()
        for other in ("APPROVE", "DECLINE"):
            message = answer(shop, made["id"], other).refused(400)
            assert message == f"status: proposal '{made['id']}' is {status}: only an active one can be answered"
        shop.api.advance("2026-01-11")
        assert proposal(shop, made["id"])["status"] == status
        assert len(shop.invoices()) == (1 if said == "APPROVE" else 0)

    def test_it_expires_at_the_very_instant(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        made = propose(shop, plan, expiryDate=EXPIRY).ok()
        shop.api.advance("2026-01-10T11:59:59.999999Z")
        assert proposal(shop, made["id"])["status"] == "PROPOSAL_ACTIVE"
        shop.api.advance(EXPIRY)
        expired = proposal(shop, made["id"])
        assert (expired["status"], expired["updatedAt"]) == ("PROPOSAL_EXPIRED", EXPIRY)
        message = answer(shop, made["id"]).refused(400)
        assert message == f"status: proposal '{made['id']}' is PROPOSAL_EXPIRED: only an active one can be answered"

    def test_it_waits_for_ever_without_an_expiry(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        made = propose(shop, plan).ok()
        shop.api.advance("2028-01-01")
        assert answer(shop, made["id"], "DECLINE").ok()["status"] == "PROPOSAL_DECLINED"


class TestWire:
    def test_lists_and_keys(self, shop: Shop) -> None:
        shop.account()
        plan, _, _ = pack(shop)
        made = propose(shop, plan, idempotencyKey="k").ok()
        assert propose(shop, plan, idempotencyKey="k").ok()["id"] == made["id"]
        refused = propose(shop, plan, "POSTPAID", idempotencyKey="k").refused(409)
        assert refused == "idempotencyKey 'k' was used for another proposal"
        (listed,) = shop.api.get("/accounts/acme/purchase_proposals").ok()["data"]
        assert (listed["id"], listed["pricePlanName"], listed["paymentMode"]) == (made["id"], "Once", "PREPAID")
        assert shop.api.get("/accounts/acme/purchases").ok()["data"] == []
        missing = shop.api.post("/accounts/acme/purchase_proposals", {"pricePlanId": plan})
        assert missing.refused(400).startswith("required field 'paymentMode' is missing")
        answer(shop, made["id"], "PERHAPS").refused(400)
        answer(shop, "purchase.none").refused(404)
