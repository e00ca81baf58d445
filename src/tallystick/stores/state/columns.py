"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect, String, TypeDecorator

from tallystick.kernel.micros import instant_of, micros_of
from tallystick.kernel.quantity import EXACT, STORED_DIGITS, STORED_SCALE, fits, plain


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, kept as whole microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Microseconds of an instant."""
        return None if value is None else micros_of(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """The instant of microseconds."""
        return None if value is None else instant_of(value)


class Day(TypeDecorator[date]):
    """A calendar date, kept as `YYYY-MM-DD`, which sorts as it should."""

    impl = String(10)
    cache_ok = True

    def process_bind_param(self, value: date | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The text of a date."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> date | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """The date of a text."""
        return None if value is None else date.fromisoformat(value)


class Units(TypeDecorator[Decimal]):
    """A quantity from 0 on that DECIMAL(38,12) holds, kept as all 38 digits: these texts compare as the numbers do."""

    impl = String(STORED_DIGITS)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """The digits of a quantity.

        Raises:
            ValueError: for one that is below 0, or that DECIMAL(38,12) does not hold exactly.
        """
        if value is None:
            return None
        if value < 0 or not fits(value):
            raise ValueError(f"{value} cannot be kept: expected 0 to 26 digits before and 12 behind the point")
        return f"{int(EXACT.scaleb(value, STORED_SCALE)):0{STORED_DIGITS}d}"

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """The quantity of digits."""
        return None if value is None else plain(EXACT.scaleb(Decimal(value), -STORED_SCALE))
