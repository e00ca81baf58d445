"""What accounts would have paid by other terms: figures by hand, and the old ones against the invoices to the cent.

The world below, in dollars unless it says otherwise; January, February and March are over:

    acme   1 Jan on   150 calls in January, 30 in February, 400 in March
    beta   16 Jan on  10 calls in January, 120 in February, none in March; 25 of credit
    euro   1 Jan on   200 calls in January, billed in euros
    late   1 Apr on   no cycle that is over

Calls cost 2 each up to 100 and 1 beyond. A fee of 31 a month in arrears, prorated; one of 5 in advance; 60 at least.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, anniversary, commitment, fee, licence, monthly, tiered
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Answer, Inside

QUARTER = {"from": "2026-01-01", "to": "2026-04-01"}
Figures = tuple[Decimal, ...]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    with inside(tmp_path_factory.mktemp("simulations") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def world(here: Inside) -> Shop:
    shop = Shop(here.api())
    shop.schema()
    meter, support, base = shop.meter(), shop.addon("Support"), shop.addon("Base")

    def offered(currency: str) -> str:
        return shop.plan(
            currencies=(currency,),
            usageRateCards=[tiered(meter, (0, 2), (100, 1), currency=currency)],
            fixedFeeRateCards=[
                fee(support, 31, currency=currency, enableProration=True),
                fee(base, 5, currency=currency, timing="IN_ADVANCE"),
            ],
            minimumCommitment=commitment(60, currency),
        )

    plans = {currency: offered(currency) for currency in ("USD", "EUR")}
    for name, currency, since in (
        ("acme", "USD", "2026-01-01"),
        ("beta", "USD", "2026-01-16"),
        ("euro", "EUR", "2026-01-01"),
        ("late", "USD", "2026-04-01"),
    ):
        shop.account(name, currency)
        shop.associate(plans[currency], name, since)
    shop.credit(25, "beta")
    use(shop, ("acme", 150, "01-10"), ("beta", 10, "01-20"), ("euro", 200, "01-10"))
    shop.api.advance("2026-02-10")
    use(shop, ("acme", 30, "02-05"), ("beta", 120, "02-05"))
    shop.api.advance("2026-03-10")
    use(shop, ("acme", 400, "03-05"))
    shop.api.advance("2026-04-10")
    use(shop, ("acme", 999, "04-05"))
    return shop


def use(shop: Shop, *events: tuple[str, int, str]) -> None:
    for account, calls, on in events:
        shop.use(calls, f"2026-{on}T12:00:00Z", account)


@pytest.fixture(scope="module")
def ids(world: Shop) -> dict[str, str]:
    """The id of each billable item by its name."""
    items = world.api.get("/usage_meters").ok()["data"] + world.api.get("/addons").ok()["data"]
    return {one["name"]: one["id"] for one in items} | {"Minimum": "MINIMUM_COMMITMENT"}


@pytest.fixture(scope="module")
def plans(world: Shop) -> dict[str, str]:
    """The plan of each currency."""
    found = world.api.get("/price_plans").ok()["data"]
    return {one["pricePlanDetails"]["supportedCurrencies"][0]: one["id"] for one in found}


def start(shop: Shop, plan: object, **body: object) -> Answer:
    return shop.api.post("/v1/simulations", QUARTER | {"plan": plan} | body)


def begun(shop: Shop, plan: object, **body: object) -> str:
    answer = start(shop, plan, **body)
    assert answer.status == 202, answer.content
    return answer.ok()["jobId"]


def view(shop: Shop, job: str) -> dict[str, Any]:
    return shop.api.get(f"/v1/simulations/{job}").ok()


def accounts(shop: Shop, job: str, **query: object) -> list[dict[str, Any]]:
    return [one for page in shop.api.pages(f"/v1/simulations/{job}/accounts", **query) for one in page]


def figures(one: dict[str, Any]) -> Figures:
    return one["oldRevenue"], one["newRevenue"], one["difference"]


def by_item(one: dict[str, Any], ids: dict[str, str]) -> dict[str, Figures]:
    known = {identity: name for name, identity in ids.items()}
    return {known[line["billableId"]]: figures(line) for line in one["lines"]}


def half_price(ids: dict[str, str], **more: object) -> dict[str, Any]:
    """Calls at 1.50 each, no fee in arrears, the other one at 8, nothing at least."""
    cards = {
        "usageRateCards": [tiered(ids["Calls"], (0, "1.5"))],
        "fixedFeeRateCards": [fee(ids["Base"], 8, timing="IN_ADVANCE")],
    }
    return {"pricePlanDetails": {"supportedCurrencies": ["USD"]} | cards | more}


def gross(shop: Shop, account: str, since: str = "2026-01-01", until: str = "2026-04-01") -> Decimal:
    """What the invoices of the cycles that start in a span show before credits."""
    found = [one for one in shop.invoices(account) if since <= one["startDate"][:10] < until]
    lines = [shop.api.get(f"/invoices/{one['id']}").ok() for one in found]
    return sum((amount for one in lines for amount in amounts(one, "GROSS_AMOUNT")), Decimal())


class TestTheWorkedExample:
    """By hand.

    Acme by the old terms. January: 100 x 2 + 50 x 1 = 250, 31, 5. February: 30 x 2 = 60, 31, 5. March: 100 x 2 +
    300 x 1 = 500, 31, 5. Together 810 of calls, 93, 15: 918; the 60 at least are always reached.

    Beta: 16 January is day 16 of 31, so 16 days: 31 x 16 / 31 = 16; 10 x 2 = 20, which with 16 is 36, so 24 to 60; 5.
    February: 100 x 2 + 20 x 1 = 220, 31, 5. March: 0, 31, 29 to 60, 5. Together 240, 78, 53, 15: 386.

    By the new terms, acme: 580 x 1.5 = 870 and 3 x 8 = 24: 894. Beta: 130 x 1.5 = 195 and 24: 219.
    """

    def test_each_account_line_by_line(self, world: Shop, ids: dict[str, str]) -> None:
        job = begun(world, half_price(ids), accounts={"accountIds": ["beta", "acme"]})
        found = {one["accountId"]: one for one in accounts(world, job)}
        assert {name: (one["cycles"], *figures(one)) for name, one in found.items()} == {
            "acme": (3, 918, 894, -24),
            "beta": (3, 386, 219, -167),
        }
        assert by_item(found["acme"], ids) == {
            "Calls": (810, 870, 60),
            "Support": (93, 0, -93),
            "Minimum": (0, 0, 0),
            "Base": (15, 24, 9),
        }
        assert by_item(found["beta"], ids) == {
            "Calls": (240, 195, -45),
            "Support": (78, 0, -78),
            "Minimum": (53, 0, -53),
            "Base": (15, 24, 9),
        }

    def test_all_of_them_together_and_who_pays_more_or_less(self, world: Shop, ids: dict[str, str]) -> None:
        job = begun(world, half_price(ids), name="Half price")
        told = view(world, job)
        (totals,) = told["totals"]
        assert (told["status"], told["name"], told["from"], told["to"]) == (
            "COMPLETED",
            "Half price",
            "2026-01-01",
            "2026-04-01",
        )
        assert (told["totalAccounts"], told["pendingAccounts"], told["failedAccounts"]) == (3, 0, 1)
        assert (totals["currency"], totals["accounts"], totals["cycles"], *figures(totals)) == (
            "USD",
            2,
            6,
            1304,
            1113,
            -191,
        )
        assert [totals[f"accountsThatPay{name}"] for name in ("More", "Less", "TheSame")] == [0, 2, 0]
        assert by_item(totals, ids) == {
            "Calls": (1050, 1065, 15),
            "Support": (171, 0, -171),
            "Minimum": (53, 0, -53),
            "Base": (30, 48, 18),
        }

    def test_the_old_revenue_is_what_the_invoices_show_before_credits(self, world: Shop, plans: dict[str, str]) -> None:
        for currency, names in (("USD", ["acme", "beta"]), ("EUR", ["euro"])):
            job = begun(world, {"pricePlanId": plans[currency]}, accounts={"accountIds": names})
            for one in accounts(world, job):
                assert figures(one) == (gross(world, one["accountId"]), gross(world, one["accountId"]), 0)
                assert one["oldRevenue"] > 0

    def test_the_new_revenue_is_what_the_invoices_will_show(self, server: Inside) -> None:
        """The same usage on the simulated plan itself, in another organisation."""
        shops = [Shop(server.new_organisation()) for _ in range(2)]
        made = []
        for shop in shops:
            shop.account()
            shop.schema()
            meter, addon = shop.meter(), shop.addon()
            plans = [
                shop.plan(usageRateCards=[tiered(meter, (0, 2), (100, 1))]),
                shop.plan(
                    usageRateCards=[tiered(meter, (0, "0.333"), (7, "0.125"), model="VOLUME")],
                    fixedFeeRateCards=[fee(addon, "19.99", enableProration=True)],
                    minimumCommitment=commitment(25),
                ),
            ]
            made.append(plans)
        for number, shop in enumerate(shops):
            shop.associate(made[number][number], since="2026-01-05")
            use(shop, ("acme", 5, "01-06"), ("acme", 33, "02-06"))
        shops[0].api.advance("2026-03-01")
        job = begun(shops[0], {"pricePlanId": made[0][1]})
        (one,) = accounts(shops[0], job)
        expected = [gross(shop, "acme", until="2026-03-01") for shop in shops]
        assert [one["oldRevenue"], one["newRevenue"]] == expected
        assert expected[0] == 76  # (5 + 33) x 2


class TestWhatIsPriced:
    def test_what_fails_is_told_by_the_job_and_stops_nobody(self, world: Shop, ids: dict[str, str]) -> None:
        job = begun(world, half_price(ids))
        entries = {one["entityId"]: one for one in world.api.get(f"/v1/jobs/{job}/entries").ok()["data"]}
        assert {name: one["status"] for name, one in entries.items()} == {
            "acme": "COMPLETED",
            "beta": "COMPLETED",
            "euro": "FAILED",
        }
        assert entries["euro"]["metadata"] == {"reason": "the plan has no rates in EUR, only in USD"}
        assert entries["acme"]["metadata"] == {"cycles": "3"}

    def test_only_cycles_that_are_over_and_started_in_the_span(self, world: Shop, ids: dict[str, str]) -> None:
        for since, until, cycles in (
            ("2026-03-01", "2027-01-01", 1),
            ("2026-01-02", "2026-03-01", 1),
            ("2026-01-01", "2026-03-02", 3),
        ):
            job = begun(world, half_price(ids), **{"from": since, "to": until}, accounts={"accountIds": ["acme"]})
            (one,) = accounts(world, job)
            assert one["cycles"] == cycles, (since, until)

    def test_an_account_without_such_a_cycle_is_nowhere(self, world: Shop, ids: dict[str, str]) -> None:
        job = begun(world, half_price(ids), accounts={"accountIds": ["late"]})
        assert (accounts(world, job), view(world, job)["totals"]) == ([], [])
        (entry,) = world.api.get(f"/v1/jobs/{job}/entries").ok()["data"]
        assert (entry["status"], entry["metadata"]) == ("COMPLETED", {"cycles": "0"})

    def test_all_accounts_of_a_plan(self, world: Shop, plans: dict[str, str]) -> None:
        job = begun(world, {"pricePlanId": plans["EUR"]}, accounts={"pricePlanId": plans["EUR"]})
        assert [one["accountId"] for one in accounts(world, job)] == ["euro"]

    def test_a_change_to_a_plan(self, world: Shop, ids: dict[str, str], plans: dict[str, str]) -> None:
        """From the 101st on a call costs 0.50 instead of 1: acme pays 25 less in January and 150 in March."""
        changes = {"usageRateCards": [tiered(ids["Calls"], (0, 2), (100, "0.5"))]}
        plan = {"pricePlanId": plans["USD"], "version": 1, "changes": changes}
        job = begun(world, plan, accounts={"pricePlanId": plans["USD"]})
        told = view(world, job)
        assert (told["pricePlanId"], told["pricePlanVersion"]) == (plans["USD"], 1)
        assert {one["accountId"]: figures(one) for one in accounts(world, job)} == {
            "acme": (918, 743, -175),
            "beta": (386, 376, -10),
        }

    def test_a_plan_that_changes_afterwards_is_simulated_as_it_was(self, still: Shop) -> None:
        meter = still.metered_plan((0, 1))
        draft = {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter, (0, 3))]}
        plan = still.api.post("/price_plans", {"name": "Draft", "pricePlanDetails": draft}).ok()["id"]
        job = begun(still, {"pricePlanId": plan})
        still.api.patch(f"/price_plans/{plan}", {"pricePlanDetails": {"usageRateCards": [tiered(meter, (0, 9))]}}).ok()
        assert (view(still, job)["pricePlanId"], view(still, job)["status"]) == (plan, "COMPLETED")

    def test_nothing_that_is_billed_changes(self, world: Shop, ids: dict[str, str]) -> None:
        before = world.invoices("acme"), world.invoices("beta"), world.balance("beta")
        begun(world, half_price(ids))
        assert (world.invoices("acme"), world.invoices("beta"), world.balance("beta")) == before


def test_licences_of_the_old_terms_and_of_the_new(shop: Shop) -> None:
    """4 seats, 6 from 17 January on, at 31 and prorated: 64 + 90. By the new terms the most of a month at 10: 60."""
    shop.account()
    seats, desks = shop.addon("Seats", "LICENSE"), shop.addon("Desks", "LICENSE")
    shop.associate(shop.plan(licenseRateCards=[licence(seats, 31)]))
    shop.grant(seats, 4, "2026-01-01")
    shop.grant(seats, 2, "2026-01-17")
    shop.grant(desks, 3, "2026-01-01")
    shop.api.advance("2026-02-01")
    cards = [licence(seats, 10, prorated=False), licence(desks, 7)]
    job = begun(shop, {"pricePlanDetails": {"supportedCurrencies": ["USD"], "licenseRateCards": cards}})
    (one,) = accounts(shop, job)
    assert {line["billableId"]: figures(line) for line in one["lines"]} == {seats: (154, 60, -94), desks: (0, 21, 21)}
    assert one["oldRevenue"] == gross(shop, "acme", until="2026-02-01")


def test_pricing_rules_of_the_old_terms_and_of_the_new(shop: Shop) -> None:
    """100 calls at 2 are 200, less a tenth from 150 on: 180. By the new terms less a half: 100; with none, 200."""
    shop.account()
    shop.schema()
    meter = shop.meter()

    def less(share: str) -> list[dict[str, Any]]:
        total = {"var": "revenue.rate_card_total"}
        return [
            {
                "name": "Loyalty",
                "order": 1,
                "condition": json.dumps({">": [total, 150]}),
                "computation": json.dumps({"*": [total, share]}),
                "action": {"type": "ADD", "id": "loyalty"},
            }
        ]

    terms = {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter, (0, 2))]}
    details = terms | {"pricingCycleConfig": monthly()}
    made = shop.api.post("/price_plans", {"name": "Ruled", "pricePlanDetails": details, "pricingRules": less("-0.1")})
    plan = made.ok()["id"]
    shop.api.post(f"/price_plans/{plan}/activate", {"currencies": ["USD"]}).ok()
    shop.associate(plan)
    shop.use(100)
    shop.api.advance("2026-02-01")
    for asked, expected in (
        ({"pricePlanId": plan}, (180, 180, 0)),
        ({"pricePlanId": plan, "pricingRules": less("-0.5")}, (180, 100, -80)),
        ({"pricePlanDetails": terms}, (180, 200, 20)),
        ({"pricePlanDetails": terms, "pricingRules": less("-0.5")}, (180, 100, -80)),
    ):
        (one,) = accounts(shop, begun(shop, asked))
        assert figures(one) == expected
        assert one["oldRevenue"] == gross(shop, "acme", until="2026-02-01")
    lines = {line["billableId"]: figures(line) for line in one["lines"]}
    assert lines == {meter: (200, 200, 0), "loyalty": (-20, -100, -80)}
    wrong = less("-0.5")
    wrong[0]["computation"] = '{"var": "revenue.unknown"}'
    refused = start(shop, {"pricePlanDetails": terms, "pricingRules": wrong}).refused(400)
    assert refused.startswith("plan.pricingRules[0].computation: ")


def test_licences_in_advance_with_what_their_changes_were_billed(shop: Shop) -> None:
    """January at 31 a seat: 4 in advance, 124; 2 more for 15 of 31 days, 30. By the new terms 10 a seat: 40 and 20."""
    shop.account()
    seats = shop.addon("Seats", "LICENSE")
    shop.grant(seats, 4, "2026-01-01")
    shop.associate(shop.plan(licenseRateCards=[licence(seats, 31, timing="IN_ADVANCE")]))
    shop.api.advance("2026-01-17")
    shop.grant(seats, 2)
    shop.api.advance("2026-02-01")
    cards = [licence(seats, 10, timing="IN_ADVANCE", prorated=False)]
    job = begun(shop, {"pricePlanDetails": {"supportedCurrencies": ["USD"], "licenseRateCards": cards}})
    (one,) = accounts(shop, job)
    assert figures(one) == (154, 60, -94)
    assert one["oldRevenue"] == gross(shop, "acme", until="2026-02-01")


class TestOtherCycles:
    """Monthly cycles compared with others: whole ones over the very same days, or none."""

    @pytest.fixture
    def quarterly(self, ids: dict[str, str]) -> dict[str, Any]:
        """150 calls free in a quarter, 1 each beyond; 100 a quarter, prorated."""
        return {
            "pricePlanDetails": {
                "supportedCurrencies": ["USD"],
                "pricingCycleConfig": monthly(interval="QUARTERLY", month="1"),
                "usageRateCards": [tiered(ids["Calls"], (0, 0), (150, 1))],
                "fixedFeeRateCards": [fee(ids["Support"], 90, enableProration=True)],
            }
        }

    def test_a_quarter_of_three_months(self, world: Shop, ids: dict[str, str], quarterly: dict[str, Any]) -> None:
        """Acme: 580 - 150 = 430 and 90. Beta: 130 of 150 free; 75 days of 90 from 16 January on: 75."""
        job = begun(world, quarterly, accounts={"accountIds": ["acme", "beta"]})
        found = {one["accountId"]: one for one in accounts(world, job)}
        assert by_item(found["acme"], ids)["Calls"] == (810, 430, -380)
        assert by_item(found["beta"], ids)["Calls"] == (240, 0, -240)
        assert [by_item(found[name], ids)["Support"][1] for name in ("acme", "beta")] == [90, 75]
        assert found["acme"]["cycles"] == 3

    def test_days_that_make_no_whole_cycles_are_refused_in_words(self, world: Shop, quarterly: dict[str, Any]) -> None:
        job = begun(world, quarterly, to="2026-03-01", accounts={"accountIds": ["acme"]})
        (entry,) = world.api.get(f"/v1/jobs/{job}/entries").ok()["data"]
        assert entry["metadata"]["reason"] == (
            "the MONTHLY cycles from 2026-01-01 until 2026-03-01 are no whole QUARTERLY ones of the new plan: "
            "choose from and to so that both cover the same days"
        )
        assert view(world, job)["status"] == "FAILED"

    def test_another_start_in_the_month_keeps_the_cycles_that_there_were(
        self, world: Shop, ids: dict[str, str]
    ) -> None:
        for cycle in (monthly(day="15"), anniversary()):
            job = begun(world, half_price(ids, pricingCycleConfig=cycle), accounts={"accountIds": ["acme"]})
            assert figures(accounts(world, job)[0]) == (918, 894, -24)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Shop, str]]:
    """Seven accounts in two currencies: a1 to a5 would pay 1, 0, -1, 2 and -2 more, e1 and e2 3 and -3.

    A call costs 1, and would cost 2 less 10 for each account: twice 11 less 10 is 12.
    """
    with inside(tmp_path_factory.mktemp("reading") / "data") as server:
        shop = Shop(server.api())
        shop.schema()
        meter = shop.meter()

        def card(price: int) -> dict[str, Any]:
            values = [tiered(meter, (0, price), currency=currency)["rateValues"][0] for currency in ("USD", "EUR")]
            return tiered(meter, (0, price)) | {"rateValues": values}

        plan = shop.plan(currencies=("USD", "EUR"), usageRateCards=[card(1)])
        for name, calls in {"a1": 11, "a2": 10, "a3": 9, "a4": 12, "a5": 8, "e1": 13, "e2": 7}.items():
            shop.account(name, "EUR" if name.startswith("e") else "USD")
            shop.associate(plan, name, until="2026-02-01")
            shop.use(calls, "2026-01-10T00:00:00Z", name)
        shop.api.advance("2026-02-01")
        discount = fee(shop.addon(), 0)
        discount["rateValues"] = [{"currency": currency, "rate": -10} for currency in ("USD", "EUR")]
        terms = {"supportedCurrencies": ["USD", "EUR"], "usageRateCards": [card(2)], "fixedFeeRateCards": [discount]}
        yield shop, begun(shop, {"pricePlanDetails": terms})


class TestReading:
    def test_those_who_pay_most_more_come_first_in_each_currency(self, many: tuple[Shop, str]) -> None:
        shop, job = many
        found = [(one["accountId"], one["difference"]) for one in accounts(shop, job, pageSize=2)]
        assert found == [("e1", 3), ("e2", -3), ("a4", 2), ("a1", 1), ("a2", 0), ("a3", -1), ("a5", -2)]

    def test_or_those_who_pay_most_less(self, many: tuple[Shop, str]) -> None:
        shop, job = many
        found = accounts(shop, job, pageSize=3, _sort="difference:ASC", currency="USD")
        assert [one["accountId"] for one in found] == ["a5", "a3", "a2", "a1", "a4"]
        assert [one["accountId"] for one in accounts(shop, job, _sort="account_id:ASC")][:2] == ["a1", "a2"]

    def test_currencies_are_never_added_up(self, many: tuple[Shop, str]) -> None:
        shop, job = many
        assert [
            (one["currency"], one["accounts"], one["difference"], *(one[f"accountsThatPay{name}"] for name in PAY))
            for one in view(shop, job)["totals"]
        ] == [("EUR", 2, 0, 1, 1, 0), ("USD", 5, 0, 2, 2, 1)]

    def test_the_pages_are_of_one_simulation_alone(self, many: tuple[Shop, str]) -> None:
        shop, job = many
        again = begun(shop, {"pricePlanDetails": {"supportedCurrencies": ["USD"]}}, accounts={"accountIds": ["a1"]})
        assert len(accounts(shop, job)) == 7
        assert [figures(one) for one in accounts(shop, again)] == [(11, 0, -11)]
        token = shop.api.get(f"/v1/simulations/{job}/accounts", pageSize=1).ok()["nextToken"]
        listed = shop.api.get("/v1/simulations/job.unknown/accounts", nextToken=token)
        assert listed.refused(404) == "job 'job.unknown' not found"

    def test_a_job_of_another_type_is_no_simulation(self, many: tuple[Shop, str]) -> None:
        shop, job = many
        meter = shop.api.get("/usage_meters").ok()["data"][0]["id"]
        body = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
        other = shop.api.post(f"/v1/usage-meters/{meter}/remeterings", body).ok()["jobId"]
        for path in (f"/v1/simulations/{other}", f"/v1/simulations/{other}/accounts"):
            assert shop.api.get(path).refused(404) == f"simulation {other!r} not found"
        assert job in {one["id"] for one in shop.api.get("/v1/jobs").ok()["data"]}
        assert shop.api.get(f"/jobs/{job}").refused(404)
        assert job not in {one["id"] for one in shop.api.get("/jobs").ok()["data"]}


PAY = ("More", "Less", "TheSame")


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"plan": {}}, "plan: is empty: send a pricePlanId or pricePlanDetails"),
            ({"plan": {"version": 1}}, "plan.version: belongs to a pricePlanId"),
            ({"plan": {"pricePlanId": "pp.unknown"}}, "plan.pricePlanId: price plan 'pp.unknown' not found"),
            ({"plan": {"pricePlanDetails": {"supportedCurrencies": []}}}, "plan.pricePlanDetails.supportedCurrencies:"),
            ({"accounts": {"accountIds": ["nobody"]}}, "accounts.accountIds[0]: account 'nobody' not found"),
            ({"accounts": {"pricePlanId": "pp.unknown"}}, "accounts.pricePlanId: price plan 'pp.unknown' not found"),
            ({"accounts": {"accountIds": []}}, "accounts.accountIds"),
            ({"to": "2026-01-01"}, "to: 2026-01-01 must lie after from"),
            ({"from": "1969-12-31"}, "from: 1969-12-31 is before 1970-01-01"),
            ({"from": "0001-01-01", "to": "9999-12-31"}, "from: 0001-01-01 is before 1970-01-01"),
        ],
        ids=str,
    )
    def test_what_does_not_fit_is_named(self, still: Shop, body: dict[str, object], message: str) -> None:
        free = {"pricePlanDetails": {"supportedCurrencies": ["USD"]}}
        assert message in still.api.post("/v1/simulations", QUARTER | {"plan": free} | body).refused(400)

    def test_terms_are_checked_where_they_stand(self, still: Shop) -> None:
        meter = still.metered_plan((0, 1))
        plan = still.api.get("/price_plans").ok()["data"][0]["id"]
        bad = [tiered(meter, (3, 1))]
        slab = "usageRateCards[0].ratePlan.slabs[0].startAfter"
        wrong = {"supportedCurrencies": ["USD"], "usageRateCards": bad}
        assert f"plan.pricePlanDetails.{slab}: " in start(still, {"pricePlanDetails": wrong}).refused(400)
        changed = {"pricePlanId": plan, "changes": {"usageRateCards": bad}}
        assert f"plan.changes.{slab}: " in start(still, changed).refused(400)
        both = {"pricePlanId": plan, "pricePlanDetails": {"supportedCurrencies": ["USD"]}}
        assert "plan.pricePlanDetails: stands beside" in start(still, both).refused(400)
        assert "plan.version: price plan" in start(still, {"pricePlanId": plan, "version": 2}).refused(400)
        mixed = {"accountIds": ["acme"], "pricePlanId": plan}
        assert "accounts: name accountIds or a pricePlanId" in start(
            still, {"pricePlanId": plan}, accounts=mixed
        ).refused(400)

    def test_every_problem_is_named_at_once(self, still: Shop) -> None:
        message = start(still, {}, to="2025-01-01", accounts={"accountIds": ["nobody"]}).refused(400)
        assert message.count("; ") == 2


def test_an_amount_that_cannot_be_kept_fails_its_account_alone(shop: Shop) -> None:
    meter = shop.metered_plan((0, 0))
    shop.account("beta")
    shop.associate(shop.api.get("/price_plans").ok()["data"][0]["id"], "beta")
    shop.use(10**6)
    shop.api.advance("2026-02-05")
    dear = {"supportedCurrencies": ["USD"], "usageRateCards": [tiered(meter, (0, 10**10))]}
    job = begun(shop, {"pricePlanDetails": dear})
    assert view(shop, job)["failedAccounts"] == 1
    assert [one["accountId"] for one in accounts(shop, job)] == ["beta"]
    (failed,) = [one for one in shop.api.get(f"/v1/jobs/{job}/entries").ok()["data"] if one["status"] == "FAILED"]
    assert "the most that can be billed" in failed["metadata"]["reason"]
