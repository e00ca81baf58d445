"""Feature credits of an account: what it has left of a feature, its entries, and changing or voiding one."""

from __future__ import annotations

from tallystick.credits.feature_credit import (
    EntryStatus,
    FeatureBalance,
    FeatureCredit,
    FeatureCreditEntry,
    FeatureCreditPatch,
    patched,
)
from tallystick.kernel.errors import invalid
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import at
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.work import Work, event_command, event_query, needs


@event_query
def get_feature_credits(work: Work, account_id: str, feature_id: str) -> FeatureBalance:
    """What an account has been granted of a feature and has left now, and what it has used beyond that."""
    _refuse_unknown(work, account_id, feature_id)
    return FeatureBalance.of(account_id, feature_id, valid_entries(work, account_id, feature_id))


@event_query
def list_feature_credit_entries(
    work: Work, account_id: str, feature_id: str, page: PageRequest
) -> Listed[FeatureCreditEntry]:
    """Page through what an account was granted of a feature, the latest to begin first."""
    _refuse_unknown(work, account_id, feature_id)
    entries, token = work.state.feature_credits.page(page, account_id, feature_id)
    return Listed(data=[FeatureCreditEntry.of(entry, work.now) for entry in entries], next_token=token)


@needs(Scope.MONEY)
@event_command
def update_feature_credit_entry(
    work: Work, account_id: str, feature_id: str, entry_id: str, patch: FeatureCreditPatch
) -> FeatureCreditEntry:
    """Change how much an ACTIVE entry grants, or until when; what was used of it stays used."""
    entry = _active_entry(work, account_id, feature_id, entry_id)
    grant = patched(entry, patch, work.now)
    changes = {"granted": grant.granted, "effective_until": grant.valid.end}
    return FeatureCreditEntry.of(work.state.feature_credits.change(entry, work.now, **changes), work.now)


@needs(Scope.MONEY)
@event_command
def void_feature_credit_entry(work: Work, account_id: str, feature_id: str, entry_id: str) -> Done:
    """Take away what is left of an ACTIVE entry; what was used of it stays used."""
    entry = _active_entry(work, account_id, feature_id, entry_id)
    work.state.feature_credits.change(entry, work.now, status=EntryStatus.VOIDED)
    return DONE


def valid_entries(work: Work, account_id: str, feature_id: str | None = None) -> list[FeatureCredit]:
    """The ACTIVE entries of an account, of one feature or of all, that are valid now."""
    return work.state.feature_credits.of([account_id], at(work.now), feature_id)


def _active_entry(work: Work, account_id: str, feature_id: str, entry_id: str) -> FeatureCredit:
    """An entry that may be changed.

    Raises:
        BillingError: of kind NOT_FOUND; of kind INVALID, when it is VOIDED or EXPIRED.
    """
    _refuse_unknown(work, account_id, feature_id)
    entry = work.state.feature_credits.get(account_id, feature_id, entry_id)
    status = entry.status_at(work.now)
    if status is not EntryStatus.ACTIVE:
        raise invalid("", f"feature credit entry {entry_id!r} is {status}: only an ACTIVE one can be changed")
    return entry


def _refuse_unknown(work: Work, account_id: str, feature_id: str) -> None:
    """Refuse an account or a feature that does not exist.

    Raises:
        BillingError: of kind NOT_FOUND.
    """
    live_account(work, account_id)
    work.state.features.get(feature_id)
