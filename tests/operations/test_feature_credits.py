"""Feature credits as callers read and change them, and what accounts are entitled to (domain.md 6.3, 6.4)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.credits.feature_credit import CreditSource
from tests.operations.granting import NAME, Granting

if TYPE_CHECKING:
    from tests.operations.shop import Shop
    from tests.servers import Answer, Inside

OVER = "sch.1#2026-01-01$OVERAGE"


@pytest.fixture
def calls(standing: Inside, still: Shop) -> Granting:
    """Calls use a feature; 100 are granted for January."""
    made = Granting.begin(standing, still)
    made.grant(100)
    return made


def patch(calls: Granting, name: str = NAME, **changes: Any) -> Answer:  # noqa: ANN401 - JSON
    return calls.shop.api.patch(calls.entry_path(name), changes)


class TestBalance:
    def test_adds_up_what_is_active_and_valid_now(self, calls: Granting) -> None:
        calls.grant(50, "purchase.1#1$PURCHASE", source=CreditSource.ENTITLEMENT, until="2027-01-01")
        calls.grant(30, "next", since="2026-02-01", until="2026-03-01")
        calls.grant(20, OVER, source=CreditSource.OVERAGE)
        calls.grant(7, "void")
        calls.shop.api.post(f"{calls.entry_path('void')}/void").ok()
        calls.ask("e-1", 160).ok()  # 100 of the plan, 50 bought, 10 beyond
        assert calls.balance() == {
            "accountId": "acme",
            "featureId": calls.feature,
            "granted": 150,
            "balance": 0,
            "overageLimit": 20,
            "usedOverage": 10,
        }

    def test_overage_without_a_limit_has_none(self, calls: Granting) -> None:
        calls.grant(None, OVER, source=CreditSource.OVERAGE)
        calls.ask("e-1", "100.25").ok()
        assert calls.balance() == {
            "accountId": "acme",
            "featureId": calls.feature,
            "granted": 100,
            "balance": 0,
            "usedOverage": Decimal("0.25"),
        }

    def test_nothing_granted_is_zero(self, calls: Granting) -> None:
        calls.shop.account("zenith")
        assert calls.balance("zenith") == {
            "accountId": "zenith",
            "featureId": calls.feature,
            "granted": 0,
            "balance": 0,
            "overageLimit": 0,
            "usedOverage": 0,
        }

    @pytest.mark.parametrize("path", ["", "/entries"])
    def test_an_unknown_account_or_feature_is_not_found(self, calls: Granting, path: str) -> None:
        calls.shop.api.get(f"/accounts/nobody/features/{calls.feature}{path}").refused(404)
        calls.shop.api.get(f"/accounts/acme/features/feature.nothing{path}").refused(404)


class TestEntries:
    def test_an_entry_tells_what_became_of_it(self, calls: Granting) -> None:
        calls.ask("e-1", "20.5").ok()
        assert calls.entries() == [
            {
                "id": "sch.1#2026-01-01$PRICE_PLAN",
                "source": "PRICE_PLAN",
                "status": "ACTIVE",
                "effectiveFrom": "2026-01-01T00:00:00Z",
                "effectiveUntil": "2026-02-01T00:00:00Z",
                "granted": 100,
                "balance": Decimal("79.5"),
                "used": Decimal("20.5"),
            }
        ]

    def test_pages_hold_fifty_the_latest_to_begin_first(self, calls: Granting) -> None:
        for number in range(60):
            calls.grant(1, f"old-{number:02d}", since="2025-12-01", until="2026-01-15")
        path = f"/accounts/acme/features/{calls.feature}/entries"
        pages = calls.shop.api.pages(path, pageSize=1000)
        assert [len(page) for page in pages] == [50, 11]
        assert [one["id"] for one in pages[0]][:3] == [NAME, "old-00", "old-01"]
        assert len(calls.shop.api.get(path, pageSize=2).ok()["data"]) == 2

    def test_time_makes_an_entry_expired(self, server: Inside, shop: Shop) -> None:
        calls = Granting.begin(server, shop)
        calls.grant(10)
        shop.api.advance("2026-02-01")
        (entry,) = calls.entries()
        assert (entry["status"], entry["balance"]) == ("EXPIRED", 10)
        assert calls.balance()["granted"] == 0
        assert "is EXPIRED: only an ACTIVE one can be changed" in patch(calls, granted=20).refused()
        shop.api.post(f"{calls.entry_path()}/void").refused()
        calls.ask("e-1", at="2026-02-01T00:00:00Z").refused(403)

    def test_a_late_event_of_its_time_still_uses_an_expired_entry_and_redo_finds_it(
        self, server: Inside, shop: Shop
    ) -> None:
        calls = Granting.begin(server, shop)
        calls.grant(10)
        shop.api.advance("2026-02-01")
        calls.ask("e-1", 10, at="2026-01-31T00:00:00Z").ok()
        calls.correct("REDO", "e-1")
        assert calls.used() == {NAME: 10}
        calls.correct("UNDO", "e-1")
        assert calls.used() == {NAME: 0}
        calls.ask("e-2", 1, at="2026-02-01T00:00:00Z").refused(403)


class TestChanging:
    """100 granted and 80 used, as in the official example: 120 leaves 40, 70 would leave -10 (domain.md 6.3)."""

    @pytest.fixture
    def used(self, calls: Granting) -> Granting:
        calls.ask("e-1", 80).ok()
        assert calls.left() == {NAME: 20}
        return calls

    @pytest.mark.parametrize("name", ["granted", "grantedUnits"])
    def test_more_granted_is_more_left(self, used: Granting, name: str) -> None:
        changed = patch(used, **{name: 120}).ok()
        assert (changed["granted"], changed["balance"], changed["used"]) == (120, 40, 80)
        assert used.entries() == [changed]
        used.ask("e-2", 41).refused(403)
        used.ask("e-3", 40).ok()

    def test_less_than_was_used_is_refused(self, used: Granting) -> None:
        message = patch(used, granted=70).refused()
        assert message == "granted: is 70, but 80 are used: the balance would be -10"
        assert used.left() == {NAME: 20}

    def test_just_what_was_used_leaves_nothing(self, used: Granting) -> None:
        assert patch(used, granted=80).ok()["balance"] == 0

    @pytest.mark.parametrize("granted", ["-1", "0.0000000000001", "100000000000000000000000000"])
    def test_what_cannot_be_kept_is_refused(self, used: Granting, granted: str) -> None:
        assert patch(used, granted=Decimal(granted)).refused().startswith("granted: is ")

    def test_another_end_decides_which_events_may_use_it(self, used: Granting) -> None:
        assert patch(used, effectiveUntil="2026-03-01T00:00:00Z").ok()["effectiveUntil"] == "2026-03-01T00:00:00Z"
        used.ask("e-2", at="2026-02-28T00:00:00Z").ok()
        patch(used, effectiveUntil="2026-02-01T12:30:00Z").ok()
        used.ask("e-3", at="2026-02-28T00:00:00Z").refused(403)

    def test_an_end_that_has_passed_is_refused_with_everything_else(self, used: Granting) -> None:
        message = patch(used, effectiveUntil="2026-01-01T00:00:00Z", granted=1, grantedUnits=2).refused()
        for part in ("effectiveUntil: is ", "grantedUnits: granted was sent too", "granted: is 1, but 80 are used"):
            assert part in message

    def test_an_end_before_its_start_is_refused(self, used: Granting) -> None:
        used.grant(5, "next", since="2026-02-01", until="2026-03-01")
        assert "after 2026-02-01" in patch(used, "next", effectiveUntil="2026-01-20T00:00:00Z").refused()

    def test_unlimited_overage_may_get_a_limit(self, used: Granting) -> None:
        used.grant(None, OVER, source=CreditSource.OVERAGE)
        used.ask("e-2", 25).ok()
        assert patch(used, OVER, granted=4).refused().endswith("but 5 are used: the balance would be -1")
        assert patch(used, OVER, granted=6).ok()["balance"] == 1
        used.ask("e-3", 2).refused(403)

    def test_nothing_changes_nothing(self, used: Granting) -> None:
        assert patch(used).ok() == used.entries()[0]

    def test_an_entry_that_is_not_there_is_not_found(self, used: Granting) -> None:
        assert "feature credit entry" in patch(used, "nothing", granted=1).refused(404)
        used.shop.account("zenith")
        used.shop.api.patch(used.entry_path(account="zenith"), {"granted": 1}).refused(404)


class TestVoid:
    def test_nothing_is_left_and_what_was_used_stays(self, calls: Granting) -> None:
        calls.ask("e-1", 30).ok()
        assert calls.shop.api.post(f"{calls.entry_path()}/void").ok() == {"success": True}
        (entry,) = calls.entries()
        assert (entry["status"], entry["granted"], entry["balance"], entry["used"]) == ("VOIDED", 100, 0, 30)
        assert calls.balance()["balance"] == 0
        calls.ask("e-2").refused(403)

    def test_a_void_entry_stays_as_it_is(self, calls: Granting) -> None:
        calls.shop.api.post(f"{calls.entry_path()}/void").ok()
        assert "is VOIDED" in calls.shop.api.post(f"{calls.entry_path()}/void").refused()
        patch(calls, granted=5).refused()


class TestEntitlementValues:
    def values(self, calls: Granting, feature: str = "", account: str = "acme") -> dict[str, str]:
        path = f"/accounts/{account}/entitlements" + (f"/{feature}" if feature else "")
        return {one["featureId"]: one["value"] for one in calls.shop.api.get(path).ok()["data"]}

    def compare(self, calls: Granting, value: str, feature: str) -> bool:
        answer = calls.shop.api.post(f"/accounts/acme/entitlements/{feature}", {"value": value})
        success: bool = answer.ok()["success"]
        return success

    def test_a_counted_feature_is_its_balance_any_other_is_true(self, calls: Granting) -> None:
        support = calls.shop.api.post("/features", {"name": "Support"}).ok()["id"]
        calls.grant(1, "support", feature=support)
        calls.ask("e-1", "20.50").ok()
        assert self.values(calls) == {calls.feature: "79.5", support: "true"}
        assert self.values(calls, support) == {support: "true"}
        assert self.compare(calls, "79.5", calls.feature)
        assert not self.compare(calls, "80", calls.feature)

    def test_what_was_not_granted_is_not_listed_and_compares_as_false(self, calls: Granting) -> None:
        other = calls.shop.api.post("/features", {"name": "Other"}).ok()["id"]
        calls.shop.account("zenith")
        assert self.values(calls, other) == {}
        assert self.values(calls, account="zenith") == {}
        assert not self.compare(calls, "true", other)

    def test_a_setting_gives_values_the_nearest_to_the_account_first(self, calls: Granting) -> None:
        calls.shop.account("zenith")
        calls.shop.setting("entitlement", f'{{"{calls.feature}": "gold"}}', kind="JSON")
        values = f'{{"{calls.feature}": "custom", "feature.unknown": "x"}}'
        calls.shop.setting("entitlement", values, "ACCOUNT", "acme", kind="JSON")
        assert self.values(calls) == {calls.feature: "custom"}
        assert self.values(calls, account="zenith") == {calls.feature: "gold"}
        assert self.compare(calls, "custom", calls.feature)

    def test_values_that_are_no_texts_are_written_as_json(self, calls: Granting) -> None:
        calls.shop.setting("entitlement", f'{{"{calls.feature}": 2.50}}', "ACCOUNT", "acme", kind="JSON")
        assert self.values(calls) == {calls.feature: "2.50"}

    @pytest.mark.parametrize(("value", "kind"), [("5", "NUMERIC"), ('["x"]', "JSON")])
    def test_a_setting_that_is_no_map_says_nothing(self, calls: Granting, value: str, kind: str) -> None:
        calls.shop.setting("entitlement", value, "ACCOUNT", "acme", kind=kind)
        assert self.values(calls) == {calls.feature: "100"}

    def test_unknown_ones_are_not_found(self, calls: Granting) -> None:
        calls.shop.api.get("/accounts/nobody/entitlements").refused(404)
        calls.shop.api.get("/accounts/acme/entitlements/feature.nothing").refused(404)
        calls.shop.api.post("/accounts/acme/entitlements/feature.nothing", {"value": "x"}).refused(404)
        calls.shop.api.post(f"/accounts/acme/entitlements/{calls.feature}", {}).refused(400)
