"""Where the revenue calculator's licences come from (domain.md 8.2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from tallystick.accounts.licence import LicenceEntry, UpdateType, in_force, quantity_problems
from tallystick.accounts.named_licence import NamedSpan
from tallystick.catalog.addon import AddOnType
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.kernel.errors import Problem, attempted, invalid, refuse_if_any
from tallystick.kernel.micros import MICROSECOND
from tallystick.kernel.period import FOREVER, Period, local_date, local_midnight
from tallystick.operations.holdings import holdings_of
from tallystick.operations.revenue_lookups import instant_of, looked_up
from tallystick.operations.revenue_question import (
    LicenseEntriesConfig,
    LicenseEntry,
    LookupMode,
    NamedLicenseEntriesConfig,
    NamedLicenseEntry,
    RevenueQuestion,
)
from tallystick.operations.work import Work
from tallystick.rating.licence import Holding, Names, Seats

_DAY: Final = timedelta(days=1)
_SEATS: Final = "licenseEntriesConfig"
_NAMED: Final = "namedLicenseEntriesConfig"


@dataclass(frozen=True, slots=True)
class LicenceSource:
    """What is held of each licence, and over which days that is looked at, when it says so itself."""

    held: Mapping[str, Holding] = field(default_factory=dict)
    within: Period | None = None


def licences_of(work: Work, question: RevenueQuestion, details: PricePlanDetails) -> LicenceSource:
    """The licences that a question asks to be priced by these terms, those of names too.

    Raises:
        BillingError: of kind INVALID, with every problem that they have.
    """
    problems: list[Problem] = []
    configs = (question.license_entries_config, question.named_license_entries_config)
    found = [attempted(problems, partial(_held, work, config, details)) for config in configs if config is not None]
    refuse_if_any(problems)
    held = {license_id: one for source in found if source for license_id, one in source.held.items()}
    return LicenceSource(held, next((source.within for source in found if source and source.within), None))


def _held(
    work: Work, config: LicenseEntriesConfig | NamedLicenseEntriesConfig, details: PricePlanDetails
) -> LicenceSource:
    """What one of the two says is held: numbers, or names."""
    if config.mode is LookupMode.CUSTOM:
        if isinstance(config, NamedLicenseEntriesConfig):
            return _sent_names(work, config.custom or [])
        return _sent(work, config.custom or [])
    by_name = isinstance(config, NamedLicenseEntriesConfig)
    account, within = looked_up(work, config, _NAMED if by_name else _SEATS)
    held = holdings_of(work, [account.id], [details])[account.id]
    return LicenceSource({name: one for name, one in held.items() if isinstance(one, Names) is by_name}, within)


def _sent(work: Work, entries: list[LicenseEntry]) -> LicenceSource:
    """Licences that came along: each entry sets how many there are from its instant on."""
    refuse_if_any(_problems(work, entries))
    ledgers: dict[str, list[LicenceEntry]] = defaultdict(list)
    for place, entry in enumerate(entries):
        ledgers[entry.license_id].append(_as_ledger(work, place, entry))
    held = {license_id: Seats(in_force(ledger), work.organisation.zone) for license_id, ledger in ledgers.items()}
    return LicenceSource(held, _days(work, [entry.effective_from for ledger in ledgers.values() for entry in ledger]))


def _sent_names(work: Work, entries: list[NamedLicenseEntry]) -> LicenceSource:
    """Names that came along, each with when it holds a licence."""
    path = f"{_NAMED}.custom"
    problems = _addon_problems(work, path, [entry.license_id for entry in entries], AddOnType.NAMED_LICENSE)
    spans = [
        attempted(problems, partial(_span, work, place, f"{path}[{place}]", entry))
        for place, entry in enumerate(entries)
    ]
    refuse_if_any(problems)
    by_licence: dict[str, list[NamedSpan]] = defaultdict(list)
    for span in spans:
        if span is not None:
            by_licence[span.license_id].append(span)
    instants = [
        instant
        for span in spans
        if span
        for instant in (span.held.start, span.held.end - MICROSECOND)
        if instant < FOREVER - MICROSECOND
    ]
    held = {license_id: Names(of_one, work.organisation.zone) for license_id, of_one in by_licence.items()}
    return LicenceSource(held, _days(work, instants))


def _span(work: Work, place: int, path: str, entry: NamedLicenseEntry) -> NamedSpan:
    start = instant_of(entry.effective_from, f"{path}.effectiveFrom")
    sent = entry.effective_until
    end = FOREVER if sent is None else instant_of(sent, f"{path}.effectiveUntil")
    if start >= end:
        raise invalid(f"{path}.effectiveUntil", "must lie after effectiveFrom")
    return NamedSpan(
        id=f"{place:06d}",
        license_id=entry.license_id,
        account_id="",
        name=str(entry.name),
        held=Period(start, end),
        created_at=work.now,
        updated_at=work.now,
    )


def _days(work: Work, instants: list[datetime]) -> Period | None:
    """From the first of the days that hold these instants through the last."""
    zone = work.organisation.zone
    days = [local_date(instant, zone) for instant in instants]
    return Period(local_midnight(min(days), zone), local_midnight(max(days) + _DAY, zone)) if days else None


def _as_ledger(work: Work, place: int, entry: LicenseEntry) -> LicenceEntry:
    effective_from = instant_of(entry.effective_from, f"{_SEATS}.custom[{place}].effectiveFrom")
    return LicenceEntry(
        id=f"{place:06d}",
        license_id=entry.license_id,
        account_id="",
        update_type=UpdateType.ABSOLUTE,
        quantity=Decimal(entry.quantity),
        effective_from=effective_from,
        booked_at=effective_from,
        created_at=work.now,
        metadata={},
    )


def _problems(work: Work, entries: list[LicenseEntry]) -> list[Problem]:
    path = f"{_SEATS}.custom"
    problems = _addon_problems(work, path, [entry.license_id for entry in entries], AddOnType.LICENSE)
    for place, entry in enumerate(entries):
        here = f"{path}[{place}]"
        if entry.quantity < 0:
            problems.append(Problem(f"{here}.quantity", f"is {entry.quantity}, expected 0 or more"))
        problems += [Problem(f"{here}.{one.path}", one.reason) for one in quantity_problems(Decimal(entry.quantity))]
        attempted(problems, partial(instant_of, entry.effective_from, f"{here}.effectiveFrom"))
    return problems


def _addon_problems(work: Work, path: str, license_ids: list[str], kind: AddOnType) -> list[Problem]:
    problems: list[Problem] = []
    addons = work.state.addons.among(set(license_ids))
    for place, license_id in enumerate(license_ids):
        addon = addons.get(license_id)
        if addon is None:
            problems.append(Problem(f"{path}[{place}].licenseId", f"add-on {license_id!r} not found"))
        elif addon.type is not kind:
            reason = f"add-on {addon.id!r} is a {addon.type}, expected a {kind}"
            problems.append(Problem(f"{path}[{place}].licenseId", reason))
    return problems
