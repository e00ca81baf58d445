"""Accounts that move from one plan version to another: who, when, and what that makes of their bills (domain.md 4.9).

Calls cost 2 each on the old version and 3 on the new one; each account makes 10 calls now and then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.buying import buy, pay
from tests.operations.shop import Shop, anniversary, fee, monthly, tiered

if TYPE_CHECKING:
    from tests.servers import Answer

Json = dict[str, Any]


@pytest.fixture
def seller(shop: Shop) -> Shop:
    """An organisation with a schema on 10 January 2026."""
    shop.schema()
    shop.meter()
    return shop


def meter(shop: Shop) -> str:
    return shop.api.get("/usage_meters").ok()["data"][0]["id"]


def offer(shop: Shop, rate: object = 2, **more: object) -> str:
    return shop.plan(usageRateCards=[tiered(meter(shop), (0, rate))], **more)


def dearer(shop: Shop, plan: str, **more: object) -> Json:
    """The next version of a plan, at 3."""
    body = {"pricePlanDetails": {"usageRateCards": [tiered(meter(shop), (0, 3))]}}
    return shop.api.patch(f"/price_plans/{plan}", body | more).ok()


def migrate(shop: Shop, source: str, **more: object) -> Answer:
    body = {"sourceId": source, "sourceVersion": 1, "targetId": source, "migrationMode": "IMMEDIATE"} | more
    return shop.api.post(
        "/v2/price_plans/migration", {name: value for name, value in body.items() if value is not None}
    )


def job(shop: Shop) -> Json:
    newest = shop.api.get("/jobs").ok()["data"][0]
    assert newest["type"] == "PRICE_PLAN"
    return shop.api.get(f"/jobs/{newest['id']}").ok()


def outcomes(shop: Shop) -> dict[str, tuple[str, str]]:
    """Status and outcome of each account's entry in the newest job."""
    pages = shop.api.pages(f"/jobs/{job(shop)['id']}/entries")
    return {entry["entityId"]: (entry["status"], entry["metadata"]["outcome"]) for page in pages for entry in page}


def reason(shop: Shop, account: str) -> str:
    (entries,) = shop.api.pages(f"/jobs/{job(shop)['id']}/entries")
    return next(entry["metadata"]["reason"] for entry in entries if entry["entityId"] == account)


def timeline(shop: Shop, account: str = "acme") -> list[tuple[str, str, int]]:
    pieces = shop.api.get(f"/accounts/{account}/pricing_schedules").ok()["data"]
    return [(piece["startDate"][:10], piece["endDate"][:10], piece["version"]) for piece in pieces]


def bills(shop: Shop, account: str = "acme") -> list[tuple[str, str, Any]]:
    return [(one["startDate"][:10], one["endDate"][:10], one["totalAmount"]) for one in shop.invoices(account)]


