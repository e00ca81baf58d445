"""The table of tools: the ten of the capability, and those that agents need beside them."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tallystick.agents.arguments import Arguments
from tallystick.agents.tool import ADDS, READS, SETS, Tool, Toolset
from tallystick.engine.intake import IngestAnswer
from tallystick.kernel.document import Draft
from tallystick.kernel.scope import Scope
from tallystick.metering.event import MAX_BATCH, Event
from tallystick.operations import (
    account_plans,
    accounts,
    capability,
    credits,
    customers,
    event_schemas,
    events,
    explanations,
    invoices,
    meter_trials,
    price_plans,
    principals,
    running_invoices,
    search,
    usage,
    usage_meters,
)
from tallystick.operations.previews import agreement_view, credit_view, plan_view

CORE, CATALOG, INVOICING = Toolset.CORE, Toolset.CATALOG, Toolset.INVOICING


class IngestArguments(Draft, frozen=True, kw_only=True):
    """What `ingest-events` takes."""

    events: msgspec.Raw
    idempotency_key: str | None = None


class _IngestShape(Draft, frozen=True, kw_only=True):
    """The same as it is described: the intake itself looks at each event, so that the good ones are taken."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=MAX_BATCH)]
    idempotency_key: str | None = None


_TERMS: Final = (
    'such as {"supportedCurrencies":["USD"],"pricingCycleConfig":{"interval":"MONTHLY","startOffset":{"dayOffset":"1"},'
    '"gracePeriod":2},"usageRateCards":[{"usageMeterId":"um.x","ratePlan":{"pricingModel":"TIERED","slabs":[{"order":1,'
    '"startAfter":0,"priceType":"PER_UNIT"}]},"rateValues":[{"currency":"USD","slabRates":[{"order":1,"rate":"0.01"}]}]'
    '}],"fixedFeeRateCards":[],"minimumCommitment":{"displayName":"Minimum","rateValues":[{"currency":"USD","rate":50}]}}'
)
"""An example says in less room what a schema would say of a plan's terms; errors name the path of what is wrong."""

INGEST: Final = Tool(
    name="ingest-events",
    description="Ingest usage events for metering and billing; answered when they are durable. An event is counted "
    "once by its id, so the same ones may be sent again. Read what became of one with get-event.",
    arguments=Arguments(IngestArguments, plain=("events",)),
    shape=_IngestShape,
    answer=IngestAnswer,
    scope=Scope.WRITE,
    hints=ADDS,
    toolsets=frozenset({CORE, Toolset.ALL}),
    notes={"events": "accountId is an account's id or alias; an attribute's value is a number as text"},
)

CAPABILITY: Final = (
    Tool.of("list-customers", customers.list_customers, "List all billing customers.", READS, CORE, INVOICING),
    Tool.of(
        "create-customer",
        customers.create_customer,
        "Create a customer, and with it an account of the same id that events, plans and credits go to.",
        ADDS,
        CORE,
        notes={"account": "its account, if it should differ: fields as of create-account", "id": "your own id for it"},
        shallow={"account"},
    ),
    Tool.of("get-customer", customers.get_customer, "Read one customer.", READS, CORE, INVOICING),
    Tool.of("list-accounts", capability.list_accounts, "List the accounts of a customer.", READS, CORE, INVOICING),
    INGEST,
    Tool.of(
        "list-price-plans",
        price_plans.list_price_plans,
        "List price plans, without their rate cards.",
        READS,
        CORE,
        CATALOG,
    ),
    Tool.of(
        "create-price-plan",
        price_plans.create_price_plan,
        "Create a usage-based price plan as a DRAFT: by name and type alone, or with its terms. It bills nobody until "
        "it is activated and assigned.",
        ADDS,
        CORE,
        CATALOG,
        notes={"pricePlanDetails": _TERMS, "pricingRules": "as in POST /price_plans"},
        shallow={"pricePlanDetails", "pricingRules"},
    ),
    Tool.of(
        "list-invoices",
        capability.list_invoices,
        "List an account's invoices: the running draft first, then other drafts, then frozen ones, newest first.",
        READS,
        CORE,
        INVOICING,
    ),
    Tool.of(
        "grant-credit",
        capability.grant_credit,
        "Grant a credit that reduces the account's next invoices. Up to your key's credit limit (see whoami) it is "
        "granted at once; above it, or with preview, you get the effect and a previewToken, good once for 10 "
        "minutes, and call again with it to commit.",
        ADDS,
        CORE,
        INVOICING,
        watch=credit_view,
        notes={"effectiveUntil": "the day after its last; without it, it is good until used up"},
    ),
    Tool.of(
        "list-usage-meters",
        capability.list_usage_meters,
        "List the usage meters that read events of a schema.",
        READS,
        CORE,
        CATALOG,
    ),
)
"""The tools of the capability, in its order."""

