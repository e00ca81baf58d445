"""Metering anew where events use a feature: the preview asks the purses, and says what then happens (ADR 0018)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tallystick.metering.event import EventStatus
from tallystick.workers import remetering_task
from tests.operations.granting import NAME, Granting
from tests.operations.shop import Shop, entitlement, monthly, overage, tiered

if TYPE_CHECKING:
    from tests.servers import Inside

PLAIN = '{"var":"attributes.calls"}'
YEAR = {"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"}


def failing(calls: int) -> str:
    """A computation that fails for events of so many calls."""
    return f'{{"/":[8,{{"-":[{{"var":"attributes.calls"}},{calls}]}}]}}'


def define(calls: Granting, computation: str) -> str:
    """Let the one meter of calls compute something else from now on; its path."""
    (meter,) = calls.shop.api.get("/usage_meters").ok()["data"]
    path = f"/v1/usage-meters/{meter['id']}"
    calls.shop.api.post(f"{path}/deactivate").ok()
    calls.shop.api.patch(path, {"computations": [{"computation": computation, "order": 1}]}).ok()
    calls.shop.api.post(f"{path}/activate").ok()
    return path


def metered_anew(calls: Granting, computation: str) -> Any:  # noqa: ANN401 - JSON
    """What is told of metering all events anew, once it was previewed and done."""
    job = calls.shop.api.post(f"{define(calls, computation)}/remeterings", YEAR).ok()["jobId"]
    calls.shop.api.post(f"/v1/jobs/{job}/confirm").ok()
    told = calls.shop.api.get(f"/v1/remeterings/{job}").ok()
    assert told["status"] == "COMPLETED"
    assert {name: told["preview"][name] for name in told["result"]} == told["result"]
    return told


@pytest.fixture(params=[1, 1000], ids=["one by one", "together"])
def calls(server: Inside, shop: Shop, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Granting:
    """Calls that use a feature, metered anew in portions of one event or of many."""
    monkeypatch.setattr(remetering_task, "EVENTS_AT_ONCE", request.param)
    return Granting.begin(server, shop)


def counts(told: Any) -> tuple[int, int]:  # noqa: ANN401 - JSON
    return told["preview"]["nowCounted"], told["preview"]["noLongerCounted"]


def test_an_event_whose_units_are_gone_does_not_come_to_count(calls: Granting) -> None:
    define(calls, failing(4))
    calls.grant(5)
    failed, used = calls.shop.use(4), calls.shop.use(5)
    told = metered_anew(calls, PLAIN)
    assert counts(told) == (0, 0)
    assert told["preview"]["firstNowCounted"] == []
    assert (calls.shop.status(failed), calls.shop.status(used)) == (EventStatus.UNITS_INVALID, EventStatus.METERED)


def test_of_several_events_those_come_to_count_that_there_are_units_for(calls: Granting) -> None:
    define(calls, failing(4))
    calls.grant(9)
    names = [calls.shop.use(4) for _ in range(3)]
    told = metered_anew(calls, PLAIN)
    assert counts(told) == (2, 0)  # 4 + 4 of 9
    assert told["preview"]["difference"] == 8
    statuses = [calls.shop.status(name) for name in names]
    assert statuses == [EventStatus.METERED, EventStatus.METERED, EventStatus.UNITS_INVALID]
    assert calls.used() == {NAME: 8}


def test_what_one_portion_gives_back_is_there_for_the_next_one(calls: Granting) -> None:
    define(calls, failing(4))
    calls.grant(9)
    calls.shop.use(5)
    failed = calls.shop.use(4)
    for _ in range(2):
        calls.shop.use(2)  # nothing is left of the 9
    told = metered_anew(calls, failing(5))
    is_alone = remetering_task.EVENTS_AT_ONCE == 1
    assert counts(told) == ((1, 1) if is_alone else (0, 1))
    assert calls.shop.status(failed) == (EventStatus.METERED if is_alone else EventStatus.UNITS_INVALID)
    assert calls.used() == {NAME: 8 if is_alone else 4}


def test_the_draft_is_previewed_with_the_overage_that_comes(calls: Granting) -> None:
    define(calls, failing(3))
    (meter,) = calls.shop.api.get("/usage_meters").ok()["data"]
    cards = {
        "usageRateCards": [tiered(meter["id"], (0, 1))],
        "billingEntitlementRateCards": [entitlement(calls.feature, 5)],
        "entitlementOverageRateCards": [overage(calls.feature, (0, 2))],
    }
    calls.shop.associate(calls.shop.plan(cycle=monthly(), **cards))
    calls.shop.use(5)
    calls.shop.use(3)
    told = metered_anew(calls, PLAIN)
    (account,) = told["accounts"]
    (standing,) = [one for one in account["invoices"] if one["invoiceType"] == "STANDARD"]
    assert (standing["amountBefore"], standing["amountAfter"]) == (4, 14)  # 8 / 2 calls; 5 + 3 calls and 3 beyond, at 2
    assert calls.shop.invoices()[-1]["totalAmount"] == 14
