"""Clients that send events as fast as they are acknowledged, and remember what they sent and what was acknowledged."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from benchmarks.events import MATCHED_REGION, REGIONS, SCHEMA, account_name
from demo.client import RefusedError, UnreachableError

if TYPE_CHECKING:
    from demo.client import Client

ACCOUNTS = 8
BATCH = 20
CLIENTS = 8


@dataclass(frozen=True)
class Sent:
    """An event as it was sent: `size` is summed by one meter, `seconds` by the other if the region matches."""

    id: str
    account: str
    region: str
    size: Decimal
    seconds: Decimal

    @property
    def wire(self) -> dict[str, Any]:
        return {
            "schemaName": SCHEMA,
            "id": self.id,
            "timestamp": "2026-01-10T12:00:00Z",
            "accountId": self.account,
            "attributes": [{"name": "bytes", "value": f"{self.size}"}, {"name": "seconds", "value": f"{self.seconds}"}],
            "dimensions": {"region": self.region, "route": "search", "tier": "pro"},
        }


@dataclass
class History:
    """Every event that was sent, by id, and the ids that were acknowledged."""

    sent: dict[str, Sent] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)

    @property
    def unknown(self) -> list[Sent]:
        """Events whose fate no answer told."""
        return [event for name, event in self.sent.items() if name not in self.acknowledged]

    @property
    def total_size(self) -> Decimal:
        return sum((event.size for event in self.sent.values()), Decimal())

    @property
    def total_matched_seconds(self) -> Decimal:
        matched = (event.seconds for event in self.sent.values() if event.region == MATCHED_REGION)
        return sum(matched, Decimal())


def send(client: Client, events: list[Sent], history: History) -> bool:
    """Send a batch and remember what is known of it; whether it was acknowledged."""
    history.sent.update({event.id: event for event in events})
    try:
        client.post("/ingestBatch", {"events": [event.wire for event in events]})
    except (UnreachableError, RefusedError):
        return False
    history.acknowledged.update(event.id for event in events)
    return True


def start_clients(client: Client, history: History, round_name: str, seed: int) -> list[threading.Thread]:
    """Threads that send batch after batch until one is not answered."""

    def run(number: int) -> None:
        chance = random.Random(seed * CLIENTS + number)
        batch = 0
        while send(client, [event_of(f"{round_name}-{number}-{batch}-{i}", chance) for i in range(BATCH)], history):
            batch += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    return threads


def event_of(name: str, chance: random.Random, accounts: int = ACCOUNTS, *, account: str | None = None) -> Sent:
    """An event of some account, or of this one."""
    return Sent(
        id=name,
        account=account or account_name(chance.randrange(accounts)),
        region=chance.choice(REGIONS),
        size=Decimal(chance.randrange(1_000_000_000)).scaleb(-3),
        seconds=Decimal(chance.randrange(100_000)).scaleb(-4),
    )
