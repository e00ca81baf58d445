"""A biller's short ways to set up an offer, use it and read the bills, over the public API of one organisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Answer, Api

Json = dict[str, Any]

CALLS: Final = '{"var":"attributes.calls"}'
ADDRESS: Final = {"line1": "1 Main St", "city": "Florence", "postalCode": "29501", "country": "US"}
OPEN_END: Final = "9999-01-01"


def monthly(grace: int = 2, day: str = "1", interval: str = "MONTHLY", month: str = "NIL") -> Json:
    """A pricing cycle of the calendar."""
    offset = {"dayOffset": day, "monthOffset": month}
    return {"interval": interval, "startOffset": offset, "gracePeriod": grace, "anniversaryCycle": False}


def anniversary(grace: int = 0, interval: str = "MONTHLY") -> Json:
    """A pricing cycle that starts on the anniversaries of the association."""
    return {"interval": interval, "gracePeriod": grace, "anniversaryCycle": True}


def tiered(
    meter: str, *tiers: tuple[int, object], currency: str = "USD", model: str = "TIERED", **more: object
) -> Json:
    """A usage card of (startAfter, price per unit) tiers."""
    slabs = [
        {"order": order, "startAfter": start, "priceType": "PER_UNIT"} for order, (start, _) in enumerate(tiers, 1)
    ]
    rates = [{"order": order, "rate": rate} for order, (_, rate) in enumerate(tiers, 1)]
    card = {
        "usageMeterId": meter,
        "ratePlan": {"pricingModel": model, "slabs": slabs},
        "rateValues": [{"currency": currency, "slabRates": rates}],
    }
    return card | more


def per_cent(
    meter: str,
    *slabs: tuple[int, object],
    each: Json | None = None,
    currency: str = "USD",
    model: str = "TIERED",
    **more: object,
) -> Json:
    """A usage card of (startAfter, per cent of the amount) slabs; `each` is what single events cost beside them."""
    card = tiered(meter, *slabs, currency=currency, model=model)
    for slab in card["ratePlan"]["slabs"]:
        slab["priceType"] = "PERCENTAGE"
    if each is not None:
        card["rateValues"][0]["perEvent"] = each
    return card | more


def fee(addon: str, rate: object, *, currency: str = "USD", timing: str = "IN_ARREARS", **more: object) -> Json:
    """A fixed fee."""
    card = {
        "id": addon,
        "invoiceTiming": timing,
        "enableProration": False,
        "rateValues": [{"currency": currency, "rate": rate}],
    }
    return card | more


def licence(
    addon: str,
    rate: object,
    *,
    currency: str = "USD",
    timing: str = "IN_ARREARS",
    prorated: bool = True,
    **more: object,
) -> Json:
    """A licence card of one price for each licence."""
    card = {
        "id": addon,
        "invoiceTiming": timing,
        "enableProration": prorated,
        "ratePlan": {
            "pricingModel": "TIERED",
            "slabs": [{"order": 1, "startAfter": 0, "priceType": "PER_UNIT"}],
        },
        "rateValues": [{"currency": currency, "slabRates": [{"order": 1, "rate": rate}]}],
    }
    return card | more


def credit_grant(
    addon: str,
    amount: object,
    price: object = 0,
    *,
    timing: str = "IN_ADVANCE",
    expiry: str = "NO_EXPIRY",
    lasts: str | None = None,
    entities: tuple[str, ...] = (),
    currency: str = "USD",
    **more: object,
) -> Json:
    """A card that grants credit for a flat price; `lasts` is an ISO 8601 duration."""
    details = {"priority": 1, "expiryType": expiry, "applicableEntityIds": entities}
    slab = {"startAfter": 0, "priceType": "FLAT", "rate": price}
    card = {
        "id": addon,
        "invoiceTiming": timing,
        "grantDetails": details | ({} if lasts is None else {"expiryDuration": lasts}),
        "rateDetails": {
            "pricingModel": "TIERED",
            "currencySlabRateDetails": [{"currency": currency, "creditAmount": amount, "slabDetails": [slab]}],
        },
    }
    return card | more


def entitlement(
    feature: str,
    *units: object,
    price: object = 1,
    timing: str = "IN_ADVANCE",
    begins: str | None = None,
    ends: str = "P1M",
    currency: str = "USD",
    **more: object,
) -> Json:
    """A card that grants units of a feature together, for one price per unit."""
    span = {"effectiveUntil": ends} | ({} if begins is None else {"effectiveFrom": begins})
    card = {
        "featureId": feature,
        "featureConfigs": [{"featureCreditLimit": limit} | span for limit in units],
        "invoiceTiming": timing,
        "ratePlan": {"pricingModel": "TIERED", "slabs": [{"order": 1, "startAfter": 0, "priceType": "PER_UNIT"}]},
        "rateValues": [{"currency": currency, "slabRates": [{"order": 1, "rate": price}]}],
    }
    return card | more


def overage(feature: str, *tiers: tuple[int, object], **more: object) -> Json:
    """A card for what goes beyond the units of a feature, of (startAfter, price per unit) tiers."""
    card = tiered("", *tiers, **more)
    return {"featureId": feature} | {key: value for key, value in card.items() if key != "usageMeterId"}


def commitment(rate: object, currency: str = "USD") -> Json:
    """A minimum commitment."""
    return {"displayName": "Minimum", "rateValues": [{"currency": currency, "rate": rate}]}


def event(
    event_id: str, account: str = "acme", calls: object = 1, at: str = "2026-01-10T12:00:00Z", **more: object
) -> Json:
    """An event of the schema `api_call`."""
    body = {
        "schemaName": "api_call",
        "id": event_id,
        "timestamp": at,
        "accountId": account,
        "attributes": [{"name": "calls", "value": str(calls)}],
        "dimensions": {"region": "eu"},
    }
    return body | more


def lines(line: Json) -> Iterator[Json]:
    """A line and every line below it."""
    yield line
    for child in line.get("lineItems", ()):
        yield from lines(child)


def amounts(invoice: Json, *types: str) -> list[Decimal]:
    """The values of an invoice's lines of these types, from top to bottom."""
    return [Decimal(line["value"]) for line in lines(invoice["revenueInfo"]) if line["type"] in types]


