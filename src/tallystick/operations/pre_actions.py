"""What is done right before a plan comes on an account: licences are granted (domain.md 5.2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from tallystick.accounts.licence import LicenseUpdateDraft, UpdateType
from tallystick.accounts.schedule import PreAction
from tallystick.accounts.timeline import Timeline
from tallystick.catalog.fields import Id
from tallystick.kernel.document import Draft, encode
from tallystick.kernel.errors import BillingError, Problem, refuse_if_any
from tallystick.kernel.shapes import drafted
from tallystick.operations.licences import updated
from tallystick.operations.work import Work


class LicenseGrant(Draft, frozen=True, kw_only=True):
    """What the config of a GRANT_LICENSE says, all of it as text; without `effectiveFrom`, it holds from now on."""

    license_id: Id
    update_type: UpdateType
    quantity: Decimal
    effective_from: datetime | None = None


_GRANTS: Final = msgspec.json.Decoder(LicenseGrant)


def carry_out(work: Work, account_id: str, actions: Sequence[PreAction], coming: Timeline) -> None:
    """Do what comes before a change of plan, in its order; the plans of the `coming` timeline say how much is allowed.

    Raises:
        BillingError: of kind INVALID, with the problems of every action.
    """
    problems: list[Problem] = []
    for position, action in enumerate(actions):
        try:
            grant = drafted(encode(action.config), _GRANTS, LicenseGrant)
            updated(work, LicenseUpdateDraft(account_id=account_id, **msgspec.structs.asdict(grant)), coming)
        except BillingError as refused:
            path = f"preActions[{position}].config"
            problems += [Problem(f"{path}.{found.path}".rstrip("."), found.reason) for found in refused.problems]
    refuse_if_any(problems)
