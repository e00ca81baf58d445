"""Price plans (v1): create, read, list, change, activate, archive; `plan_drafts.py` is v2 of the same plans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.catalog.addon import AddOn, AddOnType
from tallystick.catalog.credit_grant import CreditGrantRateCard
from tallystick.catalog.fields import Lifecycle, Shelf
from tallystick.catalog.plan_migration import MigrationMode
from tallystick.catalog.plan_rules import details_of, missing_for_activation, terms_problems
from tallystick.catalog.plan_versions import edited, finalised, first_draft, opened, refuse_open_draft
from tallystick.catalog.price_plan import (
    Currencies,
    PlanActivation,
    PlanStatus,
    PlanType,
    PlanVersion,
    PricePlan,
    PricePlanAnswer,
    PricePlanDetails,
    PricePlanDetailsDraft,
    PricePlanDraft,
    PricePlanListItem,
    PricePlanPatch,
)
from tallystick.catalog.pricing_rule import rules_of
from tallystick.catalog.pricing_rule_checks import pricing_rule_problems
from tallystick.catalog.rate_card import FixedFeeRateCard, InvoiceTiming, LicenseRateCard
from tallystick.credits.credit import entity_problems
from tallystick.kernel.document import decode, given
from tallystick.kernel.errors import Problem, invalid, not_found, refuse_if_any
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.scope import Scope
from tallystick.operations.answers import DONE, Done, Listed
from tallystick.operations.cycles import terms_of
from tallystick.operations.plan_migrations import migrate_to_active
from tallystick.operations.principals import require_money
from tallystick.operations.work import Work, command, needs, query

if TYPE_CHECKING:
    from tallystick.stores.state.documents import Documents

_TERMS: Final = "pricePlanDetails."
_ADDON_TYPES: Final[Mapping[type, tuple[AddOnType, ...]]] = {
    FixedFeeRateCard: (AddOnType.FIXED_FEE,),
    LicenseRateCard: (AddOnType.LICENSE, AddOnType.NAMED_LICENSE),
    CreditGrantRateCard: (AddOnType.CREDIT_GRANT,),
}
"""The add-ons that each kind of card prices."""


@command
def create_price_plan(work: Work, draft: PricePlanDraft) -> PricePlanAnswer:
    """Create a plan with all its rate cards, or by name and type alone; it starts as a DRAFT."""
    plan, problems = drafted(work, draft)
    refuse_if_any(problems)
    work.state.price_plans.add(plan, work.now)
    return plan.answer()


@query
def list_price_plans(
    work: Work, page: PageRequest, *, status: PlanStatus | None = None, type: PlanType | None = None
) -> Listed[PricePlanListItem]:
    """Page through plans, without their rate cards; archived ones only when asked for."""
    return listed(work.state.price_plans, page, status, type)


@query
def get_price_plan(work: Work, price_plan_id: str, *, version: int | None = None) -> PricePlanAnswer:
    """Read a plan in its active version, or in the one asked for."""
    plan = live_plan(work, price_plan_id)
    if version is None:
        return plan.answer()
    found = plan.numbered(version)
    if found is None:
        raise not_found("version", str(version), "version")
    return plan.answer(found)


@command
def update_price_plan(work: Work, price_plan_id: str, patch: PricePlanPatch) -> PricePlanAnswer:
    """Edit a draft in place, or make the next version of an active plan, which new agreements take from then on.

    Each key of the terms that is sent replaces the old value, and pricing rules all of those before. A description by
    itself makes no version. Accounts that have the plan already move to a new version only by the `migrationMode`.
    """
    plan = live_plan(work, price_plan_id)
    changes_terms = patch.price_plan_details is not UNSET or patch.pricing_rules is not UNSET
    written = _patched(work, plan.version, patch)
    if not changes_terms and patch.migration_mode is not MigrationMode.NONE:
        reason = "without pricePlanDetails or pricingRules there is no new version to move to: leave it out"
        raise invalid("migrationMode", reason)
    refuse_if_any(_problems(work, written, plan.type) if changes_terms else [])
    if plan.status is PlanStatus.DRAFT or not changes_terms:
        changed = edited(plan, written, work.now)
    else:
        changed = _next_version(work, plan, written)
    work.state.price_plans.replace(changed, work.now)
    if changed.version.id != plan.version.id:
        migrate_to_active(work, changed, patch)
    return changed.answer()


@needs(Scope.MONEY)
@command
def activate_price_plan(work: Work, price_plan_id: str, activation: PlanActivation) -> PricePlanAnswer:
    """Activate currencies of a plan; the first call makes the plan ACTIVE too."""
    plan = live_plan(work, price_plan_id)
    problems = missing_for_activation(plan.details, activation.currencies)
    refuse_if_any(problems + _problems(work, plan.version, plan.type))
    changed = finalised(plan, plan.version, activation.currencies, work.now)
    work.state.price_plans.replace(changed, work.now)
    return changed.answer()


@needs(Scope.MONEY)
@command
def activate_currencies(work: Work, price_plan_id: str, *, currencies: Currencies | None = None) -> PricePlanAnswer:
    """Activate a plan in these currencies, or in all that it supports."""
    supported = live_plan(work, price_plan_id).details.supported_currencies
    return activate_price_plan(work, price_plan_id, PlanActivation(currencies=currencies or supported))


@command
def archive_price_plan(work: Work, price_plan_id: str) -> Done:
    """Archive a plan; refused while an account has it now or later."""
    plan = live_plan(work, price_plan_id)
    if work.state.schedules.any_of_plan(plan.id, work.now):
        raise invalid("", f"price plan {plan.id!r} is in force for an account")
    archived = msgspec.structs.replace(plan, status=PlanStatus.ARCHIVED)
    work.state.price_plans.replace(archived, work.now)
    return DONE


def drafted(work: Work, draft: PricePlanDraft) -> tuple[PricePlan, list[Problem]]:
    """A new plan that is not stored yet, and everything that is wrong with it."""
    terms = draft.price_plan_details
    if isinstance(terms, UnsetType):
        terms = PricePlanDetailsDraft(supported_currencies=[work.organisation.base_currency])
    details = details_of(terms, draft.type)
    rules = rules_of(draft.pricing_rules, (), partial(work.ids.mint, "pp_rule"))
    version = first_draft(work.ids.mint("sch"), details, draft.description, work.now, rules)
    problems = _problems(work, version, draft.type)
    plan = PricePlan(
        id=work.ids.mint("pp"),
        name=draft.name,
        type=draft.type,
        status=PlanStatus.DRAFT,
        pricing_schedule=[version],
    )
    return plan, problems


def listed(
    plans: Documents[PricePlan], page: PageRequest, status: PlanStatus | None, kind: PlanType | None
) -> Listed[PricePlanListItem]:
    """One page of plans as lists show them."""
    rows, token = plans.page_of_rows(page, status=status, type=kind)
    items = []
    for row in rows:
        plan = decode(row["body"], PricePlan)
        bare = msgspec.structs.replace(
            plan.details,
            usage_rate_cards=[],
            fixed_fee_rate_cards=[],
            license_rate_cards=[],
            billing_entitlement_rate_cards=[],
            credit_grant_rate_cards=[],
            entitlement_overage_rate_cards=[],
            minimum_commitment=None,
        )
        items.append(
            PricePlanListItem(
                id=plan.id,
                name=plan.name,
                version=plan.version.version,
                description=plan.description,
                status=plan.status,
                usage_meters=[card.usage_meter_id for card in plan.details.usage_rate_cards],
                price_plan_details=bare,
                created_at=row["created_at"],
                updated_at=row["updated_at"],
                type=plan.type,
            )
        )
    return Listed(data=items, next_token=token)


def live_plan(work: Work, price_plan_id: str) -> PricePlan:
    """The plan that a path names.

    Raises:
        BillingError: of kind NOT_FOUND, when there is none or it is archived.
    """
    plan = work.state.price_plans.get(price_plan_id)
    if plan.status is PlanStatus.ARCHIVED:
        raise not_found("price plan", price_plan_id)
    return plan


def refuse_priced(work: Work, item_id: str, shown: str) -> None:
    """Refuse to archive a billable item, shown as noun and name, that a plan which is not archived prices.

    Raises:
        BillingError: of kind INVALID, naming the plans.
    """
    plans = (
        plan for status in (PlanStatus.DRAFT, PlanStatus.ACTIVE) for plan in work.state.price_plans.all(status=status)
    )
    users = [
        plan.id
        for plan in plans
        if any(item_id in version.price_plan_details.billable_ids for version in plan.pricing_schedule)
    ]
    pieces = work.state.schedules.overridden(work.now)
    terms = terms_of(work, pieces)
    users += [f"account {piece.account_id}" for piece in pieces if item_id in terms[piece.id].billable_ids]
    if users:
        raise invalid("", f"{shown} is priced by: {', '.join(users)}")


def _patched(work: Work, version: PlanVersion, patch: PricePlanPatch) -> PlanVersion:
    """A version with what a patch replaces."""
    details, rules = version.price_plan_details, version.pricing_rules
    if not isinstance(patch.price_plan_details, UnsetType):
        known = set(PricePlanDetails.__struct_fields__)
        changes = {name: value for name, value in given(patch.price_plan_details).items() if name in known}
        details = msgspec.structs.replace(details, **changes)
    if not isinstance(patch.pricing_rules, UnsetType):
        rules = rules_of(patch.pricing_rules, rules, partial(work.ids.mint, "pp_rule"))
    description = version.description if isinstance(patch.description, UnsetType) else patch.description
    return msgspec.structs.replace(version, price_plan_details=details, pricing_rules=rules, description=description)


def _next_version(work: Work, plan: PricePlan, patched: PlanVersion) -> PricePlan:
    """An active plan with another version of the terms of a patched one, active in the currencies that it keeps."""
    details = patched.price_plan_details
    require_money(work, "a new version of an ACTIVE price plan")
    refuse_open_draft(plan)
    kept = [currency for currency in details.active_currencies if currency in details.supported_currencies]
    if not kept:
        active = ", ".join(details.active_currencies)
        raise invalid("pricePlanDetails.supportedCurrencies", f"keeps none of the active currencies: {active}")
    refuse_if_any(missing_for_activation(details, kept))
    draft = opened(plan, work.ids.mint("sch"), work.now)
    terms = msgspec.structs.replace(details, active_currencies=[])
    changes = {"price_plan_details": terms, "pricing_rules": patched.pricing_rules, "description": patched.description}
    written = edited(draft, draft.latest, work.now, **changes)
    return finalised(written, written.latest, kept, work.now)


def _problems(work: Work, version: PlanVersion, kind: PlanType) -> list[Problem]:
    """Everything that is wrong with the terms and rules of a version, also what they point at."""
    details = version.price_plan_details
    rules = pricing_rule_problems(version.pricing_rules, details)
    return terms_problems(details, kind) + item_problems(work, details) + rules


def item_problems(work: Work, details: PricePlanDetails) -> list[Problem]:
    """The meters, add-ons and features of terms that are not there, or of another type, and groups that are none."""
    problems: list[Problem] = []
    meters = work.state.usage_meters.kept_among(card.usage_meter_id for card in details.usage_rate_cards)
    for position, card in enumerate(details.usage_rate_cards):
        path, meter = f"{_TERMS}usageRateCards[{position}].usageMeterId", meters.get(card.usage_meter_id)
        if meter is None or meter.status is Lifecycle.ARCHIVED:
            problems.append(Problem(path, f"usage meter {card.usage_meter_id!r} not found"))
        elif card.is_priced_by_event and not meter.aggregation.adds_up:
            reason = f"usage meter {meter.id!r} has the aggregation {meter.aggregation}, which is no sum of its events:"
            problems.append(Problem(path, f"{reason} perEvent needs COUNT or SUM"))
    for position, grant in enumerate(details.credit_grant_rate_cards):
        path = f"{_TERMS}creditGrantRateCards[{position}].grantDetails.applicableEntityIds"
        problems += entity_problems(grant.grant_details.applicable_entity_ids, path)
    return [*problems, *_addon_problems(work, details), *_feature_problems(work, details)]


def _feature_problems(work: Work, details: PricePlanDetails) -> Iterator[Problem]:
    """Cards of features that are not there."""
    granted, overage = details.billing_entitlement_rate_cards, details.entitlement_overage_rate_cards
    cards = [
        *((f"{_TERMS}billingEntitlementRateCards[{place}]", card.feature_id) for place, card in enumerate(granted)),
        *((f"{_TERMS}entitlementOverageRateCards[{place}]", card.feature_id) for place, card in enumerate(overage)),
    ]
    known = work.state.features.kept_among(name for _, name in cards)
    for path, name in cards:
        if name not in known:
            yield Problem(f"{path}.featureId", f"feature {name!r} not found")


def _addon_problems(work: Work, details: PricePlanDetails) -> Iterator[Problem]:
    """Cards of add-ons that are not there, or of another type than the card prices."""
    cards: list[tuple[str, FixedFeeRateCard | LicenseRateCard | CreditGrantRateCard]] = [
        *((f"{_TERMS}fixedFeeRateCards[{place}]", card) for place, card in enumerate(details.fixed_fee_rate_cards)),
        *((f"{_TERMS}licenseRateCards[{place}]", card) for place, card in enumerate(details.license_rate_cards)),
        *((f"{_TERMS}creditGrantRateCards[{place}]", one) for place, one in enumerate(details.credit_grant_rate_cards)),
    ]
    addons = work.state.addons.kept_among(card.id for _, card in cards)
    for path, card in cards:
        addon, expected = addons.get(card.id), _ADDON_TYPES[type(card)]
        if addon is None or addon.status is Shelf.ARCHIVED:
            yield Problem(f"{path}.id", f"add-on {card.id!r} not found")
        elif addon.type not in expected:
            yield Problem(f"{path}.id", f"add-on {addon.id!r} is a {addon.type}, expected a {' or '.join(expected)}")
        elif isinstance(card, LicenseRateCard):
            yield from _licence_problems(path, card, addon)


def _licence_problems(path: str, card: LicenseRateCard, addon: AddOn) -> Iterator[Problem]:
    """What a licence card cannot ask of its add-on."""
    if card.type is not None and card.type is not addon.type:
        yield Problem(f"{path}.type", f"is {card.type}, but add-on {addon.id!r} is a {addon.type}")
    if addon.type is not AddOnType.NAMED_LICENSE:
        return
    if card.invoice_timing is InvoiceTiming.IN_ADVANCE:
        reason = "is IN_ADVANCE, but named licences are counted from events as they come in: send IN_ARREARS"
        yield Problem(f"{path}.invoiceTiming", reason)
    if card.max_quantity is not None:
        reason = "cannot be kept for named licences, whose events were accepted already: leave it out"
        yield Problem(f"{path}.config.maxQuantity", reason)
