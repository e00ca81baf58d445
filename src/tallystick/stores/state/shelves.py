"""Where each document lives, and what its list can be filtered, searched and sorted by (domain.md 1.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import func

from tallystick.accounts.account import Account
from tallystick.accounts.customer import Customer
from tallystick.catalog.addon import AddOn
from tallystick.catalog.event_schema import EventSchema
from tallystick.catalog.feature import Feature
from tallystick.catalog.price_plan import PricePlan
from tallystick.catalog.rate_card import PriceType
from tallystick.catalog.setting import Setting
from tallystick.catalog.usage_meter import Aggregation, UsageMeter
from tallystick.stores.state import tables
from tallystick.stores.state.documents import Shelf
from tallystick.stores.state.listing import Listing

_NEWEST_FIRST: Final = (("updated_at", False), ("id", True))
_NOT_ARCHIVED: Final = {"status": ("ARCHIVED",)}
_NOT_ACTIVE: Final = {"status": {"INACTIVE": ("DRAFT",)}}
"""What is a draft is not active: callers who know two states find it among the inactive ones (domain.md 1.4)."""

CUSTOMERS: Final = Shelf(
    "customer",
    Customer,
    Listing(
        "customers",
        tables.customer,
        _NEWEST_FIRST,
        search=("id", "name", "primary_email"),
        sortable=("name", "created_at"),
        hidden=_NOT_ARCHIVED,
    ),
    ("status", "name", "primary_email"),
)
ACCOUNTS: Final = Shelf(
    "account",
    Account,
    Listing(
        "accounts",
        tables.account,
        _NEWEST_FIRST,
        search=("id", "name", "primary_email"),
        sortable=("name", "created_at"),
        hidden=_NOT_ARCHIVED,
    ),
    ("customer_id", "status", "name", "primary_email", "invoice_currency"),
)
EVENT_SCHEMAS: Final = Shelf(
    "event schema",
    EventSchema,
    Listing(
        "event_schemas",
        tables.event_schema,
        _NEWEST_FIRST,
        search=("id", "description"),
        sortable=("created_at",),
        hidden=_NOT_ARCHIVED,
        wider=_NOT_ACTIVE,
    ),
    ("status", "description"),
    key="name",
)
USAGE_METERS: Final = Shelf(
    "usage meter",
    UsageMeter,
    Listing(
        "all_usage_meters",
        tables.usage_meter,
        _NEWEST_FIRST,
        search=("id", "name", "billable_name"),
        sortable=("name", "created_at"),
        hidden=_NOT_ARCHIVED,
        wider=_NOT_ACTIVE,
    ),
    ("status", "name", "billable_name", "aggregation", "event_schema_name"),
    unique="name",
)
TOGAI_METERS: Final = replace(
    USAGE_METERS,
    listing=replace(
        USAGE_METERS.listing,
        name="usage_meters",
        hidden=_NOT_ARCHIVED | {"aggregation": [kind.value for kind in Aggregation if not kind.adds_up]},
    ),
)
"""The same meters, of which the list shows only those whose units add up."""
ADDONS: Final = Shelf(
    "add-on",
    AddOn,
    Listing(
        "addons",
        tables.addon,
        (("name", True), ("id", True)),
        search=("id", "name", "billable_name"),
        sortable=("created_at", "updated_at"),
        hidden=_NOT_ARCHIVED,
    ),
    ("status", "type", "name", "billable_name", "display_name"),
    unique="display_name",
)
FEATURES: Final = Shelf(
    "feature",
    Feature,
    Listing("features", tables.feature, _NEWEST_FIRST, search=("id", "name"), sortable=("name", "created_at")),
    ("name",),
)
PRICE_PLANS: Final = Shelf(
    "price plan",
    PricePlan,
    Listing(
        "all_price_plans",
        tables.price_plan,
        _NEWEST_FIRST,
        search=("id", "name", "description"),
        sortable=("name", "created_at"),
        hidden=_NOT_ARCHIVED,
    ),
    ("status", "type", "name", "description"),
)
TOGAI_PLANS: Final = replace(
    PRICE_PLANS,
    listing=replace(
        PRICE_PLANS.listing,
        name="price_plans",
        only=func.replace(tables.price_plan.c.body, '","priceType"', "").not_like(
            f'%,"priceType":"{PriceType.PERCENTAGE}"%'
        ),
    ),
)
"""The same plans, of which the list shows only those without percentages.

In the body of a plan the type of a slab stands behind a number, where it starts; what else could look like it, the
metadata of a pricing rule, stands behind a text or first. Quotes within texts are escaped.
"""
SETTINGS: Final = Shelf(
    "setting",
    Setting,
    Listing("settings", tables.setting, _NEWEST_FIRST, search=("id",), sortable=("created_at",)),
    ("setting_id", "namespace", "entity_type", "entity_id"),
    key="path",
)
