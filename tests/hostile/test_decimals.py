"""Units and amounts at the edges of what is stored, against an oracle in fractions (F-74)."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import pytest

from tests.operations.shop import Shop, event, lines, tiered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.servers import Inside

LARGEST: Final = "9" * 26 + "." + "9" * 12
SMALLEST: Final = "0.000000000001"
MINOR: Final = {"USD": 2, "JPY": 0, "KWD": 3}


@pytest.fixture(scope="module")
def meters(here: Inside) -> Shop:
    """A meter of what is sent, and one of a tenth of it, each over a schema of its own."""
    shop = Shop(here.new_organisation())
    shop.account()
    for schema, computation in (
        ("whole", '{"var":"attributes.calls"}'),
        ("tenth", '{"*":[{"var":"attributes.calls"},0.1]}'),
    ):
        shop.schema(schema)
        shop.meter(schema.title(), computation, schema=schema)
    return shop


def judged(shop: Shop, value: str, schema: str) -> tuple[str, list[Decimal]]:
    """What became of an event of this value, and its units."""
    name = f"{schema} {value}"
    shop.api.post("/ingest", {"event": event(name, calls=value, schemaName=schema)}).ok()
    (found,) = shop.api.get(f"/events/{name}").ok()["events"]
    units = [one["units"] for one in found["eventPipelineInfo"].get("usageMeters", [])]
    return found["ingestionStatus"]["status"], units


@pytest.mark.parametrize(
    "value",
    [
        LARGEST,
        f"-{LARGEST}",
        SMALLEST,
        f"-{SMALLEST}",
        "9" * 26,
        "1." + "0" * 500,
        "0" * 400 + "1",
        "-0",
        "0." + "0" * 500,
    ],
)
def test_what_fits_exactly_is_metered_exactly(meters: Shop, value: str) -> None:
    assert judged(meters, value, "whole") == ("INGESTION_COMPLETED_EVENT_METERED", [Decimal(value)])


@pytest.mark.parametrize(
    "value", ["1" + "0" * 26, "-1" + "0" * 26, SMALLEST + "1", "0.0000000000001", f"{LARGEST}5", "9" * 27 + ".5"]
)
def test_what_does_not_is_refused_and_never_rounded(meters: Shop, value: str) -> None:
    assert judged(meters, value, "whole") == ("INGESTION_FAILED_UNITS_INVALID", [])


@pytest.mark.parametrize(
    ("value", "units"),
    [
        (f"{LARGEST}"[:-1], None),
        ("0.00000000001", "0.000000000001"),
        (SMALLEST, None),
        ("1" + "0" * 26, "1" + "0" * 25),
    ],
)
def test_what_a_rule_makes_of_it_is_held_to_the_same(meters: Shop, value: str, units: str | None) -> None:
    if units is None and value != SMALLEST:
        units = str(Decimal(value).scaleb(-1))
    expected = Fraction(value) / 10
    fits = (expected * 10**12).denominator == 1
    status, found = judged(meters, value, "tenth")
    assert (status, found) == (
        ("INGESTION_COMPLETED_EVENT_METERED", [Decimal(units or "NaN")])
        if fits
        else ("INGESTION_FAILED_UNITS_INVALID", [])
    )


def test_sums_beyond_38_digits_are_exact(here: Inside) -> None:
    shop = Shop(here.new_organisation())
    shop.account()
    shop.schema()
    shop.meter()
    values = [LARGEST] * 1_500 + [f"-{SMALLEST}"] * 3 + [f"-{LARGEST}"] * 250
    for start in range(0, len(values), 1_000):
        part = values[start : start + 1_000]
        sent = [event(f"sum-{start + number}", calls=value) for number, value in enumerate(part)]
        shop.api.post("/ingestBatch", {"events": sent}).ok()
    (series,) = shop.metric("USAGE", "2026-01-01", "2026-02-01")
    assert [Fraction(total) for total in series["metricValues"]] == [sum(map(Fraction, values))]


class TestMoney:
    """Totals against the words of domain.md: each tier exactly, rounded half up once, and the total their sum."""

    CASES: Final[dict[str, tuple[Sequence[str], Sequence[tuple[str, str]]]]] = {
        "a tiny price of very much": (["1000000000000000"], [("0", SMALLEST)]),
        "a large price of very little": ([SMALLEST], [("0", "1000000000")]),
        "half of the last place": (["1"], [("0", "0.5")]),
        "just below half": (["1"], [("0", "0.499999999999")]),
        "half a cent": (["1"], [("0", "0.005")]),
        "half a fil": (["1"], [("0", "0.0005")]),
        "at the edge of a tier": (["100"], [("0", "1.37"), ("100", "0.01")]),
        "one last place below it": (["99.999999999999"], [("0", "1.37"), ("100", "0.01")]),
        "one last place above it": (["100.000000000001"], [("0", "1.37"), ("100", "1000000000")]),
        "tiers that each round": (["1", "1", "1"], [("0", "0.335"), ("1", "0.335"), ("2", "0.335")]),
        "events that cancel": ([LARGEST, f"-{LARGEST}", "7"], [("0", "0.1")]),
        "less than nothing": (["-10.5"], [("0", "0.333")]),
        "eighteen digits": (["1234567.123456789"], [("0", "12345.678901234")]),
        "nothing": (["0"], [("0", "5")]),
    }

    @pytest.mark.parametrize("currency", MINOR)
    @pytest.mark.parametrize("case", CASES)
    def test_totals_are_those_of_the_oracle(self, here: Inside, case: str, currency: str) -> None:
        values, tiers = self.CASES[case]
        shop = Shop(here.new_organisation(currency=currency))
        shop.account("acme", currency)
        shop.schema()
        card = tiered(shop.meter(), *((Decimal(start), Decimal(rate)) for start, rate in tiers), currency=currency)
        shop.associate(shop.plan(currencies=(currency,), usageRateCards=[card]))
        shop.api.post("/ingestBatch", {"events": [event(f"e{n}", calls=value) for n, value in enumerate(values)]}).ok()
        invoice = shop.invoice()
        expected = oracle(sum(map(Fraction, values)), tiers, MINOR[currency])
        assert Fraction(invoice["totalAmount"]) == sum(expected)
        for line in lines(invoice["revenueInfo"]):
            assert sum(Fraction(part["value"]) for part in line.get("lineItems", [])) in {Fraction(line["value"]), 0}

    def test_an_amount_beyond_the_ledger_is_refused_by_name(self, here: Inside) -> None:
        shop = Shop(here.new_organisation())
        shop.metered_plan((0, 1000))
        shop.use(LARGEST)
        answer = shop.api.get("/v1/accounts/acme/invoice-preview")
        assert "the most that can be billed is" in answer.refused(422)


def oracle(usage: Fraction, tiers: Sequence[tuple[str, str]], minor: int) -> list[Fraction]:
    """What each tier comes to, rounded half away from zero to the currency's minor unit."""
    starts = [Fraction(start) for start, _ in tiers]
    found = []
    for place, (start, rate) in enumerate(tiers):
        end = starts[place + 1] if place + 1 < len(starts) else max(usage, Fraction(start))
        held = usage if usage < 0 and place == 0 else max(Fraction(0), min(usage, end) - Fraction(start))
        found.append(half_up(held * Fraction(rate), minor))
    return found


def half_up(amount: Fraction, minor: int) -> Fraction:
    """The nearest multiple of a currency's minor unit, halves away from zero."""
    steps = math.floor(abs(amount) * 10**minor + Fraction(1, 2))
    return Fraction(steps if amount >= 0 else -steps, 10**minor)


def test_the_oracle_rounds_as_it_should() -> None:
    assert half_up(Fraction("0.5"), 0) == 1
    assert half_up(Fraction("-0.5"), 0) == -1
    assert half_up(Fraction("0.4999"), 0) == 0
    assert half_up(Fraction("2.675"), 2) == Fraction("2.68")
    assert oracle(Fraction(150), [("0", "1"), ("100", "0.5")], 2) == [100, 25]
    assert round(2.675, 2) != 2.68, "a double would not do"
