"""Who is calling: the key, the organisation it belongs to, and what it may do."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import msgspec

from tallystick.kernel.document import Document
from tallystick.kernel.errors import BillingError, Kind, Problem, not_found
from tallystick.kernel.scope import Scope
from tallystick.operations.work import Work, query


class Principal(Document, frozen=True, kw_only=True):
    """The caller; `creditLimit` is the largest credit, in an account's currency, that an agent grants unpreviewed.

    `now` is the server's business instant, which on a test clock is not the time of day.
    """

    key_id: str
    key_name: str
    organisation_id: str = msgspec.field(name="organizationId")
    organisation_name: str = msgspec.field(name="organizationName")
    base_currency: str
    time_zone: str
    scopes: list[Scope]
    credit_limit: Decimal
    now: datetime


@query
def whoami(work: Work) -> Principal:
    """Tell the caller who it is: its key and scopes, its organisation, its credit limit, and the server's time."""
    key = work.state.find_key(work.actor)
    if key is None:
        raise not_found("key in use", work.actor)
    return Principal(
        key_id=key.id,
        key_name=key.name,
        organisation_id=work.organisation.id,
        organisation_name=work.organisation.name,
        base_currency=work.organisation.base_currency,
        time_zone=work.organisation.time_zone,
        scopes=sorted(key.scopes),
        credit_limit=key.credit_limit,
        now=work.now,
    )


def require_money(work: Work, what: str) -> None:
    """Let only keys do this that may touch money, where that depends on more than the operation.

    What is rolled back changes that for nobody.

    Raises:
        BillingError: of kind FORBIDDEN, saying what it is that changes what somebody pays.
    """
    if work.is_rolled_back:
        return
    key = work.state.find_key(work.actor)
    if key is None or Scope.MONEY not in key.scopes:
        reason = f"{what} changes what somebody pays: this needs a key with the scope {Scope.MONEY}"
        raise BillingError(Kind.FORBIDDEN, "insufficient_scope", Problem("", reason))
