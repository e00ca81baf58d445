"""The ledger of licences over REST (domain.md 8.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, fee, licence, monthly

if TYPE_CHECKING:
    from tests.servers import Answer, Inside


def update(shop: Shop, seats: str, quantity: object, day: str | None = None, **more: object) -> Answer:
    """Move the quantity from the beginning of a day on, or from now."""
    body: dict[str, Any] = {"licenseId": seats, "accountId": "acme", "updateType": "RELATIVE", "quantity": quantity}
    since = {} if day is None else {"effectiveFrom": f"{day}T00:00:00Z"}
    return shop.api.post("/license_updates", body | since | more)


def ledger(shop: Shop, **filters: object) -> list[tuple[str, Decimal]]:
    """(day, what stands after it) of the entries, newest entry first."""
    found = shop.api.get("/license_updates", **filters).ok()["data"]
    return [(one["effectiveFrom"][:10], Decimal(one["quantity"])) for one in found]


@pytest.fixture
def seats(still: Shop) -> str:
    """A licence, in an organisation with the account `acme`, which has no plan."""
    still.account()
    return still.addon("Seats", "LICENSE")


def test_an_answer_says_what_stands_after_the_update(still: Shop, seats: str) -> None:
    made = update(still, seats, 10, metadata={"order": "7"}).ok()
    assert made == {
        "licenseId": seats,
        "accountId": "acme",
        "quantity": 10,
        "effectiveFrom": "2026-01-01T00:00:00Z",
        "metadata": {"order": "7"},
        "createdAt": "2026-01-01T00:00:00Z",
    }
    assert update(still, seats, -3).ok()["quantity"] == 7
    assert update(still, seats, Decimal("2.5"), updateType="ABSOLUTE").ok()["quantity"] == Decimal("2.5")


def test_entries_between_others_move_what_stands_after_later_ones(still: Shop, seats: str) -> None:
    update(still, seats, 10, "2026-01-01").ok()
    update(still, seats, -3, "2026-01-21").ok()
    assert update(still, seats, 5, "2026-01-11").ok()["quantity"] == 15
    assert ledger(still) == [("2026-01-11", 15), ("2026-01-21", 12), ("2026-01-01", 10)]


def test_less_than_nothing_is_refused_and_changes_nothing(still: Shop, seats: str) -> None:
    update(still, seats, 10, "2026-01-01").ok()
    update(still, seats, -8, "2026-01-21").ok()
    message = update(still, seats, -3, "2026-01-11").refused(400)
    assert message.startswith("quantity: would leave -1 from 2026-01-21T00:00:00+00:00 on")
    assert ledger(still) == [("2026-01-21", 2), ("2026-01-01", 10)]


def test_everything_that_is_wrong_is_said_at_once(still: Shop, seats: str) -> None:
    message = update(still, "addon.nothing", Decimal("0.0000000000001"), "0001-01-01").refused(400)
    for part in (
        "quantity: is 0.0000000000001",
        "licenseId: add-on 'addon.nothing' not found",
        "effectiveFrom: 0001-01-01",
    ):
        assert part in message
    assert seats
    assert ledger(still) == []


def test_only_licences_are_counted_by_updates(still: Shop, seats: str) -> None:
    assert seats
    named, fixed = still.addon("Names", "NAMED_LICENSE"), still.addon("Fee")
    assert "togai-named-license" in update(still, named, 1).refused(400)
    assert update(still, fixed, 1).refused(400) == f"licenseId: add-on '{fixed}' is a FIXED_FEE, expected a LICENSE"


def test_a_key_makes_one_entry(still: Shop, seats: str) -> None:
    first = update(still, seats, 10, idempotencyKey="k").ok()
    assert update(still, seats, 10, idempotencyKey="k").ok() == first
    assert update(still, seats, 11, idempotencyKey="k").refused(409).startswith("idempotencyKey 'k'")
    assert update(still, seats, 10, "2026-01-02", idempotencyKey="k").status == 409
    assert ledger(still) == [("2026-01-01", 10)]


def test_an_alias_names_the_account_in_its_time(still: Shop, seats: str) -> None:
    spans = [{"value": "ops", "effectiveUntil": "2026-01-10T00:00:00Z"}]
    body = {"id": "two", "name": "Two", "customerId": "acme", "accountAliases": spans}
    still.api.post("/accounts", body).ok()
    assert update(still, seats, 1, "2026-01-09", accountId="ops").ok()["accountId"] == "two"
    assert update(still, seats, 1, "2026-01-10", accountId="ops").ok()["accountId"] == "ops"
    assert ledger(still, account_id="two") == [("2026-01-09", 1)]


def test_licences_wait_for_their_account(still: Shop, seats: str) -> None:
    update(still, seats, 4, accountId="later").ok()
    update(still, seats, 2, accountId="later-ops").ok()
    still.api.post("/accounts", {"id": "later", "name": "Later", "customerId": "acme", "aliases": ["later-ops"]}).ok()
    assert ledger(still, account_id="later") == [("2026-01-01", 6), ("2026-01-01", 4)]
    assert update(still, seats, -6, accountId="later-ops").ok()["quantity"] == 0


def test_an_archived_account_gets_none(still: Shop, seats: str) -> None:
    still.api.post("/accounts", {"id": "old", "name": "Old", "customerId": "acme"}).ok()
    still.api.delete("/accounts/old").ok()
    assert update(still, seats, 1, accountId="old").refused(400) == "accountId: account 'old' is archived"


def test_the_ledger_is_filtered_and_paged(still: Shop, seats: str) -> None:
    other = still.addon("Desks", "LICENSE")
    for day in ("01", "02", "03"):
        update(still, seats, 1, f"2026-01-{day}").ok()
    update(still, other, 9, "2026-01-02").ok()
    assert ledger(still, licenseId=other) == [("2026-01-02", 9)]
    assert ledger(still, licenseId=seats, effectiveFrom="2026-01-02T00:00:00Z") == [("2026-01-02", 2)]
    assert [len(page) for page in still.api.pages("/license_updates", pageSize=3)] == [3, 1]
    assert still.api.get("/license_updates", pageSize=51).ok()["nextToken"] is None


def test_metadata_of_one_entry_can_be_replaced(still: Shop, seats: str) -> None:
    update(still, seats, 10, "2026-01-01", metadata={"order": "7", "by": "ann"}).ok()
    update(still, seats, 5, "2026-01-11").ok()
    which = {"accountId": "acme", "effectiveFrom": "2026-01-01T00:00:00Z"}
    changed = still.api.patch(f"/license_updates/{seats}", which | {"metadata": {"order": "8"}}).ok()
    assert (changed["quantity"], changed["metadata"]) == (10, {"order": "8"})
    # The official client leaves the template in the path, and sends the id as a query parameter.
    template = f"/license_updates/%7Blicense_id%7D?licenseId={seats}"
    assert "metadata" not in still.api.patch(template, which | {"metadata": {}}).ok()
    nowhere = {"accountId": "acme", "effectiveFrom": "2026-01-02T00:00:00Z", "metadata": {}}
    assert "not found" in still.api.patch(f"/license_updates/{seats}", nowhere).refused(404)


def test_the_past_can_be_changed_until_it_is_billed(shop: Shop) -> None:
    shop.account()
    seats = shop.addon("Seats", "LICENSE")
    shop.associate(shop.plan(cycle=monthly(grace=2), fixedFeeRateCards=[fee(shop.addon(), 1)]))
    shop.api.advance("2026-02-02T23:59:59Z")
    update(shop, seats, 1, "2026-01-20").ok()
    update(shop, seats, 1, "2025-12-20").ok()
    shop.api.advance("2026-02-03")
    message = update(shop, seats, 1, "2026-01-31").refused(400)
    assert message == "effectiveFrom: 2026-01-31T00:00:00+00:00 is too early: the cycle until 2026-02-01 is billed"
    update(shop, seats, 1, "2025-12-20").refused(400)
    update(shop, seats, 1, "2026-02-01").ok()


def test_no_more_are_granted_than_the_plan_allows(shop: Shop) -> None:
    shop.account()
    seats = shop.addon("Seats", "LICENSE")
    update(shop, seats, 6, "2026-01-01").ok()
    card = licence(seats, 1, config={"maxQuantity": 5, "maxQuantityBreachAction": "DO_NOTHING"})
    shop.associate(shop.plan(licenseRateCards=[card]), until="2026-03-01")
    assert update(shop, seats, 1).refused(400) == "quantity: would leave 7, and the plan of the account allows 5"
    update(shop, seats, -2, "2026-01-05").ok()
    update(shop, seats, 1, "2026-01-10").ok()
    assert "allows 5" in update(shop, seats, 6, "2026-01-10", updateType="ABSOLUTE").refused(400)
    assert "allows 5" in update(shop, seats, 1, "2026-01-05").refused(400), "it would be 6 from the 10th on"
    update(shop, seats, 100, "2026-03-01").ok()
    assert ledger(shop)[0] == ("2026-03-01", 105)


def test_days_are_those_of_the_instant_whatever_its_offset(still: Shop, seats: str) -> None:
    made = update(still, seats, 1, effectiveFrom="2026-01-11T00:00:00+05:30").ok()
    assert made["effectiveFrom"] == "2026-01-10T18:30:00Z"


def test_another_organisation_sees_nothing_of_it(standing: Inside, still: Shop, seats: str) -> None:
    update(still, seats, 10).ok()
    other = Shop(standing.new_organisation())
    assert ledger(other) == []
    assert "not found" in update(other, seats, 1).refused(400)
