"""Rate cards one by one, whatever their kind: how v2 names, shows and changes the cards of a plan (domain.md 4.3)."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import msgspec
from msgspec import Meta

from tallystick.catalog.card_rates import rates_of
from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.entitlement import BillingEntitlementRateCard, EntitlementOverageRateCard
from tallystick.catalog.fields import Id, Text50, Text255
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.rate_card import (
    COMMITMENT_ID,
    FixedFeeRateCard,
    InvoiceTiming,
    LicenseRateCard,
    MinimumCommitment,
    UsageRateCard,
)
from tallystick.kernel.document import Document, Draft, wire_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

AnyCard: TypeAlias = (
    UsageRateCard
    | FixedFeeRateCard
    | LicenseRateCard
    | BillingEntitlementRateCard
    | CreditGrantRateCard
    | EntitlementOverageRateCard
    | MinimumCommitment
)
RecurringCard: TypeAlias = FixedFeeRateCard | LicenseRateCard | BillingEntitlementRateCard | CreditGrantRateCard
"""The cards that come in some cycles, in advance or in arrears."""
LONGEST_NAME: Final = 50
"""Characters that the name of a card has in v2; v1 knows no limit."""
_OVERAGE: Final = "$OVERAGE"


class RateCardType(enum.StrEnum):
    """The kinds of rate cards."""

    USAGE = "USAGE"
    FIXED_FEE = "FIXED_FEE"
    LICENSE = "LICENSE"
    BILLING_ENTITLEMENT = "BILLING_ENTITLEMENT"
    ENTITLEMENT_OVERAGE = "ENTITLEMENT_OVERAGE"
    CREDIT_GRANT = "CREDIT_GRANT"
    MINIMUM_COMMITMENT = "MINIMUM_COMMITMENT"


class RateCardDetails(Draft, frozen=True, kw_only=True):
    """One card under the key of its kind."""

    usage_rate_card: UsageRateCard | None = None
    fixed_fee_rate_card: FixedFeeRateCard | None = None
    license_rate_card: LicenseRateCard | None = None
    billing_entitlement_rate_card: BillingEntitlementRateCard | None = None
    credit_grant_rate_card: CreditGrantRateCard | None = None
    entitlement_overage_rate_card: EntitlementOverageRateCard | None = None
    minimum_commitment_rate_card: MinimumCommitment | None = None


class RateCardData(Draft, frozen=True, kw_only=True):
    """A card as v2 takes it: what all cards have in common beside the card itself."""

    billable_id: Id
    type: RateCardType
    display_name: Text255 | None = None
    invoice_timing: InvoiceTiming
    rate_card_details: RateCardDetails
    tag: Text50 | None = None


class RateCard(Document, frozen=True, kw_only=True):
    """A card as v2 shows it; `referenceId` is the version of a plan, or the schedule, that it belongs to."""

    billable_id: str
    type: RateCardType
    display_name: str
    invoice_timing: InvoiceTiming
    rate_card_details: RateCardDetails
    tag: str | None = None
    name: str
    reference_id: str
    reference_type: str
    currencies: list[str]
    price_plan_id: str
    account_id: str | None = None


class CardAction(enum.StrEnum):
    """What is done with a card."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class RateCardOperation(Draft, frozen=True, kw_only=True):
    """One change of a plan's cards; the card is the one of that name."""

    action_type: CardAction
    rate_card_name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    rate_card: RateCardData | None = None


