"""Metering the past anew: a preview by hand first, then the same in fact; what is frozen stays (ADR 0018).

Bytes are sold at 0.10 for each, and should have been sold at 0.10 for each thousand.
"""

from __future__ import annotations

import threading
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, event, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.servers import Answer

BYTES = '{"var":"attributes.bytes"}'
THOUSANDS = '{"/":[{"var":"attributes.bytes"},1000]}'
SHARE = '{"/":[100,{"var":"attributes.bytes"}]}'
"""Fails for an event of 0 bytes."""

YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


@pytest.fixture
def seller(shop: Shop) -> Shop:
    """Two accounts on one plan since New Year."""
    return selling(shop)


def selling(
    shop: Shop, kind: str = "SUM", computation: str = BYTES, accounts: Sequence[str] = ("acme", "zenith")
) -> Shop:
    """Accounts on one plan since New Year, whose bytes are metered by an aggregation."""
    shop.schema("traffic", ("bytes",))
    meter = shop.meter("Bytes", computation, "traffic", aggregation=kind)
    plan = shop.plan(usageRateCards=[tiered(meter, (0, "0.1"))])
    for name in accounts:
        shop.account(name)
        shop.associate(plan, name)
    return shop


def send(shop: Shop, name: str, amount: int, at: str, account: str = "acme") -> None:
    body = event(name, account, at=at, schemaName="traffic")
    shop.api.post("/ingest", {"event": body | {"attributes": [{"name": "bytes", "value": str(amount)}]}}).ok()


def meter_id(shop: Shop, name: str = "Bytes") -> str:
    return next(one["id"] for one in shop.api.get("/v1/usage-meters").ok()["data"] if one["name"] == name)


def redefine(shop: Shop, computation: str, name: str = "Bytes", matcher: str | None = None) -> str:
    meter = meter_id(shop, name)
    rule = {"computation": computation, "order": 1} | ({} if matcher is None else {"matcher": matcher})
    shop.api.post(f"/v1/usage-meters/{meter}/deactivate").ok()
    shop.api.patch(f"/v1/usage-meters/{meter}", {"computations": [rule]}).ok()
    shop.api.post(f"/v1/usage-meters/{meter}/activate").ok()
    return meter


def start(shop: Shop, meter: str, **body: object) -> Answer:
    return shop.api.post(f"/v1/usage-meters/{meter}/remeterings", YEAR | body)


def begun(shop: Shop, meter: str, **body: object) -> str:
    answer = start(shop, meter, **body)
    assert answer.status == 202, answer.content
    return answer.ok()["jobId"]


def told(shop: Shop, job: str) -> Any:  # noqa: ANN401 - JSON
    return shop.api.get(f"/v1/remeterings/{job}").ok()


def accounts(shop: Shop, job: str) -> dict[str, tuple[Decimal, ...]]:
    """Units before, after, their difference; events changed and closed; amounts of drafts before and after."""
    return {
        one["accountId"]: (
            one["unitsBefore"],
            one["unitsAfter"],
            one["difference"],
            one["changedEvents"],
            one["closedEvents"],
            *((invoice["amountBefore"], invoice["amountAfter"]) for invoice in one["invoices"]),
        )
        for one in told(shop, job)["accounts"]
    }


def confirm(shop: Shop, job: str) -> None:
    shop.api.post(f"/v1/jobs/{job}/confirm").ok()


def status_of(shop: Shop, job: str) -> str:
    return shop.api.get(f"/v1/jobs/{job}").ok()["status"]


def bills(shop: Shop, account: str) -> list[Decimal]:
    return [Decimal(one["totalAmount"]) for one in shop.invoices(account)]


def usage(shop: Shop, account: str, meter: str) -> Decimal:
    answer = shop.api.get(f"/v1/accounts/{account}/usage", startDate="2026-01-01", endDate="2027-01-01").ok()
    return next((Decimal(one["units"]) for one in answer["usageMeters"] if one["usageMeterId"] == meter), Decimal())


