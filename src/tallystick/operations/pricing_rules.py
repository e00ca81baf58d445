"""Pricing rules: those of plans by v1 and by v2, and what each did to an invoice; `schedule_rules.py` has accounts'."""

from __future__ import annotations

from functools import partial

from tallystick.catalog.plan_versions import edited, opened
from tallystick.catalog.pricing_rule import PricingRules, PricingRulesChange, RuleTiming, rules_of
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.invoicing.rule_log import PricingRuleLogs, logs_of
from tallystick.kernel.errors import not_found, refuse_if_any
from tallystick.operations.cycles import agreed_rules, agreed_version
from tallystick.operations.drafts import draft_bills
from tallystick.operations.plan_drafts import LATEST, version_asked
from tallystick.operations.price_plans import live_plan
from tallystick.operations.work import Work, command, event_query, query


@query
def list_pricing_rules(
    work: Work, price_plan_id: str, pricing_schedule_id: str, *, invoice_timing: RuleTiming | None = None
) -> PricingRules:
    """The pricing rules of one version of a plan, or of an account's schedule of it; all at once, or of one timing."""
    plan = live_plan(work, price_plan_id)
    rules = {version.id: version.pricing_rules for version in plan.pricing_schedule}.get(pricing_schedule_id)
    if rules is None:
        piece = work.state.schedules.among([pricing_schedule_id]).get(pricing_schedule_id)
        if piece is None or piece.price_plan_id != plan.id:
            raise not_found("pricing schedule", pricing_schedule_id)
        rules = agreed_rules(piece, agreed_version(piece, plan))
    return PricingRules(data=[rule for rule in rules if invoice_timing in {None, rule.invoice_timing}])


@query
def list_plan_pricing_rules(work: Work, price_plan_id: str, *, version: str = LATEST) -> PricingRules:
    """The pricing rules of a plan's last version, which may be a draft, of the ACTIVE one, or of that number."""
    return PricingRules(data=version_asked(live_plan(work, price_plan_id), version).pricing_rules)


@command
def replace_plan_pricing_rules(work: Work, price_plan_id: str, change: PricingRulesChange) -> PricingRules:
    """Put rules in the place of all that the draft of a plan has; on top of an active version one is opened first."""
    plan = opened(live_plan(work, price_plan_id), work.ids.mint("sch"), work.now)
    draft = plan.latest
    rules = rules_of(change.pricing_rules or (), draft.pricing_rules, partial(work.ids.mint, "pp_rule"))
    refuse_if_any(pricing_rule_problems(rules, draft.price_plan_details))
    work.state.price_plans.replace(edited(plan, draft, work.now, pricing_rules=rules), work.now)
    return PricingRules(data=rules)


@event_query
def list_pricing_rule_logs(work: Work, invoice_id: str) -> PricingRuleLogs:
    """What each pricing rule did to an invoice: of a draft as it stands now, of any other as it was frozen."""
    record = work.state.invoices.get(invoice_id)
    if record.is_draft:
        bill = draft_bills(work, [record.account_id]).bill(record)
        return PricingRuleLogs(data=logs_of(record.id, bill.rule_steps))
    return PricingRuleLogs(data=work.state.rule_logs.of(record.id))
