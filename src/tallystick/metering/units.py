"""How many units of a meter an event makes (domain.md 3.1): terms become a function once, which then runs per event."""

from __future__ import annotations

import decimal
import functools
import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.catalog.usage_meter import Aggregation
from tallystick.kernel import quantity
from tallystick.logic import kind_of
from tallystick.logic.compile import Unmatched, compiled, compiled_condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from tallystick.catalog.usage_meter import MeterFilter
    from tallystick.logic import Value
    from tallystick.metering.catalogue import MeterTerms
    from tallystick.metering.event_data import EventData

    Units: TypeAlias = Callable[[EventData], Decimal | None]

_STORED: Final = decimal.Context(
    prec=quantity.STORED_DIGITS, traps=[decimal.InvalidOperation, decimal.Inexact, decimal.FloatOperation]
)
_STORED_STEP: Final = Decimal(1).scaleb(-quantity.STORED_SCALE)
_UNMATCHED: Final = Unmatched.UNMATCHED  # to look up a member of an enum takes as long as half a meter
_ONE: Final = quantity.ONE.quantize(_STORED_STEP)
_DIGEST_BYTES: Final = 13
"""Enough that no two values share one (ADR 0032), and half a million of them add up to less than 10^26."""


class UnitsInvalidError(Exception):
    """A meter's rule failed for an event, or gave something else than a number that can be stored."""


def units_of(terms: MeterTerms) -> Units:
    """A function from an event to its units of this meter, None when the meter's filters or matchers say no.

    The function raises EvaluationError where a rule fails, and UnitsInvalidError where the sum is no number that
    DECIMAL(38,12) holds exactly. Of DISTINCT_COUNT, it gives the number by which the value is told apart.
    """
    if terms.aggregation is Aggregation.COUNT:
        count = _counted(terms)
    else:
        count = _told_apart(terms) if terms.aggregation is Aggregation.DISTINCT_COUNT else _summed(terms)
    if not terms.filters:
        return count
    filters = [filtered(condition) for condition in terms.filters]
    return lambda data: count(data) if all(allows(data) for allows in filters) else None


def _counted(terms: MeterTerms) -> Units:
    """COUNT: each matching event is 1, whatever its computation says."""
    matchers = [compiled_condition(matcher) for matcher, _ in terms.computations if matcher is not None]
    if len(matchers) < max(len(terms.computations), 1):
        return lambda _data: _ONE

    def units(data: EventData) -> Decimal | None:
        for matches in matchers:
            if matches(data):
                return _ONE
        return None

    return units


def _summed(terms: MeterTerms) -> Units:
    """SUM: the results of all matching computations together."""
    answers = [compiled(computation, when=matcher) for matcher, computation in terms.computations]
    if len(answers) == 1:
        (only,) = answers

        def unit(data: EventData) -> Decimal | None:
            answer = only(data)
            return None if answer is _UNMATCHED else stored(_number(answer))

        return unit

    def units(data: EventData) -> Decimal | None:
        results = [_number(answer) for ask in answers if (answer := ask(data)) is not _UNMATCHED]
        return stored(functools.reduce(quantity.EXACT.add, results)) if results else None

    return units


def _told_apart(terms: MeterTerms) -> Units:
    """DISTINCT_COUNT: what the matching computation gives, as a number by which it is told from every other value."""
    answers = [compiled(computation, when=matcher) for matcher, computation in terms.computations]

    def units(data: EventData) -> Decimal | None:
        return next((different(answer) for ask in answers if (answer := ask(data)) is not _UNMATCHED), None)

    return units


def different(value: Value) -> Decimal:
    """The number that stands for a text or a number where different ones are counted; it is above 0.

    Equal numbers have the same one however they are written, and so has the text of their plain digits.

    Raises:
        UnitsInvalidError: for what is neither.
    """
    if isinstance(value, Decimal):
        value = f"{quantity.plain(value):f}"
    if not isinstance(value, str):
        raise UnitsInvalidError(f"the computation gives {kind_of(value)}, not a number or a text")
    digest = hashlib.blake2b(value.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
    return quantity.EXACT.scaleb(Decimal(int.from_bytes(digest) + 1), -quantity.STORED_SCALE)


def stored(number: Decimal) -> Decimal:
    """The same number with all twelve digits behind the point, as usage facts are stored.

    Raises:
        UnitsInvalidError: when DECIMAL(38,12) does not hold it exactly.
    """
    try:
        held = _STORED.quantize(number, _STORED_STEP)
    except (decimal.InvalidOperation, decimal.Inexact):
        raise UnitsInvalidError("the units need more than 26 digits before or 12 behind the point") from None
    if held.is_nan():
        raise UnitsInvalidError("the units are not a number")
    return held


def used_units(data: EventData, attribute: str) -> Decimal:
    """How many units of a feature an event uses: the number in one of its attributes, enriched ones included.

    Raises:
        UnitsInvalidError: when it is absent, DECIMAL(38,12) does not hold it exactly, or it is below 0: units are given
            back by taking back the event that used them.
    """
    digits = data.attributes.get(attribute)
    if digits is None:
        raise UnitsInvalidError(f"attribute {attribute}, which says how much is used, is missing")
    units = stored(Decimal(digits))
    if units < quantity.ZERO:
        reason = "is below 0: take back the event that used the units"
        raise UnitsInvalidError(f"attribute {attribute}, which says how much is used, {reason}")
    return units


def filtered(condition: MeterFilter) -> Callable[[EventData], bool]:
    """Text equality with a field named bare or with its prefix; a bare name means a dimension before an attribute."""
    kind, dot, name = condition.field.partition(".")
    wanted = condition.value
    if dot and kind in ("attributes", "attribute"):
        return lambda data: data.attributes.get(name) == wanted
    if dot and kind in ("dimensions", "dimension"):
        return lambda data: data.dimensions.get(name) == wanted
    field = condition.field
    return lambda data: data.dimensions.get(field, data.attributes.get(field)) == wanted


def _number(value: Value) -> Decimal:
    if isinstance(value, Decimal):
        return value
    raise UnitsInvalidError(f"the computation gives {kind_of(value)}, not a number")