def trace(shop: Shop, name: str) -> tuple[str, list[tuple[str, int, Any]]]:
    """The status of an event, and each meter with its version and units."""
    (one,) = shop.api.get(f"/events/{name}").ok()["events"]
    found = [
        (meter["name"], meter["version"], meter.get("units"))
        for meter in one["eventPipelineInfo"].get("usageMeters", [])
    ]
    return one["ingestionStatus"]["status"].removeprefix("INGESTION_"), found


@pytest.fixture
def february(seller: Shop) -> Shop:
    """Acme used 10,000 bytes in January, which is frozen, and 25,000 in February; zenith 4,000 and 500 in February."""
    send(seller, "a-jan", 10_000, "2026-01-10T12:00:00Z")
    seller.api.advance("2026-02-03")
    send(seller, "a-feb-1", 20_000, "2026-02-01T08:00:00Z")
    send(seller, "a-feb-2", 5_000, "2026-02-02T08:00:00Z")
    send(seller, "z-feb-1", 4_000, "2026-02-01T08:00:00Z", "zenith")
    send(seller, "z-feb-2", 500, "2026-02-02T08:00:00Z", "zenith")
    assert bills(seller, "acme") == [1000, 2500]  # 10,000 x 0.10; 25,000 x 0.10
    assert bills(seller, "zenith") == [0, 450]  # 4,500 x 0.10
    return seller


