"""What other billing systems charge, read from the file of cases beside the repository, and what we charge.

All that our cards can say comes to the same amounts. The rest of a case, and of which cases there is one, stands in
docs/pricing-cases.md with the reason. A clone by itself has no such file; `tests/unit/rating/test_pricing_cases.py`
restates the figures that need no reading.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml

from tallystick.invoicing.assemble import arrears_bill, change_bill
from tallystick.invoicing.line import LineType
from tallystick.invoicing.totals import rounded
from tallystick.kernel.period import Period, local_midnight
from tallystick.rating.fixed_fee import charge_fee
from tests.unit.invoicing.terms import terms, values
from tests.unit.rating.cards import (
    S,
    amount_of,
    charge_events,
    charge_usage,
    each_event,
    fee_card,
    licence_card,
    usage_card,
)
from tests.unit.rating.held import UTC_ZONE, cycle, seats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tallystick.catalog.rate_card import UsageRateCard
    from tallystick.kernel.recurrence import Cycle

Json = dict[str, Any]
Compared = tuple[str, Decimal, Decimal]
"""What is compared, what others charge, and what we charge."""

ROOT: Final = Path(__file__).parents[3]
CASES: Final = ROOT.parent / "shared" / "data" / "pricing-cases.yaml"
DOCUMENT: Final = ROOT / "docs" / "pricing-cases.md"
_DAY: Final = timedelta(days=1)


def cents(amount: object) -> Decimal:
    return Decimal(str(amount)) / 100


def starts(tiers: list[Json]) -> list[str]:
    """Where each tier starts: behind the last unit of the one before."""
    return ["0", *(str(tier["upto"]) for tier in tiers[:-1])]


def slabs(tiers: list[Json], key: str, kind: str) -> list[S]:
    """The tiers as slabs by one of their two prices; a tier without it charges nothing."""
    return [S(start, kind, tier.get(key, "0")) for start, tier in zip(starts(tiers), tiers, strict=True)]


def comes_to(cards: tuple[UsageRateCard, ...], usage: object) -> Decimal:
    """What cards on meters of the same events come to together, with the limits of each."""
    quantity = Decimal(str(usage))
    bill = arrears_bill(terms(*cards), {card.usage_meter_id: quantity for card in cards}, ())
    return bill.gross.amount


def each_usage(case: Json, *cards: UsageRateCard, but: tuple[int, ...] = ()) -> Iterator[Compared]:
    for usage, amount in case["expect"].items():
        if usage not in but:
            yield f"usage {usage}", Decimal(amount), comes_to(cards, usage)


def two_prices(model: str, low: str | None = None) -> Callable[[Json], Iterator[Compared]]:
    """A tier with a flat amount and a price per unit: two cards, on two meters of the same events."""

    def compared(case: Json) -> Iterator[Compared]:
        per_unit = usage_card(*slabs(case["tiers"], "unit", "PER_UNIT"), model=model, meter="um.units")
        flat = usage_card(*slabs(case["tiers"], "flat", "FLAT"), model=model, meter="um.flat", low=low)
        yield from each_usage(case, per_unit, flat)

    return compared


def mixed(tiers: list[Json]) -> list[S]:
    """Tiers of which each has one price: a flat one, or one for each unit."""
    return [
        S(start, "FLAT", tier["flat"]) if "flat" in tier else S(start, "PER_UNIT", tier["unit"])
        for start, tier in zip(starts(tiers), tiers, strict=True)
    ]


def package(case: Json) -> Iterator[Compared]:
    size, rate = str(case["params"]["size"]), case["params"]["amount"]
    free = (S("0", "PER_UNIT", "0"), S("5", "PACKAGE", rate, size=size))
    for key, card in (
        ("expect_no_free", usage_card(S("0", "PACKAGE", rate, size=size))),
        ("expect_5_free_units", usage_card(*free)),
    ):
        for usage, amount in case[key].items():
            yield f"{key} {usage}", Decimal(amount), comes_to((card,), usage)


def percentage(case: Json) -> Iterator[Compared]:
    """The free amount is a slab of 0 %; how many events it makes free depends on their order, so it is said."""
    params, usage = case["params"], case["usage"]
    running = [Decimal(total) for total in (*usage["running_total"], usage["total"])]
    events = [running[0], *(later - earlier for earlier, later in pairwise(running))]
    free = sum(total <= Decimal(params["free_amount"]) for total in running[: params["free_events"]])
    rates = (S("0", "PERCENTAGE", "0"), S(params["free_amount"], "PERCENTAGE", params["rate_pct"]))
    card = usage_card(*rates, per_event=each_event(params["fixed_per_event"], free=free))
    yield "percentage and fixed amounts", Decimal(case["expect"]), amount_of(charge_events(card, events))


def commitment(case: Json) -> Iterator[Compared]:
    """The full March; February is one of the cases that cannot be said."""
    params = case["params"]
    card = usage_card(S("0", "PER_UNIT", "1"))
    agreed = terms(card, fee_card(str(cents(params["plan_fee_cents"]))), commitment=str(cents(params["minimum_cents"])))
    bill = arrears_bill(agreed, {card.usage_meter_id: cents(case["usage_cents"]["second_period"])}, ())
    (found,) = values(bill.revenue_info)[LineType.TRUE_UP_AMOUNT]
    yield "true-up of March", cents(case["expect_true_up_cents"]["march_full"]), found


def given_back(case: Json) -> Iterator[Compared]:
    """One licence in advance that is given up after the days that were used; there is no tax here."""
    params = case["params"]
    june = cycle("2025-06-01", "2025-07-01")
    leaves = f"2025-06-{params['used_days'] + 1:02}"
    for name, expected in case["expect_cents"].items():
        price = str(cents(name.removeprefix("plan_")))
        yield f"{name} net", cents(expected["net"]), -licence_change(price, 1, 0, leaves, june)


def licence_change(price: str, before: int, after: int, on: str, within: Cycle) -> Decimal:
    """What a change of licences in advance is billed, or given back when it is below zero."""
    card = licence_card(S("0", "PER_UNIT", price), timing="IN_ADVANCE", refund="PAYMENT")
    since = within.period.start.date().isoformat()
    held = seats((since, str(before)), (on, str(after - before)))
    day = date.fromisoformat(on)
    booked = Period(local_midnight(day, UTC_ZONE), local_midnight(day + _DAY, UTC_ZONE))
    return change_bill(terms(card, cycle=within, licences={card.id: held}), booked, ()).total.amount


def increments(case: Json) -> Iterator[Compared]:
    card = usage_card(*mixed(case["tiers"]))
    yield from each_usage(case, card)
    step = case["expect_increment"]
    more = comes_to((card,), step["to"]) - comes_to((card,), step["from"])
    yield "increment", Decimal(step["amount"]), more


def volume(case: Json) -> Iterator[Compared]:
    """All but the first tier's flat amount at no usage."""
    yield from each_usage(case, usage_card(*mixed(case["tiers"]), model="VOLUME"), but=(0,))


