"""The documents of a credit: what is refused, and what a grant looks like (domain.md 6.1 and 9.0)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tallystick.credits.credit import Credit, CreditRequests, grant, request_problems
from tallystick.kernel.document import decode, encode
from tallystick.kernel.money import Money
from tests.unit.credits.grants import CREATED_AT, usd

WELCOME: dict[str, Any] = {
    "accountId": "acme-main",
    "purpose": "Welcome",
    "effectiveFrom": "2026-01-01",
    "creditAmount": 80,
    "priority": 1,
}
GRANTED = WELCOME | {
    "id": "cred.2AbcDefGhIp.om5kC",
    "customerId": "acme",
    "status": "ACTIVE",
    "creditUnit": "USD",
    "holdAmount": 0,
    "consumedAmount": 0,
    "createdAt": "2026-01-01T00:00:00Z",
}


def requests(**changes: object) -> CreditRequests:
    return decode(msgspec.json.encode({"creditRequests": [WELCOME | changes]}), CreditRequests)


def problems(**changes: object) -> list[str]:
    request = requests(**changes).credit_requests[0]
    return [str(problem) for problem in request_problems(request, "USD", "creditRequests[0]")]


def test_the_grant_of_the_walk_reads_as_the_reference_prints_it() -> None:
    request = requests().credit_requests[0]
    credit = grant(request, credit_id="cred.2AbcDefGhIp.om5kC", customer_id="acme", currency="USD", now=CREATED_AT)
    assert msgspec.json.decode(encode(credit)) == GRANTED
    assert decode(encode(credit), Credit) == credit
    assert credit.amount == usd("80")


def test_a_granted_amount_is_written_in_its_shortest_form() -> None:
    request = decode(
        b'{"creditRequests": [%s]}' % msgspec.json.encode(WELCOME).replace(b"80", b"80.50"), CreditRequests
    )
    credit = grant(request.credit_requests[0], credit_id="c", customer_id="acme", currency="USD", now=CREATED_AT)
    assert b'"creditAmount":80.5,' in encode(credit)


def test_a_request_that_can_be_granted_has_no_problems() -> None:
    assert problems() == []
    assert problems(effectiveUntil="2026-01-02", applicableEntityIds=["um.a", "ALL_FIXED_FEE_RATE_CARDS"]) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"creditAmount": 0}, "creditRequests[0].creditAmount: is 0, expected more than 0"),
        ({"creditAmount": -1}, "creditRequests[0].creditAmount: is -1, expected more than 0"),
        (
            {"effectiveUntil": "2026-01-01"},
            "creditRequests[0].effectiveUntil: is 2026-01-01, expected a day after effectiveFrom 2026-01-01",
        ),
        ({"applicableEntityIds": ["a", "a"]}, "creditRequests[0].applicableEntityIds: names 'a' 2 times"),
        (
            {"applicableEntityIds": ["a", "ALL_FEES"]},
            (
                "creditRequests[0].applicableEntityIds[1]: 'ALL_FEES' is no group of cards, expected "
                "ALL_USAGE_METER_RATE_CARDS, ALL_FIXED_FEE_RATE_CARDS, ALL_LICENSE_RATE_CARDS, "
                "ALL_BILLING_ENTITLEMENT_RATE_CARDS, ALL_ENTITLEMENT_OVERAGE_RATE_CARDS or the id of an item"
            ),
        ),
    ],
)
def test_what_keeps_a_credit_from_being_granted_is_named(changes: dict[str, object], problem: str) -> None:
    assert problems(**changes) == [problem]


def test_an_amount_finer_than_a_cent_is_refused_along_with_everything_else() -> None:
    found = problems(creditAmount=-0.005, effectiveUntil="2025-01-01")
    assert [problem.partition(":")[0] for problem in found] == [
        "creditRequests[0].creditAmount",
        "creditRequests[0].creditAmount",
        "creditRequests[0].effectiveUntil",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"priority": 0},
        {"priority": 101},
        {"priority": "1"},
        {"purpose": ""},
        {"effectiveFrom": "2026-01-01T00:00:00Z"},
        {"accountId": ""},
        {"colour": "green"},
    ],
)
def test_a_request_of_another_shape_is_refused_when_it_is_read(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        requests(**changes)


@pytest.mark.parametrize("missing", ["accountId", "purpose", "effectiveFrom", "creditAmount", "priority"])
def test_a_request_names_account_purpose_start_amount_and_priority(missing: str) -> None:
    partial = {key: value for key, value in WELCOME.items() if key != missing}
    with pytest.raises(msgspec.ValidationError, match=missing):
        decode(msgspec.json.encode({"creditRequests": [partial]}), CreditRequests)


def test_a_key_of_the_credits_that_bills_grant_is_nobodys_else() -> None:
    (problem,) = problems(idempotencyKey="tallystick:refund ps.1 2026-04-21 license.1")
    assert problem.startswith("creditRequests[0].idempotencyKey: begins with 'tallystick:'")
    assert problems(idempotencyKey="refund tallystick:") == []


def test_an_amount_in_yen_has_no_decimals() -> None:
    request = requests(creditAmount=80.5).credit_requests[0]
    assert "smallest unit of JPY" in str(request_problems(request, "JPY", "")[0])
    assert Money(request.credit_amount, "USD") == usd("80.5")
