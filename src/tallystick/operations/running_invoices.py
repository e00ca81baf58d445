"""The invoice that an account is running up now."""

from __future__ import annotations

from tallystick.invoicing.invoice import Invoice, InvoiceType
from tallystick.kernel.errors import BillingError, Kind, Problem
from tallystick.kernel.period import local_date
from tallystick.operations.accounts import live_account
from tallystick.operations.invoices import shown
from tallystick.operations.work import Work, event_query


@event_query
def preview_invoice(work: Work, account_id: str) -> Invoice:
    """The draft of the cycle that runs now, as it would be billed now; the one in arrears when there are two."""
    live_account(work, account_id)
    running = [
        record for record in work.state.invoices.drafts_of([account_id]) if record.cycle.period.contains(work.now)
    ]
    if not running:
        reason = f"account {account_id!r} has no running invoice: {_way_out(work, account_id)}"
        raise BillingError(Kind.NOT_FOUND, "no_running_invoice", Problem("", reason))
    in_arrears = [record for record in running if record.invoice_type is InvoiceType.STANDARD]
    return shown(work, (in_arrears or running)[0])


def _way_out(work: Work, account_id: str) -> str:
    """When there will be one, or what has to be done for it."""
    timeline = work.state.schedules.of([account_id])[account_id]
    starts = [piece.within.start for piece in timeline if piece.within.end > work.now]
    if not starts:
        return "put a price plan on it first"
    if starts[0] > work.now:
        return f"its price plan starts on {local_date(starts[0], work.organisation.zone)}"
    return "its cycle is being opened, try again in a moment"
