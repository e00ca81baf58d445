"""Errors: kinds for programs, messages for people."""

from __future__ import annotations

import pytest

from tallystick.kernel.errors import (
    BillingError,
    Kind,
    Problem,
    conflict,
    invalid,
    not_found,
    refuse_if_any,
)


@pytest.mark.parametrize(
    ("error", "kind", "code", "message"),
    [
        (invalid("slabs[1].rate", "is missing"), Kind.INVALID, "invalid", "slabs[1].rate: is missing"),
        (invalid("id", "is taken", code="taken"), Kind.INVALID, "taken", "id: is taken"),
        (not_found("usage meter", "um.1"), Kind.NOT_FOUND, "usage_meter_not_found", "usage meter 'um.1' not found"),
        (
            not_found("account", "a", "accountId"),
            Kind.NOT_FOUND,
            "account_not_found",
            "accountId: account 'a' not found",
        ),
        (conflict("already there"), Kind.CONFLICT, "conflict", "already there"),
        (BillingError(Kind.BROKEN, "broken"), Kind.BROKEN, "broken", ""),
    ],
)
def test_an_error_says_what_is_wrong_and_where(error: BillingError, kind: Kind, code: str, message: str) -> None:
    assert (error.kind, error.code, error.message, str(error)) == (kind, code, message, message)


def test_every_problem_is_reported_at_once_first_one_first() -> None:
    problems = [Problem("id", "is empty"), Problem("", "no plan"), Problem("name", "is too long")]
    with pytest.raises(BillingError) as refused:
        refuse_if_any(problems)
    assert refused.value.kind is Kind.INVALID
    assert refused.value.problems == tuple(problems)
    assert refused.value.message == "id: is empty; no plan; name: is too long"


def test_an_error_is_told_with_the_paths_under_which_its_caller_sent_things() -> None:
    refused = BillingError(Kind.CONFLICT, "taken", Problem("plan.id", "is taken"), Problem("", "no plan"))
    told = refused.with_paths(lambda path: path.replace("plan", "edits[0]"))
    assert (told.kind, told.code, told.message) == (Kind.CONFLICT, "taken", "edits[0].id: is taken; no plan")


def test_no_problem_is_no_error() -> None:
    refuse_if_any([])
