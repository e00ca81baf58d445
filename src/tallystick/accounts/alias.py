"""Aliases: other identifiers that events may use for an account, each valid in a range of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec

from tallystick.accounts.account import SHOWN_ALIASES, Account, AliasView, FirstAccountDraft
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.period import BEGINNING, FOREVER, Period

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class AliasSpan:
    """An alias and when events may use it."""

    value: str
    valid: Period


def spans_of(draft: FirstAccountDraft, path: str) -> list[AliasSpan]:
    """The aliases of a new account, from both of the fields that can carry them.

    Raises:
        BillingError: of kind INVALID, for a range that ends before it starts and for a value that stands twice.
    """
    spans = [AliasSpan(value, Period(BEGINNING, FOREVER)) for value in draft.aliases]
    problems: list[Problem] = []
    for index, alias in enumerate(draft.account_aliases):
        here = f"{path}accountAliases[{index}]"
        try:
            start, end = _in_utc(alias.effective_from or BEGINNING), _in_utc(alias.effective_until or FOREVER)
        except OverflowError:
            problems.append(Problem(here, "its range lies outside the years 1 to 9999 in UTC"))
            continue
        if start < end:
            spans.append(AliasSpan(alias.value, Period(start, end)))
        else:
            problems.append(Problem(here, "effectiveUntil must lie after effectiveFrom"))
    values = [span.value for span in spans]
    problems += [
        Problem(f"{path}aliases", f"{value!r} stands twice") for value in sorted(set(values)) if values.count(value) > 1
    ]
    refuse_if_any(problems)
    return spans


def _in_utc(instant: datetime) -> datetime:
    """The same instant in UTC; one without an offset is read as UTC (domain.md 1.9)."""
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def with_aliases(account: Account, spans: Iterable[AliasSpan], now: datetime) -> Account:
    """The account as it is shown: with the aliases that are valid now, at most ten."""
    valid = [AliasView(alias=span.value) for span in spans if span.valid.contains(now)]
    return msgspec.structs.replace(account, aliases=valid[:SHOWN_ALIASES])
