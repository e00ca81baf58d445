"""kill -9 in the middle of bill runs: what comes out is what an undisturbed run makes (reliability.md F-10)."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks import world
from benchmarks.events import account_name, bodies
from benchmarks.server import running
from demo.client import RefusedError, UnreachableError
from tests.crash.books import NUMBERS, books_of, rows

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.server import Server
    from tests.crash.conftest import NewServer

START = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = START.isoformat()
UNTIL = datetime(2026, 5, 4, tzinfo=UTC).isoformat()
MONTHS = 4
ACCOUNTS = 300
EVENTS = 3_000
CREDIT = "150"
"""Pays for all of the first two invoices and a part of the third: three fees of 19.90 and some usage a month."""

BONUS = "25"
"""Granted with each invoice, and paid with the first ones behind it."""

TOPUP = 20
"""In the wallet, which pays a part of the first invoice that credits do not pay whole."""

KILLS = 6 if "CRASH_ROUNDS" in os.environ else 3
LATEST_KILL_S = 0.3
LOOK_S = 0.01


def test_a_bill_run_that_is_killed_again_and_again_makes_what_an_undisturbed_one_makes(
    new_server: NewServer, tmp_path: Path
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    _prepare(undisturbed)
    shutil.copytree(undisturbed, killed)
    with running(undisturbed, CLOCK) as server:
        _advance(server)
    seen = _killed_until_done(new_server(killed, test_clock=CLOCK))
    assert any(count % ACCOUNTS for count in seen), f"no kill left a month half billed: {seen}"
    expected, found = books_of(undisturbed), books_of(killed)
    assert found == expected
    assert len(expected.invoices) == ACCOUNTS * (MONTHS + 1), "one for each account and cycle, the last a draft"
    assert found.numbers == [f"INV-{number:06}" for number in range(1, ACCOUNTS * MONTHS + 1)]
    assert {status for _, since, _, status in expected.credits if since == "2026-01-01"} == {"CONSUMED"}
    assert len(expected.granted) == ACCOUNTS * MONTHS, "one for each account and invoice"
    assert len(expected.credits) == ACCOUNTS * (MONTHS + 1)
    assert {one[1:] for one in expected.wallets} == {(TOPUP * 100, TOPUP * 100, 2)}, "each wallet paid once, all it had"


def _prepare(data: Path) -> None:
    """Accounts that have used something in January, have credit and money, and are granted more credit each month."""
    world.build(data, ACCOUNTS, test_clock=START, credit=CREDIT, bonus=BONUS)
    with running(data, CLOCK) as server:
        for body in bodies(EVENTS, 1_000, ACCOUNTS, START + timedelta(days=10), seed=3):
            server.client.post("/ingestBatch", body)
        for number in range(ACCOUNTS):
            server.client.post(f"/accounts/{account_name(number)}/wallet_topup", {"topupAmount": TOPUP})
        while not server.client.send("GET", "/events?pageSize=1").is_settled:
            pass


def _killed_until_done(server: Server) -> list[int]:
    """Kill the server some times while it bills, then let it finish; how many invoices there were after each kill."""
    chance = random.Random(4)
    seen = [0]
    for _ in range(KILLS):
        server.start()
        billing = threading.Thread(target=_advance_in_vain, args=(server,))
        billing.start()
        wanted = seen[-1] + chance.randrange(ACCOUNTS // 2)
        while billing.is_alive() and len(rows(server.data, NUMBERS)) < wanted:
            time.sleep(LOOK_S)
        time.sleep(chance.uniform(0, LATEST_KILL_S))
        server.kill()
        billing.join()
        seen.append(len(rows(server.data, NUMBERS)))
    server.start()
    _advance(server)
    server.stop()
    return seen


def _advance(server: Server) -> None:
    answer = server.client.post("/v1/test-clock/advance", {"to": UNTIL})
    assert answer["issues"] == {}


def _advance_in_vain(server: Server) -> None:
    with contextlib.suppress(UnreachableError, RefusedError):
        _advance(server)
