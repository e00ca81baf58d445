"""Credit that a card of a plan grants with a bill (domain.md 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.credits.credit import Credit, CreditRequest, grant

if TYPE_CHECKING:
    from datetime import date, datetime

    from tallystick.catalog.credit_grant import CreditGrantRateCard
    from tallystick.kernel.money import Money


@dataclass(frozen=True, slots=True)
class PlanGrant:
    """How much a card grants, and what that is called."""

    card: CreditGrantRateCard
    display_name: str
    amount: Money

    def credit(
        self,
        *,
        account_id: str,
        customer_id: str,
        granted_on: date,
        cycle_ends_on: date,
        credit_id: str,
        now: datetime,
    ) -> Credit:
        """The new credit, from the day of the grant on; `cycle_ends_on` is when the pricing cycle of that day ends."""
        how = self.card.grant_details
        request = CreditRequest(
            account_id=account_id,
            purpose=self.display_name,
            applicable_entity_ids=how.applicable_entity_ids,
            effective_from=granted_on,
            effective_until=how.ends_on(granted_on, cycle_ends_on),
            credit_amount=self.amount.amount,
            priority=how.priority,
            grantor_id=self.card.id,
        )
        return grant(request, credit_id=credit_id, customer_id=customer_id, currency=self.amount.currency, now=now)
