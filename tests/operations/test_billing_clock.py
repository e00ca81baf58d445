"""Bill runs over the API: what goes wrong stays with those it concerns, and is done as soon as it can be."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tallystick.operations import bill_runs
from tallystick.workers import billing_clock
from tests.operations.shop import Shop
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from tallystick.invoicing.record import InvoiceRecord
    from tallystick.operations.bill_runs import Tally
    from tallystick.operations.work import Work
    from tests.servers import Api, Inside

MORE_THAN_THE_LEDGER_HOLDS = 10**17
"""Calls that come to 2 x 10^17 dollars at 2 each."""


def frozen(shop: Shop, account: str = "acme") -> list[str]:
    """The days on which an account's invoices became due."""
    return [one["invoiceDate"][:10] for one in shop.invoices(account) if one["status"] != "DRAFT"]


def figure(api: Api, name: str) -> float:
    text = api.get("/internal/metrics").content.decode()
    (value,) = re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)
    return float(value)


def fails_for(name: str, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Let a step of the bills of one organisation fail as only a defect could."""

    def broken(work: Work, given: Sequence[InvoiceRecord] | Collection[str]) -> Tally:
        if work.organisation.name == name:
            raise RuntimeError("a defect")
        real: Callable[..., Tally] = originals[step]
        return real(work, given)

    originals = {"run_bills": bill_runs.run_bills, "freeze": bill_runs.freeze}
    monkeypatch.setattr(billing_clock if step == "run_bills" else bill_runs, step, broken)


class TestOneOrganisationWhoseBillsFail:
    @pytest.fixture
    def shops(self, server: Inside) -> tuple[Shop, Shop]:
        """Two organisations, of which `Broken` was made first, so that its bills come first too."""
        broken, sound = (Shop(server.new_organisation(name=name)) for name in ("Broken", "Sound"))
        for shop, calls in ((broken, 7), (sound, 30)):
            shop.metered_plan((0, 1))
            shop.use(calls)
        return broken, sound

    @pytest.mark.parametrize("step", ["run_bills", "freeze"])
    def test_does_not_stop_the_others_and_is_billed_once_the_cause_is_gone(
        self, shops: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        broken, sound = shops
        with monkeypatch.context() as patch:
            fails_for("Broken", patch, step)
            answer = sound.api.advance("2026-03-03")
            assert answer == {
                "now": "2026-03-03T00:00:00Z",
                "draftsOpened": 2,
                "invoicesFrozen": 2,
                "creditsExpired": 0,
                "issues": {},
            }
            assert frozen(sound) == ["2026-02-03", "2026-03-03"]
            assert frozen(broken) == []
        # Each of its bills is as of its own instant all the same.
        answer = broken.api.advance("2026-03-03")
        assert (answer["invoicesFrozen"], answer["issues"]) == (2, {})
        assert frozen(broken) == ["2026-02-03", "2026-03-03"]
        assert [one["totalAmount"] for one in broken.invoices()] == [7, 0, 0]

    def test_is_told_so_itself_without_the_words_of_the_defect(
        self, shops: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, _ = shops
        name = broken.api.get("/v1/organization").ok()["id"]
        with monkeypatch.context() as patch:
            fails_for("Broken", patch, "freeze")
            issues = broken.api.advance("2026-03-03")["issues"]
        assert list(issues) == [name]
        assert "log" in issues[name]
        assert "a defect" not in issues[name]

    def test_is_also_billed_after_its_own_next_command(
        self, shops: tuple[Shop, Shop], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, sound = shops
        with monkeypatch.context() as patch:
            fails_for("Broken", patch, "run_bills")
            sound.api.advance("2026-02-03")
        broken.api.patch("/accounts/acme", {"name": "Renamed"}).ok()
        assert frozen(broken) == ["2026-02-03"]


class TestAnInvoiceThatCannotBeMade:
    @pytest.fixture
    def parked(self, shop: Shop) -> str:
        """January of `acme` comes to more than the ledger holds, that of `beta` to 6; the id of the first."""
        shop.metered_plan((0, 2))
        plan = shop.invoices()[0]["pricePlanId"]
        shop.account("beta")
        shop.associate(plan, "beta")
        shop.use(3, account="beta")
        shop.use(MORE_THAN_THE_LEDGER_HOLDS)
        return shop.invoices()[0]["id"]

    def test_is_listed_with_nothing_and_says_why_when_read(self, shop: Shop, parked: str) -> None:
        totals = {one["id"]: one["totalAmount"] for one in shop.api.get("/invoices").ok()["data"]}
        assert sorted(totals.values()) == [0, 6]
        assert totals[parked] == 0
        message = shop.api.get(f"/invoices/{parked}").refused(422)
        assert message.startswith(f"invoice {parked!r} cannot be billed: ")
        assert len(message) > len(f"invoice {parked!r} cannot be billed: ")

    def test_lets_the_others_become_due_and_is_counted(self, shop: Shop, parked: str) -> None:
        assert figure(shop.api, "tallystick_parked_invoices") == 0
        answer = shop.api.advance("2026-02-03")
        assert (answer["invoicesFrozen"], list(answer["issues"])) == (1, [parked])
        assert figure(shop.api, "tallystick_parked_invoices") == 1
        assert [one["totalAmount"] for one in shop.invoices("beta")] == [6, 0]
        assert shop.api.get("/readyz").status == 200
        # Later cycles go on too, also those of the account itself.
        assert shop.api.advance("2026-03-03")["invoicesFrozen"] == 2
        assert frozen(shop) == ["2026-03-03"]
        assert figure(shop.api, "tallystick_parked_invoices") == 1

    @pytest.mark.usefixtures("parked")
    def test_is_the_matter_of_its_own_organisation_only(self, server: Inside, shop: Shop) -> None:
        other = server.new_organisation(name="Other")
        answer = other.advance("2026-02-03")
        assert (answer["invoicesFrozen"], answer["issues"]) == (0, {})
        assert frozen(shop, "beta") == ["2026-02-03"]

    @pytest.mark.usefixtures("parked")
    def test_becomes_due_when_it_can_be_made_by_then(self, shop: Shop) -> None:
        shop.api.advance("2026-02-02")
        shop.use(5 - MORE_THAN_THE_LEDGER_HOLDS)
        assert shop.api.advance("2026-02-03")["issues"] == {}
        assert shop.invoices()[0]["totalAmount"] == 10
        assert figure(shop.api, "tallystick_parked_invoices") == 0


class TestAdvanceWhileTheServerStops:
    def stop_after(self, steps: int, server: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ask the clock to stop in the middle of a run, as another thread would."""
        done: list[Tally] = []

        def counted(work: Work, parked: Collection[str]) -> Tally:
            done.append(bill_runs.run_bills(work, parked))
            if len(done) == steps:
                server.workers.billing._stopping.set()
            return done[-1]

        monkeypatch.setattr(billing_clock, "run_bills", counted)

    def test_it_is_refused_and_the_clock_stands_where_billing_came_to(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = tmp_path / "data"
        with inside(data) as first, monkeypatch.context() as patch:
            shop = Shop(first.api())
            shop.metered_plan((0, 1))
            # 1 Feb: opened, idle; 3 Feb: frozen, idle; 1 Mar: opened, then it stops.
            self.stop_after(5, first, patch)
            message = shop.api.post("/v1/test-clock/advance", {"to": "2026-06-15T00:00:00Z"}).refused(503)
            assert "shutting down" in message
            assert shop.api.get("/v1/test-clock").ok() == {"now": "2026-03-01T00:00:00Z"}
            assert frozen(shop) == ["2026-02-03"]
        with inside(data) as second:
            shop = Shop(second.api())
            assert shop.api.get("/v1/test-clock").ok() == {"now": "2026-03-01T00:00:00Z"}
            assert shop.api.advance("2026-06-15")["invoicesFrozen"] == 4
            assert frozen(shop) == [f"2026-{month:02d}-03" for month in range(2, 7)]

    def test_before_anything_is_due_on_the_way_it_does_not_move(self, server: Inside, shop: Shop) -> None:
        shop.metered_plan((0, 1))
        server.workers.billing._stopping.set()
        shop.api.post("/v1/test-clock/advance", {"to": "2026-06-15T00:00:00Z"}).refused(503)
        assert server.engine.clock.now() <= datetime(2026, 2, 1, tzinfo=UTC)
        assert frozen(shop) == []
