"""What is measured in: accounts on a plan with five cards, two meters; made by the product's own operations."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from benchmarks.events import MATCHED_REGION, SCHEMA, account_name
from benchmarks.server import KEY
from tallystick.accounts.customer import CustomerDraft
from tallystick.accounts.schedule import ScheduleChange
from tallystick.catalog.addon import AddOnDraft
from tallystick.catalog.event_schema import EventSchemaDraft
from tallystick.catalog.price_plan import PlanActivation, PricePlanDraft
from tallystick.catalog.usage_meter import UsageMeterDraft
from tallystick.credits.credit import CreditRequests
from tallystick.engine import Engine, Settings
from tallystick.kernel.document import decode, encode
from tallystick.operations import account_plans, addons, customers, event_schemas, price_plans, usage_meters
from tallystick.operations.credits import create_credits

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tallystick.operations.work import Work

D = TypeVar("D")

GRACE_DAYS: Final = 2


@dataclass(frozen=True, slots=True)
class World:
    """A directory with accounts whose plan began on the day it was made.

    `bytes_meter` sums over every event, `region_meter` over those of one region.
    """

    data: Path
    organisation: str
    bytes_meter: str
    region_meter: str


def build(
    data: Path, accounts: int, *, test_clock: datetime | None, credit: str | None = None, bonus: str | None = None
) -> World:
    """Make a directory with so many accounts; each gets this credit in USD, if any, and that bonus for each month."""
    with closing(Engine(Settings(data=data, test_clock=test_clock, first_key=KEY))) as engine:
        organisation = engine.gatekeeper.caller_of(KEY).organisation
        with engine.work_for(organisation, "benchmarks", writes=True) as (work, _):
            meters = _meters(work)
            plan = _plan(work, meters, bonus)
            for number in range(accounts):
                _account(work, account_name(number), plan)
                if credit is not None:
                    _credit(work, account_name(number), credit)
    return World(data, organisation, *meters)


def _meters(work: Work) -> list[str]:
    schema = {
        "name": SCHEMA,
        "attributes": [{"name": "bytes"}, {"name": "seconds"}],
        "dimensions": [{"name": "region"}, {"name": "route"}, {"name": "tier"}],
    }
    event_schemas.create_event_schema(work, _draft(schema, EventSchemaDraft))
    event_schemas.activate_event_schema(work, SCHEMA)
    is_matched = f'{{"==": [{{"var": "dimensions.region"}}, "{MATCHED_REGION}"]}}'
    wanted = {
        "Bytes sent": {"computation": '{"var": "attributes.bytes"}', "order": 1},
        "Seconds in one region": {"matcher": is_matched, "computation": '{"var": "attributes.seconds"}', "order": 1},
    }
    made = []
    for name, computation in wanted.items():
        counter = {"type": "COUNTER", "aggregation": "SUM", "eventSchemaName": SCHEMA, "computations": [computation]}
        meter = usage_meters.create_usage_meter(work, _draft({"name": name, **counter}, UsageMeterDraft))
        usage_meters.activate_usage_meter(work, meter.id)
        made.append(meter.id)
    return made


def _plan(work: Work, meters: list[str], bonus: str | None) -> str:
    """Five cards: two meters in two slabs each, and three fees; and credit with each bill, if any."""
    fees = [
        addons.create_addon(work, _draft({"name": name, "type": "FIXED_FEE"}, AddOnDraft)).id
        for name in ("Platform", "Support", "Storage")
    ]
    details = {
        "supportedCurrencies": ["USD"],
        "pricingCycleConfig": {
            "interval": "MONTHLY",
            "startOffset": {"dayOffset": "1", "monthOffset": "NIL"},
            "gracePeriod": GRACE_DAYS,
        },
        "usageRateCards": [usage_card(meter) for meter in meters],
        "fixedFeeRateCards": [_fee_card(fee) for fee in fees],
        "creditGrantRateCards": [] if bonus is None else [_grant_card(work, bonus)],
    }
    draft = {"name": "Five cards", "type": "BILLING", "pricePlanDetails": details}
    plan = price_plans.create_price_plan(work, _draft(draft, PricePlanDraft))
    price_plans.activate_price_plan(work, plan.id, _draft({"currencies": ["USD"]}, PlanActivation))
    return plan.id


def usage_card(meter: str) -> dict[str, Any]:
    """A card of two slabs, in dollars."""
    slabs = [{"order": order, "startAfter": start, "priceType": "PER_UNIT"} for order, start in ((1, 0), (2, 100_000))]
    rates = [{"order": 1, "rate": 0.002}, {"order": 2, "rate": 0.001}]
    return {
        "usageMeterId": meter,
        "displayName": meter,
        "ratePlan": {"pricingModel": "TIERED", "slabs": slabs},
        "rateValues": [{"currency": "USD", "slabRates": rates}],
    }


def _fee_card(fee: str) -> dict[str, Any]:
    rates = [{"currency": "USD", "rate": 19.9}]
    terms = {"invoiceTiming": "IN_ARREARS", "type": "RECURRING", "enableProration": False}
    return {"id": fee, "displayName": fee, "rateValues": rates, **terms}


def _grant_card(work: Work, amount: str) -> dict[str, Any]:
    """Credit in arrears for a flat price."""
    slab = {"startAfter": 0, "priceType": "FLAT", "rate": 1}
    granted = {"currency": "USD", "creditAmount": amount, "slabDetails": [slab]}
    return {
        "id": addons.create_addon(work, _draft({"name": "Bonus", "type": "CREDIT_GRANT"}, AddOnDraft)).id,
        "invoiceTiming": "IN_ARREARS",
        "grantDetails": {"priority": 2, "expiryType": "NO_EXPIRY"},
        "rateDetails": {"pricingModel": "TIERED", "currencySlabRateDetails": [granted]},
    }


def _account(work: Work, name: str, plan: str) -> None:
    address = {"line1": "1 Main St", "city": "Florence", "postalCode": "29501", "country": "US"}
    account = {"id": name, "name": name, "invoiceCurrency": "USD", "netTermDays": 30}
    customer = {"id": name, "name": name, "primaryEmail": "billing@customer.example", "address": address}
    customers.create_customer(work, _draft({**customer, "account": account}, CustomerDraft))
    term = {"mode": "ASSOCIATE", "pricePlanId": plan, "effectiveFrom": work.now.date(), "effectiveUntil": "9999-01-01"}
    account_plans.change_account_plan(work, name, _draft(term, ScheduleChange))


def _credit(work: Work, account: str, amount: str) -> None:
    grant = {"purpose": "Welcome", "effectiveFrom": work.now.date(), "creditAmount": amount, "priority": 1}
    create_credits(work, _draft({"creditRequests": [{"accountId": account, **grant}]}, CreditRequests))


def _draft(fields: dict[str, Any], kind: type[D]) -> D:
    """What the API would make of this body."""
    return decode(encode(fields), kind)
