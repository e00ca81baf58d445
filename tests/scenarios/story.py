"""Stories as files tell them: an offer, accounts, and what happens by date. Unknown words are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

if TYPE_CHECKING:
    from pathlib import Path

FOREVER: Final = date(9999, 1, 1)


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Fee(_Part):
    """A fixed fee, named by its key."""

    rate: Decimal
    timing: str
    prorated: bool = False


class Licence(_Part):
    """A licence, named by its key; what is given back for fewer in advance."""

    rate: Decimal
    timing: str
    prorated: bool = False
    refund: str = "NONE"


class Plan(_Part):
    """The offer: slabs by meter, as `{above: 0, PER_UNIT: 2}` or `{above: 0, PACKAGE: 10, of: 1000}`."""

    cycle: dict[str, Any]
    usage: dict[str, list[dict[str, Decimal]]]
    model: str = "TIERED"
    fees: dict[str, Fee] = {}
    licences: dict[str, Licence] = {}
    commitment: Decimal | None = None


class Account(_Part):
    """Who has the plan, and from which day on."""

    since: date
    until: date = FOREVER
    netTermDays: int = 0  # noqa: N815 - the wire's word


class Use(_Part):
    """Units of a meter, used at the step's instant if no other is told; and what becomes of the event."""

    account: str
    meter: str
    units: Decimal
    happened: datetime | None = None
    status: str = "INGESTION_COMPLETED_EVENT_METERED"


class Grant(_Part):
    """A credit."""

    account: str
    purpose: str
    amount: Decimal
    priority: int
    since: date | None = None
    until: date | None = None
    entities: list[str] = msgspec.field(default_factory=list, name="for")


class Change(_Part):
    """By how many licences an account has more or fewer from the step's instant on."""

    account: str
    licence: str
    by: Decimal


class Bill(_Part):
    """What one invoice must look like; what is left out is not looked at."""

    account: str
    cycle: tuple[date, date]
    status: str
    total: Decimal
    timing: str = "in arrears"
    number: str | None = None
    invoiced: datetime | None = None
    due: datetime | None = None
    usage: dict[str, Decimal] | None = None
    lines: dict[str, Decimal] | None = None


class Step(_Part):
    """What happens at an instant, in this order: the clock moves, credits, licences, usage; then what must be true."""

    at: datetime
    credits: list[Grant] = []
    licences: list[Change] = []
    use: list[Use] = []
    bills: list[Bill] | None = None
    balance: dict[str, Decimal] = {}


class Story(_Part):
    """A whole file."""

    title: str
    zone: str
    currency: str
    begins: datetime
    plan: Plan
    accounts: dict[str, Account]
    story: list[Step]


class _Exact(yaml.SafeLoader):
    """Reads 0.10 as the decimal it is, and instants in UTC."""


def _instant(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> date:
    read = loader.construct_yaml_timestamp(node)
    return read.replace(tzinfo=UTC) if isinstance(read, datetime) and read.tzinfo is None else read


_Exact.add_constructor("tag:yaml.org,2002:float", lambda _loader, node: Decimal(node.value))
_Exact.add_constructor("tag:yaml.org,2002:timestamp", _instant)


def read(path: Path) -> Story:
    """The story that a file tells.

    Raises:
        msgspec.ValidationError: for a word that stories do not know, with its place.
    """
    return msgspec.convert(yaml.load(path.read_text(), Loader=_Exact), Story)
