"""Units that plans grant, for events that are judged before the billing clock has come to the start of their cycle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.operations.unit_grants import grant_due

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from tallystick.engine import Engine

ACTOR: Final = "event processor"


class UnitsOnDemand:
    """Grants accounts what their plans grant in cycles that have started, whoever comes first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, organisation: str, events: Mapping[str, Collection[datetime]]) -> None:
        """Grant it to the accounts of events; as a rule the clock has, and nothing is written.

        Raises:
            BillingError: of kind UNAVAILABLE, when the database cannot be written now.
        """
        with self._engine.work_for(organisation, ACTOR, writes=False) as (work, _):
            if not work.state.schedules.granting(work.now, list(events), limit=1):
                return
        with self._engine.work_for(organisation, ACTOR, writes=True) as (work, _):
            grant_due(work, list(events))
