"""What accounts hold of the licences that their terms price."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from tallystick.accounts.named_licence import NamedSpan
from tallystick.catalog.addon import AddOnType
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.operations.named_licences import named_spans
from tallystick.operations.work import Work
from tallystick.rating.licence import Holding, Names, Seats


def holdings_of(
    work: Work, account_ids: Collection[str], details: Iterable[PricePlanDetails]
) -> dict[str, dict[str, Holding]]:
    """By account, what it holds of each licence that any of these terms prices; nothing, where it holds none."""
    license_ids = {card.id for terms in details for card in terms.license_rate_cards}
    held: dict[str, dict[str, Holding]] = defaultdict(dict)
    if not license_ids:
        return held
    zone = work.organisation.zone
    for (account_id, license_id), entries in work.state.licences.of(account_ids, license_ids).items():
        held[account_id][license_id] = Seats(entries, zone)
    named = {
        addon.id for addon in work.state.addons.among(license_ids).values() if addon.type is AddOnType.NAMED_LICENSE
    }
    for (account_id, license_id), spans in _by_licence(named_spans(work, account_ids) if named else ()).items():
        if license_id in named:
            held[account_id][license_id] = Names(spans, zone)
    return held


def _by_licence(spans: Iterable[NamedSpan]) -> dict[tuple[str, str], list[NamedSpan]]:
    found: dict[tuple[str, str], list[NamedSpan]] = defaultdict(list)
    for span in spans:
        found[span.account_id, span.license_id].append(span)
    return found
