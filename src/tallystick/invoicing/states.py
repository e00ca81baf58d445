"""Which steps between the states of an invoice may be asked for, as data, and which one time takes (domain.md 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.invoicing.invoice import InvoiceStatus as S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tallystick.kernel.money import Money

ON_REQUEST: Final[Mapping[S, frozenset[S]]] = {
    S.DRAFT: frozenset({S.DUE, S.VOID}),
    S.DUE: frozenset({S.PAID, S.VOID, S.UN_COLLECTIBLE}),
    S.PARTIALLY_PAID: frozenset({S.PAID, S.VOID, S.UN_COLLECTIBLE, S.REFUND_INITIATED}),
    S.UN_COLLECTIBLE: frozenset({S.PAID, S.VOID}),
    S.PAID: frozenset({S.REFUND_INITIATED}),
}
"""The steps that `PATCH /invoices/{id}` may ask for."""


PAYABLE: Final = frozenset({S.DUE, S.PARTIALLY_PAID})
"""The states in which a payment or the wallet pays an invoice; one that was given up is only marked as paid."""


def may_request(status: S, wanted: S) -> bool:
    """Whether a caller may ask for this step."""
    return wanted in ON_REQUEST.get(status, ())


def when_due(total: Money) -> S:
    """The state that a draft of this total takes when it falls due: owed, settled, or owed to the account."""
    if not total:
        return S.PAID
    return S.DUE if total.amount > 0 else S.REFUND_COMPLETED


def when_paid(total: Money, paid: Money) -> S:
    """The state of an invoice that is owed, once so much of its total is paid."""
    return S.PAID if paid == total else S.PARTIALLY_PAID
