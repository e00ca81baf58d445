"""The table of contents of the REST API: method, path, operation, success status, tag.

The official client picks its answer class by the exact status, so each one here is part of the contract
(domain.md 0.1 and 9).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.api.binder import Route
from tallystick.operations import (
    account_plans,
    accounts,
    addons,
    capability,
    catalogue,
    correction_jobs,
    corrections,
    credits,
    customers,
    entitlements,
    event_schemas,
    events,
    explanations,
    feature_credits,
    features,
    invoices,
    jobs,
    licences,
    meter_trials,
    metrics,
    named_licences,
    organisations,
    payments,
    plan_cards,
    plan_currencies,
    plan_drafts,
    plan_migrations,
    price_plans,
    pricing_rules,
    principals,
    remeterings,
    revenue_calculator,
    running_invoices,
    schedule_cards,
    schedule_drafts,
    schedule_rules,
    search,
    settings,
    simulations,
    togai_meters,
    togai_plans,
    usage,
    usage_meters,
    wallets,
)
from tallystick.operations.togai_plans import on_togai

_TOGAI: Final = (
    Route("POST", "/customers", customers.create_customer, 201, "Customers"),
    Route("GET", "/customers", customers.list_customers, 200, "Customers"),
    Route("GET", "/customers/{customer_id}", customers.get_customer, 200, "Customers"),
    Route("PATCH", "/customers/{customer_id}", customers.update_customer, 200, "Customers"),
    Route("DELETE", "/customers/{customer_id}", customers.archive_customer, 200, "Customers"),
    Route("POST", "/accounts", accounts.create_account, 201, "Accounts"),
    Route("GET", "/accounts", accounts.list_accounts, 200, "Accounts"),
    Route("GET", "/accounts/{account_id}", accounts.get_account, 200, "Accounts"),
    Route("PATCH", "/accounts/{account_id}", accounts.update_account, 200, "Accounts"),
    Route("DELETE", "/accounts/{account_id}", accounts.archive_account, 200, "Accounts"),
    Route("POST", "/accounts/{account_id}/price_plans", account_plans.change_account_plan, 200, "Accounts"),
    Route("POST", "/accounts/{account_id}/edit_schedules", account_plans.edit_schedules, 200, "Accounts", dry_run=True),
    Route("GET", "/accounts/{account_id}/pricing_schedules", account_plans.list_pricing_schedules, 200, "Accounts"),
    Route("POST", "/v2/accounts/{account_id}/edit_schedules", schedule_drafts.edit_draft_schedules, 200, "Accounts"),
    Route("GET", "/v2/accounts/{account_id}/schedules", schedule_drafts.list_account_schedules, 200, "Accounts"),
    Route("POST", "/v2/accounts/{account_id}/finalize_schedules", schedule_drafts.finalize_schedules, 200, "Accounts"),
    Route("DELETE", "/v2/accounts/{account_id}/discard_schedules", schedule_drafts.discard_schedules, 200, "Accounts"),
    Route("GET", "/v2/schedules/{schedule_id}/rate_cards", schedule_cards.list_schedule_rate_cards, 200, "Accounts"),
    Route("POST", "/v2/schedules/{schedule_id}/rate_cards", schedule_cards.change_schedule_rate_cards, 200, "Accounts"),
    Route(
        "GET", "/v2/schedules/{schedule_id}/pricing_rules", schedule_rules.list_schedule_pricing_rules, 200, "Accounts"
    ),
    Route(
        "PUT",
        "/v2/schedules/{schedule_id}/pricing_rules",
        schedule_rules.replace_schedule_pricing_rules,
        200,
        "Accounts",
    ),
    Route("GET", "/v2/schedules/{schedule_id}/errors", schedule_drafts.list_schedule_errors, 200, "Accounts"),
    Route(
        "GET", "/accounts/{account_id}/features/{feature_id}", feature_credits.get_feature_credits, 200, "Entitlements"
    ),
    Route(
        "GET",
        "/accounts/{account_id}/features/{feature_id}/entries",
        feature_credits.list_feature_credit_entries,
        200,
        "Entitlements",
    ),
    Route(
        "PATCH",
        "/accounts/{account_id}/features/{feature_id}/entries/{entry_id}",
        feature_credits.update_feature_credit_entry,
        200,
        "Entitlements",
    ),
    Route(
        "POST",
        "/accounts/{account_id}/features/{feature_id}/entries/{entry_id}/void",
        feature_credits.void_feature_credit_entry,
        200,
        "Entitlements",
    ),
    Route("GET", "/accounts/{account_id}/entitlements", entitlements.list_entitlements, 200, "Entitlements"),
    Route("GET", "/accounts/{account_id}/entitlements/{feature_id}", entitlements.get_entitlement, 200, "Entitlements"),
    Route(
        "POST", "/accounts/{account_id}/entitlements/{feature_id}", entitlements.check_entitlement, 200, "Entitlements"
    ),
    Route("GET", "/accounts/{account_id}/credit_balance", credits.get_credit_balance, 200, "Credits"),
    Route("POST", "/event_schema", event_schemas.create_event_schema, 201, "Event schemas"),
    Route("GET", "/event_schema", event_schemas.list_event_schemas, 200, "Event schemas"),
    Route("GET", "/event_schema/{event_schema_name}", event_schemas.get_event_schema, 200, "Event schemas"),
    Route("PATCH", "/event_schema/{event_schema_name}", event_schemas.update_event_schema, 200, "Event schemas"),
    Route("DELETE", "/event_schema/{event_schema_name}", event_schemas.archive_event_schema, 200, "Event schemas"),
    Route(
        "GET",
        "/event_schema/{event_schema_name}/versions",
        event_schemas.list_event_schema_versions,
        200,
        "Event schemas",
    ),
    Route(
        "POST", "/event_schema/{event_schema_name}/activate", event_schemas.activate_event_schema, 200, "Event schemas"
    ),
    Route(
        "POST",
        "/event_schema/{event_schema_name}/deactivate",
        event_schemas.deactivate_event_schema,
        200,
        "Event schemas",
    ),
    Route("POST", "/usage_meters", togai_meters.create_usage_meter, 201, "Usage meters"),
    Route("GET", "/usage_meters", togai_meters.list_usage_meters, 200, "Usage meters"),
    Route("GET", "/usage_meters/{usage_meter_id}", togai_meters.get_usage_meter, 200, "Usage meters"),
    Route("PATCH", "/usage_meters/{usage_meter_id}", togai_meters.update_usage_meter, 200, "Usage meters"),
    Route("DELETE", "/usage_meters/{usage_meter_id}", togai_meters.archive_usage_meter, 200, "Usage meters"),
    Route("POST", "/usage_meters/{usage_meter_id}/activate", togai_meters.activate_usage_meter, 200, "Usage meters"),
    Route(
        "POST", "/usage_meters/{usage_meter_id}/deactivate", togai_meters.deactivate_usage_meter, 200, "Usage meters"
    ),
    Route("POST", "/addons", addons.create_addon, 200, "Add-ons"),
    Route("GET", "/addons", addons.list_addons, 200, "Add-ons"),
    Route("GET", "/addons/{addon_id}", addons.get_addon, 200, "Add-ons"),
    Route("PATCH", "/addons/{addon_id}", addons.update_addon, 200, "Add-ons"),
    Route("DELETE", "/addons/{addon_id}", addons.archive_addon, 200, "Add-ons"),
    Route("POST", "/features", features.create_feature, 200, "Features"),
    Route("GET", "/features", features.list_features, 200, "Features"),
    Route("GET", "/features/{feature_id}", features.get_feature, 200, "Features"),
    Route("PATCH", "/features/{feature_id}", features.update_feature, 200, "Features"),
    Route("POST", "/price_plans", price_plans.create_price_plan, 200, "Price plans", dry_run=True),
    Route("GET", "/price_plans", togai_plans.list_price_plans, 200, "Price plans"),
    Route("GET", "/price_plans/{price_plan_id}", price_plans.get_price_plan, 200, "Price plans"),
    Route("PATCH", "/price_plans/{price_plan_id}", price_plans.update_price_plan, 200, "Price plans"),
    Route("DELETE", "/price_plans/{price_plan_id}", price_plans.archive_price_plan, 200, "Price plans"),
    Route("POST", "/price_plans/{price_plan_id}/activate", price_plans.activate_price_plan, 200, "Price plans"),
    Route("POST", "/price_plans/migration", plan_migrations.migrate_price_plan, 201, "Price plans"),
    Route("POST", "/price_plans/{price_plan_id}/currencies", plan_currencies.add_plan_currency, 200, "Price plans"),
    Route(
        "DELETE",
        "/price_plans/{price_plan_id}/currencies/{currency_id}",
        plan_currencies.remove_plan_currency,
        200,
        "Price plans",
    ),
    Route("POST", "/v2/price_plans", plan_drafts.create_price_plan_v2, 200, "Price plans v2"),
    Route("GET", "/v2/price_plans", togai_plans.list_price_plans_v2, 200, "Price plans v2"),
    Route("GET", "/v2/price_plans/{price_plan_id}", plan_drafts.get_price_plan_v2, 200, "Price plans v2"),
    Route("PATCH", "/v2/price_plans/{price_plan_id}", plan_drafts.update_price_plan_v2, 200, "Price plans v2"),
    Route(
        "GET", "/v2/price_plans/{price_plan_id}/versions", plan_drafts.list_price_plan_versions, 200, "Price plans v2"
    ),
    Route("GET", "/v2/price_plans/{price_plan_id}/rate_cards", plan_cards.list_rate_cards, 200, "Price plans v2"),
    Route("POST", "/v2/price_plans/{price_plan_id}/rate_cards", plan_cards.change_rate_cards, 200, "Price plans v2"),
    Route(
        "GET",
        "/v2/price_plans/{price_plan_id}/pricing_rules",
        pricing_rules.list_plan_pricing_rules,
        200,
        "Price plans v2",
    ),
    Route(
        "PUT",
        "/v2/price_plans/{price_plan_id}/pricing_rules",
        pricing_rules.replace_plan_pricing_rules,
        200,
        "Price plans v2",
    ),
    Route("GET", "/v2/price_plans/{price_plan_id}/errors", plan_drafts.list_price_plan_errors, 200, "Price plans v2"),
    Route(
        "POST",
        "/v2/price_plans/{price_plan_id}/finalize",
        plan_drafts.finalize_price_plan,
        200,
        "Price plans v2",
        may_be_empty=True,
    ),
    Route("DELETE", "/v2/price_plans/{price_plan_id}/discard", plan_drafts.discard_price_plan, 200, "Price plans v2"),
    Route(
        "POST",
        "/v2/price_plans/migration",
        plan_migrations.migrate_price_plan,
        201,
        "Price plans v2",
        name="migrate_price_plan_v2",
    ),
    Route(
        "GET",
        "/price_plans/{price_plan_id}/pricing_schedules/{pricing_schedule_id}/pricing_rules",
        pricing_rules.list_pricing_rules,
        200,
        "Price plans",
    ),
    Route("GET", "/events", events.list_events, 200, "Events"),
    Route(
        "POST",
        "/events/correction",
        corrections.correct_events,
        200,
        "Events",
        may_be_empty=True,
        job=correction_jobs.start_correction,
    ),
    Route("GET", "/events/{event_id:path}", events.get_event, 200, "Events"),
    Route("GET", "/invoices", invoices.list_invoices, 200, "Invoices"),
    Route("GET", "/invoices/{invoice_id}", invoices.get_invoice, 200, "Invoices"),
    Route("PATCH", "/invoices/{invoice_id}", invoices.update_invoice, 200, "Invoices"),
    Route("GET", "/invoice/{invoice_id}/pricing_rules_logs", pricing_rules.list_pricing_rule_logs, 200, "Invoices"),
    Route("POST", "/v1/invoices/{invoice_id}/reissue", invoices.reissue_invoice, 201, "Invoices"),
    Route("GET", "/credits", credits.list_credits, 200, "Credits"),
    Route("POST", "/credits", credits.create_credits, 200, "Credits"),
    Route("GET", "/credits/{credit_id}", credits.get_credit, 200, "Credits"),
    Route("POST", "/credits/{credit_id}/void", credits.void_credit, 200, "Credits"),
    Route("GET", "/accounts/{account_id}/wallet", wallets.get_wallet, 200, "Wallets"),
    Route("PATCH", "/accounts/{account_id}/wallet", wallets.update_wallet, 200, "Wallets"),
    Route("POST", "/accounts/{account_id}/wallet_topup", wallets.topup_wallet, 200, "Wallets"),
    Route("GET", "/accounts/{account_id}/wallet/entries", wallets.list_wallet_entries, 200, "Wallets"),
    Route("GET", "/payments", payments.list_payments, 200, "Payments"),
    Route("POST", "/payments", payments.create_payment, 201, "Payments"),
    Route("GET", "/payments/{payment_id}", payments.get_payment, 200, "Payments"),
    Route("GET", "/license_updates", licences.list_license_updates, 200, "Licenses"),
    Route("POST", "/license_updates", licences.update_licenses, 200, "Licenses"),
    Route("PATCH", "/license_updates/{license_id}", licences.update_license_entry, 200, "Licenses"),
    Route("GET", "/named_license_updates", named_licences.list_named_license_updates, 200, "Licenses"),
    Route("GET", "/settings", settings.list_settings, 200, "Settings"),
    Route("POST", "/settings", settings.set_setting, 201, "Settings"),
    Route("GET", "/settings/{setting_id_str:path}", settings.get_setting, 200, "Settings"),
    Route("PATCH", "/settings/{setting_id_str:path}", settings.update_setting, 201, "Settings"),
    Route("DELETE", "/settings/{setting_id_str:path}", settings.delete_setting, 200, "Settings"),
    Route("POST", "/revenue_calculator", togai_plans.calculate_revenue, 200, "Metrics"),
    Route("POST", "/v2/revenue_calculator", togai_plans.calculate_revenue_v2, 200, "Metrics"),
    Route("POST", "/metrics", metrics.get_metrics, 200, "Metrics"),
    Route("GET", "/jobs", jobs.list_jobs, 200, "Jobs"),
    Route("GET", "/jobs/{job_id}", jobs.get_job, 200, "Jobs"),
    Route("POST", "/jobs/{job_id}/confirm", jobs.confirm_job, 200, "Jobs"),
    Route("POST", "/jobs/{job_id}/reject", jobs.reject_job, 200, "Jobs"),
    Route("GET", "/jobs/{job_id}/entries", jobs.list_job_entries, 200, "Jobs"),
    Route("GET", "/v1/jobs", jobs.list_all_jobs, 200, "Jobs"),
    Route("GET", "/v1/jobs/{job_id}", jobs.get_any_job, 200, "Jobs"),
    Route("POST", "/v1/jobs/{job_id}/confirm", jobs.confirm_any_job, 200, "Jobs"),
    Route("POST", "/v1/jobs/{job_id}/reject", jobs.reject_any_job, 200, "Jobs"),
    Route("GET", "/v1/jobs/{job_id}/entries", jobs.list_entries_of_any_job, 200, "Jobs"),
    Route(
        "POST", "/v1/usage-meters", usage_meters.create_usage_meter, 201, "Usage meters", name="create-any-usage-meter"
    ),
    Route("GET", "/v1/usage-meters", usage_meters.list_usage_meters, 200, "Usage meters", name="list-any-usage-meters"),
    Route(
        "GET",
        "/v1/usage-meters/{usage_meter_id}",
        usage_meters.get_usage_meter,
        200,
        "Usage meters",
        name="get-any-usage-meter",
    ),
    Route(
        "PATCH",
        "/v1/usage-meters/{usage_meter_id}",
        usage_meters.update_usage_meter,
        200,
        "Usage meters",
        name="update-any-usage-meter",
    ),
    Route(
        "DELETE",
        "/v1/usage-meters/{usage_meter_id}",
        usage_meters.archive_usage_meter,
        200,
        "Usage meters",
        name="archive-any-usage-meter",
    ),
    Route(
        "POST",
        "/v1/usage-meters/{usage_meter_id}/activate",
        usage_meters.activate_usage_meter,
        200,
        "Usage meters",
        name="activate-any-usage-meter",
    ),
    Route(
        "POST",
        "/v1/usage-meters/{usage_meter_id}/deactivate",
        usage_meters.deactivate_usage_meter,
        200,
        "Usage meters",
        name="deactivate-any-usage-meter",
    ),
    Route("POST", "/v1/usage-meters/{usage_meter_id}/remeterings", remeterings.start_remetering, 202, "Usage meters"),
    Route("GET", "/v1/remeterings/{remetering_id}", remeterings.get_remetering, 200, "Usage meters"),
    Route(
        "GET",
        "/v1/price-plans/{price_plan_id}",
        price_plans.get_price_plan,
        200,
        "Price plans",
        name="get-any-price-plan",
    ),
    Route(
        "PATCH",
        "/v1/price-plans/{price_plan_id}",
        price_plans.update_price_plan,
        200,
        "Price plans",
        name="update-any-price-plan",
    ),
    Route(
        "DELETE",
        "/v1/price-plans/{price_plan_id}",
        price_plans.archive_price_plan,
        200,
        "Price plans",
        name="archive-any-price-plan",
    ),
    Route(
        "POST",
        "/v1/price-plans/{price_plan_id}/activate",
        price_plans.activate_price_plan,
        200,
        "Price plans",
        name="activate-any-price-plan",
    ),
    Route(
        "POST",
        "/v1/revenue-calculator",
        revenue_calculator.calculate_revenue,
        200,
        "Metrics",
        name="calculate-any-revenue",
    ),
    Route("GET", "/v1/catalogue", catalogue.get_catalogue, 200, "Catalogue"),
    Route("PUT", "/v1/catalogue", catalogue.apply_catalogue, 200, "Catalogue"),
    Route("POST", "/v1/catalogue/preview", catalogue.preview_catalogue, 200, "Catalogue"),
    Route("POST", "/v1/simulations", simulations.start_simulation, 202, "Simulations"),
    Route("GET", "/v1/simulations/{simulation_id}", simulations.get_simulation, 200, "Simulations"),
    Route("GET", "/v1/simulations/{simulation_id}/accounts", simulations.list_simulated_accounts, 200, "Simulations"),
    Route("GET", "/v1/organization", organisations.get_organisation, 200, "Organization"),
    Route("PATCH", "/v1/organization", organisations.update_organisation, 200, "Organization"),
)

CAPABILITY: Final = (
    Route("GET", "/v1/customers", customers.list_customers, 200, "Capability", name="list-customers"),
    Route("POST", "/v1/customers", customers.create_customer, 201, "Capability", name="create-customer"),
    Route("GET", "/v1/customers/{customerId}", customers.get_customer, 200, "Capability", name="get-customer"),
    Route(
        "GET", "/v1/customers/{customerId}/accounts", capability.list_accounts, 200, "Capability", name="list-accounts"
    ),
    Route(
        "POST",
        "/v1/customers/{customerId}/accounts",
        capability.create_account,
        201,
        "Capability",
        name="create-account",
    ),
    Route("GET", "/v1/price-plans", price_plans.list_price_plans, 200, "Capability", name="list-price-plans"),
    Route("POST", "/v1/price-plans", price_plans.create_price_plan, 200, "Capability", name="create-price-plan"),
    Route(
        "GET", "/v1/accounts/{accountId}/invoices", capability.list_invoices, 200, "Capability", name="list-invoices"
    ),
    Route("GET", "/v1/accounts/{accountId}/credits", capability.list_credits, 200, "Capability", name="list-credits"),
    Route("POST", "/v1/accounts/{accountId}/credits", capability.grant_credit, 200, "Capability", name="grant-credit"),
)
"""The unified API of the capability; its eleventh operation, `ingest-events`, is served beside the other intakes."""

_INSIGHT: Final = (
    Route("GET", "/v1/search", search.search_billing, 200, "Insight"),
    Route("GET", "/v1/whoami", principals.whoami, 200, "Insight"),
    Route("GET", "/v1/accounts/{accountId}/usage", usage.get_usage, 200, "Insight"),
    Route("GET", "/v1/accounts/{accountId}/invoice-preview", running_invoices.preview_invoice, 200, "Insight"),
    Route("GET", "/v1/invoices/{invoiceId}/lines/{lineId}/explanation", explanations.explain_charge, 200, "Insight"),
    Route("POST", "/v1/usage-meters/preview", meter_trials.try_usage_meter, 200, "Insight"),
)
"""What people and agents ask to find their way and to understand a bill; nothing of it has an effect."""

_CONSUMED: Final = {
    "list-accounts": "/customers/{customerId}/accounts",
    "create-account": "/customers/{customerId}/accounts",
    "list-price-plans": "/price-plans",
    "create-price-plan": "/price-plans",
    "list-invoices": "/accounts/{accountId}/invoices",
    "list-credits": "/accounts/{accountId}/credits",
    "grant-credit": "/accounts/{accountId}/credits",
}
"""Where a capability's engine expects these operations when its base address is ours."""

_ALIASES: Final = (
    *(replace(route, path=_CONSUMED[route.name]) for route in CAPABILITY if route.name in _CONSUMED),
    Route(
        "GET",
        "/event-schema/{eventSchemaName}/usage-meters",
        capability.list_usage_meters,
        200,
        "Capability",
        name="list-usage-meters",
    ),
)


def _on_togai(route: Route) -> Route:
    """A route of the Togai wire on plans or cards without what that wire does not know; others as they are."""
    is_about_cards = "/price_plans" in route.path or route.path.endswith("/rate_cards")
    if route.path.startswith("/v1/") or not is_about_cards:
        return route
    return replace(route, operation=on_togai(route.operation))


ROUTES: Final = (
    *map(_on_togai, _TOGAI),
    *CAPABILITY,
    *_INSIGHT,
    *(replace(route, name=f"consumed-{route.name}", lenient=True) for route in _ALIASES),
)
