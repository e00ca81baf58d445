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


class TestMetric:
    """ada from the 1st, bob from the 11th to the 20th at noon and again from the 25th; cid of `beta` from the 11th."""

    @pytest.fixture
    def names(self, shop: Shop, seats: str) -> Shop:
        shop.account("beta")
        shop.api.advance("2026-01-30T06:00:00Z")
        for name, day, action, account in (
            ("ada", "01", 1, "acme"),
            ("bob", "11", 1, "acme"),
            ("bob", "20", -1, "acme"),
            ("bob", "25", 1, "acme"),
            ("cid", "11", 1, "beta"),
        ):
            named(shop, seats, name, day, action, account)
        return shop

    def values(self, shop: Shop, *span: str, **more: object) -> list[int]:
        (series,) = shop.metric("NAMED_LICENSE_USAGE", *span, **more)
        return series["metricValues"]

    def test_each_day_has_the_names_of_that_day_and_the_future_none(self, names: Shop) -> None:
        by_day = self.values(names, "2025-12-31", "2026-02-02", "DAY")
        # New Year's Eve, the days up to the 10th, the 20th, the 24th, the 30th, which is now, and two to come.
        assert by_day == [0, *[1] * 10, *[3] * 10, *[2] * 4, *[3] * 6, 0, 0]

    def test_a_name_counts_once_in_a_longer_time(self, names: Shop) -> None:
        assert self.values(names, "2025-12-01", "2026-03-01") == [0, 3, 0]
        # The weeks from the 5th, 12th, 19th and 26th on; in that of the 19th bob goes and comes back.
        assert self.values(names, "2026-01-05", "2026-02-02", "WEEK") == [3, 3, 3, 3]

    def test_hours_show_when_a_name_goes(self, names: Shop) -> None:
        assert self.values(names, "2026-01-20", "2026-01-21", "HOUR") == [*[3] * 12, *[2] * 12]

    def test_by_whose_and_which_they_are(self, names: Shop, seats: str) -> None:
        other = names.addon("Other", "NAMED_LICENSE")
        named(names, other, "ada", "02")
        for field, expected in (
            ("ACCOUNT_ID", {"acme": [3], "beta": [1]}),
            ("CUSTOMER_ID", {"acme": [3], "beta": [1]}),
            ("BILLABLE_ID", {seats: [3], other: [1]}),
            ("USAGE_METER_ID", {seats: [3], other: [1]}),
        ):
            found = names.metric("NAMED_LICENSE_USAGE", "2026-01-01", "2026-02-01", groupBy=field)
            assert {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in found} == expected, field
        filters = [{"fieldName": "BILLABLE_ID", "fieldValues": [other]}]
        assert self.values(names, "2026-01-01", "2026-02-01", filters=filters) == [1]
        filters = [{"fieldName": "CUSTOMER_ID", "fieldValues": ["beta"]}]
        assert self.values(names, "2026-01-01", "2026-02-01", filters=filters) == [1]

    def test_days_are_those_of_the_zone(self, server: Inside) -> None:
        """In Los Angeles, eight hours behind, ada comes at 20:00 on the 9th and goes at midnight before the 11th."""
        shop = Shop(server.new_organisation(timezone="America/Los_Angeles"))
        shop.account()
        seats = shop.addon("Named seats", "NAMED_LICENSE")
        shop.api.advance("2026-01-30")
        for action, at in ((1, "2026-01-10T04:00:00Z"), (-1, "2026-01-11T08:00:00Z")):
            event = {
                "schemaName": "togai-named-license",
                "id": at,
                "timestamp": at,
                "accountId": "acme",
                "attributes": [{"name": "action", "value": str(action)}],
                "dimensions": {"license_id": seats, "name": "ada"},
            }
            shop.api.post("/ingest", {"event": event}).ok()
        asked = {"id": "q", "name": "NAMED_LICENSE_USAGE", "aggregationPeriod": "DAY"}
        body = {"startTime": "2026-01-08T08:00:00Z", "endTime": "2026-01-13T08:00:00Z", "metricQueries": [asked]}
        (found,) = shop.api.post("/metrics", body).ok()["results"]
        assert found["data"][0]["metricValues"] == [0, 1, 1, 0, 0]

    @pytest.mark.usefixtures("names")
    def test_another_organisation_has_none(self, server: Inside) -> None:
        assert self.values(Shop(server.new_organisation()), "2026-01-01", "2026-02-01") == [0]
