"""Short ways to owe, to pay and to look at what was paid, for tests of wallets and payments."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

from tests.operations.shop import fee

if TYPE_CHECKING:
    from tests.operations.shop import Json, Shop
    from tests.servers import Answer

_TRANSACTIONS = count(1)


def owing(shop: Shop, amount: object = 30, account: str = "acme", **more: str) -> str:
    """An account that owes a fee for each month, due on the third of the next one; the plan's id."""
    shop.account(account, **more)
    currency = more.get("currency", "USD")
    card = fee(shop.addon(f"Fee of {account}"), amount, currency=currency)
    plan = shop.plan(currencies=(currency,), fixedFeeRateCards=[card])
    shop.associate(plan, account)
    return plan


def wallet(shop: Shop, account: str = "acme") -> Json:
    return shop.api.get(f"/accounts/{account}/wallet").ok()


def balance(shop: Shop, account: str = "acme") -> Decimal:
    return Decimal(wallet(shop, account)["balance"])


def topup(shop: Shop, amount: object, account: str = "acme") -> Decimal:
    """The balance after so much more."""
    return Decimal(shop.api.post(f"/accounts/{account}/wallet_topup", {"topupAmount": amount}).ok()["balance"])


def entries(shop: Shop, account: str = "acme") -> list[tuple[str, Decimal, Decimal]]:
    """(type, amount, closing balance) of the entries of a wallet, oldest first."""
    pages = shop.api.pages(f"/accounts/{account}/wallet/entries")
    found = [entry for page in pages for entry in page]
    return [(one["transactionType"], Decimal(one["amount"]), Decimal(one["closingBalance"])) for one in reversed(found)]


def figures(invoice: Json) -> tuple[str, Decimal, Decimal]:
    """(status, total, paid) of an invoice."""
    return invoice["status"], Decimal(invoice["totalAmount"]), Decimal(invoice["paidAmount"])


def paid(shop: Shop, position: int = 0, account: str = "acme") -> tuple[str, Decimal, Decimal]:
    """The same of one that the list and the invoice tell alike."""
    listed, read = shop.invoices(account)[position], shop.invoice(position, account)
    assert {name: read[name] for name in listed} == listed
    return figures(read)


def line(kind: str, order: int = 1, amount: object = None, togai_id: str | None = None) -> Json:
    """A part of a payment."""
    given = {"amount": amount, "togaiId": togai_id}
    return {"type": kind, "order": order} | {name: value for name, value in given.items() if value is not None}


def payment(total: object, *lines: Json, account: str = "acme", currency: str = "USD", **reference: object) -> Json:
    """The body of a payment by a transaction of its own."""
    outside = {"sourceName": "Bank", "sourceType": "BANK_TRANSFER", "transactionNumber": f"T-{next(_TRANSACTIONS)}"}
    return {
        "accountId": account,
        "currency": currency,
        "totalAmount": total,
        "externalPaymentReference": outside | reference,
        "lineItemRecords": lines,
    }


def pay(shop: Shop, total: object, *lines: Json, account: str = "acme", **reference: object) -> Json:
    """A payment that is taken."""
    answer = shop.api.post("/payments", payment(total, *lines, account=account, **reference))
    assert answer.status == 201, answer.content
    body: Json = answer.body
    return body


def parts(payment: Json) -> list[tuple[str, Decimal]]:
    """(type, amount) of what a payment was allotted to."""
    return [(one["type"], Decimal(one["amount"])) for one in payment["lineItemRecords"]]


def ask(shop: Shop, invoice: str, status: str) -> Answer:
    """Ask for another status of an invoice."""
    return shop.api.patch(f"/invoices/{invoice}", {"status": status})


def move(shop: Shop, invoice: str, status: str) -> Json:
    """An invoice once it was moved to another status."""
    return ask(shop, invoice, status).ok()
