"""Aliases: from the two fields that can carry them to ranges of time, and the ones that an account shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tallystick.accounts.account import Account, AccountStatus, AliasDraft, FirstAccountDraft
from tallystick.accounts.alias import AliasSpan, spans_of, with_aliases
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.period import BEGINNING, FOREVER, Period

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)
KOLKATA = timezone(timedelta(hours=5, minutes=30))


def draft(*values: str, ranges: list[AliasDraft] | None = None) -> FirstAccountDraft:
    return FirstAccountDraft(id="acme", name="Acme", aliases=list(values), account_aliases=ranges or [])


def ranged(value: str, start: datetime | None = None, end: datetime | None = None) -> AliasDraft:
    return AliasDraft(value=value, effective_from=start, effective_until=end)


def span(value: str, start: datetime = BEGINNING, end: datetime = FOREVER) -> AliasSpan:
    return AliasSpan(value, Period(start, end))


def problems(asked: FirstAccountDraft, path: str = "") -> list[str]:
    with pytest.raises(BillingError) as refused:
        spans_of(asked, path)
    assert refused.value.kind is Kind.INVALID
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize(("bare", "with_range"), [(10, 1), (1, 10), (6, 5)])
def test_a_new_account_has_at_most_ten_aliases_together(bare: int, with_range: int) -> None:
    names = [f"alias-{number}" for number in range(bare + with_range)]
    asked = draft(*names[:bare], ranges=[ranged(name) for name in names[bare:]])
    (problem,) = problems(asked, "account.")
    assert problem.startswith("account.aliases: a new account has at most 10 aliases")
    fewer = draft(*names[:bare], ranges=[ranged(name) for name in names[bare:-1]])
    assert [one.value for one in spans_of(fewer, "")] == names[:-1]


def test_an_account_may_have_no_aliases() -> None:
    assert spans_of(draft(), "") == []


def test_a_bare_alias_is_good_for_ever() -> None:
    assert spans_of(draft("ops", "dev"), "") == [span("ops"), span("dev")]


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (ranged("ops"), span("ops")),
        (ranged("ops", start=MARCH), span("ops", start=MARCH)),
        (ranged("ops", end=MAY), span("ops", end=MAY)),
        (ranged("ops", MARCH, MAY), span("ops", MARCH, MAY)),
    ],
)
def test_open_ends_of_a_range_are_the_ends_of_time(alias: AliasDraft, expected: AliasSpan) -> None:
    assert spans_of(draft("dev", ranges=[alias]), "") == [span("dev"), expected]


def test_a_range_is_kept_in_utc_whatever_offset_it_was_sent_with() -> None:
    alias = ranged("ops", datetime(2026, 3, 1, 5, 30, tzinfo=KOLKATA), datetime(2026, 5, 1, tzinfo=UTC))
    assert spans_of(draft(ranges=[alias]), "") == [span("ops", MARCH, MAY)]


def test_an_instant_without_an_offset_is_read_as_utc() -> None:
    alias = ranged("ops", datetime(2026, 3, 1), datetime(2026, 5, 1))  # noqa: DTZ001 - what the wire may carry
    assert spans_of(draft(ranges=[alias]), "") == [span("ops", MARCH, MAY)]


@pytest.mark.parametrize("end", [MARCH, MARCH - timedelta(microseconds=1)])
def test_a_range_must_end_after_it_starts(end: datetime) -> None:
    asked = draft(ranges=[ranged("dev"), ranged("ops", MARCH, end)])
    assert problems(asked) == ["accountAliases[1]: effectiveUntil must lie after effectiveFrom"]


def test_a_range_lies_within_the_years_that_can_be_told_in_utc() -> None:
    too_early = datetime(1, 1, 1, tzinfo=KOLKATA)
    with pytest.raises(BillingError, match=r"accountAliases\[0\].effectiveFrom: .* outside the years 1 to 9999 in UTC"):
        spans_of(draft(ranges=[ranged("ops", start=too_early)]), "")


def test_every_problem_is_named_at_once_below_the_path_of_the_account() -> None:
    asked = draft("ops", "dev", "ops", ranges=[ranged("dev"), ranged("late", MAY, MARCH)])
    assert problems(asked, "account.") == [
        "account.accountAliases[1]: effectiveUntil must lie after effectiveFrom",
        "account.aliases: 'dev' stands twice",
        "account.aliases: 'ops' stands twice",
    ]


ACCOUNT = Account(
    id="acme",
    togai_account_id="account.1",
    togai_customer_id="customer.1",
    name="Acme",
    customer_id="acme",
    invoice_currency="USD",
    net_term_days=30,
    status=AccountStatus.ACTIVE,
)


def shown(spans: list[AliasSpan], now: datetime) -> list[str]:
    return [view.alias for view in with_aliases(ACCOUNT, spans, now).aliases]


def test_an_account_shows_the_aliases_that_are_valid_now() -> None:
    spans = [span("always"), span("until", end=MARCH), span("between", MARCH, MAY), span("from", MAY)]
    assert shown(spans, MARCH - timedelta(microseconds=1)) == ["always", "until"]
    assert shown(spans, MARCH) == ["always", "between"]
    assert shown(spans, MAY) == ["always", "from"]


def test_an_account_shows_at_most_ten_aliases() -> None:
    assert shown([span(f"alias {number}") for number in range(12)], MARCH) == [
        f"alias {number}" for number in range(10)
    ]
