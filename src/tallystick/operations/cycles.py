"""Pricing cycles: the rows of the draft invoices that each one needs when it starts, and those that have begun."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tallystick.accounts.account import Account
from tallystick.accounts.schedule import Opening, Schedule
from tallystick.catalog.plan_card import RecurringCard
from tallystick.catalog.plan_override import overridden
from tallystick.catalog.price_plan import (
    PlanVersion,
    PricePlan,
    PricePlanDetails,
    PricingCycleConfig,
    PricingSchedule,
    StartOffset,
)
from tallystick.catalog.pricing_rule import PricingRule
from tallystick.catalog.rate_card import InvoiceTiming
from tallystick.invoicing.assemble import Terms
from tallystick.invoicing.invoice import InvoiceClass, InvoiceStatus, InvoiceType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.period import Period
from tallystick.kernel.recurrence import Cycle
from tallystick.operations.holdings import holdings_of
from tallystick.operations.licence_changes import change_drafts, ledgers_in_advance
from tallystick.operations.work import Work
from tallystick.rating.fixed_fee import is_charged
from tallystick.rating.usage_card import UsagePrices


@dataclass(frozen=True, slots=True)
class BegunCycle:
    """A cycle of an account that has begun, the piece of the timeline that it belongs to, and its terms."""

    piece: Schedule
    terms: Terms

    @property
    def period(self) -> Period:
        """What its usage is counted in."""
        return self.terms.cycle.period


def open_cycles(work: Work, openings: Sequence[Opening], *, until: datetime) -> int:
    """Open every cycle of these pieces that has started by an instant; answers how many drafts there are more.

    Each cycle gets the row of its STANDARD draft, of a STANDARD_ADVANCED one when a card in advance is charged, of an
    ORDER for what is PREPAID, and of an ADHOC_ADVANCED one for each day on which a change of licences in advance is
    known to come into force. What the first cycle of a piece bills beforehand may have been ordered already.
    """
    pieces = [opening.piece for opening in openings]
    accounts = work.state.accounts.among({piece.account_id for piece in pieces})
    terms = terms_of(work, pieces)
    ledgers = ledgers_in_advance(work, accounts, terms.values())
    ordered = work.state.purchases.ordered([piece.id for piece in pieces])
    records: list[InvoiceRecord] = []
    for opening in openings:
        piece, ordinal = opening.piece, opening.ordinal
        cycle: Cycle | None = piece.cycle_at(opening.starts_at, work.organisation.zone)
        while cycle is not None and cycle.period.start <= until:
            opened = _records(work, piece, accounts[piece.account_id], terms[piece.id], cycle, ordinal)
            if piece.id in ordered and cycle.period.start == piece.within.start:
                opened = opened[-1:]
            records += [*opened, *change_drafts(work, opened[-1], terms[piece.id], ledgers)]
            cycle, ordinal = piece.cycle_after(cycle, work.organisation.zone), ordinal + 1
        work.state.schedules.opened(piece, None if cycle is None else cycle.period.start, ordinal)
    work.state.invoices.add_drafts(records)
    return len(records)


def terms_of(work: Work, pieces: Sequence[Schedule]) -> dict[str, PricePlanDetails]:
    """The terms that each piece was agreed on, by piece: those of its plan version, and what overrides them."""
    versions = versions_of(work, pieces)
    return {piece.id: agreed_terms(piece, versions[piece.plan_version_id]) for piece in pieces}


def rules_of(work: Work, pieces: Sequence[Schedule]) -> dict[str, list[PricingRule]]:
    """The pricing rules that each piece was agreed on, by piece: those of its plan version, or its own."""
    versions = versions_of(work, pieces)
    return {piece.id: agreed_rules(piece, versions[piece.plan_version_id]) for piece in pieces}


def versions_of(work: Work, pieces: Sequence[Schedule]) -> Mapping[str, PlanVersion]:
    """The plan versions that pieces were agreed on, by their ids."""
    plans = {piece.price_plan_id for piece in pieces}
    return work.state.price_plans.versions(plans, {piece.plan_version_id for piece in pieces})


def agreed_version(piece: Schedule, plan: PricePlan) -> PricingSchedule:
    """The version of its plan that a piece was agreed on."""
    return next(version for version in plan.pricing_schedule if version.id == piece.plan_version_id)


def agreed_terms(piece: Schedule, version: PricingSchedule) -> PricePlanDetails:
    """The terms of a piece, which its plan's version lends it where it has none of its own."""
    assert version.price_plan_details is not None, "a stored plan version carries its terms"
    return overridden(version.price_plan_details, piece.override)


