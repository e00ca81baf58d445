"""Whatever is edited, in whatever order and as time goes by: each day of a plan is billed once, at its price.

Against a slow model that keeps for each day the plan that it was last told, with cards or rules of its own or without.
One call is used a day, so that an invoice comes to the sum of the prices of its days.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.operations.shop import OPEN_END, Shop, event, monthly, tiered
from tests.operations.test_pricing_rules import rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Inside

DAY = timedelta(days=1)
USED_DAYS = 150
PRICES = {"monthly": 1, "weekly": 10, "own terms": 100, "own rules": 1000}


@dataclass(frozen=True)
class Edit:
    """From `ahead` days after tomorrow, for some days or for ever, a plan or none; by v1, or by v2, merged or not."""

    ahead: int
    days: int | None
    plan: str | None
    way: str


@dataclass(frozen=True)
class Wait:
    """Some days go by."""

    days: int


@dataclass(frozen=True)
class Again:
    """The cycle that runs gets another plan from its start on, if its own plan allows that."""

    plan: str | None


STEPS = st.one_of(
    st.builds(
        Edit,
        ahead=st.integers(0, 40),
        days=st.one_of(st.none(), st.integers(1, 60)),
        plan=st.sampled_from([*PRICES, None]),
        way=st.sampled_from(["v1", "v2", "v2 merged"]),
    ),
    st.builds(Wait, days=st.integers(1, 25)),
    st.builds(Again, plan=st.sampled_from([*PRICES, None])),
)


@dataclass
class Account:
    """An account of a new organisation whose first plan starts some days ago, with a model of its days."""

    server: Inside
    since: date
    shop: Shop = field(init=False)
    plans: dict[str, tuple[str, dict[str, Any]]] = field(init=False)
    rules: list[dict[str, Any]] = field(init=False)
    told: dict[date, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shop = Shop(self.server.new_organisation())
        self.shop.account()
        self.shop.schema()
        meter = self.shop.meter()
        card = tiered(meter, (0, PRICES["monthly"]))
        monthly_plan = self.shop.plan(usageRateCards=[card], allow_ongoing_cycle_updates=True)
        cycle = monthly(interval="WEEKLY", grace=0)
        weekly_plan = self.shop.plan(cycle=cycle, usageRateCards=[tiered(meter, (0, PRICES["weekly"]))])
        own = {"usageRateCards": [tiered(meter, (0, PRICES["own terms"]))], "pricingCycleConfig": monthly(day="9")}
        calls = f"usage.urc.{meter}"
        self.rules = [rule({"*": [{"var": calls}, PRICES["own rules"]]}, target=f"revenue.urc.{meter}")]
        self.plans = {
            "monthly": (monthly_plan, {}),
            "weekly": (weekly_plan, {}),
            "own terms": (monthly_plan, {"pricePlanDetailsOverride": own}),
            "own rules": (monthly_plan, {"pricingRulesOverride": self.rules}),
        }
        self._use()

    @property
    def today(self) -> date:
        return self.server.engine.clock.now().date()

    def edit(self, edit: Edit, since: date | None = None) -> None:
        """Make an edit, here and in the model."""
        start = since or self.today + DAY + edit.ahead * DAY
        end = None if edit.days is None else start + edit.days * DAY
        until = OPEN_END if end is None else end.isoformat()
        self.told = {day: plan for day, plan in self.told.items() if day < start or (end is not None and day >= end)}
        if edit.plan is not None:
            self.told |= dict.fromkeys(days(start, end or start + 1000 * DAY), edit.plan)
        mode = "DISASSOCIATE" if edit.plan is None else "ASSOCIATE"
        body: dict[str, Any] = {"mode": mode, "effectiveFrom": start.isoformat(), "effectiveUntil": until}
        if edit.plan is None or edit.way == "v1" or edit.plan == "own terms":
            plan, override = (None, {}) if edit.plan is None else self.plans[edit.plan]
            terms = {"pricePlanId": plan} | override if plan else {}
            self.shop.api.post("/accounts/acme/price_plans", body | terms).ok()
            return
        merge = edit.way == "v2 merged"
        has_rules = edit.plan == "own rules"
        config = {"associationConfig": {"pricePlanId": self.plans[edit.plan][0]}}
        edits = {"edits": [body | config | {"mergeSchedules": merge and not has_rules}]}
        drafted = self.shop.api.post("/v2/accounts/acme/edit_schedules", edits).ok()["pricingSchedules"]
        if has_rules:
            (piece,) = [one["id"] for one in drafted if on(one["startDate"]) == start]
            path = f"/v2/schedules/{piece}/pricing_rules"
            self.shop.api.send("PUT", path, {"pricingRules": self.rules}).ok()
        self.shop.api.post("/v2/accounts/acme/finalize_schedules", {"mergeSchedules": merge}).ok()

    def again(self, plan: str | None) -> None:
        """Change the ongoing cycle from its start on, where that is allowed."""
        if self.told.get(self.today, "weekly") != "weekly":
            (running,) = [start for start, end, _ in self.bills() if start <= self.today < end]
            self.edit(Edit(0, None, plan, "v1"), running)

    def wait(self, length: int) -> None:
        self.shop.api.advance((self.today + length * DAY).isoformat())

    def bills(self) -> list[tuple[date, date, Any]]:
        found = self.shop.invoices()
        return [(on(one["startDate"]), on(one["endDate"]), one["totalAmount"]) for one in found]

    def ruled(self) -> set[date]:
        """The days, of those that the model tells of, on which rules of the account's own hold."""
        pieces = self.shop.api.get("/accounts/acme/pricing_schedules").ok()["data"]
        own = [(on(one["startDate"]), on(one["endDate"])) for one in pieces if one.get("pricingRules")]
        return {day for day in self.told if any(start <= day < end for start, end in own)}

    def _use(self) -> None:
        """One call on each day, at noon."""
        names = [f"{day}T12:00:00Z" for day in days(self.since, self.since + USED_DAYS * DAY)]
        events = [event(f"e-{name}", at=name) for name in names]
        self.shop.api.post("/ingestBatch", {"events": events}).ok()


