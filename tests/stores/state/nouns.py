"""Short ways to make one of every noun, for tests of the state store; amounts in US dollars."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import msgspec

from tallystick.accounts.account import Account, AccountStatus
from tallystick.accounts.alias import AliasSpan
from tallystick.accounts.customer import Customer
from tallystick.accounts.licence import LicenceEntry, UpdateType
from tallystick.accounts.party import Address
from tallystick.accounts.proposal import PaymentMode, Proposal
from tallystick.accounts.purchase import Purchase, PurchaseStatus, PurchaseType
from tallystick.accounts.schedule import Schedule
from tallystick.catalog.addon import AddOn, AddOnType
from tallystick.catalog.event_schema import EventAttribute, EventDimension, EventSchema
from tallystick.catalog.feature import Feature, SchemaAssociation
from tallystick.catalog.fields import Lifecycle, Shelf
from tallystick.catalog.plan_versions import first_draft
from tallystick.catalog.price_plan import PlanStatus, PlanType, PricePlan, PricePlanDetails, VersionStatus
from tallystick.catalog.setting import Setting, SettingDataType, SettingEntity
from tallystick.catalog.usage_meter import Aggregation, Computation, MeterFilter, MeterType, UsageMeter
from tallystick.credits.credit import Credit, CreditStatus
from tallystick.credits.feature_credit import CreditSource, FeatureGrant
from tallystick.credits.payment import Payment, PaymentLineType, PaymentReference, PaymentSource, Share
from tallystick.credits.wallet import Wallet, empty_wallet
from tallystick.invoicing.comparison import ComparedLine, Comparison
from tallystick.invoicing.held_overage import HeldOverage
from tallystick.invoicing.invoice import InvoiceClass, InvoiceStatus, InvoiceType
from tallystick.invoicing.line import Explanation, InvoiceLineItem, LineType
from tallystick.invoicing.record import InvoiceRecord
from tallystick.invoicing.rows import LineRow
from tallystick.invoicing.rule_log import LoggedRule, PricingRuleLog, RuleChange, VariableValue
from tallystick.kernel.job import Job, JobEntry, JobStatus, JobType
from tallystick.kernel.money import Money
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.kernel.recurrence import Cycle, CycleRule, Interval
from tallystick.rating.pricing_rules import Outcome
from tests.stores.state.world import NOW

JANUARY = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
JUNE_11 = datetime(2026, 6, 11, 7, 30, 35, 123456, tzinfo=UTC)
FEBRUARY = Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
MARCH = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def usd(text: str) -> Money:
    return Money(Decimal(text), "USD")


def customer(name: str = "acme", /, **more: object) -> Customer:
    return Customer(
        **{
            "id": name,
            "togai_customer_id": f"customer.{name}",
            "name": f"{name} Inc",
            "primary_email": f"billing@{name}.test",
            "billing_address": "1 Main St, Florence, US",
            "address": Address(line1="1 Main St", city="Florence", country="US"),
            "status": Shelf.ACTIVE,
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def account(name: str = "acme-main", /, **more: object) -> Account:
    return Account(
        **{
            "id": name,
            "togai_account_id": f"account.{name}",
            "togai_customer_id": "customer.acme",
            "name": f"{name} account",
            "customer_id": "acme",
            "invoice_currency": "USD",
            "net_term_days": 30,
            "status": AccountStatus.ACTIVE,
            "metadata": {"tier": "gold"},
            "tags": ["a", "b"],
        }
        | more
    )


def schema(name: str = "rides", /, **more: object) -> EventSchema:
    return EventSchema(
        **{
            "name": name,
            "description": "A ride with a car",
            "version": 1,
            "status": Lifecycle.ACTIVE,
            "attributes": [EventAttribute(name="distance", default_unit="km")],
            "dimensions": [EventDimension(name="city")],
            "event_level_revenue": False,
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def meter(name: str = "um.distance", /, **more: object) -> UsageMeter:
    return UsageMeter(
        **{
            "id": name,
            "name": name,
            "billable_name": "Kilometres",
            "display_name": "Kilometres",
            "filters": [MeterFilter(field="city", value="pune")],
            "type": MeterType.COUNTER,
            "status": Lifecycle.ACTIVE,
            "aggregation": Aggregation.SUM,
            "computations": [Computation(computation='{"var":"attributes.distance"}', order=1)],
            "event_schema_name": "rides",
            "version": 1,
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def setting(name: str = "rate", /, **more: object) -> Setting:
    return Setting(
        **{
            "id": name,
            "value": "10",
            "entity_type": SettingEntity.ACCOUNT,
            "entity_id": "acme-main",
            "namespace": "USER",
            "name": "Rate",
            "data_type": SettingDataType.NUMERIC,
        }
        | more
    )


def addon(name: str = "addon.fee", /, **more: object) -> AddOn:
    return AddOn(
        **{
            "id": name,
            "name": name,
            "type": AddOnType.FIXED_FEE,
            "display_name": name,
            "status": Shelf.ACTIVE,
            "created_at": NOW,
        }
        | more
    )


def feature(name: str = "feature.rides", /, **more: object) -> Feature:
    return Feature(
        **{
            "id": name,
            "name": name,
            "display_name": name,
            "schema_associations": [tie()],
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def tie(schema_name: str = "rides") -> SchemaAssociation:
    return SchemaAssociation(schema_name=schema_name, attribute_name="distance")


def plan(name: str = "pp.basic", /, **more: object) -> PricePlan:
    details = PricePlanDetails(supported_currencies=["USD"], active_currencies=["USD"], type=PlanType.BILLING)
    draft = first_draft("sch.1", details, None, NOW)
    version = msgspec.structs.replace(draft, status=VersionStatus.ACTIVE)
    return PricePlan(
        **{
            "id": name,
            "name": name,
            "type": PlanType.BILLING,
            "status": PlanStatus.ACTIVE,
            "pricing_schedule": [version],
        }
        | more
    )


def span(value: str, start: datetime = BEGINNING, end: datetime = FOREVER) -> AliasSpan:
    return AliasSpan(value, Period(start, end))


def piece(name: str = "sch.1", /, **more: object) -> Schedule:
    """A monthly plan of `acme-main` for all of 2026."""
    return Schedule(
        **{
            "id": name,
            "account_id": "acme-main",
            "price_plan_id": "pp.basic",
            "plan_version_id": "sch.1",
            "within": Period(NOW, datetime(2027, 1, 1, tzinfo=UTC)),
            "rule": CycleRule(Interval.MONTHLY, 1),
            "grace_days": 2,
            "anniversary": False,
        }
        | more
    )


def licence_entry(number: int = 1, /, **more: object) -> LicenceEntry:
    return LicenceEntry(
        **{
            "id": f"licence_entry.{number}",
            "license_id": "addon.seats",
            "account_id": "acme-main",
            "update_type": UpdateType.RELATIVE,
            "quantity": Decimal("5.000000000001"),
            "effective_from": JUNE_11,
            "booked_at": JUNE_11,
            "created_at": NOW,
            "idempotency_key": f"k{number}",
            "metadata": {"order": "7"},
        }
        | more
    )


def draft(name: str = "inv.january", cycle: Period = JANUARY, /, **more: object) -> InvoiceRecord:
    """The draft of a cycle without grace."""
    return InvoiceRecord(
        **{
            "id": name,
            "account_id": "acme-main",
            "customer_id": "acme",
            "schedule_id": "sch.1",
            "price_plan_id": "pp.basic",
            "invoice_class": InvoiceClass.INVOICE,
            "invoice_type": InvoiceType.STANDARD,
            "status": InvoiceStatus.DRAFT,
            "cycle": Cycle(cycle, cycle),
            "ordinal": 0,
            "freeze_at": cycle.end,
            "currency": "USD",
            "net_term_days": 30,
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def line(number: int = 1, /, **more: object) -> LineRow:
    return LineRow(
        **{
            "number": number,
            "parent": None if number == 1 else 1,
            "depth": 0 if number == 1 else 1,
            "type": LineType.USAGE_RATE_CARD_AMOUNT,
            "entity_id": "um.distance",
            "description": "Kilometres",
            "quantity": Decimal("12345678901234567890.123456789012"),
            "value_per_quantity": Decimal("0.1234567890123456789012345"),
            "units": "USD",
            "minor": 1050,
            "explanation": Explanation(rate=Decimal("0.005")),
        }
        | more
    )


def held_overage(name: str = "inv.january", feature: str = "feature.exports", /, **more: object) -> HeldOverage:
    """What the bill of January left."""
    return HeldOverage(
        **{
            "invoice_id": name,
            "account_id": "acme-main",
            "price_plan_id": "pp.basic",
            "schedule_id": "sch.1",
            "cycle": JANUARY,
            "tag": "Extras",
            "line": InvoiceLineItem(
                id=feature,
                description="Exports, 2026-01-01 to 2026-01-31",
                type=LineType.ENTITLEMENT_OVERAGE_RATE_CARD_AMOUNT,
                quantity=Decimal("0.1234567890123456789012345"),
                units="USD",
                value=Decimal("12345678901234567890.12"),
                explanation=Explanation(cycle_start=JANUARY.start, cycle_end=JANUARY.end, invoice_id=name),
            ),
        }
        | more
    )


def rule_log(number: int = 1, /, **more: object) -> PricingRuleLog:
    return PricingRuleLog(
        **{
            "id": f"rule_log.january.0000{number}",
            "type": Outcome.CONDITION_TRUE,
            "order": number,
            "changes": RuleChange(
                key="urc.um.distance",
                key_name="Kilometres",
                old_revenue=Decimal("12345678901234567890.12"),
                new_revenue=Decimal("-0.01"),
                old_usage=Decimal("0.1234567890123456789012345"),
                new_usage=Decimal(0),
            ),
            "rule": LoggedRule(id="pp_rule.1", name="Bundle", computation="0"),
            "variables_value": {"usage.urc.um.distance": VariableValue(name="Kilometres", value="0.1")},
        }
        | more
    )


def credit(name: str = "cred.welcome", amount: str = "100", /, **more: object) -> Credit:
    return Credit(
        **{
            "id": name,
            "account_id": "acme-main",
            "customer_id": "acme",
            "purpose": "Welcome",
            "applicable_entity_ids": ["um.distance"],
            "effective_from": date(2026, 1, 1),
            "effective_until": None,
            "credit_amount": Decimal(amount),
            "priority": 1,
            "status": CreditStatus.ACTIVE,
            "credit_unit": "USD",
            "hold_amount": Decimal(0),
            "consumed_amount": Decimal(0),
            "created_at": NOW,
        }
        | more
    )


def feature_grant(name: str = "sch.1#2026-01-01$PRICE_PLAN", /, **more: object) -> FeatureGrant:
    """A hundred units of a feature for `acme-main`, in January."""
    return FeatureGrant(
        **{
            "id": name,
            "account_id": "acme-main",
            "feature_id": "feature.calls",
            "source": CreditSource.PRICE_PLAN,
            "granted": Decimal(100),
            "valid": JANUARY,
        }
        | more
    )


def wallet(name: str = "wallet.acme", /, **more: object) -> Wallet:
    """The wallet of `acme-main` as it is before anything happened to it."""
    return msgspec.structs.replace(empty_wallet(account()), **({"id": name} | more))


def payment(name: str = "payment.1", total: str = "10", /, **more: object) -> Payment:
    """A transfer of `acme-main`, without its parts."""
    return Payment(
        **{
            "id": name,
            "account_id": "acme-main",
            "external_payment_references": PaymentReference(
                source_name="Bank", source_type=PaymentSource.BANK_TRANSFER, transaction_number=name
            ),
            "line_item_records": [],
            "total_amount": Decimal(total),
            "currency": "USD",
            "version": 1,
            "created_by": "key.1",
            "created_at": NOW,
        }
        | more
    )


def share(amount: str = "10", target: str | None = "inv.due", /, **more: object) -> Share:
    """A part of a payment that pays an invoice."""
    return Share(**{"type": PaymentLineType.INVOICE, "order": 1, "amount": usd(amount), "target": target} | more)


def job(name: str = "job.1", /, **more: object) -> Job:
    return Job(
        **{
            "id": name,
            "type": JobType.EVENT_CORRECTIONS,
            "status": JobStatus.SCHEDULED,
            "instructions": "{}",
            "created_at": NOW,
            "updated_at": NOW,
        }
        | more
    )


def comparison(name: str = "acme-main", difference: str = "-2.50", currency: str = "USD") -> Comparison:
    """10 before, and a line of it."""
    amounts = {
        "old_revenue": Decimal(10),
        "new_revenue": Decimal(10) + Decimal(difference),
        "difference": Decimal(difference),
    }
    line = ComparedLine(billable_id="um.distance", description="Kilometres", **amounts)
    return Comparison(account_id=name, currency=currency, cycles=3, lines=[line], **amounts)


def entry(number: int = 1, /, **more: object) -> JobEntry:
    return JobEntry(**{"number": number, "entity_id": f"event.{number}", "created_at": NOW} | more)


def purchase(name: str = "purchase.1", /, **more: object) -> Purchase:
    return Purchase(**_bought(name, PurchaseStatus.PENDING) | more)


def proposal(name: str = "purchase.1", /, **more: object) -> Proposal:
    return Proposal(**_bought(name, PurchaseStatus.PROPOSAL_ACTIVE) | {"payment_mode": PaymentMode.PREPAID} | more)


def _bought(name: str, status: PurchaseStatus) -> dict[str, object]:
    return {
        "id": name,
        "account_id": "acme-main",
        "type": PurchaseType.ENTITLEMENT_GRANT,
        "status": status,
        "price_plan_id": "pp.basic",
        "price_plan_version": 1,
        "rate_card_quantities": {"addon.fee": Decimal("1.2")},
        "idempotency_key": "k",
        "price": Decimal(10),
        "invoice_id": "inv.order",
        "invoice_currency": "USD",
        "created_at": NOW,
        "updated_at": NOW,
    }
