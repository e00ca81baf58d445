"""What accounts hold of the licences that their terms price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.operations.work import Work
from tallystick.rating.licence import Holding, Seats


def holdings_of(
    work: Work, account_ids: Collection[str], details: Iterable[PricePlanDetails]
) -> dict[str, dict[str, Holding]]:
    """By account, what it holds of each licence that any of these terms prices; nothing, where it holds none."""
    license_ids = {card.id for terms in details for card in terms.license_rate_cards}
    held: dict[str, dict[str, Holding]] = defaultdict(dict)
    if license_ids:
        for (account_id, license_id), entries in work.state.licences.of(account_ids, license_ids).items():
            held[account_id][license_id] = Seats(entries, work.organisation.zone)
    return held
