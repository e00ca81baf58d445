"""Every operation that the official client and we both have, called with it: it parses answers and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import togai_client as togai

from tallystick.api.routes import ROUTES
from tests.contract import test_reference_openapi as road
from tests.contract.client_record import ClientRecord, operations
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_HERE: Final = {
    "/accounts/{account_id}/account_aliases",
    "/accounts/{account_id}/add_aliases",
    "/accounts/{account_id}/miscellaneous_charges",
    "/accounts/{account_id}/remove_aliases",
    "/alert_templates",
    "/alert_templates/{alert_template_id}",
    "/alerts",
    "/alerts/{alert_id}",
    "/aliases",
    "/aliases/{alias}",
    "/customers/{customer_id}/contacts",
    "/files/{file_id}",
    "/files/{file_id}/download_url",
    "/incidents",
    "/incidents/{incident_id}",
    "/incidents/{incident_id}/status",
    "/invoice_groups",
    "/invoice_groups/{invoice_group_id}",
    "/invoice_groups/{invoice_group_id}/add_accounts",
    "/invoice_groups/{invoice_group_id}/remove_accounts",
    "/invoices/bill_runs",
    "/invoices/{invoice_id}/miscellaneous_charges",
    "/portal/token",
    "/reports",
}
"""Paths that we do not serve."""

NOR_THESE: Final = {("POST", "/invoices"), ("DELETE", "/invoices/{invoice_id}")}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClientRecord]:
    with inside(tmp_path_factory.mktemp("walk") / "data") as server:
        record = ClientRecord(server.api())
        road.everything(record, server)
        yield record


def test_the_client_says_something_of_every_operation(record: ClientRecord) -> None:
    served = {
        (method, path) for method, path in operations() if path not in NOT_HERE and (method, path) not in NOR_THESE
    }
    assert {*record.said} == served
    ours = {(route.method, route.shown_path) for route in ROUTES} | set(road.INGESTION)
    assert served <= ours
    assert operations().keys() - served == operations().keys() - ours


def test_a_stranger_gets_the_clients_own_exception_from_every_operation(record: ClientRecord) -> None:
    raised = dict(record.raised("nobody"))
    assert {name: kind for name, kind in raised.items() if kind is not togai.exceptions.UnauthorizedException} == {}