class TestModes:
    """Worked by hand: 10 calls on 5 January, 10 on 20 January, 10 on 5 February; the migration is on 10 January."""

    @pytest.fixture
    def plan(self, seller: Shop) -> str:
        seller.account()
        plan = offer(seller)
        seller.associate(plan)
        seller.use(10, "2026-01-05T00:00:00Z")
        dearer(seller, plan)
        seller.api.advance("2026-01-10")
        return plan

    def used(self, shop: Shop) -> None:
        shop.api.advance("2026-01-20")
        shop.use(10, "2026-01-20T00:00:00Z")
        shop.api.advance("2026-02-05")
        shop.use(10, "2026-02-05T00:00:00Z")

    def test_immediate_starts_tomorrow_and_cuts_the_cycle(self, seller: Shop, plan: str) -> None:
        answer = migrate(seller, plan, targetVersion=2)
        assert (answer.status, answer.body) == (201, {"success": True})
        assert outcomes(seller) == {"acme": ("COMPLETED", "MIGRATED")}
        assert timeline(seller) == [("2026-01-01", "2026-01-11", 1), ("2026-01-11", "9999-01-01", 2)]
        self.used(seller)
        assert bills(seller) == [
            ("2026-01-01", "2026-01-11", 20),
            ("2026-01-11", "2026-02-01", 30),
            ("2026-02-01", "2026-03-01", 30),
        ]

    def test_next_cycle_leaves_the_present_one_whole(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan, migrationMode="NEXT_CYCLE").ok()
        assert timeline(seller) == [("2026-01-01", "2026-02-01", 1), ("2026-02-01", "9999-01-01", 2)]
        self.used(seller)
        assert bills(seller) == [("2026-01-01", "2026-02-01", 40), ("2026-02-01", "2026-03-01", 30)]

    def test_the_start_of_the_current_cycle_is_past_unless_the_plan_allows_it(self, seller: Shop, plan: str) -> None:
        before = timeline(seller)
        migrate(seller, plan, migrationMode="START_OF_CURRENT_CYCLE").ok()
        assert (job(seller)["status"], outcomes(seller)) == ("FAILED", {"acme": ("FAILED", "FAILED")})
        assert "starts tomorrow, on 2026-01-11, at the earliest, not on 2026-01-01" in reason(seller, "acme")
        assert timeline(seller) == before

    def test_it_is_not_past_where_the_plan_allows_ongoing_changes(self, seller: Shop) -> None:
        # By hand: all 10 calls of January at 3, also those made while the plan was at 2.
        seller.account()
        plan = offer(seller, allow_ongoing_cycle_updates=True)
        seller.associate(plan)
        seller.use(10, "2026-01-05T00:00:00Z")
        dearer(seller, plan)
        seller.api.advance("2026-01-10")
        migrate(seller, plan, migrationMode="START_OF_CURRENT_CYCLE").ok()
        assert outcomes(seller) == {"acme": ("COMPLETED", "MIGRATED")}
        assert timeline(seller) == [("2026-01-01", "9999-01-01", 2)]
        assert bills(seller) == [("2026-01-01", "2026-02-01", 30)]

    def test_none_moves_nobody(self, seller: Shop, plan: str) -> None:
        message = migrate(seller, plan, migrationMode="NONE").refused(400)
        assert message == "migrationMode: NONE moves nobody: say when accounts are to move"
        assert timeline(seller) == [("2026-01-01", "9999-01-01", 1)]

    def test_without_a_target_the_plan_is_taken_off(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan, targetId=None, migrationMode="NEXT_CYCLE").ok()
        assert outcomes(seller) == {"acme": ("COMPLETED", "DISASSOCIATED")}
        assert timeline(seller) == [("2026-01-01", "2026-02-01", 1)]
        self.used(seller)
        assert bills(seller) == [("2026-01-01", "2026-02-01", 40)]

    def test_the_job_says_what_it_is_about(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan, targetVersion=2).ok()
        told = job(seller)
        assert told["metadata"] == {
            "sourceId": plan,
            "sourceVersion": "1",
            "targetId": plan,
            "targetVersion": "2",
            "migrationMode": "IMMEDIATE",
        }
        (entries,) = seller.api.pages(f"/jobs/{told['id']}/entries")
        assert entries[0]["metadata"] == {"outcome": "MIGRATED", "effectiveFrom": "2026-01-11"}

    def test_it_waits_for_a_confirmation_when_asked_to(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan, requireConfirmation=True).ok()
        waiting = job(seller)
        assert (waiting["status"], waiting["totalJobEntries"]) == ("WAITING_FOR_CONFIRMATION", 1)
        assert timeline(seller) == [("2026-01-01", "9999-01-01", 1)]
        seller.api.advance("2026-01-15")
        seller.api.post(f"/jobs/{waiting['id']}/confirm").ok()
        # At once is counted from when it is done, not from when it was asked for.
        assert timeline(seller)[1] == ("2026-01-16", "9999-01-01", 2)

    def test_called_off_it_moves_nobody(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan, requireConfirmation=True).ok()
        seller.api.post(f"/jobs/{job(seller)['id']}/reject").ok()
        assert timeline(seller) == [("2026-01-01", "9999-01-01", 1)]

    def test_v1_starts_the_same(self, seller: Shop, plan: str) -> None:
        body = {"sourceId": plan, "sourceVersion": 1, "targetId": plan, "targetVersion": 2}
        answer = seller.api.post("/price_plans/migration", body | {"migrationMode": "IMMEDIATE"})
        assert (answer.status, answer.body) == (201, {"success": True})
        assert timeline(seller)[1] == ("2026-01-11", "9999-01-01", 2)


