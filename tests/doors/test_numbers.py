"""Numbers travel exactly: in as JSON numbers, through rates and usage, out as JSON numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.operations.shop import Shop, amounts, event, fee, tiered

if TYPE_CHECKING:
    from tests.servers import Api

Json = dict[str, Any]
LONG = "0.1234567890123456789012345"


def plan_with_rate(api: Api, rate: str) -> tuple[bytes, bytes]:
    """A plan whose fee has this rate, sent as it is written: the answer, and what is read back."""
    addon = Shop(api).addon()
    card = fee(addon, "RATE")
    body = json.dumps(
        {"name": "Exact", "pricePlanDetails": {"supportedCurrencies": ["USD"], "fixedFeeRateCards": [card]}}
    )
    made = api.send("POST", "/price_plans", content=body.replace('"RATE"', rate))
    plan = made.ok()["id"]
    return made.content, api.get(f"/price_plans/{plan}").content


@pytest.mark.parametrize("rate", [LONG, "0", "-5.25", "123456789012.123456789012", "1e-20", "0.1", "3"])
def test_a_rate_comes_back_as_it_was_sent(api: Api, rate: str) -> None:
    for content in plan_with_rate(api, rate):
        found = json.loads(content, parse_float=Decimal)["pricingSchedule"][0]["pricePlanDetails"]
        (value,) = found["fixedFeeRateCards"][0]["rateValues"]
        assert not isinstance(value["rate"], str)
        assert Decimal(value["rate"]) == Decimal(rate)


def test_a_long_rate_comes_back_digit_by_digit(api: Api) -> None:
    for content in plan_with_rate(api, LONG):
        assert f'"rate":{LONG}'.encode() in content.replace(b" ", b"")


def integers(value: Any) -> list[object]:  # noqa: ANN401 - JSON
    """The values under keys that the wire declares to be integers."""
    names = {"version", "order", "netTermDays", "gracePeriod", "priority"}
    if isinstance(value, dict):
        here = [item for name, item in value.items() if name in names]
        return here + [found for item in value.values() for found in integers(item)]
    return [found for item in value for found in integers(item)] if isinstance(value, list) else []


def test_integers_are_written_as_integers(api: Api) -> None:
    shop = Shop(api)
    shop.metered_plan()
    shop.credit(80)
    for path in ("/accounts/acme", "/price_plans", "/credits", "/invoices", "/event_schema/api_call"):
        found = integers(api.get(path).ok())
        assert found or path == "/price_plans"
        assert all(isinstance(one, int) for one in found)


def test_a_tenth_and_two_tenths_are_three_tenths(api: Api) -> None:
    shop = Shop(api)
    shop.metered_plan((0, 1))
    shop.use("0.1")
    shop.use("0.2")
    assert shop.invoice()["usageInfo"][0]["value"] == Decimal("0.3")
    assert shop.metric("USAGE", "2026-01-01", "2026-02-01")[0]["metricValues"] == [Decimal("0.3")]
    assert b"0.30000000000000004" not in api.post("/metrics", metrics("USAGE")).content


def metrics(name: str) -> dict[str, object]:
    query = {"id": "q", "name": name, "aggregationPeriod": "MONTH"}
    return {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z", "metricQueries": [query]}


def test_usage_is_never_rounded_and_money_only_at_the_leaf(api: Api) -> None:
    shop = Shop(api)
    meter = shop.metered_plan((0, "0.0000001"))
    assert meter
    shop.use("12345678901234567890.123456789012")
    (usage,) = shop.invoice()["usageInfo"]
    assert usage["value"] == Decimal("12345678901234567890.123456789012")
    # 1234567890123.4567890123456789012 dollars
    assert amounts(shop.invoice(), "GRAND_TOTAL_AMOUNT") == [Decimal("1234567890123.46")]


def test_half_a_cent_goes_up(api: Api) -> None:
    shop = Shop(api)
    shop.metered_plan((0, "0.005"))
    shop.use(1)
    assert amounts(shop.invoice(), "GRAND_TOTAL_AMOUNT") == [Decimal("0.01")]


@pytest.mark.parametrize(
    ("currency", "total"), [("JPY", 1235), ("KWD", Decimal("1234.568")), ("USD", Decimal("1234.57"))]
)
def test_amounts_are_rounded_to_the_currencys_minor_unit(api: Api, currency: str, total: object) -> None:
    shop = Shop(api)
    shop.account(currency=currency)
    shop.schema()
    card = tiered(shop.meter(), (0, 1), currency=currency)
    shop.associate(shop.plan(currencies=(currency,), usageRateCards=[card]))
    shop.use("1234.5678")
    assert shop.invoices()[0]["totalAmount"] == total


def test_a_grant_finer_than_the_minor_unit_is_refused(api: Api) -> None:
    Shop(api).account(currency="JPY")
    asked = {"accountId": "acme", "purpose": "Gift", "effectiveFrom": "2026-01-01", "creditAmount": 1.5, "priority": 1}
    assert "creditRequests[0].creditAmount" in api.post("/credits", {"creditRequests": [asked]}).refused(400)


def test_attribute_values_stay_the_text_they_were(api: Api) -> None:
    for number, value in enumerate(["007", "-0", "1.500", "9" * 512]):
        api.post("/ingest", {"event": event(f"t-{number}", calls=value)}).ok()
        (found,) = api.get(f"/events/t-{number}").ok()["events"]
        assert found["eventPayload"]["attributes"][0]["value"] == value


DIGITS = "1" + "0" * 30
GIFT = {"accountId": "acme", "purpose": "Gift", "effectiveFrom": "2026-01-01", "priority": 1, "creditAmount": 0}
CASH = {"sourceName": "Bank", "sourceType": "CASH", "transactionNumber": "1"}
PART = {"type": "CREDIT", "order": 1}
PAYMENT = {"accountId": "acme", "currency": "USD", "externalPaymentReference": CASH, "lineItemRecords": [PART]}
SEATS = {"licenseId": "LICENSE", "accountId": "acme", "updateType": "ABSOLUTE"}
REFUSED: list[tuple[str, Json, str, str]] = [
    ("accounts/acme/wallet_topup", {"topupAmount": 0}, "1e30", f"topupAmount: {DIGITS} is out of range"),
    ("accounts/acme/wallet_topup", {"topupAmount": 0}, "-1e30", f"topupAmount: is -{DIGITS}, expected more than 0"),
    ("accounts/acme/wallet_topup", {"topupAmount": 0}, "1e-8", "topupAmount: 0.00000001 is finer than the smallest"),
    (
        "accounts/acme/purchases",
        {"type": "WALLET_TOPUP", "walletTopupDetails": {"topupAmount": 0}},
        "1e30",
        f"walletTopupDetails.topupAmount: {DIGITS} is out of range",
    ),
    ("credits", {"creditRequests": [GIFT]}, "1e30", f"creditRequests[0].creditAmount: {DIGITS} is out of range"),
    ("payments", PAYMENT | {"totalAmount": 0}, "1e30", f"totalAmount: {DIGITS} is out of range"),
    ("license_updates", SEATS | {"quantity": 0}, "1e30", f"quantity: is {DIGITS}, expected at most"),
    (
        "price_plans",
        {"name": "Dear", "pricePlanDetails": {"supportedCurrencies": ["USD"], "fixedFeeRateCards": [fee("FEE", 0)]}},
        "1e30",
        f"rateValues[0].rate: is {DIGITS}, the most is",
    ),
]


@pytest.mark.parametrize(("path", "body", "number", "message"), REFUSED)
def test_a_refusal_names_a_number_in_plain_digits(api: Api, path: str, body: Json, number: str, message: str) -> None:
    shop = Shop(api)
    shop.account()
    text = json.dumps(body).replace(": 0", f": {number}")
    for name, kind in (("LICENSE", "LICENSE"), ("FEE", "FIXED_FEE")):
        text = text.replace(f'"{name}"', f'"{shop.addon(f"The {kind}", kind)}"')
    told = api.send("POST", f"/{path}", content=text).refused(400)
    assert message in told
    assert "E+" not in told
    assert "E-" not in told
