"""Measure (h): evaluations of a meter per second on one thread, generated against interpreted, and whole events."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from benchmarks.events import SCHEMA, account_name, columns
from benchmarks.figure import Aim, Figure
from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel.period import BEGINNING, FOREVER
from tallystick.logic import evaluate, parse, truthy
from tallystick.logic.compile import compiled
from tallystick.metering.catalogue import AccountSpan, AccountTerms, Catalogue, MeterTerms, SchemaTerms
from tallystick.metering.event_data import EventData
from tallystick.metering.processing import process
from tallystick.metering.units import units_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.figure import Scale
    from tallystick.logic import Rule

_MATCHER: Final = (
    '{"and":[{"in":[{"var":"dimension.city"},["chennai","mumbai"]]},'
    '{"or":[{">":[{"var":"attribute.distance"},100]},{"<":[{"var":"attribute.distance"},20]}]}]}'
)
ARTICLE: Final = (_MATCHER, '{"*":[{"var":"attributes.distance"},0.4]}')
"""The meter of Togai's article (domain.md 11.1)."""

METERS: Final[dict[str, tuple[str | None, str]]] = {
    "a bare attribute": (None, '{"var":"attributes.distance"}'),
    "the article's": ARTICLE,
    "one with if": (None, '{"if":[{">":[{"var":"attributes.distance"},100]},{"var":"attributes.distance"},100]}'),
    "a count of matching events": (_MATCHER, "1"),
}
INTERPRETED: Final = "the article's meter interpreted"
_TIMES: Final = Aim(30, "reading the attribute's digits and multiplying, which are half of what is left")
_DISTINCT: Final = 1_000
_ROUNDS: Final = 15
_BLOCK: Final = 65_536
_NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)


def measure(scale: Scale, _scratch: Path) -> Iterator[Figure]:
    """The rates of both forms over the same events, in turns, so that both see the machine alike."""
    matcher, computation = map(parse, ARTICLE)
    generated = compiled(computation, when=matcher)
    slow, fast, times = [], [], []
    for _ in range(scale.runs):
        slow.append(_rate(lambda data: _interpreted(matcher, computation, data)))
        fast.append(_rate(generated))
        times.append(fast[-1] / slow[-1])
    yield Figure(name=INTERPRETED, unit="/s", runs=slow)
    yield Figure(name="the article's meter generated", unit="/s", runs=fast, baselines=(INTERPRETED,))
    yield Figure(name="generated against interpreted", unit="times", runs=times, aim=_TIMES)
    for name, rules in METERS.items():
        units = units_of(_meter(Aggregation.COUNT if rules[1] == "1" else Aggregation.SUM, *rules))
        runs = [1e6 / _rate(units) for _ in range(scale.runs)]
        yield Figure(name=f"units of an event, {name}", unit="us", runs=runs)
    yield Figure(name="an event judged, with two meters", unit="us", runs=[_judged(scale) for _ in range(scale.runs)])


def _interpreted(matcher: Rule, computation: Rule, data: EventData) -> object:
    return evaluate(computation, data.for_rules()) if truthy(evaluate(matcher, data.for_rules())) else None


def _rate(ask: Callable[[EventData], object]) -> float:
    """Evaluations a second in the best of some rounds over events that nothing has been asked about yet."""
    best = 0.0
    for _ in range(_ROUNDS):
        events = _events()
        started = time.perf_counter()
        for data in events:
            ask(data)
        best = max(best, len(events) / (time.perf_counter() - started))
    return best


def _events() -> Sequence[EventData]:
    """Half of them from a city that matches, and most of those with a distance that does."""
    return [
        EventData(
            b'[{"name":"distance","value":"%d.%d"}]' % (number % 250, number % 7),
            b'{"city":"%b"}' % (b"chennai", b"mumbai", b"pune", b"delhi")[number % 4],
        )
        for number in range(_DISTINCT)
    ]


def _meter(aggregation: Aggregation, matcher: str | None, computation: str) -> MeterTerms:
    rules = ((None if matcher is None else parse(matcher), parse(computation)),)
    return MeterTerms("um", "Meter", 1, aggregation, (), rules)


def _judged(scale: Scale) -> float:
    """Microseconds an event of the processor's own work, from columns to outcomes."""
    is_matched = '{"==":[{"var":"dimensions.region"},"eu-west"]}'
    meters = (
        _meter(Aggregation.SUM, None, '{"var":"attributes.bytes"}'),
        _meter(Aggregation.SUM, is_matched, '{"var":"attributes.seconds"}'),
    )
    schema = SchemaTerms(SCHEMA, 1, ("bytes", "seconds"), ("region", "route", "tier"), meters)
    names = [account_name(number) for number in range(scale.accounts)]
    accounts = {name: (AccountSpan(AccountTerms(name, name), BEGINNING, FOREVER),) for name in names}
    block = columns(_BLOCK, "org", scale.accounts, _NOW, timedelta(days=30), seed=0)
    catalogue = Catalogue({SCHEMA: schema}, accounts)
    started = time.perf_counter()
    process(block, _NOW, catalogue, set())
    return (time.perf_counter() - started) / _BLOCK * 1e6
