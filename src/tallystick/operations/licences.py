"""Licences: how many of an add-on an account holds; grant and take, list, and describe entries (domain.md 8.3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from tallystick.accounts.account import AccountStatus
from tallystick.accounts.licence import (
    LicenceEntry,
    LicenseUpdate,
    LicenseUpdateDraft,
    LicenseUpdatePatch,
    balance_problems,
    in_force,
    most_held,
    quantity_problems,
    standings,
)
from tallystick.accounts.schedule import Schedule
from tallystick.accounts.timeline import Timeline
from tallystick.catalog.addon import AddOnType
from tallystick.catalog.fields import Id, Shelf
from tallystick.catalog.price_plan import PricePlanDetails
from tallystick.kernel.errors import Problem, conflict, not_found, refuse_if_any
from tallystick.kernel.micros import micros_of
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import BEGINNING, FOREVER, Period, in_utc, local_date
from tallystick.kernel.quantity import plain
from tallystick.operations.answers import Listed
from tallystick.operations.cycles import terms_of
from tallystick.operations.licence_changes import book, booking_of, in_advance
from tallystick.operations.work import Work, command, query


# Scope `write`, as for events: it tells what is held, at prices that were agreed on by somebody with the scope `money`.
@command
def update_licenses(work: Work, draft: LicenseUpdateDraft) -> LicenseUpdate:
    """Give an account licences, take some, or set how many it holds; the account may come to be later."""
    return updated(work, draft, None)


def updated(work: Work, draft: LicenseUpdateDraft, coming: Timeline | None) -> LicenseUpdate:
    """The same, within what the plans of the `coming` timeline allow, when there is one that is about to be kept.

    Raises:
        BillingError: of kind INVALID, for an update that cannot be made; of kind CONFLICT, for a key used otherwise.
    """
    work.state.licences.take_turns()
    effective_from = work.now if draft.effective_from is None else in_utc(draft.effective_from, "effectiveFrom")
    account_id = work.state.licences.holder(draft.account_id, effective_from)
    known = _under_key(work, draft, account_id)
    if known is not None:
        return _shown(work, [known])[0]
    timeline = work.state.schedules.of([account_id])[account_id]
    terms = terms_of(work, timeline)
    refuse_if_any(_problems(work, draft, account_id, effective_from, terms))
    entry = LicenceEntry(
        id=work.ids.mint("licence_entry"),
        license_id=draft.license_id,
        account_id=account_id,
        update_type=draft.update_type,
        quantity=plain(draft.quantity),
        effective_from=effective_from,
        booked_at=booking_of(work, account_id, effective_from),
        created_at=work.now,
        idempotency_key=draft.idempotency_key,
        metadata=draft.metadata,
    )
    before = _ledger(work, account_id, draft.license_id)
    after = in_force([*before, entry])
    refuse_if_any(balance_problems(after))
    if coming is None:
        refuse_if_any(_breaches(timeline, terms, entry, before, after))
    else:
        refuse_if_any(_breaches(coming, terms_of(work, coming), entry, before, after))
    work.state.licences.add(entry)
    book(work, entry, terms)
    return _shown(work, [entry])[0]


@query
def list_license_updates(
    work: Work,
    page: PageRequest,
    *,
    account_id: str | None = None,
    license_id: str | None = None,
    effective_from: datetime | None = None,
) -> Listed[LicenseUpdate]:
    """Page through the ledger, newest entry first; `effectiveFrom` finds entries that hold from just that instant."""
    at = None if effective_from is None else str(micros_of(in_utc(effective_from, "effectiveFrom")))
    entries, token = work.state.licences.page(page, account_id=account_id, license_id=license_id, since=at, until=at)
    return Listed(data=_shown(work, entries), next_token=token)


@command
def update_license_entry(
    work: Work, license_id: str, patch: LicenseUpdatePatch, *, named_license_id: Id | None = None
) -> LicenseUpdate:
    """Replace the metadata of one entry; of several that hold from the same instant, of the last one made.

    The official client leaves the id in the path as its template and sends it as `licenseId`.
    """
    wanted = named_license_id or license_id
    effective_from = in_utc(patch.effective_from, "effectiveFrom")
    account_id = work.state.licences.holder(patch.account_id, effective_from)
    entries = [entry for entry in _ledger(work, account_id, wanted) if entry.effective_from == effective_from]
    if not entries:
        name = f"{wanted} of account {patch.account_id} from {effective_from.isoformat()}"
        raise not_found("license update", name)
    work.state.licences.set_metadata(entries[-1], patch.metadata)
    return _shown(work, [dataclasses.replace(entries[-1], metadata=patch.metadata)])[0]


def _under_key(work: Work, draft: LicenseUpdateDraft, account_id: str) -> LicenceEntry | None:
    """The entry that was made under the same idempotency key, when there is one."""
    if draft.idempotency_key is None:
        return None
    known = work.state.licences.with_key(account_id, draft.idempotency_key)
    if known is None:
        return None
    asked = (draft.license_id, draft.update_type, draft.quantity)
    same_time = draft.effective_from is None or in_utc(draft.effective_from, "effectiveFrom") == known.effective_from
    if asked != (known.license_id, known.update_type, known.quantity) or not same_time:
        raise conflict(f"idempotencyKey {draft.idempotency_key!r} was used for another update")
    return known


def _problems(
    work: Work,
    draft: LicenseUpdateDraft,
    account_id: str,
    effective_from: datetime,
    terms: Mapping[str, PricePlanDetails],
) -> list[Problem]:
    """Everything that is wrong with an update by itself."""
    problems = quantity_problems(draft.quantity)
    addon = work.state.addons.kept_among([draft.license_id]).get(draft.license_id)
    if addon is None or addon.status is Shelf.ARCHIVED:
        problems.append(Problem("licenseId", f"add-on {draft.license_id!r} not found"))
    elif addon.type is AddOnType.NAMED_LICENSE:
        reason = f"add-on {addon.id!r} is a NAMED_LICENSE: send its names as events of the schema togai-named-license"
        problems.append(Problem("licenseId", reason))
    elif addon.type is not AddOnType.LICENSE:
        problems.append(Problem("licenseId", f"add-on {addon.id!r} is a {addon.type}, expected a LICENSE"))
    account = work.state.accounts.find(account_id)
    if account is not None and account.status is AccountStatus.ARCHIVED:
        problems.append(Problem("accountId", f"account {account_id!r} is archived"))
    if not BEGINNING <= effective_from < FOREVER:
        problems.append(Problem("effectiveFrom", f"{effective_from.isoformat()} lies outside the years 1970 to 9998"))
    else:
        problems += _billed_problems(work, account_id, draft.license_id, effective_from, terms)
    return problems


def _billed_problems(
    work: Work, account_id: str, license_id: str, effective_from: datetime, terms: Mapping[str, PricePlanDetails]
) -> list[Problem]:
    """An update may hold from a past instant only while no cycle from then on is billed.

    One that was billed in advance takes changes until it ends, any other until it falls due.
    """
    zone = work.organisation.zone
    for piece in work.state.schedules.of([account_id])[account_id]:
        if piece.within.end <= effective_from or piece.within.start > work.now:
            continue
        cycle = piece.cycle_at(max(effective_from, piece.within.start), zone)
        is_paid_before = any(card.id == license_id for card in in_advance(terms[piece.id]))
        if (cycle.period.end if is_paid_before else piece.due_at(cycle, zone)) <= work.now:
            billed = f"the cycle until {local_date(cycle.period.end, zone)} is billed"
            return [Problem("effectiveFrom", f"{effective_from.isoformat()} is too early: {billed}")]
    return []


def _breaches(
    timeline: Sequence[Schedule],
    terms: Mapping[str, PricePlanDetails],
    entry: LicenceEntry,
    before: Sequence[LicenceEntry],
    after: Sequence[LicenceEntry],
) -> list[Problem]:
    """The plan of a timeline that allows fewer licences than an entry leaves, unless there were as many before."""
    for piece in timeline:
        within = piece.within.intersect(Period(entry.effective_from, FOREVER))
        cards = (card for card in terms[piece.id].license_rate_cards if card.id == entry.license_id)
        most = next((card.max_quantity for card in cards), None)
        if within is None or most is None:
            continue
        held = most_held(after, within)
        if held > max(Decimal(most), most_held(before, within)):
            reason = f"would leave {held:f}, and the plan of the account allows {most}"
            return [Problem("quantity", reason)]
    return []


def _ledger(work: Work, account_id: str, license_id: str) -> list[LicenceEntry]:
    return work.state.licences.of([account_id], [license_id]).get((account_id, license_id), [])


def _shown(work: Work, entries: Sequence[LicenceEntry]) -> list[LicenseUpdate]:
    """Entries with what stands after each, which follows from all entries of its account and licence."""
    ledgers = work.state.licences.of({entry.account_id for entry in entries}, {entry.license_id for entry in entries})
    standing = {
        one.id: quantity for ledger in ledgers.values() for one, quantity in zip(ledger, standings(ledger), strict=True)
    }
    return [entry.shown(plain(standing[entry.id])) for entry in entries]
