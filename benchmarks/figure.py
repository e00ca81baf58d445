"""One measured figure, its aim, and how much a run measures."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Aim:
    """What the figure should reach; `at_most` turns it round. `limit` says what stands in the way if it does not."""

    value: float
    limit: str
    at_most: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What was measured, once for each run; `baselines` names the figures that it is compared with."""

    name: str
    unit: str
    runs: list[float]
    aim: Aim | None = None
    baselines: tuple[str, ...] = ()

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.runs)

    @property
    def is_met(self) -> bool:
        """Whether the aim, if there is one, is reached."""
        if self.aim is None:
            return True
        return self.median <= self.aim.value if self.aim.at_most else self.median >= self.aim.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much a run measures.

    `ingested` is by batch size, `stored` how many events are there before: each is a stage of its own.
    """

    runs: int
    accounts: int
    ingested: dict[int, int]
    stored: tuple[int, ...]
    billed_accounts: int
    copied: int
    """Rows that PostgreSQL takes in one run."""
    probes: int


FULL: Final = Scale(
    runs=3,
    accounts=10_000,
    ingested={1: 30_000, 100: 300_000, 1000: 500_000},
    stored=(1_000_000, 20_000_000),
    billed_accounts=1_000,
    copied=200_000,
    probes=150,
)
QUICK: Final = Scale(
    runs=1,
    accounts=2_000,
    ingested={1: 10_000, 100: 100_000, 1000: 300_000},
    stored=(1_000_000,),
    billed_accounts=200,
    copied=100_000,
    probes=100,
)
