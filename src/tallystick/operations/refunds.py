"""What is given back for licences that were paid in advance: as credits, or into the wallet (domain.md 4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from tallystick.catalog.rate_card import ProratedRefundMode
from tallystick.credits.credit import OWN_KEYS, CreditRequest, grant
from tallystick.invoicing.assemble import Refund
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.period import local_date
from tallystick.operations.wallets import put_into_wallet
from tallystick.operations.work import Work
from tallystick.stores.state.wallets import Occasion

LAST: Final = 100
"""The priority of refunds: what was paid for is used after what was given away."""


def give_back(work: Work, record: InvoiceRecord, refunds: Iterable[Refund]) -> None:
    """Give the account what a day's changes give back: credits without end, or money; once, also when billed again."""
    since = local_date(record.cycle.period.start, work.organisation.zone)
    for refund in refunds:
        key = f"{OWN_KEYS}refund {record.schedule_id} {since} {refund.license_id}"
        if refund.mode is ProratedRefundMode.WALLET:
            why = Occasion("Refund of licences", refund.license_id, key)
            put_into_wallet(work, work.state.accounts.get(record.account_id), refund.amount, why)
            continue
        if work.state.credits.with_key(record.account_id, key) is not None:
            continue
        request = CreditRequest(
            account_id=record.account_id,
            purpose=f"Refund of {refund.display_name}, fewer since {since}",
            effective_from=since,
            credit_amount=refund.amount.amount,
            priority=LAST,
            grantor_id=refund.license_id,
            idempotency_key=key,
        )
        grant_without_end(work, request, record.customer_id, record.currency)


def grant_without_end(work: Work, request: CreditRequest, customer_id: str, currency: str) -> str:
    """Grant a credit that never expires; its id."""
    credit = grant(request, credit_id=work.ids.mint("cred"), customer_id=customer_id, currency=currency, now=work.now)
    work.state.credits.grant(credit, None, work.ids)
    return credit.id
