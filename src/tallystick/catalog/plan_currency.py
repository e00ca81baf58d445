"""Another currency for the terms of a plan, with a rate for every card; and a currency taken away (domain.md 4.9).

Rates are native to their currency and never converted. Nothing changes for the currencies that were there before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from tallystick.catalog.card_rates import kept_in, rates_of, rates_path, with_rates
from tallystick.catalog.credit_grant import CurrencySlabRateDetail, SlabDetail
from tallystick.catalog.fields import CurrencyCode, Id
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.rate_card import CurrencyRate, RateLimits, RateValue, SlabRate
from tallystick.kernel.document import Draft, wire_name
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class CardSlabRates(Draft, frozen=True, kw_only=True):
    """The rates of a card with slabs in one currency."""

    slab_rates: Annotated[list[SlabRate], Meta(min_length=1, max_length=50)]
    rate_config: RateLimits | None = None

    def in_currency(self, currency: str) -> RateValue:
        """As they stand in the card."""
        return RateValue(currency=currency, slab_rates=self.slab_rates, rate_config=self.rate_config)


class UsageCardRates(CardSlabRates, frozen=True, kw_only=True):
    """The rates of a usage card."""

    usage_meter_id: Id


class LicenceCardRates(CardSlabRates, frozen=True, kw_only=True):
    """The rates of a licence card."""

    id: Id


class FeatureCardRates(CardSlabRates, frozen=True, kw_only=True):
    """The rates of a card for units of a feature, granted or beyond that; the wire calls the feature `id`."""

    id: Id


class FixedFeeRate(Draft, frozen=True, kw_only=True):
    """The rate of a fee in one currency."""

    id: Id
    rate: Decimal

    def in_currency(self, currency: str) -> CurrencyRate:
        """As it stands in the card."""
        return CurrencyRate(currency=currency, rate=self.rate)


class CreditGrantRates(Draft, frozen=True, kw_only=True):
    """The credit that a card grants in one currency, and what it costs."""

    id: Id
    credit_amount: Decimal
    slab_details: Annotated[list[SlabDetail], Meta(min_length=1, max_length=10)]
    rate_config: RateLimits | None = None

    def in_currency(self, currency: str) -> CurrencySlabRateDetail:
        """As it stands in the card."""
        return CurrencySlabRateDetail(
            currency=currency,
            credit_amount=self.credit_amount,
            slab_details=self.slab_details,
            rate_config=self.rate_config,
        )


CardRates: TypeAlias = UsageCardRates | LicenceCardRates | FeatureCardRates | FixedFeeRate | CreditGrantRates


class PlanCurrencyDraft(Draft, frozen=True, kw_only=True):
    """What `POST /price_plans/{id}/currencies` takes."""

    currency: CurrencyCode
    usage_rates: Annotated[list[UsageCardRates], Meta(max_length=100)] = []
    fixed_fee_rates: Annotated[list[FixedFeeRate], Meta(max_length=100)] = []
    license_rates: Annotated[list[LicenceCardRates], Meta(max_length=100)] = []
    credit_grant_rates: Annotated[list[CreditGrantRates], Meta(max_length=100)] = []
    minimum_commitment_rate: Decimal | None = None
    billing_entitlement_rates: Annotated[list[FeatureCardRates], Meta(max_length=100)] = []
    entitlement_overage_rates: Annotated[list[FeatureCardRates], Meta(max_length=100)] = []


_CARDS: Final = {
    "usage_rates": ("usage_rate_cards", "usage_meter_id"),
    "fixed_fee_rates": ("fixed_fee_rate_cards", "id"),
    "license_rates": ("license_rate_cards", "id"),
    "credit_grant_rates": ("credit_grant_rate_cards", "id"),
    "billing_entitlement_rates": ("billing_entitlement_rate_cards", "id"),
    "entitlement_overage_rates": ("entitlement_overage_rate_cards", "id"),
}
"""Which cards of a plan the rates are for, and the field of the rates that names what a card prices."""


@dataclass(slots=True)
class Repriced:
    """Terms with one currency more, what is wrong with what was sent, and where in it the new rates stand."""

    details: PricePlanDetails
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)
    """Paths of rates below the terms, and the paths that they were sent with."""


def with_currency(details: PricePlanDetails, draft: PlanCurrencyDraft) -> Repriced:
    """The terms with rates in another currency, which is not active yet; every card has to get one."""
    currencies = details.supported_currencies
    found = Repriced(msgspec.structs.replace(details, supported_currencies=[*currencies, draft.currency]))
    found.problems += _unfitting(details, draft)
    found.origins[f"supportedCurrencies[{len(currencies)}]"] = "currency"
    for name in _CARDS:
        _add_rates(found, draft, name)
    commitment = details.minimum_commitment
    if commitment is not None and draft.minimum_commitment_rate is not None:
        added = CurrencyRate(currency=draft.currency, rate=draft.minimum_commitment_rate)
        values = [*commitment.rate_values, added]
        changed = msgspec.structs.replace(commitment, rate_values=values)
        found.details = msgspec.structs.replace(found.details, minimum_commitment=changed)
        found.origins[f"minimumCommitment.rateValues[{len(values) - 1}].rate"] = "minimumCommitmentRate"
    return found


def without_currency(details: PricePlanDetails, currency: str) -> PricePlanDetails:
    """The terms without a currency, and without any rate in it."""
    others = [one for one in details.supported_currencies if one != currency]
    changes: dict[str, Any] = {
        cards: [kept_in(card, others) for card in getattr(details, cards)] for cards, _ in _CARDS.values()
    }
    changes["supported_currencies"] = others
    if details.minimum_commitment is not None:
        rest = kept_in(details.minimum_commitment, others)
        changes["minimum_commitment"] = rest if rest.rate_values else None
    return msgspec.structs.replace(details, **changes)


def _unfitting(details: PricePlanDetails, draft: PlanCurrencyDraft) -> Iterator[Problem]:
    if draft.minimum_commitment_rate is not None and details.minimum_commitment is None:
        yield Problem("minimumCommitmentRate", "the plan has no minimum commitment, leave it out")


def _add_rates(found: Repriced, draft: PlanCurrencyDraft, name: str) -> None:
    """Give the cards of one kind their rates in the new currency."""
    cards_field, key = _CARDS[name]
    path, cards_path = wire_name(PlanCurrencyDraft, name), wire_name(PricePlanDetails, cards_field)
    cards = list(getattr(found.details, cards_field))
    rates: Sequence[CardRates] = getattr(draft, name)
    places = {card.billable_id: place for place, card in enumerate(cards)}
    priced: set[str] = set()
    for position, rate in enumerate(rates):
        item = getattr(rate, key)
        here = f"{path}[{position}].{wire_name(type(rate), key)}"
        if item in priced:
            found.problems.append(Problem(here, f"{item!r} is priced twice"))
        elif item not in places:
            found.problems.append(Problem(here, f"the plan has no card for {item!r}{_known(places)}"))
        else:
            card = cards[places[item]]
            rates_before = rates_of(card)
            cards[places[item]] = with_rates(card, [*rates_before, rate.in_currency(draft.currency)])
            where = f"{cards_path}[{places[item]}].{rates_path(card)}[{len(rates_before)}]"
            found.origins[where] = f"{path}[{position}]"
        priced.add(item)
    lacking = [item for item in places if item not in priced]
    if lacking:
        found.problems.append(Problem(path, f"has no rate for {', '.join(lacking)}, add one for every card"))
    found.details = msgspec.structs.replace(found.details, **{cards_field: cards})


def _known(items: Iterable[str]) -> str:
    known = ", ".join(items)
    return f", only for {known}" if known else ""