BEYOND: Final = (
    Tool.of(
        "search-billing",
        search.search_billing,
        "Find customers, accounts, invoices, plans, meters and schemas by name, e-mail, id, alias or invoice number. "
        "Use it instead of paging through lists.",
        READS,
        CORE,
        CATALOG,
        INVOICING,
        notes={"query": "a name, e-mail, id or number, or a part of it"},
    ),
    Tool.of(
        "whoami",
        principals.whoami,
        "Whose key this is: organisation, scopes, credit limit, and the server's time.",
        READS,
        CORE,
        CATALOG,
        INVOICING,
    ),
    Tool.of("get-account", accounts.get_account, "Read one account.", READS, INVOICING),
    Tool.of(
        "create-account",
        capability.create_account,
        "Open another account under a customer.",
        ADDS,
        INVOICING,
        notes={"id": "your own id for it"},
    ),
    Tool.of("list-credits", capability.list_credits, "List an account's credits, newest first.", READS, INVOICING),
    Tool.of(
        "get-credit-balance",
        credits.get_credit_balance,
        "What an account has been granted, has left, and has free of what drafts hold.",
        READS,
        INVOICING,
    ),
    Tool.of(
        "list-event-schemas", event_schemas.list_event_schemas, "List event schemas: what events carry.", READS, CATALOG
    ),
    Tool.of(
        "create-event-schema",
        event_schemas.create_event_schema,
        "Define which attributes (numbers) and dimensions (text) events of a name carry; it starts as a DRAFT.",
        ADDS,
        CATALOG,
    ),
    Tool.of(
        "activate-event-schema",
        event_schemas.activate_event_schema,
        "Let events of a schema be taken.",
        SETS,
        CATALOG,
    ),
    Tool.of(
        "create-usage-meter",
        usage_meters.create_usage_meter,
        "Define how events of a schema become a number, by JSONLogic rules over attributes.x and dimensions.y; it "
        "starts as a DRAFT.",
        ADDS,
        CATALOG,
        notes={"aggregation": "list-usage-meters shows COUNT and SUM only, search-billing every one"},
    ),
    Tool.of(
        "activate-usage-meter",
        usage_meters.activate_usage_meter,
        "Start metering: events that come from now on count.",
        SETS,
        CATALOG,
    ),
    Tool.of(
        "test-usage-meter",
        meter_trials.try_usage_meter,
        "See what a meter makes of sample events, or of the newest stored ones (lastEvents): units, filtered out, or "
        "why it fails. Nothing is stored.",
        READS,
        CATALOG,
        notes={"meter": "a meter not stored yet: fields as of create-usage-meter"},
        shallow={"meter"},
    ),
    Tool.of("get-price-plan", price_plans.get_price_plan, "Read a price plan with all its rate cards.", READS, CATALOG),
    Tool.of(
        "activate-price-plan",
        price_plans.activate_currencies,
        "Put a draft plan in force so that it can be assigned. The first call shows the effect and a previewToken; "
        "call again with it to commit.",
        SETS,
        CATALOG,
        watch=plan_view,
        notes={"currencies": "all that the plan supports, unless you name some"},
    ),
    Tool.of(
        "assign-price-plan",
        account_plans.assign_price_plan,
        "Put an active price plan on an account from a day on, in the place of any other. The first call shows "
        "what the account's invoices come to before and after, and a previewToken; call again with it to commit.",
        SETS,
        INVOICING,
        watch=agreement_view,
        notes={"effectiveUntil": "the day after its last; for ever, unless you name one"},
    ),
    Tool.of(
        "get-event",
        events.get_event,
        "Read an event by its id with everything that became of it: status, units, plan, cycle.",
        READS,
        INVOICING,
        CATALOG,
    ),
    Tool.of(
        "get-invoice",
        invoices.get_invoice,
        "Read an invoice with its lines: a draft as it stands now, any other as it was frozen.",
        READS,
        CORE,
        INVOICING,
    ),
    Tool.of(
        "preview-invoice",
        running_invoices.preview_invoice,
        "The account's running invoice with its lines, as it stands now.",
        READS,
        CORE,
        INVOICING,
    ),
    Tool.of(
        "get-usage",
        usage.get_usage,
        "An account's usage per meter from a day until another, in total or by day or month.",
        READS,
        CORE,
        INVOICING,
        notes={"endDate": "the day after the last"},
    ),
    Tool.of(
        "explain-charge",
        explanations.explain_charge,
        "Why an invoice line comes to what it does: tiers and their arithmetic, the meter, and the first events.",
        READS,
        CORE,
        INVOICING,
    ),
)

TOOLS: Final = (*CAPABILITY, *BEYOND)