def days(start: date, end: date) -> Iterator[date]:
    for number in range((end - start).days):
        yield start + number * DAY


def on(instant: str) -> date:
    return datetime.fromisoformat(instant).astimezone(UTC).date()


@example(back=0, first="monthly", steps=[Edit(1, None, "monthly", "v1"), Edit(0, None, "own rules", "v1")])
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(back=st.integers(0, 25), first=st.sampled_from([*PRICES]), steps=st.lists(STEPS, min_size=2, max_size=7))
def test_each_day_of_a_plan_is_billed_once_at_its_price(
    standing: Inside, back: int, first: str, steps: list[Edit | Wait | Again]
) -> None:
    since = standing.engine.clock.now().date() - back * DAY
    account = Account(standing, since)
    account.edit(Edit(0, None, first, "v1"), since)
    for step in steps:
        if isinstance(step, Wait):
            account.wait(step.days)
        elif isinstance(step, Again):
            account.again(step.plan)
        else:
            account.edit(step)
        billed = [day for start, end, _ in account.bills() for day in days(start, end)]
        assert len(billed) == len(set(billed)), "no day is billed twice, also while drafts move"
        assert set(billed) <= account.told.keys()
        assert {day for day in account.told if day <= account.today} <= set(billed)
        assert account.ruled() == {day for day, plan in account.told.items() if plan == "own rules"}
    account.edit(Edit(120, None, None, "v1"))
    account.wait(200)
    bills = account.bills()
    assert {day for start, end, _ in bills for day in days(start, end)} == account.told.keys()
    used = set(days(since, since + USED_DAYS * DAY))
    for start, end, total in bills:
        assert total == sum(PRICES[account.told[day]] for day in days(start, end) if day in used)
    assert all(one["status"] != "DRAFT" for one in account.shop.invoices())
