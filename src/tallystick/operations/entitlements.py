"""Entitlement values: what an account may do by each feature, as texts (domain.md 6.4)."""

from __future__ import annotations

from typing import Any, Final

from tallystick.catalog.setting import SettingDataType
from tallystick.credits.feature_credit import FeatureBalance
from tallystick.kernel.document import Document, Draft, decode, encode
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import Done
from tallystick.operations.feature_credits import valid_entries
from tallystick.operations.unit_grants import features_of_plan
from tallystick.operations.work import Work, event_query

_VALUES: Final = "setting.user.entitlement"
"""The setting that gives values by feature id, on the account, its customer or the organisation."""

_HAS_IT: Final = "true"


class EntitlementValue(Document, frozen=True, kw_only=True):
    """What an account may do by one feature."""

    feature_id: str
    value: str


class EntitlementValues(Document, frozen=True, kw_only=True):
    """The answer of both GETs: features that the account was not granted are not among them."""

    data: list[EntitlementValue]


class EntitlementTest(Draft, frozen=True, kw_only=True):
    """What `POST /accounts/{id}/entitlements/{feature}` takes."""

    value: str


@event_query
def list_entitlements(work: Work, account_id: str) -> EntitlementValues:
    """The values of all features that an account has."""
    return EntitlementValues(data=_values(work, account_id))


@event_query
def get_entitlement(work: Work, account_id: str, feature_id: str) -> EntitlementValues:
    """The value of one feature; nothing, when the account does not have it."""
    work.state.features.get(feature_id)
    return EntitlementValues(data=[one for one in _values(work, account_id) if one.feature_id == feature_id])


@event_query
def check_entitlement(work: Work, account_id: str, feature_id: str, draft: EntitlementTest) -> Done:
    """Whether the value of a feature is the one that was sent; false too, when the account does not have it."""
    found = get_entitlement(work, account_id, feature_id).data
    return Done(success=any(one.value == draft.value for one in found))


def _values(work: Work, account_id: str) -> list[EntitlementValue]:
    """By feature: what a setting says; else the balance, where it is counted; else that the account has it."""
    live_account(work, account_id)
    values = _carried(work, account_id) | _set(work, account_id)
    known = work.state.features.among(values)
    return [EntitlementValue(feature_id=name, value=values[name]) for name in sorted(values) if name in known]


def _carried(work: Work, account_id: str) -> dict[str, str]:
    """The values of the features that plans and purchases carry for an account.

    Those are the features of its plan's cards, and those it has a valid entry of.
    """
    entries = valid_entries(work, account_id)
    carried = features_of_plan(work, account_id) | {entry.grant.feature_id for entry in entries}
    values = {}
    for name, feature in work.state.features.among(carried).items():
        own = [entry for entry in entries if entry.grant.feature_id == name]
        balance = FeatureBalance.of(account_id, name, own).balance
        values[name] = f"{balance:f}" if feature.schema_associations else _HAS_IT
    return values


def _set(work: Work, account_id: str) -> dict[str, str]:
    """The values that the nearest setting gives: a JSON object of feature ids and values."""
    setting = work.state.settings_for([account_id])[account_id].get(_VALUES)
    if setting is None or setting.data_type is not SettingDataType.JSON:
        return {}
    given = decode(setting.value, object)
    return {name: _text(value) for name, value in given.items()} if isinstance(given, dict) else {}


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    return value if isinstance(value, str) else encode(value).decode()