@dataclass(frozen=True)
class Shop:
    """One organisation, seen by the person who bills."""

    api: Api
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def account(self, name: str = "acme", currency: str = "USD", **more: object) -> str:
        """A customer with one account of the same id."""
        account = {"id": name, "name": f"{name} account", "invoiceCurrency": currency} | more
        customer = {"id": name, "name": f"{name} Inc", "primaryEmail": f"{name}@example.test", "address": ADDRESS}
        self.api.post("/customers", customer | {"account": account}).ok()
        return name

    def schema(
        self, name: str = "api_call", attributes: tuple[str, ...] = ("calls",), dimensions: str = "region"
    ) -> str:
        """An active event schema."""
        body = {
            "name": name,
            "attributes": [{"name": attribute} for attribute in attributes],
            "dimensions": [{"name": dimension} for dimension in dimensions.split()],
        }
        self.api.post("/event_schema", body).ok()
        self.api.post(f"/event_schema/{name}/activate").ok()
        return name

    def meter(self, name: str = "Calls", computation: str = CALLS, schema: str = "api_call", **more: object) -> str:
        """An active usage meter; its id."""
        matcher = {"matcher": more.pop("matcher")} if "matcher" in more else {}
        body = {
            "name": name,
            "type": "COUNTER",
            "aggregation": "SUM",
            "eventSchemaName": schema,
            "computations": [{"computation": computation, "order": 1} | matcher],
        }
        known = more.get("aggregation", "SUM") in {"COUNT", "SUM"}
        path = "/usage_meters" if known else "/v1/usage-meters"
        made = self.api.post(path, body | more).ok()
        return self.api.post(f"{path}/{made['id']}/activate").ok()["id"]

    def addon(self, name: str = "Base fee", kind: str = "FIXED_FEE") -> str:
        """An add-on; its id."""
        return self.api.post("/addons", {"name": name, "type": kind}).ok()["id"]

    def setting(
        self, name: str, value: str, entity: str = "ORGANIZATION", of: str | None = None, kind: str = "NUMERIC"
    ) -> str:
        """A value on an entity, by default on the organisation; its path."""
        entity_id = of or self.api.get("/v1/organization").ok()["id"]
        where = {"entityType": entity, "entityId": entity_id, "namespace": "USER", "dataType": kind}
        self.api.post("/settings", where | {"id": name, "name": name, "value": value}).ok()
        return f"setting.USER.{name}.{entity}.{entity_id}"

    def plan(
        self,
        *,
        cycle: Json | None = None,
        currencies: tuple[str, ...] = ("USD",),
        path: str = "/price_plans",
        **cards: object,
    ) -> str:
        """An active plan; its id."""
        details = {"supportedCurrencies": currencies, "pricingCycleConfig": cycle or monthly()} | cards
        made = self.api.post(path, {"name": f"Plan {next(self._numbers)}", "pricePlanDetails": details}).ok()
        return self.api.post(f"{path}/{made['id']}/activate", {"currencies": currencies}).ok()["id"]

    def try_associate(
        self, plan: str, account: str = "acme", since: str = "2026-01-01", until: str = OPEN_END
    ) -> Answer:
        """Ask for a plan on an account from one day until another."""
        asked = {"pricePlanId": plan, "effectiveFrom": since, "effectiveUntil": until}
        return self.api.post(f"/accounts/{account}/price_plans", asked)

    def associate(self, plan: str, account: str = "acme", since: str = "2026-01-01", until: str = OPEN_END) -> Json:
        """Put a plan on an account."""
        return self.try_associate(plan, account, since, until).ok()

    def disassociate(self, since: str, until: str = OPEN_END, account: str = "acme") -> Json:
        """Take off an account whatever plan it has from one day until another."""
        asked = {"mode": "DISASSOCIATE", "effectiveFrom": since, "effectiveUntil": until}
        return self.api.post(f"/accounts/{account}/price_plans", asked).ok()

    def metered_plan(self, *tiers: tuple[int, object], account: str = "acme", cycle: Json | None = None) -> str:
        """An account whose calls are metered and priced by tiers since New Year; the meter's id."""
        self.account(account)
        self.schema()
        meter = self.meter()
        self.associate(self.plan(cycle=cycle, usageRateCards=[tiered(meter, *(tiers or ((0, 1),)))]), account)
        return meter

    def grant(
        self, licence: str, quantity: object, since: str | None = None, account: str = "acme", kind: str = "RELATIVE"
    ) -> Json:
        """Move the licences of an account, or with ABSOLUTE set them, from a day or an instant on, or from now."""
        body = {"licenseId": licence, "accountId": account, "updateType": kind, "quantity": quantity}
        start = {} if since is None else {"effectiveFrom": since if "T" in since else f"{since}T00:00:00Z"}
        return self.api.post("/license_updates", body | start).ok()

    def use(self, calls: object, at: str = "2026-01-10T12:00:00Z", account: str = "acme") -> str:
        """One event; its id."""
        name = f"e-{next(self._numbers)}"
        self.api.post("/ingest", {"event": event(name, account, calls, at)}).ok()
        return name

    def status(self, event_id: str) -> str:
        """What became of an event; of the last one, when an id came in more than once."""
        return self.api.get(f"/events/{event_id}").ok()["events"][-1]["ingestionStatus"]["status"]

    def credit(self, amount: object, account: str = "acme", **more: object) -> str:
        """A credit; its id."""
        asked = {"accountId": account, "purpose": "Gift", "effectiveFrom": "2026-01-01", "priority": 1}
        granted = self.api.post("/credits", {"creditRequests": [asked | {"creditAmount": amount} | more]}).ok()
        return granted["credits"][0]["id"]

    def invoices(self, account: str = "acme", **filters: object) -> list[Json]:
        """The invoices of an account, oldest cycle first, in advance before in arrears."""
        pages = self.api.pages("/invoices", owner_id=account, **filters)
        found = [invoice for page in pages for invoice in page]
        return sorted(found, key=lambda one: (one["startDate"], one["invoiceType"] == "STANDARD", one["id"]))

    def invoice(self, position: int = 0, account: str = "acme") -> Json:
        """One of them, with its lines."""
        return self.api.get(f"/invoices/{self.invoices(account)[position]['id']}").ok()

    def balance(self, account: str = "acme") -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """The credit balance: active, available, running, inapplicable."""
        figures = self.api.get(f"/accounts/{account}/credit_balance").ok()
        names = ("activeCredits", "availableBalance", "runningBalance", "inapplicableCredits")
        return tuple(Decimal(figures[name]) for name in names)

    def metric(self, name: str, since: str, until: str, period: str = "MONTH", **more: object) -> list[Json]:
        """The series of one metric."""
        asked = {"id": "q", "name": name, "aggregationPeriod": period} | more
        return self.api.post(
            "/metrics", {"startTime": f"{since}T00:00:00Z", "endTime": f"{until}T00:00:00Z", "metricQueries": [asked]}
        ).ok()["results"][0]["data"]