class TestNewVersions:
    """What finalising, and a patch of v1, do with the accounts that are there already."""

    @pytest.fixture
    def plan(self, seller: Shop) -> str:
        """`first` is on version 1, `second` on version 2."""
        plan = offer(seller)
        for account in ("first", "second"):
            seller.account(account)
        seller.associate(plan, "first")
        dearer(seller, plan)
        seller.associate(plan, "second")
        return plan

    def versions(self, shop: Shop) -> dict[str, int]:
        return {account: timeline(shop, account)[-1][2] for account in ("first", "second")}

    def test_nobody_moves_unless_asked(self, seller: Shop, plan: str) -> None:
        dearer(seller, plan)
        assert self.versions(seller) == {"first": 1, "second": 2}
        assert seller.api.get("/jobs").ok()["data"] == []

    def test_a_patch_of_v1_moves_those_of_the_version_before(self, seller: Shop, plan: str) -> None:
        dearer(seller, plan, migrationMode="IMMEDIATE")
        assert self.versions(seller) == {"first": 1, "second": 3}

    def test_or_those_of_all_versions(self, seller: Shop, plan: str) -> None:
        dearer(seller, plan, migrationMode="NEXT_CYCLE", versionsToMigrate="ALL_VERSION")
        assert self.versions(seller) == {"first": 3, "second": 3}
        assert job(seller)["metadata"]["sourceVersion"] == "1, 2"

    def test_finalising_does_the_same(self, seller: Shop, plan: str) -> None:
        seller.api.patch(f"/v2/price_plans/{plan}", {"description": "Third"}).ok()
        body = {"migrationMode": "IMMEDIATE", "versionsToMigrate": "LATEST_VERSION"}
        seller.api.post(f"/v2/price_plans/{plan}/finalize", body).ok()
        assert self.versions(seller) == {"first": 1, "second": 3}

    def test_a_first_version_has_nobody_to_move(self, seller: Shop) -> None:
        body = {"name": "New", "type": "BILLING", "supportedCurrencies": ["USD"], "pricingCycleConfig": monthly()}
        plan = seller.api.post("/v2/price_plans", body).ok()["id"]
        card = {
            "billableId": meter(seller),
            "type": "USAGE",
            "invoiceTiming": "IN_ARREARS",
            "rateCardDetails": {"usageRateCard": tiered(meter(seller), (0, 1))},
        }
        create = {"actionType": "CREATE", "rateCardName": "calls", "rateCard": card}
        seller.api.post(f"/v2/price_plans/{plan}/rate_cards", {"operations": [create]}).ok()
        seller.api.post(f"/v2/price_plans/{plan}/finalize", {"migrationMode": "IMMEDIATE"}).ok()
        assert seller.api.get("/jobs").ok()["data"] == []

    def test_a_description_by_itself_moves_nobody(self, seller: Shop, plan: str) -> None:
        body = {"description": "Words", "migrationMode": "IMMEDIATE"}
        message = seller.api.patch(f"/price_plans/{plan}", body).refused(400)
        assert message.startswith("migrationMode: without pricePlanDetails or pricingRules there is no new version")


class TestOverrides:
    @pytest.fixture
    def plan(self, seller: Shop) -> str:
        """`plain` is on the plan's terms, `special` has a card of its own at 1."""
        plan = offer(seller)
        for account in ("plain", "special"):
            seller.account(account)
        seller.associate(plan, "plain")
        body = {"pricePlanId": plan, "effectiveFrom": "2026-01-01", "effectiveUntil": "9999-01-01"}
        override = {"usageRateCards": [tiered(meter(seller), (0, 1))]}
        seller.api.post("/accounts/special/price_plans", body | {"pricePlanDetailsOverride": override}).ok()
        dearer(seller, plan)
        return plan

    def test_plain_modes_leave_accounts_with_overrides_alone(self, seller: Shop, plan: str) -> None:
        migrate(seller, plan).ok()
        assert outcomes(seller) == {"plain": ("COMPLETED", "MIGRATED"), "special": ("COMPLETED", "SKIPPED")}
        assert "has overrides" in reason(seller, "special")
        assert timeline(seller, "special") == [("2026-01-01", "9999-01-01", 1)]

    @pytest.mark.parametrize(
        ("mode", "since"), [("IMMEDIATE_IGNORE_OVERRIDE", "2026-01-02"), ("NEXT_CYCLE_IGNORE_OVERRIDE", "2026-02-01")]
    )
    def test_the_others_move_them_too_and_drop_the_overrides(
        self, seller: Shop, plan: str, mode: str, since: str
    ) -> None:
        migrate(seller, plan, migrationMode=mode).ok()
        for account in ("plain", "special"):
            assert timeline(seller, account) == [("2026-01-01", since, 1), (since, "9999-01-01", 2)]
        seller.api.advance(since)
        seller.use(10, f"{since}T00:00:00Z", "special")
        assert bills(seller, "special")[-1][2] == 30


