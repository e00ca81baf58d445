"""What a card of any kind has in each currency, one after the other: its rates, or the credit that it grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.catalog.credit_grant import CreditGrantRateCard

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_RATES: Final = "rate_values"


def has_rates(value: object) -> bool:
    """Whether a part of a plan's terms is a card."""
    return isinstance(value, CreditGrantRateCard) or hasattr(value, _RATES)


def rates_of(card: Any) -> list[Any]:  # noqa: ANN401 - a card of any kind
    """What a card has in each of its currencies."""
    if isinstance(card, CreditGrantRateCard):
        return card.rate_details.currency_slab_rate_details
    rates: list[Any] = getattr(card, _RATES)
    return rates


def rates_path(card: object) -> str:
    """The JSON path of these below the card."""
    return "rateDetails.currencySlabRateDetails" if isinstance(card, CreditGrantRateCard) else "rateValues"


def with_rates(card: Any, rates: Sequence[object]) -> Any:  # noqa: ANN401 - a card of any kind
    """The card with others in their place."""
    if isinstance(card, CreditGrantRateCard):
        details = msgspec.structs.replace(card.rate_details, currency_slab_rate_details=rates)
        return msgspec.structs.replace(card, rate_details=details)
    return msgspec.structs.replace(card, **{_RATES: rates})


def kept_in(card: Any, currencies: Collection[str]) -> Any:  # noqa: ANN401 - a card of any kind
    """The card with what it has in these currencies only."""
    return with_rates(card, [one for one in rates_of(card) if one.currency in currencies])
