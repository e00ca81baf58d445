"""Measure (f): invoices frozen per second, when all accounts fall due at one instant."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from benchmarks import store, world
from benchmarks.figure import Aim, Figure
from benchmarks.server import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figure import Scale

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CREDIT: Final = "100000"
_EVENTS_EACH: Final = 20
_LIMIT: Final = (
    "one Python thread prices, assembles and writes; about half of its time goes into SQLAlchemy's statements"
)


def measure(scale: Scale, scratch: Path) -> Iterator[Figure]:
    """Months of accounts with five cards, usage and a credit that each invoice burns; next month's drafts included."""
    accounts = scale.billed_accounts
    made = world.build(scratch / "invoices", accounts, test_clock=START, credit=_CREDIT)
    months = [START.replace(month=1 + number) for number in range(scale.runs + 1)]
    for month in months[:-1]:
        store.fill(made, _EVENTS_EACH * accounts, accounts, START, month, timedelta(days=28))
    runs = []
    with running(made.data, START.isoformat()) as server:
        for next_month in months[1:]:
            due = next_month + timedelta(days=world.GRACE_DAYS)
            started = time.perf_counter()
            answer = server.client.post("/v1/test-clock/advance", {"to": due})
            runs.append(accounts / (time.perf_counter() - started))
            if answer["invoicesFrozen"] != accounts or answer["draftsOpened"] != accounts:
                raise RuntimeError(f"expected {accounts} invoices and drafts: {answer}")
    name = f"{accounts:,} accounts, five cards each, one credit burned"
    yield Figure(name=name, unit="invoices/s", runs=runs, aim=Aim(500, _LIMIT))