def agreed_rules(piece: Schedule, version: PricingSchedule) -> list[PricingRule]:
    """The pricing rules of a piece, which its plan's version lends it as long as it has none of its own."""
    return version.pricing_rules if piece.pricing_rules is None else list(piece.pricing_rules)


def has_own_cycle(piece: Schedule, version: PricingSchedule) -> bool:
    """Whether the cycle that was agreed on for a piece is another one than its plan's."""
    details = version.price_plan_details
    config = None if details is None else details.pricing_cycle_config
    agreed = (piece.rule, piece.grace_days)
    return piece.anniversary or config is None or agreed != (config.calendar_rule, config.grace_period)


def agreed_cycle(piece: Schedule) -> PricingCycleConfig:
    """The cycle that was agreed on for a piece; on anniversaries, with the offsets of its first day (domain.md 4.2)."""
    day_offset, month_offset = piece.rule.offsets()
    return PricingCycleConfig(
        interval=piece.rule.interval,
        start_offset=StartOffset(day_offset=day_offset, month_offset=month_offset),
        grace_period=piece.grace_days,
        anniversary_cycle=piece.anniversary,
    )


def begun_cycles(
    work: Work, account_ids: Collection[str], span: Period, *, others: Iterable[PricePlanDetails] = ()
) -> Iterator[BegunCycle]:
    """Every cycle of these accounts that has begun and lies in a span at least in part; account by account.

    They come with the licences that their terms price, and with those that other terms would price.
    """
    zone = work.organisation.zone
    accounts = work.state.accounts.among(account_ids)
    timelines = work.state.schedules.of(account_ids)
    pieces = [piece for timeline in timelines.values() for piece in timeline]
    versions, prices = versions_of(work, pieces), UsagePrices()
    details = {piece.id: agreed_terms(piece, versions[piece.plan_version_id]) for piece in pieces}
    held = holdings_of(work, account_ids, [*details.values(), *others])
    for piece in pieces:
        for ordinal, cycle in piece.cycles_in(span, zone):
            if cycle.period.start > work.now:
                break
            terms = Terms(
                plan_name="",
                details=details[piece.id],
                rules=agreed_rules(piece, versions[piece.plan_version_id]),
                currency=accounts[piece.account_id].invoice_currency,
                zone=zone,
                cycle=cycle,
                ordinal=ordinal,
                licences=held[piece.account_id],
                prices=prices,
            )
            yield BegunCycle(piece, terms)


def _records(
    work: Work, piece: Schedule, account: Account, terms: PricePlanDetails, cycle: Cycle, ordinal: int
) -> list[InvoiceRecord]:
    """The drafts of a cycle, the one in arrears last."""
    due_at = piece.due_at(cycle, work.organisation.zone)
    billed = {card.invoice_timing for card in _timed_cards(terms) if is_charged(card, ordinal)}
    falling_due = [(InvoiceClass.INVOICE, InvoiceType.STANDARD, due_at)]
    if InvoiceTiming.PREPAID in billed:
        falling_due.insert(0, (InvoiceClass.ORDER, InvoiceType.AD_HOC, cycle.period.start))
    if InvoiceTiming.IN_ADVANCE in billed:
        falling_due.insert(0, (InvoiceClass.INVOICE, InvoiceType.STANDARD_ADVANCED, cycle.period.start))
    return [
        InvoiceRecord(
            id=work.ids.mint("inv"),
            account_id=account.id,
            customer_id=account.customer_id,
            schedule_id=piece.id,
            price_plan_id=piece.price_plan_id,
            invoice_class=invoice_class,
            invoice_type=kind,
            status=InvoiceStatus.DRAFT,
            cycle=cycle,
            ordinal=ordinal,
            freeze_at=freeze_at,
            currency=account.invoice_currency,
            net_term_days=account.net_term_days,
            created_at=work.now,
            updated_at=work.now,
        )
        for invoice_class, kind, freeze_at in falling_due
    ]


def _timed_cards(terms: PricePlanDetails) -> list[RecurringCard]:
    """The cards that say when they are billed."""
    return [
        *terms.fixed_fee_rate_cards,
        *terms.license_rate_cards,
        *terms.billing_entitlement_rate_cards,
        *terms.credit_grant_rate_cards,
    ]