class TestCycles:
    def test_another_plan_brings_its_own_cycle(self, seller: Shop) -> None:
        seller.account()
        old, new = offer(seller), offer(seller, 3, cycle=monthly(day="15", grace=5))
        seller.associate(old)
        migrate(seller, old, targetId=new).ok()
        assert timeline(seller) == [("2026-01-01", "2026-01-02", 1), ("2026-01-02", "9999-01-01", 1)]
        assert [one[:2] for one in bills(seller)][1:] == [("2026-01-02", "2026-01-15")]
        assert seller.invoices()[1]["invoiceDate"][:10] == "2026-01-20"

    def test_offsets_are_retained_when_asked_for(self, seller: Shop) -> None:
        seller.account()
        old, new = offer(seller), offer(seller, 3, cycle=monthly(day="15", grace=5))
        seller.associate(old)
        migrate(seller, old, targetId=new, retainStartOffsets=True).ok()
        assert [one[:2] for one in bills(seller)][1:] == [("2026-01-02", "2026-02-01")]
        assert seller.invoices()[1]["invoiceDate"][:10] == "2026-02-06"

    def test_offsets_of_another_interval_cannot_be_retained(self, seller: Shop) -> None:
        old, new = offer(seller), offer(seller, 3, cycle=monthly(interval="QUARTERLY", month="1"))
        message = migrate(seller, old, targetId=new, retainStartOffsets=True).refused(400)
        assert message == (
            "retainStartOffsets: the cycle of the source is MONTHLY, that of the target QUARTERLY: they must be equal"
        )

    def test_anniversaries_stay_in_another_version_of_the_plan(self, seller: Shop) -> None:
        # Associated on 31 December: cycles start on the last day of each month, also after a move on 31 January.
        seller.account()
        plan = offer(seller, cycle=anniversary())
        seller.associate(plan, since="2025-12-31")
        dearer(seller, plan)
        migrate(seller, plan, migrationMode="NEXT_CYCLE").ok()
        seller.api.advance("2026-03-01")
        assert [one[:2] for one in bills(seller)] == [
            ("2025-12-31", "2026-01-31"),
            ("2026-01-31", "2026-02-28"),
            ("2026-02-28", "2026-03-31"),
        ]


