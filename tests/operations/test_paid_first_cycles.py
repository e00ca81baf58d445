"""A plan that was ordered and paid bills its first cycle once, whatever is done to the timeline before it begins.

By hand: 30 a month in advance. January is billed by the plan that is there, February by the order that was paid: 60 are
asked for altogether, and nothing else before March.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.buying import answer, buy, pay, propose, purchase
from tests.operations.shop import OPEN_END, Shop, fee, monthly

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Answer

Json = dict[str, Any]
FEBRUARY = "2026-02-01"
PAID = (
    "the plan of account 'acme' is ordered and paid from 2026-02-01 until 2026-03-01: "
    "take that off first, or change it from then on"
)


def sold(shop: Shop) -> str:
    """The account `acme` on a plan, with the same plan ordered and paid from February on; the plan."""
    shop.account()
    plan = shop.plan(cycle=monthly(grace=0), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
    shop.associate(plan)
    bought = buy(shop, plan, type="ASSOCIATION", effectiveFrom=FEBRUARY).ok()
    pay(shop, bought["invoiceId"])
    shop.api.advance("2026-01-02")
    assert purchase(shop, bought["id"])["status"] == "SUCCESS"
    return plan


def asked_for(shop: Shop) -> list[tuple[str, str, Any]]:
    """What is asked for, month by month."""
    return [
        (one["invoiceType"], one["startDate"][5:10], one["totalAmount"])
        for one in shop.invoices()
        if one["totalAmount"]
    ]


def on(plan: str, since: str = FEBRUARY, until: str = OPEN_END) -> Json:
    return {"mode": "ASSOCIATE", "pricePlanId": plan, "effectiveFrom": since, "effectiveUntil": until}


def off(since: str = FEBRUARY, until: str = OPEN_END) -> Json:
    return {"mode": "DISASSOCIATE", "effectiveFrom": since, "effectiveUntil": until}


def change(shop: Shop, *edits: Json) -> Answer:
    return shop.api.post("/accounts/acme/edit_schedules", {"edits": edits})


def drafted(shop: Shop, *edits: Json, merges: bool = False) -> Answer:
    """Edits of a draft that is finalised when it is taken."""
    v2 = []
    for edit in edits:
        config = {"pricePlanId": edit["pricePlanId"]} if "pricePlanId" in edit else None
        kept = {name: value for name, value in edit.items() if name != "pricePlanId"}
        v2.append(kept | ({} if config is None else {"associationConfig": config}))
    made = shop.api.post("/v2/accounts/acme/edit_schedules", {"edits": v2})
    if made.status != 200:
        return made
    return shop.api.post("/v2/accounts/acme/finalize_schedules", {"mergeSchedules": merges})


def ordered_piece(shop: Shop) -> str:
    pieces = shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
    return next(one["id"] for one in pieces if one["startDate"].startswith(FEBRUARY))


def dearer_cards(shop: Shop, _: str) -> Answer:
    """Other terms for the piece itself, in a draft."""
    addon = shop.addon("Dearer")
    details = {"fixedFeeRateCard": fee(addon, 90, timing="IN_ADVANCE")}
    card = {"billableId": addon, "type": "FIXED_FEE", "invoiceTiming": "IN_ADVANCE", "rateCardDetails": details}
    operation = {"actionType": "CREATE", "rateCardName": "Dearer", "rateCard": card}
    return shop.api.post(f"/v2/schedules/{ordered_piece(shop)}/rate_cards", {"operations": [operation]})


REFUSED: dict[str, Callable[[Shop, str], Answer]] = {
    "from its first day on": lambda shop, plan: shop.try_associate(plan, since=FEBRUARY),
    "around its first day": lambda shop, plan: shop.try_associate(plan, since="2026-01-20", until="2026-02-10"),
    "from its second day on": lambda shop, plan: shop.try_associate(plan, since="2026-02-02"),
    "from the last day of its first cycle on": lambda shop, plan: shop.try_associate(plan, since="2026-02-28"),
    "by what is left of it behind a hole": lambda shop, _: change(shop, off("2026-02-10", "2026-02-15")),
    "for its first day alone": lambda shop, plan: shop.try_associate(plan, since=FEBRUARY, until="2026-02-02"),
    "as one of several edits": lambda shop, plan: change(shop, on(plan, "2026-04-01", "2026-05-01"), on(plan)),
    "taken off and put on by one request": lambda shop, plan: change(shop, off(), on(plan)),
    "by a draft": lambda shop, plan: drafted(shop, on(plan)),
    "by a draft that takes it off before": lambda shop, plan: drafted(shop, off(), on(plan)),
    "by a draft with the schedule before it copied": lambda shop, plan: drafted(shop, on(plan, "2026-01-20")),
    "by a purchase": lambda shop, plan: buy(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-20"),
    "by a proposal": lambda shop, plan: propose(shop, plan, type="ASSOCIATION", effectiveFrom="2026-01-20"),
    "by a proposal that is paid afterwards": lambda shop, plan: propose(
        shop, plan, "POSTPAID", type="ASSOCIATION", effectiveFrom="2026-01-20"
    ),
    "by other terms": dearer_cards,
}
ALLOWED: dict[str, Callable[[Shop, str], Answer]] = {
    "what is before it": lambda shop, _: change(shop, off("2026-01-20", FEBRUARY)),
    "its first days": lambda shop, _: change(shop, off(FEBRUARY, "2026-02-03")),
    "its end": lambda shop, _: change(shop, off("2026-05-01")),
    "another plan behind its first cycle": lambda shop, plan: change(shop, on(plan, "2026-03-01")),
    "schedules made one": lambda shop, plan: drafted(shop, on(plan, "2026-04-01", "2026-05-01"), merges=True),
}


class TestTimelines:
    @pytest.mark.parametrize("route", REFUSED)
    def test_nothing_takes_its_place(self, shop: Shop, route: str) -> None:
        plan = sold(shop)
        assert PAID in REFUSED[route](shop, plan).refused(400)
        shop.api.advance("2026-02-01")
        assert asked_for(shop) == [("STANDARD_ADVANCED", "01-01", 30), ("AD_HOC", "02-01", 30)]

    @pytest.mark.parametrize("route", ALLOWED)
    def test_what_is_around_it_may_change(self, shop: Shop, route: str) -> None:
        plan = sold(shop)
        ALLOWED[route](shop, plan).ok()
        shop.api.advance("2026-02-15")
        assert [one for one in asked_for(shop) if one[1] < "03"] == [
            ("STANDARD_ADVANCED", "01-01", 30),
            ("AD_HOC", "02-01", 30),
        ]
        shop.api.advance("2026-03-02")
        assert asked_for(shop)[2:] == [("STANDARD_ADVANCED", "03-01", 30)]

    def test_its_end_within_its_first_cycle_is_billed_once_too(self, shop: Shop) -> None:
        sold(shop)
        shop.disassociate("2026-02-10")
        shop.api.advance("2026-03-02")
        assert asked_for(shop)[1:] == [("AD_HOC", "02-01", 30)]

    def test_once_taken_off_another_plan_takes_its_place_and_is_billed(self, shop: Shop) -> None:
        plan = sold(shop)
        shop.disassociate(FEBRUARY)
        shop.associate(plan, since=FEBRUARY)
        shop.api.advance("2026-02-01")
        assert [one for one in asked_for(shop) if one[1] == "02-01"] == [
            ("AD_HOC", "02-01", 30),
            ("STANDARD_ADVANCED", "02-01", 30),
        ]

    def test_when_it_has_begun_it_changes_as_any_other(self, shop: Shop) -> None:
        plan = sold(shop)
        shop.api.advance("2026-02-10")
        shop.associate(plan, since="2026-03-01")
        shop.api.advance("2026-03-02")
        assert asked_for(shop)[1:] == [("AD_HOC", "02-01", 30), ("STANDARD_ADVANCED", "03-01", 30)]


def test_a_proposal_that_was_made_before_the_order_was_paid_is_not_approved(shop: Shop) -> None:
    shop.account()
    plan = shop.plan(cycle=monthly(grace=0), fixedFeeRateCards=[fee(shop.addon(), 30, timing="IN_ADVANCE")])
    asked = {"type": "ASSOCIATION", "effectiveFrom": FEBRUARY}
    made = propose(shop, plan, "POSTPAID", **asked).ok()
    pay(shop, buy(shop, plan, **asked).ok()["invoiceId"])
    shop.api.advance("2026-01-02")
    assert answer(shop, made["id"]).refused(400) == f"effectiveFrom: {PAID}"
    assert shop.api.get(f"/purchase_proposals/{made['id']}").ok()["status"] == "PROPOSAL_ACTIVE"
    shop.api.advance("2026-02-01")
    assert asked_for(shop) == [("AD_HOC", "02-01", 30)]