def blocks(case: Json) -> Iterator[Compared]:
    for number, one in enumerate(case["cases"], 1):
        bounds, start = [], 0
        for tier in one["tiers"]:
            bounds.append(start)
            start += tier["block"] * tier["max_blocks"]
        card = usage_card(
            *(
                S(str(begins), "PACKAGE", tier["price"], size=str(tier["block"]))
                for begins, tier in zip(bounds, one["tiers"], strict=True)
            )
        )
        yield f"blocks {number}", Decimal(one["expect"]), comes_to((card,), one["qty"])


def next_month(day: date) -> date:
    """The same day a month later, of a day that every month has."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=day.day)


def plan_change(case: Json) -> Iterator[Compared]:
    """What is left of a period from the change on, at the old fee and at the new one."""
    for one in case["cases_cents"]:
        start, change = date.fromisoformat(one["start"]), date.fromisoformat(one["change"])
        months = 12 if one.get("interval") == "year" else 1
        end = start.replace(
            year=start.year + (start.month - 1 + months) // 12, month=(start.month - 1 + months) % 12 + 1
        )
        for fee, key in (("old", "credit"), ("new", "debit")):
            card = fee_card(str(cents(one[fee])), prorated=True)
            charge = charge_fee(card, "USD", (end - change).days, (end - start).days)
            yield f"{one['change']} {key}", cents(one[key]), rounded(charge.amount, "USD").amount


def seat_change(case: Json) -> Iterator[Compared]:
    june = cycle("2025-06-01", "2025-07-01")
    for one in case["cases_cents"]:
        found = licence_change(str(cents(one["seat_price"])), one["from"], one["to"], one["change"], june)
        yield f"{one['from']} to {one['to']}", cents(one.get("debit", -one.get("credit", 0))), found


def rounding(case: Json) -> Iterator[Compared]:
    for text, expected in case["expect"].items():
        currency, amount = text.split()
        yield text, Decimal(expected), rounded(Decimal(amount), currency).amount


def ended_early(case: Json) -> Iterator[Compared]:
    params = case["params"]
    card = fee_card(str(cents(params["quarter_fee_cents"])), prorated=True)
    charge = charge_fee(card, "USD", params["days_counted"], params["period_days"])
    yield "fee of the days counted", cents(case["expect_cents"]), rounded(charge.amount, "USD").amount


def both_models(case: Json) -> Iterator[Compared]:
    for model, amount in case["expect"].items():
        card = usage_card(*slabs(case["tiers"], "unit", "PER_UNIT"), model=model)
        yield model, Decimal(amount), amount_of(charge_usage(card, "USD", Decimal(case["usage"])))


SAID: Final[dict[str, Callable[[Json], Iterator[Compared]]]] = {
    "G01": two_prices("TIERED", low="2"),  # the first flat amount also at no usage: the least of its card
    "G02": two_prices("TIERED"),
    "G04": two_prices("VOLUME"),
    "G05": package,
    "G06": percentage,
    "G10": commitment,
    "G11": given_back,
    "G14": increments,
    "G16": volume,
    "G19": blocks,
    "G21": plan_change,
    "G22": seat_change,
    "G25": rounding,
    "G27": ended_early,
    "G28": both_models,
}


@pytest.fixture(scope="module")
def cases() -> dict[str, Json]:
    if not CASES.exists():
        pytest.skip("the cases of other systems are not beside this clone: ../shared/data/pricing-cases.yaml")
    found = yaml.safe_load(CASES.read_text())["cases"]
    return {case["id"]: case for case in found}


@pytest.mark.parametrize("name", SAID)
def test_what_others_charge_is_what_we_charge(cases: dict[str, Json], name: str) -> None:
    compared = list(SAID[name](cases[name]))
    assert compared, "a case says something"
    assert {what: ours for what, _, ours in compared} == {what: others for what, others, _ in compared}


def test_every_case_is_told_here_and_in_the_document(cases: dict[str, Json]) -> None:
    assert set(SAID) == set(cases)
    assert re.findall(r"^\| (G\d+) \|", DOCUMENT.read_text(), re.MULTILINE) == list(cases)


def test_the_document_tells_every_case_that_is_compared() -> None:
    """Also in a clone by itself."""
    assert re.findall(r"^\| (G\d+) \|", DOCUMENT.read_text(), re.MULTILINE) == list(SAID)