class TestAccounts:
    def test_each_is_moved_by_itself_and_one_that_cannot_be_holds_nobody_up(self, seller: Shop) -> None:
        values = [{"currency": currency, "slabRates": [{"order": 1, "rate": 2}]} for currency in ("USD", "EUR")]
        card = tiered(meter(seller), (0, 2)) | {"rateValues": values}
        old = seller.plan(currencies=("USD", "EUR"), usageRateCards=[card])
        new = offer(seller, 3)
        for account, currency in (("a", "USD"), ("b", "EUR"), ("c", "USD")):
            seller.account(account, currency)
            seller.associate(old, account)
        seller.account("d")
        seller.associate(new, "d")
        migrate(seller, old, targetId=new).ok()
        assert outcomes(seller) == {
            "a": ("COMPLETED", "MIGRATED"),
            "b": ("FAILED", "FAILED"),
            "c": ("COMPLETED", "MIGRATED"),
        }
        assert reason(seller, "b").endswith("is active in USD, the account is billed in EUR")
        assert timeline(seller, "b") == [("2026-01-01", "9999-01-01", 1)]
        assert job(seller)["status"] == "COMPLETED"

    def test_what_is_agreed_on_for_later_moves_from_its_start(self, seller: Shop) -> None:
        seller.account()
        plan = offer(seller)
        seller.associate(plan, until="2026-02-01")
        seller.associate(plan, since="2026-03-01", until="2026-06-01")
        dearer(seller, plan)
        migrate(seller, plan).ok()
        assert timeline(seller) == [
            ("2026-01-01", "2026-01-02", 1),
            ("2026-01-02", "2026-02-01", 2),
            ("2026-03-01", "2026-06-01", 2),
        ]

    def test_a_plan_that_ends_before_the_next_cycle_stays(self, seller: Shop) -> None:
        seller.account()
        plan = offer(seller)
        seller.associate(plan, until="2026-01-20")
        dearer(seller, plan)
        migrate(seller, plan, migrationMode="NEXT_CYCLE").ok()
        assert outcomes(seller) == {"acme": ("COMPLETED", "SKIPPED")}
        assert timeline(seller) == [("2026-01-01", "2026-01-20", 1)]

    def test_one_that_left_meanwhile_is_left_alone(self, seller: Shop) -> None:
        seller.account()
        plan, other = offer(seller), offer(seller, 5)
        seller.associate(plan)
        dearer(seller, plan)
        migrate(seller, plan, requireConfirmation=True).ok()
        seller.associate(other, since="2026-01-02")
        seller.api.advance("2026-01-02")
        seller.api.post(f"/jobs/{job(seller)['id']}/confirm").ok()
        assert outcomes(seller) == {"acme": ("COMPLETED", "SKIPPED")}

    def test_a_second_migration_finds_nobody(self, seller: Shop) -> None:
        seller.account()
        plan = offer(seller)
        seller.associate(plan)
        dearer(seller, plan)
        migrate(seller, plan).ok()
        seller.api.advance("2026-01-02")
        migrate(seller, plan).ok()
        assert (job(seller)["status"], job(seller)["totalJobEntries"]) == ("COMPLETED", 0)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"sourceId": "pp.x"}, "sourceId: price plan 'pp.x' not found"),
        ({"sourceVersion": 9}, "sourceVersion: price plan 'pp."),
        ({"sourceVersion": 3}, "sourceVersion: version 3 is a DRAFT: finalize it first"),
        ({"targetId": "pp.x"}, "targetId: price plan 'pp.x' not found"),
        ({"targetVersion": 3}, "targetVersion: version 3 is a DRAFT"),
        ({"targetVersion": 1}, "targetVersion: is the version that accounts would leave"),
        ({"targetId": None, "targetVersion": 2}, "targetVersion: says nothing without targetId"),
        ({"targetId": None, "retainStartOffsets": True}, "retainStartOffsets: says nothing without targetId"),
        ({"migrationMode": "LATER"}, "migrationMode: "),
        ({"migrationMode": None}, "required field 'migrationMode' is missing"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_path(still: Shop, change: Json, path: str) -> None:
    still.schema()
    still.meter()
    plan = offer(still)
    dearer(still, plan)
    still.api.patch(f"/v2/price_plans/{plan}", {"description": "Third"}).ok()
    assert path in migrate(still, plan, **change).refused(400)
    assert still.api.get("/jobs").ok()["data"] == []


def test_every_problem_is_told_at_once(still: Shop) -> None:
    message = migrate(still, "pp.x", targetId="pp.y", migrationMode="NONE").refused(400)
    for path in ("sourceId: ", "targetId: ", "migrationMode: "):
        assert path in message


def test_a_first_cycle_that_was_ordered_is_not_billed_again(seller: Shop) -> None:
    # The order bills February at 30; the version at 40 is there from March on.
    seller.account()
    base = seller.addon()
    plan = seller.plan(fixedFeeRateCards=[fee(base, 30, timing="IN_ADVANCE")])
    pay(seller, buy(seller, plan, type="ASSOCIATION", effectiveFrom="2026-02-01").ok()["invoiceId"])
    seller.api.advance("2026-01-02")
    dearer = {"pricePlanDetails": {"fixedFeeRateCards": [fee(base, 40, timing="IN_ADVANCE")]}}
    seller.api.patch(f"/price_plans/{plan}", dearer).ok()
    migrate(seller, plan).ok()
    assert outcomes(seller) == {"acme": ("COMPLETED", "MIGRATED")}
    assert timeline(seller) == [("2026-02-01", "2026-03-01", 1), ("2026-03-01", "9999-01-01", 2)]
    seller.api.advance("2026-03-01")
    assert [bill for bill in bills(seller) if bill[2]] == [
        ("2026-02-01", "2026-03-01", 30),
        ("2026-03-01", "2026-04-01", 40),
    ]