class TestTheWorkedExample:
    def test_the_preview_tells_what_would_change_and_changes_nothing(self, february: Shop) -> None:
        meter = redefine(february, THOUSANDS)
        job = begun(february, meter)
        assert accounts(february, job) == {
            # 10,000 of January stay; 25,000 become 25. 25 x 0.10 = 2.50.
            "acme": (35_000, 10_025, -24_975, 2, 1, (2500, Decimal("2.5"))),
            # 4,500 become 4.5. 4.5 x 0.10 = 0.45.
            "zenith": (4_500, Decimal("4.5"), Decimal("-4495.5"), 2, 0, (450, Decimal("0.45"))),
        }
        view = told(february, job)
        assert view["status"] == "WAITING_FOR_CONFIRMATION"
        assert view["preview"] == {
            "changedEvents": 4,
            "nowCounted": 0,
            "noLongerCounted": 0,
            "closedEvents": 1,
            "difference": Decimal("-29470.5"),
            "firstNowCounted": [],
            "firstNoLongerCounted": [],
        }
        assert view["result"] is None
        assert bills(february, "acme") == [1000, 2500]

    def test_the_confirmation_does_just_that(self, february: Shop) -> None:
        meter = redefine(february, THOUSANDS)
        frozen = february.invoice(0)
        job = begun(february, meter)
        confirm(february, job)
        view = told(february, job)
        assert view["status"] == "COMPLETED"
        assert view["result"] == {
            name: view["preview"][name]
            for name in ("changedEvents", "nowCounted", "noLongerCounted", "closedEvents", "difference")
        }
        assert bills(february, "acme") == [1000, Decimal("2.5")]
        assert bills(february, "zenith") == [0, Decimal("0.45")]
        assert february.invoice(0) == frozen
        assert (usage(february, "acme", meter), usage(february, "zenith", meter)) == (10_025, Decimal("4.5"))
        assert trace(february, "a-feb-1") == ("COMPLETED_EVENT_METERED", [("Bytes", 2, 20)])
        assert trace(february, "a-jan") == ("COMPLETED_EVENT_METERED", [("Bytes", 1, 10_000)])

    def test_the_bill_that_is_frozen_then_is_the_bill_that_was_previewed(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        confirm(february, job)
        february.api.advance("2026-03-03")
        assert bills(february, "acme")[1] == Decimal("2.5")
        explained = february.api.get(
            f"/v1/invoices/{february.invoices()[1]['id']}/lines/{meter_id(february)}/explanation"
        ).ok()
        assert [one["units"] for one in explained["events"]["first"]] == [20, 5]

    def test_one_account_alone(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS), accountIds=["zenith"])
        confirm(february, job)
        assert (bills(february, "acme"), bills(february, "zenith")) == ([1000, 2500], [0, Decimal("0.45")])

    def test_a_part_of_the_time_alone(self, february: Shop) -> None:
        meter = redefine(february, THOUSANDS)
        job = begun(february, meter, **{"from": "2026-02-02T00:00:00Z"})
        confirm(february, job)
        assert bills(february, "acme") == [1000, Decimal("2000.5")]  # 20,000 x 0.10 + 5 x 0.10

    def test_a_second_time_changes_nothing(self, february: Shop) -> None:
        meter = redefine(february, THOUSANDS)
        confirm(february, begun(february, meter))
        again = begun(february, meter)
        assert told(february, again)["preview"]["changedEvents"] == 0
        confirm(february, again)
        assert bills(february, "acme") == [1000, Decimal("2.5")]

    def test_there_and_back_is_what_it_was(self, february: Shop) -> None:
        for computation in (THOUSANDS, BYTES):
            confirm(february, begun(february, redefine(february, computation)))
        assert bills(february, "acme") == [1000, 2500]
        assert trace(february, "a-feb-1") == ("COMPLETED_EVENT_METERED", [("Bytes", 3, 20_000)])

    def test_what_is_rejected_changes_nothing(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        february.api.post(f"/v1/jobs/{job}/reject").ok()
        assert (status_of(february, job), bills(february, "acme")) == ("CANCELLED", [1000, 2500])


class TestUnitsThatDoNotAddUp:
    """Of acme's traffic the greatest of each month is sold at 0.10 for a byte, or for a thousand; or another figure."""

    @staticmethod
    def sold(shop: Shop, kind: str, computation: str = BYTES) -> str:
        """An account whose traffic is metered so; the meter's id. It sends 8,000, 2,000 and 5,000 bytes in January."""
        meter = meter_id(selling(shop, kind, computation, ["acme"]))
        for day, amount in ((5, 2_000), (4, 8_000), (6, 5_000)):
            send(shop, f"a-{day}", amount, f"2026-01-{day:02}T12:00:00Z")
        return meter

    @pytest.mark.parametrize(
        ("kind", "before", "after"),
        [
            ("MAX", 8_000, 8),
            ("MIN", 2_000, 2),
            ("AVERAGE", 5_000, 5),  # 15,000 / 3
            ("DISTINCT_COUNT", 3, 3),
            ("LATEST", 5_000, 5),
        ],
    )
    def test_the_preview_tells_each_accounts_figure_and_the_confirmation_makes_it_so(
        self, shop: Shop, kind: str, before: int, after: int
    ) -> None:
        meter = self.sold(shop, kind)
        redefine(shop, THOUSANDS)
        job = begun(shop, meter)
        amounts = (Decimal(before) / 10, Decimal(after) / 10)
        assert accounts(shop, job) == {"acme": (before, after, after - before, 3, 0, amounts)}
        assert told(shop, job)["preview"]["difference"] is None
        assert (usage(shop, "acme", meter), bills(shop, "acme")) == (before, [amounts[0]])
        confirm(shop, job)
        assert (usage(shop, "acme", meter), bills(shop, "acme")) == (after, [amounts[1]])
        result = told(shop, job)["result"]
        assert (result["changedEvents"], result["difference"]) == (3, None)

    @pytest.mark.parametrize(
        ("kind", "before", "after"),
        [
            # The event of 8,000 makes no units any more; 2,000 and 5,000 are left.
            ("MAX", 8_000, 5_000),
            ("MIN", 2_000, 2_000),
            ("AVERAGE", 5_000, 3_500),
            ("DISTINCT_COUNT", 3, 2),
            ("LATEST", 5_000, 5_000),
        ],
    )
    def test_an_event_that_makes_no_units_any_more_is_not_in_the_figure(
        self, shop: Shop, kind: str, before: int, after: int
    ) -> None:
        meter = self.sold(shop, kind)
        redefine(shop, BYTES, matcher='{"<":[{"var":"attributes.bytes"},6000]}')
        job = begun(shop, meter)
        (figures,) = accounts(shop, job).values()
        assert figures[:4] == (before, after, after - before, 1)
        confirm(shop, job)
        assert usage(shop, "acme", meter) == after

    def test_events_that_come_to_count_are_in_the_figure_also_as_nothing(self, shop: Shop) -> None:
        meter = self.sold(shop, "MIN", SHARE)
        send(shop, "a-0", 0, "2026-01-07T12:00:00Z")
        # 100 / 8,000 = 0.0125, to four digits behind the point
        assert (usage(shop, "acme", meter), trace(shop, "a-0")[0]) == (Decimal("0.0125"), "FAILED_UNITS_INVALID")
        redefine(shop, BYTES)
        job = begun(shop, meter)
        (figures,) = accounts(shop, job).values()
        assert figures == (Decimal("0.0125"), 0, Decimal("-0.0125"), 4, 0, (0, 0))  # 0.0125 x 0.1 rounds to 0
        confirm(shop, job)
        assert usage(shop, "acme", meter) == 0

    def test_what_lies_outside_the_span_counts_as_it_stands(self, shop: Shop) -> None:
        meter = self.sold(shop, "AVERAGE")
        redefine(shop, THOUSANDS)
        job = begun(shop, meter, **{"from": "2026-01-05T00:00:00Z"})
        # In the span 2,000 and 5,000 become 2 and 5; in the cycle 8,000 stays: 15,000 / 3, and 8,007 / 3 = 2,669.
        assert accounts(shop, job) == {
            "acme": (3_500, Decimal("3.5"), Decimal("-3496.5"), 2, 0, (500, Decimal("266.9")))
        }
        confirm(shop, job)
        assert bills(shop, "acme") == [Decimal("266.9")]

    def test_another_meter_loses_an_event_that_counts_for_none_any_more(self, shop: Shop) -> None:
        greatest = self.sold(shop, "MAX")
        summed = shop.meter("Summed", BYTES, "traffic")
        send(shop, "a-7", 9_000, "2026-01-07T12:00:00Z")
        assert bills(shop, "acme") == [900]
        failing = f'{{"/":[1,{{"-":[{BYTES},9000]}}]}}'
        redefine(shop, failing, "Summed")
        job = begun(shop, summed)
        preview = told(shop, job)
        assert (preview["preview"]["noLongerCounted"], preview["accounts"][0]["invoices"][0]["amountAfter"]) == (1, 800)
        confirm(shop, job)
        assert (usage(shop, "acme", greatest), bills(shop, "acme")) == (8_000, [800])


class TestEventsThatFail:
    def test_what_failed_and_counts_now_is_named_and_counts(self, seller: Shop) -> None:
        redefine(seller, SHARE)
        send(seller, "e-0", 0, "2026-01-10T12:00:00Z")
        send(seller, "e-50", 50, "2026-01-10T12:00:00Z")
        assert trace(seller, "e-0")[0] == "FAILED_UNITS_INVALID"
        job = begun(seller, redefine(seller, BYTES))
        preview = told(seller, job)["preview"]
        assert (preview["nowCounted"], preview["noLongerCounted"], preview["changedEvents"]) == (1, 0, 2)
        (named,) = preview["firstNowCounted"]
        assert (named["eventId"], named["accountId"]) == ("e-0", "acme")
        assert named["reason"].startswith("it failed before: usage meter Bytes: ")
        assert accounts(seller, job) == {"acme": (2, 50, 48, 2, 0, (Decimal("0.2"), 5))}  # 100 / 50; 0 + 50
        confirm(seller, job)
        assert (trace(seller, "e-0"), usage(seller, "acme", meter_id(seller))) == (
            ("COMPLETED_EVENT_METERED", [("Bytes", 3, 0)]),
            50,
        )
        send(seller, "e-0", 7, "2026-01-10T12:00:00Z")
        assert usage(seller, "acme", meter_id(seller)) == 50, "its id is taken"

    def test_what_counted_and_fails_now_is_named_and_counts_for_no_meter(self, seller: Shop) -> None:
        other = seller.meter("Events", "1", "traffic")
        send(seller, "e-0", 0, "2026-01-10T12:00:00Z")
        send(seller, "e-50", 50, "2026-01-10T12:00:00Z")
        job = begun(seller, redefine(seller, SHARE))
        preview = told(seller, job)["preview"]
        assert (preview["nowCounted"], preview["noLongerCounted"]) == (0, 1)
        (named,) = preview["firstNoLongerCounted"]
        assert named["eventId"] == "e-0"
        assert named["reason"].startswith("it fails now: usage meter Bytes: ")
        confirm(seller, job)
        assert trace(seller, "e-0") == ("FAILED_UNITS_INVALID", [])
        assert usage(seller, "acme", meter_id(seller)) == 2  # 100 / 50
        assert usage(seller, "acme", other) == 1

    def test_only_the_first_are_named_and_all_are_counted(self, seller: Shop) -> None:
        for number in range(25):
            send(seller, f"e-{number}", 0, "2026-01-10T12:00:00Z")
        preview = told(seller, begun(seller, redefine(seller, SHARE)))["preview"]
        assert (preview["noLongerCounted"], len(preview["firstNoLongerCounted"])) == (25, 20)


class TestWhatHappensMeanwhile:
    def test_a_meter_that_is_made_later_meters_what_came_before_it(self, seller: Shop) -> None:
        send(seller, "e-1", 40, "2026-01-10T12:00:00Z")
        late = seller.meter("Twice", '{"*":[2,{"var":"attributes.bytes"}]}', "traffic")
        confirm(seller, begun(seller, late))
        assert (usage(seller, "acme", late), usage(seller, "acme", meter_id(seller))) == (80, 40)

    def test_a_meter_that_says_no_now_leaves_no_units(self, seller: Shop) -> None:
        send(seller, "e-1", 40, "2026-01-10T12:00:00Z")
        send(seller, "e-2", 4, "2026-01-10T12:00:00Z")
        meter = redefine(seller, BYTES, matcher='{">":[{"var":"attributes.bytes"},10]}')
        confirm(seller, begun(seller, meter))
        assert usage(seller, "acme", meter) == 40
        assert trace(seller, "e-2") == ("COMPLETED_EVENT_NOT_METERED", [("Bytes", 2, None)])

    def test_an_event_that_is_taken_back_before_the_confirmation_stays_so(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        february.api.post("/events/correction?action=UNDO&account_id=acme&event_id=a-feb-1").ok()
        confirm(february, job)
        assert bills(february, "acme") == [1000, Decimal("0.5")]  # 5,000 became 5
        assert told(february, job)["result"]["changedEvents"] == 3

    def test_an_event_that_was_metered_anew_is_taken_back_as_it_stands(self, february: Shop) -> None:
        confirm(february, begun(february, redefine(february, THOUSANDS)))
        february.api.post("/events/correction?action=UNDO&account_id=acme&event_id=a-feb-1").ok()
        assert bills(february, "acme") == [1000, Decimal("0.5")]
        assert trace(february, "a-feb-1") == ("REVERTED", [])

    def test_a_cycle_that_closes_before_the_confirmation_stays_as_it_is(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        february.api.advance("2026-03-03")
        confirm(february, job)
        result = told(february, job)["result"]
        assert (result["changedEvents"], result["closedEvents"], result["difference"]) == (0, 5, 0)
        assert bills(february, "acme")[:2] == [1000, 2500]

    def test_a_meter_that_changes_before_the_confirmation_lets_the_job_fail(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        redefine(february, BYTES)
        confirm(february, job)
        failed = february.api.get(f"/v1/jobs/{job}").ok()
        assert failed["status"] == "FAILED"
        assert "is not active in the version that was to meter anew" in failed["metadata"]["reason"]
        assert bills(february, "acme") == [1000, 2500]

    def test_events_that_come_after_the_start_are_metered_once(self, february: Shop) -> None:
        job = begun(february, redefine(february, THOUSANDS))
        send(february, "a-new", 3_000, "2026-02-02T09:00:00Z")
        confirm(february, job)
        assert bills(february, "acme") == [1000, Decimal("2.8")]  # 28 x 0.10


class TestRefusals:
    def test_only_an_active_meter_meters_anew(self, seller: Shop) -> None:
        meter = meter_id(seller)
        seller.api.post(f"/usage_meters/{meter}/deactivate").ok()
        assert "is INACTIVE: activate it first" in start(seller, meter).refused(400)

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"to": "2026-01-01T00:00:00Z"}, "to: 2026-01-01T00:00:00+00:00 must lie after from"),
            ({"accountIds": ["acme", "nobody"]}, "accountIds[1]: account 'nobody' not found"),
            ({"accountIds": []}, "accountIds"),
        ],
    )
    def test_what_does_not_fit_is_named(self, seller: Shop, body: dict[str, object], message: str) -> None:
        assert message in start(seller, meter_id(seller), **body).refused(400)

    def test_a_job_of_another_type_is_no_remetering(self, seller: Shop) -> None:
        job = seller.api.post("/events/correction?action=UNDO&account_id=acme&async=true").ok()["jobId"]
        assert seller.api.get(f"/v1/remeterings/{job}").refused(404) == f"remetering {job!r} not found"

    def test_no_events_are_no_error(self, seller: Shop) -> None:
        job = begun(seller, meter_id(seller))
        assert (accounts(seller, job), status_of(seller, job)) == ({}, "WAITING_FOR_CONFIRMATION")
        confirm(seller, job)
        assert status_of(seller, job) == "COMPLETED"


