"""Pricing rules: those of a plan version, and what each did to an invoice."""

from __future__ import annotations

from tallystick.catalog.pricing_rule import PricingRules, RuleTiming
from tallystick.invoicing.rule_log import PricingRuleLogs, logs_of
from tallystick.kernel.errors import not_found
from tallystick.operations.drafts import draft_bills
from tallystick.operations.price_plans import live_plan
from tallystick.operations.work import Work, event_query, query


@query
def list_pricing_rules(
    work: Work, price_plan_id: str, pricing_schedule_id: str, *, invoice_timing: RuleTiming | None = None
) -> PricingRules:
    """The pricing rules of one version of a plan, all at once, or those of one timing."""
    for version in live_plan(work, price_plan_id).pricing_schedule:
        if version.id == pricing_schedule_id:
            wanted = [rule for rule in version.pricing_rules if invoice_timing in {None, rule.invoice_timing}]
            return PricingRules(data=wanted)
    raise not_found("pricing schedule", pricing_schedule_id)


@event_query
def list_pricing_rule_logs(work: Work, invoice_id: str) -> PricingRuleLogs:
    """What each pricing rule did to an invoice: of a draft as it stands now, of any other as it was frozen."""
    record = work.state.invoices.get(invoice_id)
    if record.is_draft:
        bill = draft_bills(work, [record.account_id]).bill(record)
        return PricingRuleLogs(data=logs_of(record.id, bill.rule_steps))
    return PricingRuleLogs(data=work.state.rule_logs.of(record.id))
