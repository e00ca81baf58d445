"""Aliases: other identifiers that events may use for an account, each valid in a range of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from tallystick.accounts.account import SHOWN_ALIASES, Account, AliasView, FirstAccountDraft
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.period import BEGINNING, FOREVER, Period, in_utc

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
        BillingError: of kind INVALID, for a range that ends before it starts, a value that stands twice, more than ten.
    """
    spans = [AliasSpan(value, Period(BEGINNING, FOREVER)) for value in draft.aliases]
    problems: list[Problem] = []
    for index, alias in enumerate(draft.account_aliases):
        here = f"{path}accountAliases[{index}]"
        start = in_utc(alias.effective_from or BEGINNING, f"{here}.effectiveFrom")
        end = in_utc(alias.effective_until or FOREVER, f"{here}.effectiveUntil")
        if start < end:
            spans.append(AliasSpan(alias.value, Period(start, end)))
        else:
            problems.append(Problem(here, "effectiveUntil must lie after effectiveFrom"))
    times = Counter(span.value for span in spans)
    problems += [Problem(f"{path}aliases", f"{value!r} stands twice") for value in sorted(times) if times[value] > 1]
    if len(draft.aliases) + len(draft.account_aliases) > SHOWN_ALIASES:
        reason = f"a new account has at most {SHOWN_ALIASES} aliases, those in accountAliases counted too"
        problems.append(Problem(f"{path}aliases", reason))
    refuse_if_any(problems)
    return spans


def with_aliases(account: Account, spans: Iterable[AliasSpan], now: datetime) -> Account:
    """The account as it is shown: with the aliases that are valid now, at most ten."""
    valid = [AliasView(alias=span.value) for span in spans if span.valid.contains(now)]
    return msgspec.structs.replace(account, aliases=valid[:SHOWN_ALIASES])
