"""The event that is measured with: about 260 bytes, three dimensions, two attributes, a random 128-bit id."""

from __future__ import annotations

import itertools
import os
import random
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.metering.columns import EventColumns
from tallystick.metering.event import EventSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCHEMA: Final = "api_request"
REGIONS: Final = ("eu-west", "eu-north", "us-east", "ap-south")
MATCHED_REGION: Final = REGIONS[0]
ROUTES: Final = ("search", "upload", "render", "export", "notify")
TIERS: Final = ("free", "pro", "enterprise")
_ID_BYTES: Final = 16
_ID: Final = re.compile(rb"\b[0-9a-f]{32}\b")
_STAMP: Final = "%Y-%m-%dT%H:%M:%SZ"


def account_name(number: int) -> str:
    """The id of the account of that number."""
    return f"account-{number:05}"


def bodies(count: int, batch: int, accounts: int, until: datetime, seed: int) -> Iterator[bytes]:
    """So many events as bodies of `POST /ingest` or, in batches, of `POST /ingestBatch`; of the last hour."""
    events = _texts(count, accounts, until, random.Random(seed))
    if batch == 1:
        yield from (b'{"event":%s}' % event.encode() for event in events)
        return
    for _ in range(0, count, batch):
        yield b'{"events":[%s]}' % ",".join(next(events) for _ in range(batch)).encode()


def renewed(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The same texts over and over, for ever, each time with new ids, which costs a sender little."""
    patterns = [_ID.split(text) for text in texts]
    for pattern in itertools.cycle(patterns):
        ids = os.urandom(_ID_BYTES * (len(pattern) - 1)).hex().encode()
        parts = [b""] * (2 * len(pattern) - 1)
        parts[::2] = pattern
        parts[1::2] = [ids[place : place + 2 * _ID_BYTES] for place in range(0, len(ids), 2 * _ID_BYTES)]
        yield b"".join(parts)


def columns(count: int, organisation: str, accounts: int, start: datetime, span: timedelta, seed: int) -> EventColumns:
    """So many events as the log takes them, spread over a span of time; they look as those of `bodies`."""
    chance = random.Random(seed)
    names = [account_name(number) for number in range(accounts)]
    seconds = int(span.total_seconds())
    ids = os.urandom(_ID_BYTES * count).hex()
    return EventColumns(
        organisation=organisation,
        source=EventSource.BATCH,
        ids=[ids[place : place + 2 * _ID_BYTES] for place in range(0, len(ids), 2 * _ID_BYTES)],
        schema_names=[SCHEMA] * count,
        event_ats=[start + timedelta(seconds=chance.randrange(seconds)) for _ in range(count)],
        account_refs=chance.choices(names, k=count),
        attributes="".join(f"{_attributes(chance)}\n" for _ in range(count)).encode(),
        dimensions="".join(f"{_dimensions(chance)}\n" for _ in range(count)).encode(),
    )


def _texts(count: int, accounts: int, until: datetime, chance: random.Random) -> Iterator[str]:
    stamps = [(until - timedelta(seconds=number)).astimezone(UTC).strftime(_STAMP) for number in range(3000)]
    ids = os.urandom(_ID_BYTES * count).hex()
    for place in range(0, len(ids), 2 * _ID_BYTES):
        yield (
            f'{{"schemaName":"{SCHEMA}","id":"{ids[place : place + 2 * _ID_BYTES]}",'
            f'"timestamp":"{chance.choice(stamps)}","accountId":"{account_name(chance.randrange(accounts))}",'
            f'"attributes":{_attributes(chance)},"dimensions":{_dimensions(chance)}}}'
        )


def _attributes(chance: random.Random) -> str:
    sent, taken = chance.randrange(100_000), chance.randrange(10_000)
    return f'[{{"name":"bytes","value":"{sent}"}},{{"name":"seconds","value":"{taken / 1000}"}}]'


def _dimensions(chance: random.Random) -> str:
    region, route, tier = chance.choice(REGIONS), chance.choice(ROUTES), chance.choice(TIERS)
    return f'{{"region":"{region}","route":"{route}","tier":"{tier}"}}'
