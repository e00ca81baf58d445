"""Decoded JSON as its compact text, number for number."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final

from tallystick.kernel.errors import invalid

_DEEPEST: Final = 100
"""Deeper than any rule, so that the parser can name the place where a rule is too deep."""

_MOST_BITS: Final = 10_000
"""An integer beyond this has more digits than any rule may hold, and soon more than Python prints."""


def compact(value: object, path: str = "", depth: int = 0) -> str:
    """The JSON text of a decoded value, without blanks; decimals keep their digits.

    Raises:
        BillingError: of kind INVALID, for a float, a number that is not finite and what JSON does not have.
    """
    if depth > _DEEPEST:
        raise invalid(path, f"nested deeper than {_DEEPEST} levels", "invalid_rule")
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() if value.bit_length() <= _MOST_BITS:
            return str(value)
        case Decimal() if value.is_finite():
            return str(value)
        case list():
            return f"[{','.join(compact(member, path, depth + 1) for member in value)}]"
        case dict() if all(isinstance(name, str) for name in value):
            pairs = (f"{compact(name)}:{compact(member, path, depth + 1)}" for name, member in value.items())
            return f"{{{','.join(pairs)}}}"
        case int() | Decimal():
            raise invalid(path, "a number with too many digits or without a finite value", "invalid_rule")
        case float():
            raise invalid(
                path,
                f"the number {value} is a float, which is not exact; decode it as a decimal",
                "invalid_rule",
            )
        case _:
            raise invalid(path, f"a {type(value).__name__} of this kind is no JSON value", "invalid_rule")
