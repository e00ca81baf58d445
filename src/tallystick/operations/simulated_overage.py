"""Overage by terms that grant other units: what events really used, served from what these terms would have granted.

Units may last into the next cycle, so everything that an account has used of a feature is served anew, in the order of
the log, as if the terms had been those of its pieces from their start (docs/adr/0040).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from typing import Final, NamedTuple

from tallystick.accounts.schedule import Schedule
from tallystick.catalog.entitlement import BillingEntitlementRateCard
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.credits.feature_credit import CreditSource, FeatureCredit
from tallystick.credits.other_units import OtherUnits, UnitsUsed
from tallystick.kernel.errors import invalid
from tallystick.kernel.period import Period
from tallystick.kernel.quantity import summed
from tallystick.metering.event import EventStatus
from tallystick.metering.purse import Debit, PurseKey
from tallystick.operations.unit_grants import grants_in
from tallystick.operations.work import Work
from tallystick.stores.event_store import UsageWindow

_AT_ONCE: Final = 10_000
"""Events whose times are looked up with one query."""

_BY_PLAN: Final = frozenset({CreditSource.PRICE_PLAN, CreditSource.OVERAGE})


@dataclass(frozen=True, slots=True)
class OtherGrants:
    """The features of which an account would have had other units by some terms, on pieces as these cut their cycles.

    The `cycles` are those that are priced.
    """

    details: PricePlanDetails
    feature_ids: Collection[str]
    pieces: Sequence[Schedule]
    cycles: Sequence[Period]


class _Booked(NamedTuple):
    """What was booked of one event at once, of all entries together."""

    purse: PurseKey
    position: int
    is_return: bool
    units: Decimal


def features_of(details: PricePlanDetails) -> set[str]:
    """The features of which terms grant units, or price those beyond."""
    granted = {card.feature_id for card in details.billing_entitlement_rate_cards}
    return granted | {card.feature_id for card in details.entitlement_overage_rate_cards}


def prices_overage(details: PricePlanDetails, feature_id: str) -> bool:
    """Whether terms allow units of a feature beyond those that they grant."""
    return any(card.feature_id == feature_id for card in details.entitlement_overage_rate_cards)


def granted_otherwise(old: Iterable[PricePlanDetails], new: PricePlanDetails, *, has_same_cycles: bool) -> set[str]:
    """The features of which new terms grant other units than the old ones, or in other cycles, as far as can be known.

    Raises:
        BillingError: of kind INVALID, when overage that they price depends on when an order would have been paid.
    """
    found: set[str] = set()
    terms = list(old)
    for feature_id in sorted(set().union(*(features_of(details) for details in (*terms, new)))):
        cards = [_units_card(details, feature_id) for details in terms]
        card = _units_card(new, feature_id)
        if has_same_cycles and all(_grants_alike(one, card) for one in cards):
            continue
        if not any(one is not None and one.invoice_timing is InvoiceTiming.PREPAID for one in (*cards, card)):
            found.add(feature_id)
        elif prices_overage(new, feature_id):
            reason = "PREPAID by one of the plans: nobody knows when the order of others would have been paid"
            raise invalid("", f"the plan prices overage of feature {feature_id!r}, whose units are {reason}")
    return found


def served_otherwise(work: Work, asked: Mapping[str, OtherGrants]) -> dict[PurseKey, OtherUnits]:
    """What accounts would have used beyond the units that other terms grant, by account and feature."""
    feature_ids = {feature_id for other in asked.values() for feature_id in other.feature_ids}
    if not feature_ids:
        return {}
    given_back = work.state.feature_credits.given_back(asked, feature_ids)
    kept = _kept(work, asked, feature_ids)
    served: dict[PurseKey, OtherUnits] = {}
    for account_id, other in asked.items():
        begun = [(piece, Period(piece.within.start, work.now)) for piece in other.pieces]
        granted = [grant for piece, span in begun for grant in grants_in(work, piece, other.details, span)]
        for feature_id in other.feature_ids:
            served[account_id, feature_id] = OtherUnits(
                [grant for grant in granted if grant.feature_id == feature_id],
                kept[account_id, feature_id],
                cycles=other.cycles,
                given_back=given_back,
            )
    _serve(work, served, work.state.feature_credits.history(asked, feature_ids))
    return served


def refused_events(work: Work, asked: Mapping[UsageWindow, Collection[str]]) -> dict[tuple[UsageWindow, str], int]:
    """How many events found too few units of each of these features; where none is told, there was none.

    They are those of the schemas that are tied to the feature now.
    """
    if not asked:
        return {}
    bounds = sorted({bound for window in asked for bound in (window.period.start, window.period.end)})
    account_ids = sorted({window.account_id for window in asked})
    found: dict[tuple[UsageWindow, str], int] = defaultdict(int)
    for feature in work.state.features.among(set().union(*asked.values())).values():
        for tie in feature.schema_associations:
            refused = _refused(work, bounds, account_ids, tie.schema_name)
            for window in asked if refused else ():
                found[window, feature.id] += sum(
                    count for at, count in refused[window.account_id] if window.period.contains(at)
                )
    return found


def _refused(
    work: Work, bounds: Sequence[datetime], account_ids: Sequence[str], schema_name: str
) -> Mapping[str, list[tuple[datetime, int]]]:
    """The events of a schema for which accounts had too few units: how many from which of the bounds until the next."""
    counts = work.events.event_counts(
        work.organisation.id,
        bounds,
        account_ids=account_ids,
        schema_name=schema_name,
        statuses=[EventStatus.INSUFFICIENT_CREDITS],
        by="account",
    )
    found: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for account_id, place, count in counts:
        if account_id is not None:
            found[account_id].append((bounds[place], count))
    return found


def _serve(work: Work, served: Mapping[PurseKey, OtherUnits], history: Iterator[Debit]) -> None:
    """Serve what was booked once more, a portion of the events after the other."""
    booked = _by_event(history)
    while portion := list(islice(booked, _AT_ONCE)):
        found = work.events.events_at(work.organisation.id, sorted({one.position for one in portion}))
        events = {event.position: event for event in found}
        for one in portion:
            units, event = served.get(one.purse), events.get(one.position)
            if units is None or event is None:  # it is being processed just now
                continue
            if one.is_return:
                units.give_back(one.position)
            else:
                units.use(UnitsUsed(one.position, one.units, event.event.timestamp, event.received_at))


def _by_event(history: Iterator[Debit]) -> Iterator[_Booked]:
    """Debits, or what was given back, of one event by one row of the log together."""
    for (_, position, is_return, purse), debits in groupby(
        history, key=lambda one: (one.row, one.position, one.is_return, one.purse)
    ):
        yield _Booked(purse, position, is_return, summed(debit.units for debit in debits))


def _kept(
    work: Work, asked: Mapping[str, OtherGrants], feature_ids: Collection[str]
) -> Mapping[PurseKey, list[FeatureCredit]]:
    """The entries of accounts that do not come from the pieces whose terms are exchanged."""
    timelines = work.state.schedules.of(asked)
    kept: dict[PurseKey, list[FeatureCredit]] = defaultdict(list)
    for entry in work.state.feature_credits.all_of(asked, feature_ids):
        account_id, feature_id, _ = entry.key
        if not _is_replaced(entry, asked[account_id].pieces, {piece.id for piece in timelines[account_id]}):
            kept[account_id, feature_id].append(entry)
    return kept


def _is_replaced(entry: FeatureCredit, pieces: Sequence[Schedule], timeline: Collection[str]) -> bool:
    """Whether a piece has granted it whose terms are exchanged, or one in whose place such a piece stands."""
    if entry.grant.source not in _BY_PLAN:
        return False
    piece_id = entry.grant.id.partition("#")[0]
    if piece_id in timeline:
        return any(piece.id == piece_id for piece in pieces)
    return any(piece.within.contains(entry.grant.valid.start) for piece in pieces)


def _units_card(details: PricePlanDetails, feature_id: str) -> BillingEntitlementRateCard | None:
    """The card by which terms grant units of a feature; there is one at most."""
    return next((card for card in details.billing_entitlement_rate_cards if card.feature_id == feature_id), None)


def _grants_alike(one: BillingEntitlementRateCard | None, other: BillingEntitlementRateCard | None) -> bool:
    """Whether two cards grant the same units in the same cycles, whatever these cost."""
    if one is None or other is None:
        return one is other
    return (one.feature_configs, one.recurrence_config, one.invoice_timing) == (
        other.feature_configs,
        other.recurrence_config,
        other.invoice_timing,
    )
