"""Settings: values that callers keep on the organisation, a customer or an account (domain.md 8.8)."""

from __future__ import annotations

import enum
import re
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.catalog.fields import NUMBER_PATTERN, Text255
from tallystick.kernel.document import Document, Draft, decode
from tallystick.kernel.errors import BillingError, Problem
from tallystick.logic import parse

LONGEST_VALUE: Final = 20_000
"""As long as a rule may be."""

Word = Annotated[
    str,
    Meta(min_length=1, max_length=50, pattern=r"^[A-Za-z0-9_-]+$", description="A word of letters, digits, _ and -"),
]
"""A part of a path: without the dots that stand between the parts."""

Value = Annotated[str, Meta(max_length=LONGEST_VALUE)]


class SettingDataType(enum.StrEnum):
    """What the text of a setting stands for."""

    STRING = "STRING"
    NUMERIC = "NUMERIC"
    JSON = "JSON"
    JSON_LOGIC = "JSON_LOGIC"


class SettingEntity(enum.StrEnum):
    """What a setting can sit on, the farthest from an event first."""

    ORGANIZATION = "ORGANIZATION"
    CUSTOMER = "CUSTOMER"
    ACCOUNT = "ACCOUNT"


class Setting(Document, frozen=True, kw_only=True):
    """A value on an entity; `id` is its short name, and the path names it among all settings."""

    id: str
    value: str
    entity_type: SettingEntity
    entity_id: str
    namespace: str
    name: str
    data_type: SettingDataType

    @property
    def path(self) -> str:
        """What the wire calls it, such as `setting.USER.threshold.ACCOUNT.acme`."""
        return f"setting.{self.namespace}.{self.id}.{self.entity_type}.{self.entity_id}"

    @property
    def key(self) -> str:
        """What enrichments call it, wherever it sits: `setting.user.threshold` (domain.md 2.6)."""
        return setting_key(self.namespace, self.id)

    @property
    def setting_id(self) -> str:
        """The short name, under the name that the list filters by."""
        return self.id


class SettingDraft(Draft, frozen=True, kw_only=True):
    """What `POST /settings` takes."""

    id: Word
    value: Value
    entity_type: SettingEntity
    entity_id: str
    namespace: Word
    name: Text255
    data_type: SettingDataType


class SettingPatch(Draft, frozen=True, kw_only=True):
    """What `PATCH /settings/{id}` takes: fields that are absent stay."""

    name: Text255 | UnsetType = UNSET
    value: Value | UnsetType = UNSET
    data_type: SettingDataType | UnsetType = UNSET


def setting_key(namespace: str, setting_id: str) -> str:
    """The key of a setting: the namespace in lower case, however it was written."""
    return f"setting.{namespace.lower()}.{setting_id}"


def problems_of(setting: Setting) -> list[Problem]:
    """What is wrong with a setting: a namespace of ours, a value that is not of its type."""
    problems = []
    if setting.namespace == "TOGAI":
        problems.append(Problem("namespace", "the namespace togai is reserved: use USER"))
    match setting.data_type:
        case SettingDataType.NUMERIC if not re.fullmatch(NUMBER_PATTERN, setting.value):
            problems.append(Problem("value", f"is {setting.value[:40]!r}, expected a number such as -12.5"))
        case SettingDataType.JSON:
            problems += _json_problems(setting.value)
        case SettingDataType.JSON_LOGIC:
            problems += _rule_problems(setting.value)
        case _:
            pass
    return problems


def _json_problems(text: str) -> list[Problem]:
    try:
        decode(text, object)
    except msgspec.DecodeError as failure:
        return [Problem("value", f"not valid JSON: {failure}")]
    return []


def _rule_problems(text: str) -> list[Problem]:
    try:
        parse(text, path="value")
    except BillingError as malformed:
        return list(malformed.problems)
    return []
