"""Whatever is sent, taken back, sent again, redefined and metered anew: usage is what each event comes to, added up.

The oracle keeps every event with what it came to last and adds all of them up, or does with them whatever else the
meter says, in plain Python; it knows nothing of facts, reversals and revisions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from tests.operations.test_remeterings import (
    BYTES,
    SHARE,
    THOUSANDS,
    begun,
    confirm,
    meter_id,
    redefine,
    selling,
    send,
    told,
    usage,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.operations.shop import Shop

STEPS: Final = 50
AMOUNTS: Final = (0, 1, 2, 4, 5, 8, 10, 20, 25, 40, 50)
"""Each divides 100 into a decimal, but for 0, which no rule divides by."""

ACCOUNTS: Final = ("acme", "zenith")
LARGE: Final = '{">":[{"var":"attributes.bytes"},10]}'
FAILED: Final = "failed"
SILENT: Final = "silent"
GONE: Final = "gone"

RULES: Final[tuple[tuple[str, str | None, Callable[[Decimal], Decimal | str]], ...]] = (
    (BYTES, None, lambda amount: amount),
    (THOUSANDS, None, lambda amount: amount / 1000),
    (SHARE, None, lambda amount: 100 / amount if amount else FAILED),
    (BYTES, LARGE, lambda amount: amount if amount > 10 else SILENT),
)


@dataclass
class Sent:
    """An event, and what it came to last."""

    account: str
    month: int
    day: int
    minute: int
    amount: Decimal
    comes_to: Decimal | str

    @property
    def at(self) -> str:
        return f"2026-{self.month:02}-{self.day:02}T12:{self.minute:02}:00Z"


@dataclass
class Story:
    """A shop to which things happen, and the oracle beside it."""

    shop: Shop
    dice: random.Random
    month: int = 1
    rule: Callable[[Decimal], Decimal | str] = RULES[0][2]
    events: dict[str, Sent] = field(default_factory=dict)

    def send(self) -> None:
        name, account = f"e-{len(self.events)}", self.dice.choice(ACCOUNTS)
        amount = Decimal(self.dice.choice(AMOUNTS))
        # No two at one instant: which of them is the latest would depend on the order in which they are sent again.
        sent = Sent(account, self.month, self.dice.randint(1, 28), len(self.events), amount, self.rule(amount))
        self.events[name] = sent
        send(self.shop, name, int(amount), sent.at, account)

    def redefine(self) -> None:
        computation, matcher, self.rule = self.dice.choice(RULES)
        redefine(self.shop, computation, matcher=matcher)

    def meter_anew(self) -> None:
        account, first = self.dice.choice([None, *ACCOUNTS]), self.dice.randint(1, 20)
        only = {} if account is None else {"accountIds": [account]}
        since = f"2026-{self.dice.randint(1, self.month):02}-{first:02}T00:00:00Z"
        job = begun(self.shop, meter_id(self.shop), **{"from": since}, **only)
        confirm(self.shop, job)
        self._check(job)
        for one in self.events.values():
            if self.is_open(one) and one.at >= since and account in (None, one.account):
                one.comes_to = self.rule(one.amount)

    def _check(self, job: str) -> None:
        """What was previewed is what has become of it, to the last event and the last cent."""
        view = told(self.shop, job)
        assert view["status"] == "COMPLETED"
        assert view["result"] == {name: view["preview"][name] for name in view["result"]}
        totals = {one["id"]: one["totalAmount"] for account in ACCOUNTS for one in self.shop.invoices(account)}
        for account in view["accounts"]:
            for invoice in account["invoices"]:
                assert totals[invoice["invoiceId"]] == invoice["amountAfter"], (job, account)

    def undo(self) -> None:
        if name := self._any():
            self._correct("UNDO", name)
            if self.is_open(self.events[name]):
                self.events[name].comes_to = GONE

    def redo_all(self) -> None:
        account = self.dice.choice(ACCOUNTS)
        self.shop.api.post(f"/events/correction?action=REDO&account_id={account}&async=true").ok()
        for one in self.events.values():
            if one.account == account and self.is_open(one) and one.comes_to not in (FAILED, GONE):
                one.comes_to = self.rule(one.amount)

    def advance(self) -> None:
        if self.month < 4:
            self.month += 1
            self.shop.api.advance(f"2026-{self.month:02}-03")

    def is_open(self, one: Sent) -> bool:
        """Whether its cycle takes events: it ends with its month, and two days later its invoice is frozen."""
        return one.month == self.month and one.comes_to != GONE

    def _any(self) -> str | None:
        return self.dice.choice(list(self.events)) if self.events else None

    def _correct(self, action: str, name: str) -> None:
        account = self.events[name].account
        self.shop.api.post(f"/events/correction?action={action}&account_id={account}&event_id={name}").ok()

    def expected(self, account: str, kind: str) -> Decimal:
        in_time = sorted((one.at, one.comes_to) for one in self.events.values() if one.account == account)
        return COMES_TO[kind]([units for _, units in in_time if isinstance(units, Decimal)])


COMES_TO: Final[dict[str, Callable[[list[Decimal]], Decimal]]] = {
    "SUM": lambda units: sum(units, Decimal()),
    "MAX": lambda units: max(units, default=Decimal()),
    "MIN": lambda units: min(units, default=Decimal()),
    "AVERAGE": lambda units: round(sum(units, Decimal()) / max(len(units), 1), 12),
    "DISTINCT_COUNT": lambda units: Decimal(len(set(units))),
    "LATEST": lambda units: units[-1] if units else Decimal(),
}


@pytest.mark.parametrize(("kind", "seed"), [*(("SUM", seed) for seed in range(6)), *((kind, 6) for kind in COMES_TO)])
def test_usage_is_what_the_events_come_to_whatever_happens_to_them(shop: Shop, kind: str, seed: int) -> None:
    seller = selling(shop, kind)
    story = Story(seller, random.Random(seed))
    steps = [story.send] * 8 + [story.redefine] * 2 + [story.meter_anew] * 3 + [story.undo, story.redo_all]
    for number in range(STEPS):
        if number in (20, 30):
            story.advance()
        story.dice.choice(steps)()
    story.meter_anew()
    meter = meter_id(seller)
    for account in ACCOUNTS:
        assert usage(seller, account, meter) == story.expected(account, kind), (seed, account)
    assert len({one.comes_to for one in story.events.values()}) > 3, "the story was too plain to show anything"
