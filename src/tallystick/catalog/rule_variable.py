"""The variables that pricing rules read and the targets that they update, by the cards of a plan (domain.md 4.8).

One function names them for the check of a rule and for its evaluation, so that what is accepted is there.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from tallystick.catalog.rate_card import InvoiceTiming, shown_name
from tallystick.kernel.quantity import EXACT, ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from tallystick.catalog.price_plan import PricePlanDetails, PricePlanDetailsDraft
    from tallystick.catalog.pricing_rule import RuleTiming
    from tallystick.catalog.rate_card import ItemCard

    Values: TypeAlias = "dict[str, Decimal | str]"

RATE_CARD_TOTAL: Final = "revenue.rate_card_total"
START_DATE: Final = "invoice.start_date"
END_DATE: Final = "invoice.end_date"
_USAGE: Final = "usage"
_CREDIT: Final = "credit"
_REVENUE: Final = "revenue"


class CardKind(enum.StrEnum):
    """A kind of card by the letters that stand for it in a variable; each has a revenue, some a usage too."""

    USAGE = "urc"
    FIXED_FEE = "ff"
    LICENCE = "lic"
    CREDIT_GRANT = "cg"
    ENTITLEMENT = "ber"
    OVERAGE = "eo"

    @property
    def has_usage(self) -> bool:
        """Whether cards of the kind price a quantity, which rules may read."""
        return self not in (CardKind.FIXED_FEE, CardKind.ENTITLEMENT)

    @property
    def usage_word(self) -> str:
        """What that quantity is: a usage, or the credit that is granted."""
        return _CREDIT if self is CardKind.CREDIT_GRANT else _USAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCard:
    """A card of a plan as its rules know it; `name` is what people call it.

    `is_repriced` says whether a rule may update its usage: one number has to be all that its price depends on.
    """

    kind: CardKind
    billable_id: str
    name: str
    tag: str | None
    timing: InvoiceTiming
    is_repriced: bool

    @property
    def key(self) -> str:
        """The card in variables and logs, such as `urc.um.23Xx0Jkc2DM.0TkcT`."""
        return f"{self.kind}.{self.billable_id}"

    @property
    def usage(self) -> str:
        """The variable that holds the quantity that it prices."""
        return f"{self.kind.usage_word}.{self.key}"

    @property
    def revenue(self) -> str:
        """The variable that holds what it comes to."""
        return f"{_REVENUE}.{self.key}"

    @property
    def tag_usage(self) -> str:
        """The variable that holds the usage of all cards with its tag."""
        return f"{_USAGE}.tag.{self.tag}"

    @property
    def tag_revenue(self) -> str:
        """The variable that holds what all cards with its tag come to."""
        return f"{_REVENUE}.tag.{self.tag}"


@dataclass(frozen=True, slots=True)
class CardFigures:
    """What a card comes to at one moment of a bill, and the usage that it prices, if it is of such a kind."""

    card: PricedCard
    revenue: Decimal = ZERO
    usage: Decimal | None = None


def priced_cards(details: PricePlanDetails | PricePlanDetailsDraft, timing: RuleTiming) -> list[PricedCard]:
    """The cards that stand on the bills of one timing, whether or not a cycle charges them."""
    return [card for card in _cards(details) if timing.bills(card.timing)]


def variable_values(figures: Iterable[CardFigures], start_date: str, end_date: str) -> Values:
    """Every variable that rules may read, with its value; dates are ISO 8601 texts, the end exclusive.

    A tag stands for all cards with it, `revenue.rate_card_total` for all cards of the bill: lines that rules add are
    no cards and count in neither.
    """
    values: Values = {RATE_CARD_TOTAL: ZERO, START_DATE: start_date, END_DATE: end_date}
    for one in figures:
        card = one.card
        values[card.revenue] = one.revenue
        _add(values, RATE_CARD_TOTAL, one.revenue)
        if one.usage is not None:
            values[card.usage] = one.usage
        if card.tag:
            _add(values, card.tag_revenue, one.revenue)
            if one.usage is not None and card.kind.usage_word == _USAGE:
                _add(values, card.tag_usage, one.usage)
    return values


def variable_names(cards: Iterable[PricedCard]) -> dict[str, str]:
    """What people call each variable: a card, a tag, or the words for a total and a date."""
    names = {RATE_CARD_TOTAL: "Total of the rate cards", START_DATE: "Start date", END_DATE: "End date"}
    for card in cards:
        names |= {card.usage: card.name, card.revenue: card.name}
        if card.tag:
            names |= {card.tag_usage: card.tag, card.tag_revenue: card.tag}
    return names


def known_variables(cards: Iterable[PricedCard]) -> frozenset[str]:
    """The names of the variables that rules on bills with these cards may read."""
    return frozenset(variable_values((_nothing(card) for card in cards), "", ""))


def targets_of(cards: Iterable[PricedCard]) -> frozenset[str]:
    """The names of the variables that rules on bills with these cards may update."""
    return frozenset(
        name for card in cards for name in ((card.revenue, card.usage) if card.is_repriced else (card.revenue,))
    )


def _cards(details: PricePlanDetails | PricePlanDetailsDraft) -> Iterator[PricedCard]:
    for card in details.usage_rate_cards:
        yield _card(CardKind.USAGE, card, InvoiceTiming.IN_ARREARS, is_repriced=not card.is_priced_by_event)
    for fee in details.fixed_fee_rate_cards:
        yield _card(CardKind.FIXED_FEE, fee, fee.invoice_timing, is_repriced=False)
    for licence in details.license_rate_cards:
        by_days = licence.enable_proration or licence.usage_cycle is not None
        yield _card(CardKind.LICENCE, licence, licence.invoice_timing, is_repriced=not by_days)
    for grant in details.credit_grant_rate_cards:
        yield _card(CardKind.CREDIT_GRANT, grant, grant.invoice_timing, is_repriced=False)
    for entitlement in details.billing_entitlement_rate_cards:
        yield _card(CardKind.ENTITLEMENT, entitlement, entitlement.invoice_timing, is_repriced=False)
    for overage in details.entitlement_overage_rate_cards:
        yield _card(CardKind.OVERAGE, overage, InvoiceTiming.IN_ARREARS, is_repriced=True)


def _card(
    kind: CardKind,
    card: ItemCard,
    timing: InvoiceTiming,
    *,
    is_repriced: bool,
) -> PricedCard:
    return PricedCard(
        kind=kind,
        billable_id=card.billable_id,
        name=shown_name(card),
        tag=card.tag,
        timing=timing,
        is_repriced=is_repriced,
    )


def _nothing(card: PricedCard) -> CardFigures:
    return CardFigures(card, usage=ZERO if card.kind.has_usage else None)


def _add(values: Values, name: str, amount: Decimal) -> None:
    before = values.get(name, ZERO)
    assert not isinstance(before, str), "only dates are texts"
    values[name] = EXACT.add(before, amount)
