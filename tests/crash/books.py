"""What bill runs have written, read without the product and without the ids that they mint."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_INVOICES = """
SELECT account_id, cycle_start, class, type, status, total_minor, paid_minor, cycle_end, freeze_at, frozen_at
FROM invoice ORDER BY 1, 2, 3, 4
"""
_LINES = """
SELECT account_id, cycle_start, number, parent, line.type, CASE line.type WHEN 'SUB_CREDITS' THEN '' ELSE item_id END,
    description, quantity, amount_minor
FROM invoice_line AS line JOIN invoice ON invoice.id = invoice_id ORDER BY 1, 2, 3
"""
_BURNED = """
SELECT invoice.account_id, cycle_start, entry.type, amount_minor FROM credit_entry AS entry
JOIN invoice ON invoice.id = entry.invoice_id ORDER BY 1, 2, 3
"""
_CREDITS = "SELECT account_id, effective_from, consumed_minor, status FROM credit ORDER BY 1, 2"
_GRANTED = """
SELECT account_id, cycle_start, item_id, amount_minor, effective_from
FROM credit_grant JOIN credit ON credit.id = credit_id ORDER BY 1, 2, 3
"""
_WALLETS = "SELECT account_id, credited_minor, consumed_minor, entries FROM wallet ORDER BY 1"
_WALLET_ENTRIES = """
SELECT account_id, number, type, amount_minor, closing_minor
FROM wallet_entry JOIN wallet ON wallet.id = wallet_id ORDER BY 1, 2
"""
NUMBERS = "SELECT sequence_id FROM invoice WHERE sequence_id IS NOT NULL ORDER BY 1"


@dataclass(frozen=True)
class Books:
    """Everything that a bill run writes, without the ids that it mints."""

    invoices: list[tuple[Any, ...]]
    lines: list[tuple[Any, ...]]
    burned: list[tuple[Any, ...]]
    credits: list[tuple[Any, ...]]
    granted: list[tuple[Any, ...]]
    wallets: list[tuple[Any, ...]]
    entries: list[tuple[Any, ...]]
    numbers: list[str]


def books_of(data: Path) -> Books:
    """The books in a directory."""
    return Books(
        invoices=rows(data, _INVOICES),
        lines=rows(data, _LINES),
        burned=rows(data, _BURNED),
        credits=rows(data, _CREDITS),
        granted=rows(data, _GRANTED),
        wallets=rows(data, _WALLETS),
        entries=rows(data, _WALLET_ENTRIES),
        numbers=[number for (number,) in rows(data, NUMBERS)],
    )


def rows(data: Path, query: str) -> list[tuple[Any, ...]]:
    """What the state answers."""
    with contextlib.closing(sqlite3.connect(data / "state.db")) as database:
        return database.execute(query).fetchall()
