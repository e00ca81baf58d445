"""The logs of pricing rules of frozen invoices: written once, with the invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from tallystick.invoicing.rule_log import PricingRuleLog
from tallystick.kernel.document import decode, encode
from tallystick.stores.state.bill_tables import pricing_rule_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection


class RuleLogs:
    """The logs of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def add(self, logs: Iterable[tuple[str, Sequence[PricingRuleLog]]]) -> None:
        """Store the logs of invoices that are frozen in this transaction, by invoice."""
        rows = [
            {
                "organisation_id": self._organisation,
                "invoice_id": invoice_id,
                "number": number,
                "rule_id": log.rule.id,
                "type": log.type,
                "body": encode(log).decode(),
            }
            for invoice_id, its_logs in logs
            for number, log in enumerate(its_logs, start=1)
        ]
        if rows:
            self._connection.execute(insert(pricing_rule_log), rows)

    def of(self, invoice_id: str) -> list[PricingRuleLog]:
        """The logs of a frozen invoice, in the order in which its rules were applied."""
        bodies = self._connection.execute(
            select(pricing_rule_log.c.body)
            .where(
                pricing_rule_log.c.organisation_id == self._organisation, pricing_rule_log.c.invoice_id == invoice_id
            )
            .order_by(pricing_rule_log.c.number)
        ).scalars()
        return [decode(body, PricingRuleLog) for body in bodies]
