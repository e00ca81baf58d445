"""Numbers that other systems round, misread or choke on: stored exactly, or refused with their place (F-72)."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from tests.hostile.ways_in import WAYS_IN
from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from tests.servers import Answer, Api

NUMBERS: Final = count(1)
BY_NAME: Final = {way.name: way for way in WAYS_IN}

EXACT: Final = {
    "0": "0",
    "minus zero": "-0",
    "minus zero with a fraction": "-0.00",
    "zeros at the end": "1.500",
    "zeros at the beginning": "0001.5",
    "2^53 + 1": "9007199254740993",
    "2^63": "9223372036854775808",
    "2^64": "18446744073709551616",
    "a tenth more than a double knows": "0.1000000000000000055",
    "26 digits before the point": "9" * 26,
    "12 digits behind the point": "0." + "0" * 11 + "1",
    "512 digits": "9" * 512,
    "512 digits on either side": "-" + "9" * 512 + "." + "9" * 512,
    "1e308 written out": "1" + "0" * 308,
    "1e-400 written out": "0." + "0" * 399 + "1",
}
REFUSED: Final = {
    "nothing": '""',
    "not a number": '"NaN"',
    "signalling": '"sNaN"',
    "infinity": '"Infinity"',
    "minus infinity": '"-inf"',
    "an exponent": '"1e3"',
    "a huge exponent": '"1e999999999"',
    "513 digits": f'"{"9" * 513}"',
    "5,000 digits": f'"{"9" * 5_000}"',
    "a long fraction": f'"0.{"1" * 5_000}"',
    "a comma": '"12,5"',
    "thousands": '"1,000.5"',
    "an underscore": '"1_000"',
    "hexadecimal": '"0x10"',
    "Arabic digits": '"\N{ARABIC-INDIC DIGIT ONE}\N{ARABIC-INDIC DIGIT TWO}"',
    "full-width digits": '"\N{FULLWIDTH DIGIT ONE}"',
    "superscript": '"\N{SUPERSCRIPT TWO}"',
    "a plus sign": '"+1"',
    "a typographic minus": '"\N{MINUS SIGN}1"',
    "a blank": '" 1"',
    "a line feed": '"1\\n"',
    "no digit before the point": '".5"',
    "no digit behind it": '"5."',
    "a number without quotes": "1",
    "a fraction without quotes": "0.1",
    "a word of JSON": "true",
    "null": "null",
}


def sent(api: Api, way: str, value: str) -> tuple[str, Answer]:
    """An event with an id of its own whose attribute has this value, as JSON; the id, and the answer."""
    door, name = BY_NAME[way], f"n-{next(NUMBERS)}"
    body = door.with_part("attributes[0].value", value.encode()).replace(b'"id":"e"', f'"id":"{name}"'.encode())
    return name, api.send("POST", door.path, content=body, headers=door.headers)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("way", ["ingest", "ingestBatch", "v1/events"])
def test_a_plain_number_is_stored_as_it_was_written(shop: Shop, way: str, name: str) -> None:
    event_id, answer = sent(shop.api, way, f'"{EXACT[name]}"')
    answer.ok()
    (found,) = shop.api.get(f"/events/{event_id}").ok()["events"]
    assert found["eventPayload"]["attributes"] == [{"name": "calls", "value": EXACT[name]}]
    fits = len(EXACT[name].lstrip("-").partition(".")[0].lstrip("0")) <= 26
    fits = fits and len(EXACT[name].partition(".")[2].rstrip("0")) <= 12
    status = found["ingestionStatus"]["status"]
    assert status == ("INGESTION_COMPLETED_EVENT_METERED" if fits else "INGESTION_FAILED_UNITS_INVALID")
    if fits:
        (metered,) = found["eventPipelineInfo"]["usageMeters"]
        assert metered["units"] == Decimal(EXACT[name])


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("way", ["ingest", "ingestBatch", "v1/events", "preview of a meter", "correction"])
def test_anything_else_is_refused_with_its_place(shop: Shop, way: str, name: str) -> None:
    event_id, answer = sent(shop.api, way, REFUSED[name])
    assert "attributes[0].value: " in answer.refused(400)
    shop.api.get(f"/events/{event_id}").refused(404)


CLOUD: Final = {
    "1e2": "100",
    "25e-4": "0.0025",
    "1.50": "1.50",
    "-0": "-0",
    "0e999": "0",
    "9007199254740993": "9007199254740993",
    "18446744073709551616": "18446744073709551616",
    "0.1000000000000000055": "0.1000000000000000055",
    "1e400": "1" + "0" * 400,
    "1e-400": "0." + "0" * 399 + "1",
    '"12.50"': "12.50",
}


@pytest.mark.parametrize("number", CLOUD)
@pytest.mark.parametrize("way", ["structured CloudEvent", "batch of CloudEvents", "CloudEvent in headers"])
def test_the_numbers_of_a_cloud_event_keep_every_digit(shop: Shop, way: str, number: str) -> None:
    door, name = BY_NAME[way], f"n-{next(NUMBERS)}"
    body = door.with_part("data.calls", number.encode()).replace(b'"id":"e"', f'"id":"{name}"'.encode())
    headers = {**door.headers, **({"ce-id": name} if "ce-id" in door.headers else {})}
    shop.api.send("POST", door.path, content=body, headers=headers).ok()
    (found,) = shop.api.get(f"/events//tests {name}").ok()["events"]
    assert found["eventPayload"]["attributes"] == [{"name": "calls", "value": CLOUD[number]}]


@pytest.mark.parametrize(
    "number",
    ["1e512", "1e-513", "1e999999999", "9" * 513, "0." + "1" * 513, '"12,5"', '"0x10"', '"1_000"', '"NaN"', "true"],
)
@pytest.mark.parametrize("way", ["structured CloudEvent", "CloudEvent in headers"])
def test_a_number_that_an_event_cannot_hold_is_refused_by_its_name(shop: Shop, way: str, number: str) -> None:
    door = BY_NAME[way]
    answer = shop.api.send(
        "POST", door.path, content=door.with_part("data.calls", number.encode()), headers=door.headers
    )
    assert answer.refused(400).startswith("data.calls: is ")


def test_ten_thousand_tenths_are_a_thousand(shop: Shop) -> None:
    shop.account("tenths")
    for start in range(0, 10_000, 1_000):
        events = [event(f"tenth-{start + number}", "tenths", "0.1") for number in range(1_000)]
        assert shop.api.post("/ingestBatch", {"events": events}).ok()["details"] == {"accepted": 1_000}
    used = shop.metric(
        "USAGE", "2026-01-01", "2026-02-01", filters=[{"fieldName": "ACCOUNT_ID", "fieldValues": ["tenths"]}]
    )
    assert used[0]["metricValues"] == [Decimal(1000)]
    assert str(used[0]["metricValues"][0]) == "1000"


def test_the_sum_of_doubles_would_not_be() -> None:
    total = 0.0
    for _ in range(10_000):
        total += 0.1
    assert repr(total) != "1000.0"


class TestMoney:
    """Amounts come as JSON numbers, and pass through no double either."""

    @pytest.mark.parametrize(
        ("amount", "problem"),
        [
            ("NaN", "not valid JSON"),
            ("Infinity", "not valid JSON"),
            ('"NaN"', "expected a number between"),
            ('"sNaN"', "expected a number between"),
            ('"Infinity"', "expected a number between"),
            ("1e400", "expected a number between"),
            ("1e-400", "expected a number between"),
            ("1e999999999", ""),
            ("9" * 5_000, ""),
            ("true", "creditAmount"),
            ('"12,5"', "creditAmount"),
            ('"0x10"', "creditAmount"),
            ('"\N{ARABIC-INDIC DIGIT ONE}"', "creditAmount: is "),
            (r'"\u0661"', "creditAmount: is "),
            ('"1_000"', "creditAmount: is '1_000', expected a number in plain digits"),
            ("0.001", "creditAmount"),
            ("-1", "creditAmount"),
            ("0", "creditAmount"),
            ("92233720368547758.08", ""),
        ],
    )
    def test_an_amount_that_cannot_be_is_refused(self, shop: Shop, amount: str, problem: str) -> None:
        body = (
            '{"creditRequests":[{"accountId":"acme","purpose":"Gift","effectiveFrom":"2026-01-01","priority":1,'
            f'"creditAmount":{amount}}}]}}'
        )
        answer = shop.api.send("POST", "/credits", content=body.encode())
        assert 400 <= answer.status < 500, answer.content
        assert problem in answer.body["message"]

    @pytest.mark.parametrize("amount", ["9007199254740.93", "0.01", "1e3", "9999999999999.99", "12.50"])
    def test_any_other_is_kept_to_the_cent(self, shop: Shop, amount: str) -> None:
        name = f"kept-{next(NUMBERS)}"
        shop.account(name)
        shop.credit(Decimal(amount), name)
        assert shop.balance(name)[0] == Decimal(amount)
