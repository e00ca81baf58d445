"""Credits: grant, read, list, void, and the balance of an account."""

from __future__ import annotations

import msgspec

from tallystick.accounts.account import AccountStatus
from tallystick.credits.balance import CreditBalance, Standing, balance_of
from tallystick.credits.burndown import applies_to, is_eligible
from tallystick.credits.credit import (
    Credit,
    CreditDetails,
    CreditRequest,
    CreditRequests,
    CreditsGranted,
    CreditStatus,
    grant,
    request_problems,
)
from tallystick.invoicing.assemble import coverable_lines
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.errors import Problem, conflict, invalid, refuse_if_any
from tallystick.kernel.money import Money, zero
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.period import local_date, local_midnight
from tallystick.kernel.quantity import plain
from tallystick.kernel.scope import Scope
from tallystick.operations.accounts import live_account
from tallystick.operations.answers import Listed
from tallystick.operations.drafts import Drafted, draft_bills
from tallystick.operations.work import Work, command, event_query, needs


@needs(Scope.MONEY)
@command
def create_credits(work: Work, draft: CreditRequests) -> CreditsGranted:
    """Grant credits to accounts: all of them, or none."""
    accounts = work.state.accounts.kept_among({request.account_id for request in draft.credit_requests})
    problems: list[Problem] = []
    for index, request in enumerate(draft.credit_requests):
        account = accounts.get(request.account_id)
        path = f"creditRequests[{index}]"
        if account is None or account.status is AccountStatus.ARCHIVED:
            problems.append(Problem(f"{path}.accountId", f"account {request.account_id!r} not found"))
        else:
            problems += request_problems(request, account.invoice_currency, path)
    refuse_if_any(problems)
    granted = [
        _grant(
            work,
            request,
            accounts[request.account_id].customer_id,
            accounts[request.account_id].invoice_currency,
        )
        for request in draft.credit_requests
    ]
    return CreditsGranted(credits=granted)


@event_query
def list_credits(
    work: Work,
    page: PageRequest,
    *,
    status: CreditStatus | None = None,
    account_id: str | None = None,
    id: str | None = None,
) -> Listed[Credit]:
    """Page through credits, newest first."""
    found, token = work.state.credits.page(page, status=status, account_id=account_id, id=id)
    return Listed(data=_with_holds(work, found), next_token=token)


@event_query
def get_credit(work: Work, credit_id: str) -> CreditDetails:
    """A credit with everything that happened to it."""
    (credit,) = _with_holds(work, [work.state.credits.get(credit_id)])
    shown = {field: getattr(credit, field) for field in Credit.__struct_fields__}
    return CreditDetails(**shown, transactions=work.state.credits.transactions(credit_id))


@needs(Scope.MONEY)
@command
def void_credit(work: Work, credit_id: str) -> Credit:
    """Cancel what is left of an ACTIVE credit; what invoices burned of it stays."""
    credit = work.state.credits.get(credit_id)
    if credit.status is not CreditStatus.ACTIVE:
        raise invalid("", f"credit {credit_id!r} is {credit.status}: only an ACTIVE one can be voided")
    work.state.credits.close(credit, CreditStatus.VOIDED, work.now, work.ids)
    return work.state.credits.get(credit_id)


@event_query
def get_credit_balance(work: Work, account_id: str) -> CreditBalance:
    """What an account has been granted, has left, and has free of holds (domain.md 6.1)."""
    account = live_account(work, account_id)
    drafted = draft_bills(work, [account_id])
    current = _current(work, account_id)
    held = _held(drafted)
    standings = []
    for open_credit in work.state.credits.open_of([account_id]):
        credit, consumed = open_credit.credit, Money(open_credit.credit.consumed_amount, account.invoice_currency)
        standings.append(
            Standing(
                granted=open_credit.left + consumed,
                consumed=consumed,
                held=held.get(credit.id, zero(account.invoice_currency)),
                is_applicable=_is_applicable(work, credit, current, drafted),
            )
        )
    return balance_of(standings, account.invoice_currency, work.now)


def _grant(work: Work, request: CreditRequest, customer_id: str, currency: str) -> Credit:
    """A new credit, or the one that was granted under the same idempotency key."""
    if request.idempotency_key is not None:
        known = work.state.credits.with_key(request.account_id, request.idempotency_key)
        if known is not None:
            if known.credit_amount != request.credit_amount:
                raise conflict(f"idempotencyKey {request.idempotency_key!r} was used for another credit")
            return known
    credit = grant(request, credit_id=work.ids.mint("cred"), customer_id=customer_id, currency=currency, now=work.now)
    until = credit.effective_until
    expires_at = None if until is None else local_midnight(until, work.organisation.zone)
    work.state.credits.grant(credit, expires_at, work.ids)
    return credit


def _with_holds(work: Work, credits: list[Credit]) -> list[Credit]:
    """Credits with what drafts hold of them."""
    active = {credit.account_id for credit in credits if credit.status is CreditStatus.ACTIVE}
    held = _held(draft_bills(work, active)) if active else {}
    return [
        msgspec.structs.replace(credit, hold_amount=plain(held[credit.id].amount)) if credit.id in held else credit
        for credit in credits
    ]


def _held(drafted: Drafted) -> dict[str, Money]:
    """What drafts hold of each credit."""
    held: dict[str, Money] = {}
    for bill in drafted.bills.values():
        for burn in bill.burns:
            held[burn.credit.id] = held.get(burn.credit.id, zero(burn.amount.currency)) + burn.amount
    return held


def _current(work: Work, account_id: str) -> InvoiceRecord | None:
    """The draft of the cycle that runs now, if there is one."""
    drafts = work.state.invoices.drafts_of([account_id])
    return next((draft for draft in drafts if draft.cycle.period.contains(work.now)), None)


def _is_applicable(work: Work, credit: Credit, current: InvoiceRecord | None, drafted: Drafted) -> bool:
    """Whether the present draft can use a credit: effective for its period, and for one of its lines."""
    bill = None if current is None else drafted.bills.get(current.id)
    if (
        current is None
        or bill is None
        or not is_eligible(credit, local_date(current.cycle.period.end, work.organisation.zone))
    ):
        return False
    return any(applies_to(credit, line) for line in coverable_lines(bill.revenue_info))
