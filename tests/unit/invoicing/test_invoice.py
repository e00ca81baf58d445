"""The invoice on the wire: the summary of the walk in domain.md 9.0, and what a PATCH takes (domain.md 9.2)."""

from __future__ import annotations

import msgspec
import pytest

from tallystick.invoicing.invoice import Invoice, InvoiceMetadata, InvoicePatch, InvoiceSummary
from tallystick.kernel.document import decode, encode

SUMMARY = {
    "id": "inv.2AbcDefGhIq.ghg00",
    "customerId": "acme",
    "ownerId": "acme-main",
    "pricePlanId": "pp.2AbcDefGhIl.lv25y",
    "status": "DRAFT",
    "invoiceClass": "INVOICE",
    "invoiceType": "STANDARD",
    "startDate": "2026-01-01T00:00:00Z",
    "endDate": "2026-02-01T00:00:00Z",
    "endDateInclusive": "2026-01-31T23:59:59.999000Z",
    "invoiceDate": "2026-02-03T00:00:00Z",
    "dueDate": "2026-03-05T00:00:00Z",
    "updatedAt": "2026-01-10T12:00:02Z",
    "totalAmount": 170,
    "paidAmount": 0,
    "netTermDays": 30,
}


def test_the_summary_of_the_walk_is_read_and_written_as_it_stands() -> None:
    summary = decode(msgspec.json.encode(SUMMARY), InvoiceSummary)
    assert msgspec.json.decode(encode(summary)) == SUMMARY


def test_an_invoice_is_its_summary_with_lines_and_the_lines_can_stand_under_metadata() -> None:
    lines = {
        "usageInfo": [],
        "revenueInfo": {
            "description": "Grand total",
            "type": "GRAND_TOTAL_AMOUNT",
            "units": "USD",
            "value": 170.5,
            "lineItems": [{"description": "Total", "type": "TOTAL_AMOUNT", "units": "USD", "value": 170.5}],
        },
    }
    invoice = decode(msgspec.json.encode(SUMMARY | lines), Invoice)
    assert msgspec.json.decode(encode(invoice)) == SUMMARY | lines
    moved = msgspec.structs.replace(
        invoice,
        usage_info=None,
        revenue_info=None,
        metadata=InvoiceMetadata(usage_info=invoice.usage_info, revenue_info=invoice.revenue_info),
    )
    assert msgspec.json.decode(encode(moved)) == SUMMARY | {"metadata": lines}


def test_a_patch_takes_exactly_the_fields_of_the_schema() -> None:
    assert set(InvoicePatch.__struct_encode_fields__) == {
        "startDate",
        "endDate",
        "status",
        "lineItems",
        "autoAdvance",
    }
    assert decode(b'{"status": "VOID"}', InvoicePatch) == InvoicePatch(status="VOID")


@pytest.mark.parametrize("patch", [{"status": "DRAFT"}, {"status": "MERGED"}, {"lineItems": []}, {"totalAmount": 1}])
def test_a_patch_of_another_shape_is_refused(patch: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(msgspec.json.encode(patch), InvoicePatch)
