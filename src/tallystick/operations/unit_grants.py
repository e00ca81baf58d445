"""Units of features that plans grant: each cycle's entries in the ledger of feature credits, from its first instant on.

They are granted by the cycle and not by its invoice, which only charges for them: events need them at once, and would
be refused for good where they were gone while an invoice is void (docs/adr/0034). What is PREPAID is granted by its
order alone (`fulfilment.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from tallystick.accounts.schedule import Schedule
from tallystick.accounts.timeline import piece_at
from tallystick.catalog.entitlement import BillingEntitlementRateCard
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.credits.feature_credit import CreditSource, EntryStatus, FeatureCredit, FeatureGrant
from tallystick.credits.plan_units import overage_allowed, units_granted
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import Period
from tallystick.operations.cycles import terms_of
from tallystick.operations.work import Work
from tallystick.rating.fixed_fee import is_charged


def grant_due(work: Work, account_ids: Collection[str]) -> int:
    """Grant what the plans of some accounts grant in cycles that have started, as far as nobody has granted it yet.

    For an event that is judged before the billing clock has come to the start of its cycle.
    """
    return grant_units(work, work.state.schedules.granting(work.now, account_ids))


def grant_units(work: Work, pieces: Sequence[Schedule]) -> int:
    """Grant what pieces grant in every cycle that has started by now; answers how many entries that are.

    An entry that is there already stays as it is: whoever comes first grants it.
    """
    if not pieces:
        return 0
    terms = terms_of(work, pieces)
    grants: list[FeatureGrant] = []
    for piece in pieces:
        since = work.state.schedules.next_grant_of(piece)
        if since is not None and since <= work.now:
            grants += grants_in(work, piece, terms[piece.id], Period(since, work.now + MICROSECOND))
            work.state.schedules.grants_next(piece, _start_behind(work, piece))
    work.state.feature_credits.add(grants, work.now)
    return len(grants)


def start_granting(work: Work, piece: Schedule) -> None:
    """Let a new piece grant what its terms grant, from its first cycle on."""
    if _grants_something(terms_of(work, [piece])[piece.id]):
        work.state.schedules.grants_next(piece, piece.within.start)
        grant_units(work, [piece])


def move_granting(work: Work, old: Schedule, piece: Schedule | None) -> None:
    """Let a piece that ends at another time, or is there no more, grant accordingly.

    Units stay as they were granted, also those of a cycle that is cut. What is left of them goes where their cycle is
    billed no more, and overage ends with its cycle.
    """
    terms = terms_of(work, [old])[old.id]
    if not _grants_something(terms):
        return
    grant_units(work, [old])
    since = old.within.start if piece is None else min(old.within.end, piece.within.end) - MICROSECOND
    span = Period(since, max(since, work.now) + MICROSECOND)
    stood = {_key(one): one for one in grants_in(work, old, terms, span)}
    stands = {} if piece is None else {_key(one): one for one in grants_in(work, piece, terms, span)}
    for key, entry in work.state.feature_credits.entries(stood).items():
        _move(work, entry, stood[key], stands.get(key))
    if piece is not None:
        work.state.schedules.grants_next(piece, _start_behind(work, piece))


def features_of_plan(work: Work, account_id: str) -> set[str]:
    """The features that the cards of an account's plan are about now, whether or not this cycle grants any units."""
    piece = piece_at(work.state.schedules.of([account_id])[account_id], work.now)
    if piece is None:
        return set()
    terms = terms_of(work, [piece])[piece.id]
    granted = {card.feature_id for card in terms.billing_entitlement_rate_cards}
    return granted | {card.feature_id for card in terms.entitlement_overage_rate_cards}


def prepaid_cards(terms: PricePlanDetails, ordinal: int) -> list[BillingEntitlementRateCard]:
    """The cards whose units the cycle with this 0-based number grants once its order is paid."""
    return [
        card
        for card in terms.billing_entitlement_rate_cards
        if card.invoice_timing is InvoiceTiming.PREPAID and is_charged(card, ordinal)
    ]


def entries_of(work: Work, record: InvoiceRecord, feature_id: str, source: CreditSource) -> list[FeatureCredit]:
    """What the cycle of an invoice granted of a feature, or allowed beyond that; nothing, before its plan is there."""
    piece = work.state.schedules.among([record.schedule_id]).get(record.schedule_id)
    if piece is None:
        return []
    start = record.cycle.period.start
    grants = grants_in(work, piece, terms_of(work, [piece])[piece.id], Period(start, start + MICROSECOND))
    keys = [_key(one) for one in grants if one.feature_id == feature_id and one.source is source]
    found = work.state.feature_credits.entries(keys)
    return [found[key] for key in keys if key in found]


def grants_in(work: Work, piece: Schedule, terms: PricePlanDetails, span: Period) -> Iterator[FeatureGrant]:
    """What the cycles of a piece grant that lie in a span at least in part."""
    zone = work.organisation.zone
    for ordinal, cycle in piece.cycles_in(span, zone):
        for card in _granting_cards(terms):
            if is_charged(card, ordinal):
                yield from units_granted(card, piece, cycle, zone)
        for overage in terms.entitlement_overage_rate_cards:
            yield overage_allowed(overage, piece, cycle, zone)


def _grants_something(terms: PricePlanDetails) -> bool:
    return bool(_granting_cards(terms) or terms.entitlement_overage_rate_cards)


def _granting_cards(terms: PricePlanDetails) -> list[BillingEntitlementRateCard]:
    """The cards whose units cycles grant when they start."""
    return [card for card in terms.billing_entitlement_rate_cards if card.invoice_timing is not InvoiceTiming.PREPAID]


def _start_behind(work: Work, piece: Schedule) -> datetime | None:
    """When the first cycle of a piece starts that has not started yet; None, where there is no such cycle."""
    if work.now < piece.within.start:
        return piece.within.start
    if work.now >= piece.within.end:
        return None
    zone = work.organisation.zone
    following = piece.cycle_after(piece.cycle_at(work.now, zone), zone)
    return None if following is None else following.period.start


def _key(grant: FeatureGrant) -> tuple[str, str, str]:
    return grant.account_id, grant.feature_id, grant.id


def _move(work: Work, entry: FeatureCredit, stood: FeatureGrant, stands: FeatureGrant | None) -> None:
    """Change what became of a grant where the grant changes; what a caller changed about it stays as it is."""
    if entry.is_voided:
        return
    if stands is None:
        work.state.feature_credits.change(entry, work.now, status=EntryStatus.VOIDED)
    elif stands.valid.end != stood.valid.end == entry.grant.valid.end:
        work.state.feature_credits.change(entry, work.now, effective_until=stands.valid.end)
