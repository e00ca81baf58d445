"""Events that use a feature: debited in the order of the log, all or nothing, once (domain.md 6.3)."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tallystick.credits.feature_credit import CreditSource
from tallystick.engine import entitlement
from tallystick.metering.event import EventStatus
from tallystick.workers import event_processor
from tallystick.workers.rounds_apart import WORTH_SENDING
from tests.operations.granting import NAME, Granting
from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import Inside

OVER = "sch.1#2026-01-01$OVERAGE"


@pytest.fixture
def calls(standing: Inside, still: Shop) -> Granting:
    """Calls use a feature; nothing is granted yet."""
    return Granting.begin(standing, still)


class TestAsking:
    def test_units_that_are_there_are_debited_and_metered(self, calls: Granting) -> None:
        calls.grant(100)
        assert calls.ask("e-1", "20.5").ok() == {"success": True}
        assert calls.left() == {NAME: Decimal("79.5")}
        assert calls.shop.status("e-1") == EventStatus.METERED
        (listed,) = calls.shop.api.get("/events").ok()["events"]
        assert listed["source"] == {"id": "ENTITLED", "type": "ENTITLED"}

    def test_more_than_is_left_is_refused_whole(self, calls: Granting) -> None:
        calls.grant(10)
        message = calls.ask("e-1", 11).refused(403)
        assert message == f"event: feature {calls.feature}: the event uses 11, and 10 are left at its time"
        assert calls.left() == {NAME: 10}
        assert calls.shop.status("e-1") == EventStatus.INSUFFICIENT_CREDITS

    def test_without_any_grant_it_is_refused(self, calls: Granting) -> None:
        assert "0 are left" in calls.ask("e-1").refused(403)

    def test_the_last_unit_can_be_used(self, calls: Granting) -> None:
        calls.grant("0.000000000001")
        calls.ask("e-1", "0.000000000002").refused(403)
        calls.ask("e-2", "0.000000000001").ok()
        calls.ask("e-3", "0.000000000001").refused(403)
        assert calls.left() == {NAME: 0}

    def test_a_refused_event_leaves_its_id_to_the_next_try(self, calls: Granting) -> None:
        calls.grant(5)
        calls.ask("e-1", 6).refused(403)
        calls.ask("e-1", 5).ok()
        assert "came in before" in calls.ask("e-1", 5).refused(409)
        found = calls.shop.api.get("/events/e-1").ok()["events"]
        assert [one["ingestionStatus"]["status"] for one in found] == [
            EventStatus.INSUFFICIENT_CREDITS,
            EventStatus.METERED,
            EventStatus.DUPLICATE,
        ]
        assert calls.left() == {NAME: 0}

    def test_an_id_that_counted_by_another_door_is_a_duplicate(self, calls: Granting) -> None:
        calls.grant(5)
        calls.shop.api.post("/ingest", {"event": event("e-1")}).ok()
        calls.ask("e-1").refused(409)
        assert calls.left() == {NAME: 4}

    def test_no_units_need_no_grant(self, calls: Granting) -> None:
        calls.ask("e-1", 0).ok()
        assert calls.shop.status("e-1") == EventStatus.METERED

    @pytest.mark.parametrize(("units", "said"), [("-1", "below 0"), ("0.0000000000001", "12 behind the point")])
    def test_units_that_cannot_be_debited_are_refused(self, calls: Granting, units: str, said: str) -> None:
        calls.grant(5)
        assert said in calls.ask("e-1", units).refused(422)
        assert calls.shop.status("e-1") == EventStatus.UNITS_INVALID
        assert calls.left() == {NAME: 5}

    def test_an_unknown_account_is_told_and_its_event_is_not_judged_again(self, calls: Granting) -> None:
        assert "no account" in calls.ask("e-1", account="later").refused(400)
        calls.shop.account("later")
        calls.grant(5, account="later")
        assert calls.shop.status("e-1") == EventStatus.ACCOUNT_NOT_FOUND
        assert calls.left("later") == {NAME: 5}

    def test_an_alias_stands_for_its_account(self, calls: Granting) -> None:
        calls.shop.account("zenith", accountAliases=[{"value": "zed"}])
        calls.grant(5, account="zenith")
        calls.ask("e-1", 3, account="zed").ok()
        assert calls.left("zenith") == {NAME: 2}

    def test_a_malformed_event_is_refused_before_it_is_logged(self, calls: Granting) -> None:
        assert "timestamp" in calls.ask("e-1", timestamp=None).refused(422)
        assert "JSON" in calls.shop.api.send("POST", "/entitled", content=b"{").refused(422)
        assert calls.shop.api.get("/events").ok()["events"] == []

    def test_a_schema_without_a_feature_is_refused_before_it_is_logged(self, calls: Granting) -> None:
        calls.shop.schema("free")
        message = calls.ask("e-1", schemaName="free").refused(422)
        assert message.startswith("event.schemaName: event schema 'free' is tied to no feature")
        assert calls.ask("e-1", schemaName="nothing").refused(422)
        assert calls.shop.api.get("/events").ok()["events"] == []

    def test_an_event_that_lacks_a_field_cannot_be_processed(self, calls: Granting) -> None:
        calls.grant(5)
        assert "region is missing" in calls.ask("e-1", dimensions={}).refused(422)
        assert calls.left() == {NAME: 5}

    def test_under_an_idempotency_key_it_is_answered_as_before(self, calls: Granting) -> None:
        calls.grant(5)
        for _ in range(2):
            sent = calls.shop.api.post("/entitled", {"event": event("e-1")}, Idempotency_Key="k")
            assert sent.ok() == {"success": True}
        assert calls.left() == {NAME: 4}

    def test_of_a_hundred_at_once_as_many_succeed_as_there_are_units(self, calls: Granting) -> None:
        calls.grant(50)
        with ThreadPoolExecutor(100) as threads:
            statuses = [answer.status for answer in threads.map(calls.ask, [f"e-{one}" for one in range(100)])]
        assert (statuses.count(200), statuses.count(403)) == (50, 50)
        assert calls.left() == {NAME: 0}

    def test_of_twenty_with_one_id_at_once_one_succeeds(self, calls: Granting) -> None:
        calls.grant(50)
        with ThreadPoolExecutor(20) as threads:
            statuses = [answer.status for answer in threads.map(calls.ask, ["e-1"] * 20)]
        assert (statuses.count(200), statuses.count(409)) == (1, 19)
        assert calls.left() == {NAME: 49}


class TestOrder:
    """Worked by hand from the order of domain.md 6.3: earliest end, earliest start, id; overage last."""

    def test_what_ends_first_is_used_first_and_overage_last(self, calls: Granting) -> None:
        calls.grant(None, OVER, source=CreditSource.OVERAGE, until="2026-01-20")
        calls.grant(10, "late", until="2026-03-01")
        calls.grant(10, "early", until="2026-01-25")
        calls.grant(10, "b", since="2025-12-01")
        calls.grant(10, "a", since="2025-12-01")
        calls.grant(10, "c", since="2025-11-01")
        # 10 of early, 10 of c (starts first), 10 of a, 5 of b
        calls.ask("e-1", 35).ok()
        assert calls.left() == {"early": 0, "c": 0, "a": 0, "b": 5, "late": 10, OVER: None}
        # 5 of b, 10 of late, 7 beyond
        calls.ask("e-2", 22).ok()
        assert calls.used() == {"early": 10, "c": 10, "a": 10, "b": 10, "late": 10, OVER: 7}

    def test_overage_with_a_limit_ends_there(self, calls: Granting) -> None:
        calls.grant(10)
        calls.grant(5, OVER, source=CreditSource.OVERAGE)
        calls.ask("e-1", 16).refused(403)
        calls.ask("e-2", 15).ok()
        calls.ask("e-3").refused(403)
        assert calls.balance() == {
            "accountId": "acme",
            "featureId": calls.feature,
            "granted": 10,
            "balance": 0,
            "overageLimit": 5,
            "usedOverage": 5,
        }

    def test_the_time_of_the_event_decides_not_the_time_it_comes(self, calls: Granting) -> None:
        calls.grant(1, "december", since="2025-12-01", until="2026-01-01")
        calls.grant(1, "january")
        calls.ask("e-1", at="2026-01-31T23:59:59.999999Z").ok()
        calls.ask("e-2", at="2026-02-01T00:00:00Z").refused(403)
        assert calls.left() == {"december": 1, "january": 0}
        calls.ask("e-3", at="2025-12-31T23:59:59Z").ok()
        assert calls.left() == {"december": 0, "january": 0}

    def test_other_accounts_and_features_have_their_own(self, calls: Granting) -> None:
        calls.shop.account("zenith")
        calls.grant(5, account="zenith")
        other = calls.shop.api.post("/features", {"name": "Seats"}).ok()["id"]
        calls.grant(5, feature=other)
        calls.ask("e-1").refused(403)
        calls.ask("e-2", account="zenith").ok()
        assert calls.left("zenith") == {NAME: 4}


class TestTheTrace:
    def trace(self, calls: Granting, name: str) -> object:
        """What the last event of an id tells of the feature."""
        found = calls.shop.api.get(f"/events/{name}").ok()["events"][-1]
        return found["eventPipelineInfo"].get("featureDetails")

    def test_it_tells_the_feature_and_what_lies_beyond_the_grants(self, calls: Granting) -> None:
        calls.grant(10)
        calls.grant(None, OVER, source=CreditSource.OVERAGE)
        for name, units in (("e-1", 8), ("e-2", "5.5"), ("e-3", 4)):
            calls.ask(name, units).ok()
        tied = {"featureId": calls.feature, "mappedAttribute": "calls", "overageInCycle": Decimal("7.5")}
        assert self.trace(calls, "e-1") == tied | {"overageInEvent": 0}
        assert self.trace(calls, "e-2") == tied | {"overageInEvent": Decimal("3.5")}
        calls.correct("UNDO", "e-3")
        tied |= {"overageInCycle": Decimal("3.5")}
        assert self.trace(calls, "e-3") == tied | {"overageInEvent": 0}

    def test_it_tells_nothing_where_nothing_was_debited(self, calls: Granting) -> None:
        calls.ask("e-1").refused(403)
        assert self.trace(calls, "e-1") is None


class TestIngesting:
    def test_the_batch_is_debited_in_its_order_and_what_does_not_fit_fails(self, calls: Granting) -> None:
        calls.grant(10)
        sent = [event(f"e-{number}", calls=units) for number, units in enumerate((4, 7, 6, 1))]
        calls.shop.api.post("/ingestBatch", {"events": sent}).ok()
        found = {
            one["eventPayload"]["id"]: one["ingestionStatus"] for one in calls.shop.api.get("/events").ok()["events"]
        }
        insufficient = {
            "status": EventStatus.INSUFFICIENT_CREDITS,
            "statusDescription": f"feature {calls.feature}: the event uses 7, and 6 are left at its time",
        }
        assert found["e-1"] == insufficient
        assert [found[name]["status"] for name in ("e-0", "e-2", "e-3")] == [
            EventStatus.METERED,
            EventStatus.METERED,
            EventStatus.INSUFFICIENT_CREDITS,
        ]
        assert calls.left() == {NAME: 0}

    def test_one_id_twice_the_first_too_much_the_second_not(self, calls: Granting) -> None:
        calls.grant(10)
        sent = [event("e", calls=11), event("e", calls=10), event("e", calls=1)]
        calls.shop.api.post("/ingestBatch", {"events": sent}).ok()
        found = calls.shop.api.get("/events/e").ok()["events"]
        assert [one["ingestionStatus"]["status"] for one in found] == [
            EventStatus.INSUFFICIENT_CREDITS,
            EventStatus.METERED,
            EventStatus.DUPLICATE,
        ]
        assert calls.left() == {NAME: 0}

    def test_an_event_that_no_meter_can_measure_debits_nothing(self, standing: Inside, still: Shop) -> None:
        calls = Granting.begin(standing, still, meter=False)
        still.meter(computation='{"/":[1,{"-":[{"var":"attributes.calls"},2]}]}')
        calls.grant(10)
        calls.ask("e-1", 2).refused(422)
        calls.ask("e-2", 3).ok()
        assert calls.left() == {NAME: 7}

    def test_an_enriched_attribute_may_say_how_much(self, standing: Inside, still: Shop) -> None:
        still.account()
        still.schema()
        double = {"name": "twice", "type": "ATTRIBUTE", "enrichmentType": "JSON_LOGIC", "order": 1}
        fields = [double | {"value": '{"*":[{"var":"attributes.calls"},2]}'}]
        still.api.patch("/event_schema/api_call", {"enrichments": {"fields": fields}}).ok()
        tie = [{"schemaName": "api_call", "attributeName": "twice"}]
        feature = still.api.post("/features", {"name": "Twice", "schemaAssociations": tie}).ok()["id"]
        calls = Granting(standing, still, feature)
        calls.grant(10)
        calls.ask("e-1", 5).ok()
        calls.ask("e-2", "0.5").refused(403)
        assert calls.left() == {NAME: 0}

    def test_a_schema_that_is_no_longer_tied_debits_nothing(self, calls: Granting) -> None:
        calls.grant(1)
        calls.shop.api.patch(f"/features/{calls.feature}", {"schemaAssociations": []}).ok()
        calls.shop.use(5)
        assert calls.left() == {NAME: 1}
        tie = [{"schemaName": "api_call", "attributeName": "calls"}]
        calls.shop.api.patch(f"/features/{calls.feature}", {"schemaAssociations": tie}).ok()
        assert calls.shop.status(calls.shop.use(5)) == EventStatus.INSUFFICIENT_CREDITS

    def test_a_schema_is_tied_to_one_feature_at_most(self, calls: Granting) -> None:
        tie = [{"schemaName": "api_call", "attributeName": "calls"}]
        message = calls.shop.api.post("/features", {"name": "Second", "schemaAssociations": tie}).refused(409)
        assert "is already tied to a feature" in message


class TestCorrections:
    def test_undo_gives_the_units_back(self, calls: Granting) -> None:
        calls.grant(10)
        calls.grant(None, OVER, source=CreditSource.OVERAGE)
        calls.ask("e-1", 15).ok()
        assert calls.used() == {NAME: 10, OVER: 5}
        assert calls.correct("UNDO", "e-1") == "REVERTED: taken back"
        assert calls.used() == {NAME: 0, OVER: 0}
        calls.ask("e-1", 3).ok()
        assert calls.used() == {NAME: 3, OVER: 0}

    def test_redo_debits_anew_what_it_gave_back(self, calls: Granting) -> None:
        calls.grant(10)
        calls.ask("e-1", 10).ok()
        assert calls.correct("REDO", "e-1").startswith("REVERTED_AND_REINGESTED")
        assert calls.left() == {NAME: 0}
        assert calls.shop.status("e-1") == EventStatus.METERED

    def test_another_event_in_its_place_debits_its_own_units(self, calls: Granting) -> None:
        calls.grant(10)
        calls.ask("e-1", 4).ok()
        calls.correct("REDO_EVENT", "e-1", {"event": event("e-1", calls=10)})
        assert calls.left() == {NAME: 0}
        calls.correct("REDO_EVENT", "e-1", {"event": event("e-1", calls=11)})
        assert calls.shop.status("e-1") == EventStatus.INSUFFICIENT_CREDITS
        assert calls.left() == {NAME: 10}

    def test_what_was_insufficient_cannot_be_undone_but_redone(self, calls: Granting) -> None:
        calls.grant(1)
        calls.ask("e-1", 5).refused(403)
        assert "cannot be corrected by UNDO" in calls.correct("UNDO", "e-1")
        calls.grant(5, "more")
        calls.correct("REDO", "e-1")
        assert calls.shop.status("e-1") == EventStatus.METERED
        assert calls.left() == {NAME: 1, "more": 0}  # their times are the same, so that the first id comes first

    def test_nothing_comes_back_to_a_void_entry(self, calls: Granting) -> None:
        calls.grant(10)
        calls.ask("e-1", 4).ok()
        calls.shop.api.post(f"{calls.entry_path()}/void").ok()
        calls.correct("UNDO", "e-1")
        (entry,) = calls.entries()
        assert (entry["status"], entry["balance"], entry["used"]) == ("VOIDED", 0, 0)
        calls.ask("e-1", 1).refused(403)

    def test_an_event_of_an_unknown_account_is_debited_once_it_is_there(self, calls: Granting) -> None:
        few, many = calls.shop.use(3, account="later"), calls.shop.use(6, account="later")
        calls.grant(5, account="later")
        calls.shop.account("later")
        assert (calls.shop.status(few), calls.shop.status(many)) == (
            EventStatus.METERED,
            EventStatus.INSUFFICIENT_CREDITS,
        )
        assert calls.left("later") == {NAME: 2}


class TestMeteringAnew:
    def anew(self, calls: Granting, computation: str) -> None:
        """Let the one meter of calls compute something else, also of what came before."""
        (meter,) = calls.shop.api.get("/usage_meters").ok()["data"]
        path = f"/v1/usage-meters/{meter['id']}"
        calls.shop.api.post(f"{path}/deactivate").ok()
        calls.shop.api.patch(path, {"computations": [{"computation": computation, "order": 1}]}).ok()
        calls.shop.api.post(f"{path}/activate").ok()
        span = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        job = calls.shop.api.post(f"{path}/remeterings", span).ok()["jobId"]
        calls.shop.api.post(f"/v1/jobs/{job}/confirm").ok()
        assert calls.shop.api.get(f"/v1/jobs/{job}").ok()["status"] == "COMPLETED"

    def test_an_event_is_debited_as_long_as_it_counts(self, server: Inside, shop: Shop) -> None:
        calls = Granting.begin(server, shop)
        calls.grant(10)
        calls.ask("e-1", 4).ok()
        calls.ask("e-2", 5).ok()
        self.anew(calls, '{"*":[{"var":"attributes.calls"},2]}')
        assert calls.used() == {NAME: 9}  # other units of a meter are no other units of the feature
        self.anew(calls, '{"/":[8,{"-":[{"var":"attributes.calls"},4]}]}')
        assert (calls.shop.status("e-1"), calls.used()) == (EventStatus.UNITS_INVALID, {NAME: 5})
        self.anew(calls, '{"var":"attributes.calls"}')
        assert (calls.shop.status("e-1"), calls.used()) == (EventStatus.METERED, {NAME: 9})

    def test_it_comes_to_count_only_if_its_units_are_still_there(self, server: Inside, shop: Shop) -> None:
        calls = Granting.begin(server, shop)
        calls.grant(5)
        calls.ask("e-1", 4).ok()
        self.anew(calls, '{"/":[8,{"-":[{"var":"attributes.calls"},4]}]}')
        calls.ask("e-2", 5).ok()
        self.anew(calls, '{"var":"attributes.calls"}')
        assert (calls.shop.status("e-1"), calls.used()) == (EventStatus.UNITS_INVALID, {NAME: 5})


class TestWaiting:
    @pytest.fixture
    def stopped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Inside, Granting]]:
        """A server that processes nothing until the test starts it, and a caller who is answered soon."""
        monkeypatch.setattr(entitlement, "PATIENCE_S", 0.1)
        with inside(tmp_path / "data") as server:
            calls = Granting.begin(server, Shop(server.api()))
            calls.grant(5)
        with inside(tmp_path / "data", works=False) as server:
            yield server, replace(calls, server=server, shop=Shop(server.api()))

    def test_an_event_that_is_not_judged_in_time_may_be_sent_again(
        self, stopped: tuple[Inside, Granting], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server, calls = stopped
        for _ in range(2):
            assert "send it again with the same id" in calls.ask("e-1", 2).refused(503)
        server.workers.start()
        monkeypatch.setattr(entitlement, "PATIENCE_S", 60)
        calls.ask("e-1", 2).refused(409)
        assert calls.left() == {NAME: 3}


def test_events_that_come_by_thousands_are_debited_here_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other schemas go on being judged apart; what is left is that of a sum that is written down one by one."""
    monkeypatch.setattr(event_processor, "MOST_IN_ROUND", 3 * WORTH_SENDING)
    chance = random.Random(7)
    with inside(tmp_path / "data") as server:
        calls = Granting.begin(server, Shop(server.api()))
        calls.shop.schema("free")
        calls.grant(9000)
    left, taken = 9000, 0
    with inside(tmp_path / "data", apart=True) as server:
        processor, api = server.workers.processor, server.api()
        while processor._apart is None or not processor._apart.is_ready:
            time.sleep(0.02)
        for first in range(0, 8000, 1000):
            units = [chance.randint(0, 9) for _ in range(1000)]
            schema = chance.choice(("api_call", "free"))
            sent = [event(f"e-{first + place}", calls=one, schemaName=schema) for place, one in enumerate(units)]
            api.post("/ingestBatch", {"events": sent}).ok()
            for one in units if schema == "api_call" else ():
                if one <= left:
                    left, taken = left - one, taken + one
        assert replace(calls, server=server, shop=Shop(api)).used() == {NAME: taken}
        series = Shop(api).metric("USAGE", "2026-01-01", "2026-02-01")
        assert sum(series[0]["metricValues"]) == taken
