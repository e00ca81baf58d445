"""The steps between the states of an invoice, as domain.md 7.2 draws them."""

from __future__ import annotations

import itertools

import pytest

from tallystick.invoicing.invoice import InvoiceStatus, RequestedStatus
from tallystick.invoicing.states import may_request, when_due
from tests.unit.credits.grants import usd

REQUESTS = {
    ("DRAFT", "DUE"),
    ("DRAFT", "VOID"),
    ("DUE", "PAID"),
    ("DUE", "VOID"),
    ("DUE", "UN_COLLECTIBLE"),
    ("PARTIALLY_PAID", "PAID"),
    ("PARTIALLY_PAID", "VOID"),
    ("PARTIALLY_PAID", "UN_COLLECTIBLE"),
    ("PARTIALLY_PAID", "REFUND_INITIATED"),
    ("UN_COLLECTIBLE", "PAID"),
    ("UN_COLLECTIBLE", "VOID"),
    ("PAID", "REFUND_INITIATED"),
}


def test_only_the_drawn_steps_can_be_asked_for() -> None:
    pairs = list(itertools.product(InvoiceStatus, repeat=2))
    assert {pair for pair in pairs if may_request(*pair)} == REQUESTS


@pytest.mark.parametrize("end", ["VOID", "MERGED", "REFUND_COMPLETED"])
def test_the_end_states_are_left_on_no_request(end: str) -> None:
    assert not any(may_request(InvoiceStatus(end), status) for status in InvoiceStatus)


def test_whatever_can_be_asked_for_is_a_word_that_the_wire_takes() -> None:
    assert {wanted for _, wanted in REQUESTS} == set(RequestedStatus)


@pytest.mark.parametrize(("total", "status"), [("0.01", "DUE"), ("0", "PAID"), ("-0.01", "REFUND_COMPLETED")])
def test_a_draft_falls_due_paid_or_refunded_by_its_total(total: str, status: str) -> None:
    assert when_due(usd(total)) == status