def test_events_that_come_in_all_the_while_are_metered_once_each(tmp_path: Path) -> None:
    """In real time, with three clients that send: whatever each event was judged by, all come to the new units."""
    with inside(tmp_path / "data", now=None) as server:
        shop = Shop(server.api())
        shop.account("acme")
        shop.schema("traffic", ("bytes",))
        shop.meter("Bytes", BYTES, "traffic")
        stop = threading.Event()
        sent = [0, 0, 0]

        def go_on(client: int) -> None:
            while not stop.is_set() or not sent[client]:
                name = f"{client}-{sent[client]}"
                send(shop, name, 1000, "2026-01-10T12:00:00Z")
                sent[client] += 1

        threads = [threading.Thread(target=go_on, args=(client,)) for client in range(3)]
        for thread in threads:
            thread.start()
        try:
            meter = redefine(shop, THOUSANDS)
            settled(shop, begun(shop, meter), "WAITING_FOR_CONFIRMATION")
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
        for _ in range(2):
            job = begun(shop, meter)
            settled(shop, job, "WAITING_FOR_CONFIRMATION")
            confirm(shop, job)
            settled(shop, job, "COMPLETED")
            assert usage(shop, "acme", meter) == sum(sent)


def settled(shop: Shop, job: str, status: str) -> None:
    """Wait until a job stands so."""
    patience = time.monotonic() + 60
    while status_of(shop, job) != status:
        assert time.monotonic() < patience, shop.api.get(f"/v1/jobs/{job}").ok()
        time.sleep(0.05)
