"""The walk of domain.md 9.0 with the official Python client: only its host and its token are changed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import togai_client as togai

from tests.contract import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Child


MINIMUM = {"displayName": "Minimum", "rateValues": [{"currency": "USD", "rate": 400}]}
CYCLE = {"interval": "MONTHLY", "startOffset": {"dayOffset": "5", "monthOffset": "NIL"}, "gracePeriod": 2}


@pytest.fixture(scope="module")
def walked(server: Child, client: togai.ApiClient) -> SimpleNamespace:
    """The answer to every call of the walk, in its order; each parsed by the client."""
    schemas, meters = togai.EventSchemasApi(client), togai.UsageMetersApi(client)
    plans, accounts = togai.PricePlansApi(client), togai.AccountsApi(client)
    ingestion, events = togai.EventIngestionApi(client), togai.EventManagementApi(client)
    grants, invoices, metrics = togai.CreditsApi(client), togai.InvoicesApi(client), togai.MetricsApi(client)
    said = SimpleNamespace(no_events=events.get_events())
    said.customer = told(togai.CustomersApi(client).create_customer, togai.CreateCustomerRequest, walk.CUSTOMER)
    said.schema_draft = told(schemas.create_event_schema, togai.CreateEventSchemaRequest, walk.SCHEMA)
    said.schema = schemas.activate_event_schema("api_call")
    said.meter_draft = told(meters.create_usage_meter, togai.CreateUsageMeterRequest, walk.METER)
    said.meter = meters.activate_usage_meter(said.meter_draft.id)
    said.plan_draft = told(plans.create_price_plan, togai.CreatePricePlanRequest, walk.plan(said.meter.id))
    activation = togai.ActivatePricePlanRequest(currencies=["USD"])
    said.plan = plans.activate_price_plan(said.plan_draft.id, activation)
    association = togai.UpdatePricingScheduleRequestWithActions.from_dict(walk.association(said.plan.id))
    said.association = accounts.update_pricing_schedule("acme-main", association)
    said.ingested = told(ingestion.ingest, togai.IngestEventRequest, {"event": walk.EVENT})
    nothing_used = walk.EVENT | {"id": "e-2", "attributes": [{"name": "calls", "value": "0"}]}
    said.batch = told(ingestion.ingest_batch, togai.IngestBatchEventRequest, {"events": [nothing_used]})
    said.events = events.get_events(account_id="acme-main")
    said.event = events.get_single_event("e-1")
    said.credits = told(grants.create_credit, togai.CreateCreditRequest, {"creditRequests": [walk.CREDIT]})
    said.balance = grants.credit_balance_for_account("acme-main")
    said.drafts = invoices.list_invoices()
    said.metrics = told(metrics.get_metrics, togai.GetMetricsRequest, walk.REVENUE)
    said.draft = invoices.get_invoice(said.drafts.data[0].id)
    server.api().advance("2026-02-03")
    said.frozen = invoices.get_invoice(said.draft.id)
    said.settled = grants.credit_balance_for_account("acme-main")
    return said


def told(call: Callable[[Any], Any], request: Any, body: dict[str, Any]) -> Any:  # noqa: ANN401 - generated models
    return call(request.from_dict(body))


def test_every_call_returns_a_parsed_model(walked: SimpleNamespace) -> None:
    answers = {name: answer for name, answer in vars(walked).items() if name != "no_events"}
    assert {name for name, answer in answers.items() if answer is None} == set()


def test_the_customer_comes_with_its_account(walked: SimpleNamespace) -> None:
    account = walked.customer.account
    assert walked.customer.billing_address == "1 Main St, 29501, Florence, US"
    assert (account.id, account.invoice_currency, account.net_term_days, account.status) == (
        "acme-main",
        "USD",
        30,
        "ACTIVE",
    )
    assert [alias.alias for alias in account.aliases] == ["ops@acme.test"]


def test_the_schema_and_the_meter_start_as_drafts_and_become_active(walked: SimpleNamespace) -> None:
    assert [walked.schema_draft.status, walked.schema.status] == ["DRAFT", "ACTIVE"]
    assert [walked.meter_draft.status, walked.meter.status] == ["DRAFT", "ACTIVE"]
    assert (walked.schema.version, len(walked.meter.id)) == (1, 20)
    assert walked.meter.last_activated_at is not None


def test_the_plan_is_active_in_dollars(walked: SimpleNamespace) -> None:
    (version,) = walked.plan.pricing_schedule
    assert (walked.plan_draft.status, walked.plan.status) == ("DRAFT", "ACTIVE")
    assert version.price_plan_details.active_currencies == ["USD"]
    slabs = version.price_plan_details.usage_rate_cards[0].rate_values[0].slab_rates
    assert [slab.rate for slab in slabs] == [2, 1]


def test_the_account_has_the_plan_without_an_end(walked: SimpleNamespace) -> None:
    (piece,) = walked.association.pricing_schedules
    assert (walked.association.account_id, piece.price_plan_name) == ("acme-main", "Pay as you go")
    assert (piece.start_date.isoformat(), piece.end_date.year) == ("2026-01-01T00:00:00+00:00", 9999)


def test_events_are_accepted_one_by_one_and_in_batches(walked: SimpleNamespace) -> None:
    assert (walked.ingested.success, walked.ingested.status_code) == (True, 202)
    assert (walked.batch.success, walked.batch.details) == (True, {"accepted": 1})


def test_an_event_shows_what_became_of_it(walked: SimpleNamespace) -> None:
    by_id = {event.event_payload.id: event for event in walked.events.events}
    assert by_id["e-1"].ingestion_status.status == "INGESTION_COMPLETED_EVENT_METERED"
    assert (by_id["e-1"].source.type, by_id["e-2"].source.type) == ("API", "BATCH")
    (event,) = walked.event.events
    info = event.event_pipeline_info
    assert [(meter.status, meter.units) for meter in info.usage_meters] == [("PROCESSED_UNITS_COMPUTED", 150)]
    (plan,) = info.price_plans
    assert (plan.cycle_start.isoformat(), plan.cycle_end.isoformat()) == ("2026-01-01", "2026-02-01")
    (revenue,) = info.revenue_details
    assert (revenue.revenue_base_currency, revenue.revenue_invoice_currency) == (250, 250)  # 100 x 2 + 50 x 1


def test_no_events_are_answered_without_a_body_because_the_client_cannot_parse_an_empty_list(
    walked: SimpleNamespace, server: Child
) -> None:
    assert walked.no_events is None
    other = server.api().get("/events", account_id="nobody")
    assert (other.status, other.body) == (200, {"events": [], "nextToken": None})


def test_revenue_is_what_the_tiers_say(walked: SimpleNamespace) -> None:
    # domain.md 4.4: 100 x 2 + 50 x 1
    (result,) = walked.metrics.results
    assert (result.id, result.name, result.data[0].metric_values) == ("q", "REVENUE", [250])


def test_the_revenue_calculator_tells_the_tiers_of_the_cycle(walked: SimpleNamespace, client: togai.ApiClient) -> None:
    # domain.md 4.4: 100 x 2 + 50 x 1
    calculator = togai.PriceExperimentationApi(client)
    for call in (calculator.calculate_revenue, calculator.calculate_revenue_v2):
        answer = told(call, togai.CalculateRevenueRequest, walk.QUESTION)
        (card,) = answer.revenue_info
        assert card.usages == {walked.meter.id: 150}
        assert [(one.order, one.usage, one.revenue) for one in card.slab_revenue_summaries] == [
            (1, 100, 200),
            (2, 50, 50),
        ]
        assert (answer.currency, answer.usage_lookup_range.end.isoformat()) == ("USD", "2026-02-01T00:00:00+00:00")
    assert (card.rate_card.type, card.rate_card.account_id) == ("USAGE", "acme-main")


def test_the_draft_holds_the_whole_credit(walked: SimpleNamespace) -> None:
    (credit,) = walked.credits.credits
    assert (credit.status, credit.credit_unit, credit.credit_amount) == ("ACTIVE", "USD", 80)
    balance = walked.balance
    assert (balance.active_credits, balance.available_balance, balance.running_balance) == (80, 80, 0)


def test_the_draft_says_what_it_will_come_to_and_when(walked: SimpleNamespace) -> None:
    (draft,) = walked.drafts.data
    assert (draft.status, draft.total_amount, draft.paid_amount) == ("DRAFT", 170, 0)
    assert draft.invoice_date.isoformat() == "2026-02-03T00:00:00+00:00"
    assert draft.due_date.isoformat() == "2026-03-05T00:00:00+00:00"


@pytest.mark.parametrize("which", ["draft", "frozen"])
def test_the_lines_stand_under_metadata_where_the_client_can_read_them(walked: SimpleNamespace, which: str) -> None:
    invoice = getattr(walked, which)
    assert (invoice.usage_info, invoice.revenue_info) == (None, None)
    assert [(line["type"], line["value"]) for line in invoice.metadata["usageInfo"]] == [("USAGE_METER_USAGE", 150)]
    net = invoice.metadata["revenueInfo"]["lineItems"][0]["lineItems"][0]
    assert [(line["type"], line["value"]) for line in net["lineItems"]] == [
        ("GROSS_AMOUNT", 250),
        ("TOTAL_CREDITS", -80),
    ]


def test_the_frozen_invoice_is_due_and_numbered(walked: SimpleNamespace) -> None:
    frozen = walked.frozen
    assert (frozen.status, frozen.total_amount, frozen.sequence_id) == ("DUE", 170, "INV-000001")
    assert walked.settled.available_balance == 0


def test_other_callers_get_the_honest_tree(walked: SimpleNamespace, server: Child) -> None:
    invoice = server.api().get(f"/invoices/{walked.frozen.id}").ok()
    assert "metadata" not in invoice
    assert invoice["revenueInfo"]["type"] == "GRAND_TOTAL_AMOUNT"
    assert invoice["usageInfo"][0]["value"] == 150


def test_every_list_and_every_read_of_the_road_parses(
    walked: SimpleNamespace, server: Child, client: togai.ApiClient
) -> None:
    api = server.api()
    addon = api.post("/addons", {"type": "FIXED_FEE"}).ok()
    feature = api.post("/features", {"name": "Exports", "schemaAssociations": ["api_call"]}).ok()
    plan, meter = walked.plan.id, walked.meter.id
    for answer in (
        togai.CustomersApi(client).get_customers(),
        togai.CustomersApi(client).get_customer("acme"),
        togai.AccountsApi(client).get_accounts(),
        togai.AccountsApi(client).get_account("acme-main"),
        togai.AccountsApi(client).get_pricing_schedules("acme-main"),
        togai.EventSchemasApi(client).list_event_schemas(status="ACTIVE"),
        togai.EventSchemasApi(client).get_event_schema("api_call"),
        togai.EventSchemasApi(client).list_event_schema_versions("api_call"),
        togai.UsageMetersApi(client).get_usage_meters_for_event_schema(),
        togai.UsageMetersApi(client).get_usage_meter(meter, include_schema=True),
        togai.PricePlansApi(client).get_price_plans(),
        togai.PricePlansApi(client).get_price_plan(plan),
        togai.AddOnsApi(client).get_add_ons(),
        togai.AddOnsApi(client).get_add_on(addon["id"]),
        togai.FeatureApi(client).get_features(),
        togai.FeatureApi(client).get_feature(feature["id"]),
        togai.CreditsApi(client).list_credits(),
        togai.CreditsApi(client).get_credit_details(walked.credits.credits[0].id),
        togai.AuthenticationApi(client).authenticate(),
    ):
        assert answer is not None
    api.patch(f"/features/{feature['id']}", {"schemaAssociations": []}).ok()  # else nobody could send such events


def test_licences_are_updated_listed_and_described(
    walked: SimpleNamespace, server: Child, client: togai.ApiClient
) -> None:
    assert walked.customer.id == "acme"
    seats = server.api().post("/addons", {"type": "LICENSE"}).ok()["id"]
    licences = togai.LicensesApi(client)
    update = {"licenseId": seats, "accountId": "acme-main", "updateType": "RELATIVE", "quantity": 3}
    granted = told(licences.add_license_update_entry, togai.LicenseUpdateRequest, update)
    assert (granted.quantity, granted.account_id) == (3, "acme-main")
    which = {"accountId": "acme-main", "effectiveFrom": granted.effective_from.isoformat(), "metadata": {"order": "8"}}
    patch = togai.LicenseEntryDetailsUpdateRequest.from_dict(which)
    assert licences.update_license_entry_details(seats, patch).metadata == {"order": "8"}
    assert [one.quantity for one in licences.get_license_updates(license_id=seats).data] == [3]
    assert licences.get_named_license_updates().data == []


def test_a_timeline_is_edited_tried_read_and_put_in_force(
    walked: SimpleNamespace, server: Child, client: togai.ApiClient
) -> None:
    server.api().post("/accounts", {"id": "acme-later", "name": "Later", "customerId": "acme"}).ok()
    accounts, schedules = togai.AccountsApi(client), togai.SchedulesApi(client)
    own = {"pricePlanDetailsOverride": {"minimumCommitment": MINIMUM}, "pricingRulesOverride": [walk.SURCHARGE]}
    asked = togai.EditPricingScheduleRequest.from_dict({"edits": [walk.association(walked.plan.id) | own]})
    tried = accounts.update_pricing_schedule_batch("acme-later", asked, dry_run=True)
    override = tried.pricing_schedules[0].price_plan_details_override
    assert [one.rate for one in override.minimum_commitment.rate_values] == [400]
    (rule,) = tried.pricing_schedules[0].pricing_rules_override
    assert (rule.name, rule.version, rule.action.id) == ("Surcharge", 1, "surcharge")
    config = {"pricePlanId": walked.plan.id, "pricingCycleConfigOverride": CYCLE}
    edit = walk.ASSOCIATION_V2 | {"associationConfig": config}
    drafted = schedules.bulk_edit_schedules("acme-later", togai.EditAccountScheduleRequest.from_dict({"edits": [edit]}))
    (piece,) = drafted.pricing_schedules
    assert schedules.listaccount_schedules("acme-later", "ACTIVE").data == []
    (shown,) = schedules.listaccount_schedules("acme-later", "DRAFT").data
    assert (shown.id, shown.is_overridden, shown.price_plan_info.name) == (piece.id, True, "Pay as you go")
    assert schedules.list_schedule_errors(piece.id).data == []
    (card,) = schedules.list_schedule_rate_cards(piece.id, "DRAFT").data
    assert (card.name, card.reference_type, card.account_id) == (walked.meter.id, "SCHEDULE", "acme-later")
    rules = togai.UpdatePricingRulesRequest.from_dict({"pricingRules": [walk.SURCHARGE]})
    (rule,) = schedules.update_pricing_rules(piece.id, rules).data
    assert schedules.list_pricing_rules(piece.id, "DRAFT").data == [rule]
    (shown,) = schedules.listaccount_schedules("acme-later", "DRAFT").data
    assert shown.account_schedule_info.pricing_rules == [rule]
    finalisation = togai.FinalizeAccountSchedules(mergeSchedules=True)
    (active,) = schedules.finalize_account_schedules("acme-later", finalisation).data
    assert active.account_schedule_info.pricing_cycle_config.start_offset.day_offset == "5"
    with pytest.raises(togai.exceptions.BadRequestException):
        schedules.discard_account_schedules("acme-later")


def test_pricing_rules_and_what_they_did_parse(walked: SimpleNamespace, server: Child, client: togai.ApiClient) -> None:
    assert walked.customer.id == "acme"
    addon = server.api().post("/addons", {"type": "FIXED_FEE", "name": "Ruled"}).ok()
    server.api().post("/accounts", {"id": "acme-ruled", "name": "Ruled", "customerId": "acme"}).ok()
    plans = togai.PricePlansApi(client)
    made = told(plans.create_price_plan, togai.CreatePricePlanRequest, walk.ruled_plan(addon["id"]))
    (version,) = plans.activate_price_plan(made.id, togai.ActivatePricePlanRequest(currencies=["USD"])).pricing_schedule
    assert [(rule.name, rule.version, rule.order) for rule in version.pricing_rules] == [
        ("Half", 1, 1),
        ("Tenth", 1, 2),
    ]
    listed = togai.PricingRulesApi(client).list_pricing_rules_by_schedule_id(
        made.id, version.id, invoice_timing="IN_ARREARS"
    )
    assert listed.data == version.pricing_rules
    association = walk.association(made.id) | {"effectiveFrom": "2026-03-01"}
    server.api().post("/accounts/acme-ruled/price_plans", association).ok()
    server.api().advance("2026-03-02")
    invoices = togai.InvoicesApi(client)
    (draft,) = server.api().get("/invoices", owner_id="acme-ruled").ok()["data"]
    half, tenth = invoices.list_pricing_rule_logs(draft["id"]).data
    assert (half.changes.old_revenue, half.changes.new_revenue, half.changes.old_usage) == (50, 25, None)
    assert (tenth.type, tenth.order, tenth.changes.key, tenth.changes.new_revenue) == (
        "CONDITION_TRUE",
        2,
        "tenth",
        -2.5,
    )
    assert tenth.variables_value["revenue.rate_card_total"].value == "25"


def test_money_comes_in_and_pays(walked: SimpleNamespace, server: Child, client: togai.ApiClient) -> None:
    wallets, payments = togai.WalletApi(client), togai.PaymentsApi(client)
    untouched = wallets.wallet_balance_for_account("acme-main")
    assert (untouched.balance, untouched.status, untouched.effective_from.year) == (0, "ACTIVE", 1970)
    assert wallets.wallet_entries_for_account("acme-main").data == []
    filled = wallets.top_up_wallet_for_account("acme-main", togai.TopupWalletRequest(topupAmount=5))
    assert (filled.id, filled.balance, filled.hold_amount) == (untouched.id, 5, 0)
    off = wallets.update_wallet_for_account("acme-main", togai.UpdateWalletRequest(status="INACTIVE"))
    assert off.status == "INACTIVE"
    made = told(payments.create_payments, togai.CreatePaymentRequest, walk.payment(walked.frozen.id))
    assert [(one.type, one.amount) for one in made.line_item_records] == [
        ("INVOICE", 10),
        ("CREDIT", 2),
        ("WALLET_CREDIT", 8),
    ]
    assert made.external_payment_references.metadata == {"terminal": "7"}
    assert [one.id for one in payments.list_payments().data] == [made.id]
    assert payments.get_payment(made.id, version=1).version == 1
    assert [
        (one.transaction_type, one.closing_balance) for one in wallets.wallet_entries_for_account("acme-main").data
    ] == [
        ("CREDITED", 13),
        ("CREDITED", 5),
    ]
    invoice = togai.InvoicesApi(client).get_invoice(walked.frozen.id)
    assert (invoice.status, invoice.paid_amount) == ("PARTIALLY_PAID", 10)
    marked = togai.InvoicesApi(client).update_invoice(walked.frozen.id, togai.UpdateInvoiceRequest(status="PAID"))
    assert (marked.status, marked.paid_amount, marked.total_amount) == ("PAID", 170, 170)
    server.api().post(f"/credits/{made.line_item_records[1].togai_id}/void").ok()


def test_a_plan_grants_units_of_a_feature(walked: SimpleNamespace, server: Child, client: togai.ApiClient) -> None:
    api = server.api()
    feature = api.post("/features", {"name": "Exports by plan"}).ok()["id"]
    asked = walk.plan(walked.meter.id) | {"name": "With exports"}
    cards = asked["pricePlanDetails"] | {
        "billingEntitlementRateCards": [walk.entitlement(feature)],
        "entitlementOverageRateCards": [walk.overage(feature)],
    }
    plans = togai.PricePlansApi(client)
    made = told(plans.create_price_plan, togai.CreatePricePlanRequest, asked | {"pricePlanDetails": cards})
    plan = plans.activate_price_plan(made.id, togai.ActivatePricePlanRequest(currencies=["USD"]))
    details = plan.pricing_schedule[0].price_plan_details
    (card,), (beyond,) = details.billing_entitlement_rate_cards, details.entitlement_overage_rate_cards
    assert (card.feature_id, card.feature_configs[0].feature_credit_limit) == (feature, 100)
    assert (card.feature_configs[0].effective_until, card.invoice_timing) == ("P20D", "IN_ADVANCE")
    assert (beyond.feature_id, beyond.max_quantity, beyond.billing_config.interval) == (feature, 50, 1)
    listed = togai.PricePlanV2Api(client).list_price_plan_rate_cards(made.id).data
    assert [(one.type, one.name) for one in listed if one.billable_id == feature] == [
        ("BILLING_ENTITLEMENT", feature),
        ("ENTITLEMENT_OVERAGE", f"{feature}$OVERAGE"),
    ]
    account = {"id": "exports", "name": "With exports"}
    api.post("/customers", walk.CUSTOMER | {"id": "exports", "account": account}).ok()
    api.post("/accounts/exports/price_plans", walk.association(plan.id) | {"effectiveFrom": "2026-02-03"}).ok()
    due = next(one for one in api.get("/invoices", owner_id="exports").ok()["data"] if one["status"] == "DUE")
    assert togai.InvoicesApi(client).get_invoice(due["id"]).total_amount == 100


def test_a_plan_grants_credit(walked: SimpleNamespace, server: Child, client: togai.ApiClient) -> None:
    api = server.api()
    bonus = api.post("/addons", {"type": "CREDIT_GRANT"}).ok()["id"]
    asked = walk.plan(walked.meter.id) | {"name": "With a bonus"}
    cards = asked["pricePlanDetails"] | {"creditGrantRateCards": [walk.credit_grant(bonus)]}
    plans = togai.PricePlansApi(client)
    made = told(plans.create_price_plan, togai.CreatePricePlanRequest, asked | {"pricePlanDetails": cards})
    plan = plans.activate_price_plan(made.id, togai.ActivatePricePlanRequest(currencies=["USD"]))
    (card,) = plan.pricing_schedule[0].price_plan_details.credit_grant_rate_cards
    assert (card.id, card.grant_details.priority, card.grant_details.expiry_type) == (bonus, 1, "PRICING_CYCLE")
    (granted,) = card.rate_details.currency_slab_rate_details
    assert (granted.credit_amount, granted.slab_details[0].rate) == (100, 10)
    account = {"id": "bonus", "name": "With a bonus"}
    api.post("/customers", walk.CUSTOMER | {"id": "bonus", "account": account}).ok()
    association = walk.association(plan.id) | {"effectiveFrom": "2026-02-03"}
    api.post("/accounts/bonus/price_plans", association).ok()
    *_, credit = togai.CreditsApi(client).list_credits(account_id="bonus").data
    assert (credit.purpose, credit.grantor_id, credit.credit_amount) == ("Bonus", bonus, 100)
    assert (credit.effective_from.isoformat(), credit.effective_until.isoformat()) == ("2026-02-03", "2026-03-01")
    (entry,) = togai.CreditsApi(client).get_credit_details(credit.id).transactions
    assert (entry.transaction_type, togai.InvoicesApi(client).get_invoice(entry.invoice_id).total_amount) == (
        "CREDITED",
        10,
    )


def test_a_correction_that_waits_is_a_job_that_the_client_lists_reads_and_confirms(
    walked: SimpleNamespace, server: Child, client: togai.ApiClient
) -> None:
    assert walked.customer.id == "acme"
    event = walk.EVENT | {"id": "e-late", "timestamp": "2026-02-02T00:00:00Z"}
    server.api().post("/ingest", {"event": event}).ok()
    asked = togai.EventCorrectionRequest.from_dict({"event": event})
    events, jobs = togai.EventManagementApi(client), togai.JobsApi(client)
    # The client knows the answer 200 only: it reads nothing from a 202, and finds the job in the list.
    assert events.event_correction("REDO", require_confirmation=True, event_correction_request=asked) is None
    (listed,) = jobs.get_jobs().data
    waiting = jobs.get_job_status(listed.id)
    assert (waiting.type, waiting.status, waiting.total_job_entries) == (
        "EVENT_CORRECTIONS",
        "WAITING_FOR_CONFIRMATION",
        1,
    )
    assert waiting.metadata == {"action": "REDO", "accountId": "acme-main"}
    assert jobs.confirm_job(listed.id).status == "IN_PROGRESS"
    done = jobs.get_job_status(listed.id)
    assert (done.status, done.completed_job_entries, done.settled_at is not None) == ("COMPLETED", 1, True)
    (entry,) = jobs.get_job_entries(listed.id).data
    assert (entry.status, entry.metadata) == (
        "COMPLETED",
        {"eventId": "e-late", "outcome": "REVERTED_AND_REINGESTED"},
    )
    with pytest.raises(togai.exceptions.BadRequestException):
        jobs.reject_job(listed.id)


def test_a_meter_of_an_aggregation_that_the_client_does_not_know_never_reaches_it(
    walked: SimpleNamespace, server: Child, client: togai.ApiClient
) -> None:
    api = server.api()
    made = []
    for kind in ("MAX", "MIN", "AVERAGE", "DISTINCT_COUNT", "LATEST"):
        made.append(api.post("/v1/usage-meters", walk.METER | {"name": kind, "aggregation": kind}).ok()["id"])
        api.post(f"/v1/usage-meters/{made[-1]}/activate").ok()
    meters = togai.UsageMetersApi(client)
    assert [one.id for one in meters.get_usage_meters_for_event_schema().data] == [walked.meter.id]
    assert [one.id for one in meters.get_usage_meters_for_event_schema(status="ACTIVE").data] == [walked.meter.id]
    for usage_meter_id in made:
        with pytest.raises(togai.exceptions.NotFoundException, match="it is under /v1/usage-meters"):
            meters.get_usage_meter(usage_meter_id)
    event = walk.EVENT | {"id": "e-by-all", "timestamp": "2026-02-02T00:00:00Z"}
    api.post("/ingest", {"event": event}).ok()
    (traced,) = togai.EventManagementApi(client).get_single_event("e-by-all").events
    assert {one.name: one.units for one in traced.event_pipeline_info.usage_meters} == {
        "API calls": 150,
        "MAX": 150,
        "MIN": 150,
        "AVERAGE": 150,
        "DISTINCT_COUNT": 1,
        "LATEST": 150,
    }
    for usage_meter_id in made:
        api.post(f"/v1/usage-meters/{usage_meter_id}/deactivate").ok()
        api.delete(f"/v1/usage-meters/{usage_meter_id}").ok()


def test_errors_arrive_as_the_clients_own_exceptions(client: togai.ApiClient, walked: SimpleNamespace) -> None:
    assert walked.customer.id == "acme"
    customers = togai.CustomersApi(client)
    with pytest.raises(togai.exceptions.NotFoundException):
        customers.get_customer("nobody")
    with pytest.raises(togai.exceptions.ApiException) as taken:
        told(customers.create_customer, togai.CreateCustomerRequest, walk.CUSTOMER)
    assert taken.value.status == 409
    stranger = togai.ApiClient(togai.Configuration(host=client.configuration.host, access_token="nobody"))
    with pytest.raises(togai.exceptions.UnauthorizedException):
        togai.CustomersApi(stranger).get_customers()
    stranger.rest_client.pool_manager.clear()