class RateCardOperations(Draft, frozen=True, kw_only=True):
    """What `POST /v2/price_plans/{id}/rate_cards` takes: changes that are made together or not at all."""

    operations: Annotated[list[RateCardOperation], Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class CardKind:
    """Where cards of one type stand: their field in the terms of a plan, their key in v2, and what they price.

    A plan has any number of them, or one (`is_single`); one by itself prices no billable item (`billable` is None).
    """

    type: RateCardType
    field: str
    key: str
    billable: str | None
    timings: tuple[InvoiceTiming, ...]

    @property
    def wire_key(self) -> str:
        """Its key in `rateCardDetails`."""
        return wire_name(RateCardDetails, self.key)

    @property
    def is_single(self) -> bool:
        """Whether a plan has at most one such card."""
        return self.billable is None

    def path(self, position: int) -> str:
        """The JSON path of one such card below a plan's terms."""
        wire = wire_name(PricePlanDetails, self.field)
        return wire if self.is_single else f"{wire}[{position}]"


_ARREARS: Final = (InvoiceTiming.IN_ARREARS,)
_EITHER: Final = (InvoiceTiming.IN_ADVANCE, InvoiceTiming.IN_ARREARS)
_ANY: Final = tuple(InvoiceTiming)
KINDS: Final = (
    CardKind(RateCardType.USAGE, "usage_rate_cards", "usage_rate_card", "usage_meter_id", _ARREARS),
    CardKind(RateCardType.FIXED_FEE, "fixed_fee_rate_cards", "fixed_fee_rate_card", "id", _EITHER),
    CardKind(RateCardType.LICENSE, "license_rate_cards", "license_rate_card", "id", _EITHER),
    CardKind(
        RateCardType.BILLING_ENTITLEMENT,
        "billing_entitlement_rate_cards",
        "billing_entitlement_rate_card",
        "feature_id",
        _ANY,
    ),
    CardKind(RateCardType.CREDIT_GRANT, "credit_grant_rate_cards", "credit_grant_rate_card", "id", _ANY),
    CardKind(
        RateCardType.ENTITLEMENT_OVERAGE,
        "entitlement_overage_rate_cards",
        "entitlement_overage_rate_card",
        "feature_id",
        _ARREARS,
    ),
    CardKind(RateCardType.MINIMUM_COMMITMENT, "minimum_commitment", "minimum_commitment_rate_card", None, _ARREARS),
)
"""The kinds of cards that are priced, in the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class PlanCard:
    """One card of a plan, with its kind."""

    kind: CardKind
    card: AnyCard

    @property
    def billable_id(self) -> str:
        """The meter, add-on or feature that it prices."""
        return COMMITMENT_ID if self.kind.billable is None else str(getattr(self.card, self.kind.billable))

    @property
    def priced(self) -> str:
        """What of that it prices, by which a plan has one card: of a feature what is granted, or what goes beyond."""
        is_overage = self.kind.type is RateCardType.ENTITLEMENT_OVERAGE
        return f"{self.billable_id}{_OVERAGE}" if is_overage else self.billable_id

    @property
    def name(self) -> str:
        """What it is called in its plan: by its own name, else by what it prices, of which it is the one card."""
        own = self.card.name
        return own if own and len(own) <= LONGEST_NAME else self.priced

    @property
    def invoice_timing(self) -> InvoiceTiming:
        """When it is billed."""
        return getattr(self.card, "invoice_timing", InvoiceTiming.IN_ARREARS)

    @property
    def tag(self) -> str | None:
        """What its lines are grouped under; a commitment is grouped under nothing."""
        return getattr(self.card, "tag", None)

    @property
    def currencies(self) -> list[str]:
        """What it has rates in."""
        return [rates.currency for rates in rates_of(self.card)]


def cards_of(details: PricePlanDetails) -> list[PlanCard]:
    """The cards of terms, kind by kind."""
    return [PlanCard(kind, card) for kind in KINDS for card in _of_kind(details, kind)]


def with_cards(details: PricePlanDetails, cards: Sequence[PlanCard]) -> PricePlanDetails:
    """The terms with these cards instead of theirs; each kind keeps the order."""
    changes: dict[str, object] = {}
    for kind in KINDS:
        mine = [one.card for one in cards if one.kind is kind]
        changes[kind.field] = (mine[0] if mine else None) if kind.is_single else mine
    return msgspec.structs.replace(details, **changes)


def placed(cards: Iterable[PlanCard]) -> Iterator[tuple[str, PlanCard]]:
    """Each card with its JSON path below the terms of a plan."""
    counts = dict.fromkeys(KINDS, 0)
    for one in cards:
        yield one.kind.path(counts[one.kind]), one
        counts[one.kind] += 1


def shown(one: PlanCard, *, price_plan_id: str, reference_id: str, account_id: str | None = None) -> RateCard:
    """A card of a plan version as v2 shows it, or of an account's schedule when there is an account."""
    return RateCard(
        billable_id=one.billable_id,
        type=one.kind.type,
        display_name=one.card.display_name or one.name,
        invoice_timing=one.invoice_timing,
        rate_card_details=msgspec.structs.replace(RateCardDetails(), **{one.kind.key: one.card}),
        tag=one.tag,
        name=one.name,
        reference_id=reference_id,
        reference_type="PRICE_PLAN" if account_id is None else "SCHEDULE",
        currencies=one.currencies,
        price_plan_id=price_plan_id,
        account_id=account_id,
    )


def _of_kind(details: PricePlanDetails, kind: CardKind) -> list[AnyCard]:
    found = getattr(details, kind.field)
    if kind.is_single:
        return [] if found is None else [found]
    return list(found)
