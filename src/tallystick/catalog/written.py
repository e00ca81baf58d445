"""The catalogue as it is written down: names instead of ids, rules as JSON instead of text, nothing of one server.

What is stored and what somebody wants are brought into the same form, so that comparing the two is comparing values.
"""

from __future__ import annotations

import enum
import functools
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec
from msgspec import Raw

from tallystick.catalog.addon import AddOnType
from tallystick.catalog.enrichment import EnrichmentType
from tallystick.catalog.event_schema import EventSchemaDraft
from tallystick.catalog.feature import SchemaAssociation
from tallystick.catalog.fields import CurrencyCode, Name255, Text255
from tallystick.catalog.meter_rules import computations_of
from tallystick.catalog.price_plan import PricePlanDetailsDraft, PricePlanDraft
from tallystick.catalog.pricing_rule import PricingRuleDraft
from tallystick.catalog.usage_meter import UsageMeterDraft
from tallystick.kernel.document import Draft, decode, encode
from tallystick.kernel.quantity import MOST_DIGITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tallystick.catalog.price_plan import PricePlan
    from tallystick.kernel.document import Document

Tree: TypeAlias = dict[str, Any]
"""A JSON object: whole numbers are int, others Decimal with the digits that were written."""

W = TypeVar("W", bound=Draft)

_FIRST: Final = ("name", "status", "activeCurrencies")
_RULES: Final = ("matcher", "condition", "computation")
_EMPTY: Final[tuple[Any, ...]] = (None, "", [])


class Kind(enum.StrEnum):
    """The kinds of things that a catalogue holds, each after those that it may refer to."""

    EVENT_SCHEMA = "EVENT_SCHEMA"
    USAGE_METER = "USAGE_METER"
    ADD_ON = "ADD_ON"
    FEATURE = "FEATURE"
    PRICE_PLAN = "PRICE_PLAN"

    @property
    def noun(self) -> str:
        """What people call one of them."""
        return "add-on" if self is Kind.ADD_ON else self.value.lower().replace("_", " ")


class WrittenStatus(enum.StrEnum):
    """States in which event schemas and usage meters are written down; what is archived is left out."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class WrittenPlanStatus(enum.StrEnum):
    """States in which price plans are written down."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"


class WrittenSchema(EventSchemaDraft, frozen=True, kw_only=True):
    """An event schema: what creates one, and its state."""

    status: WrittenStatus


class WrittenMeter(UsageMeterDraft, frozen=True, kw_only=True):
    """A usage meter: what creates one, and its state."""

    status: WrittenStatus


class WrittenAddOn(Draft, frozen=True, kw_only=True):
    """An add-on."""

    name: Name255
    type: AddOnType
    billable_name: Text255 | None = None


class WrittenFeature(Draft, frozen=True, kw_only=True):
    """A feature; each association names its attribute."""

    name: Name255
    billable_name: Text255 | None = None
    schema_associations: list[SchemaAssociation] = []


class WrittenPlan(PricePlanDraft, frozen=True, kw_only=True):
    """A price plan: what creates one, its state, and the currencies in which it is active; by default all it has."""

    price_plan_details: PricePlanDetailsDraft
    status: WrittenPlanStatus
    active_currencies: list[CurrencyCode] = []

    @property
    def wanted_currencies(self) -> list[str]:
        """The currencies to activate."""
        if self.status is WrittenPlanStatus.DRAFT:
            return []
        return self.active_currencies or self.price_plan_details.supported_currencies


def written(document: Document, kind: type[W]) -> W:
    """A stored document as it is written down: what of it belongs to no server.

    Raises:
        msgspec.ValidationError: when it holds something that cannot be sent.
    """
    return decode(encode(_projected(document, kind)), kind)


def written_plan(plan: PricePlan) -> WrittenPlan:
    """A stored plan as it is written down, its references still ids.

    Raises:
        msgspec.ValidationError: when it holds something that cannot be sent.
    """
    terms = {
        "pricePlanDetails": _projected(plan.details, PricePlanDetailsDraft),
        "activeCurrencies": plan.details.active_currencies,
        "description": plan.description,
        "pricingRules": [_projected(rule, PricingRuleDraft) for rule in plan.version.pricing_rules],
    }
    return decode(encode(_projected(plan, WrittenPlan) | terms), WrittenPlan)


def tree_of(thing: Draft) -> Tree:
    """The one form of what is written down: no defaults, no empty texts or lists, rules as JSON, plain numbers."""
    if isinstance(thing, WrittenPlan):
        thing = msgspec.structs.replace(thing, active_currencies=thing.wanted_currencies)
    sent: Tree = decode(encode(thing), dict[str, Any])
    if isinstance(thing, WrittenMeter):
        sent["computations"] = decode(encode(computations_of(thing.computations, thing.aggregation)), list[Any])
    optional = _optional(type(thing))
    kept = {key: value for key, value in sent.items() if key not in optional or value not in _EMPTY}
    tree: Tree = plain_tree({key: kept[key] for key in _FIRST if key in kept} | kept)
    return with_rules(tree)


@functools.cache
def _optional(kind: type[Draft]) -> frozenset[str]:
    """The fields that may be left out, as the wire writes them."""
    return frozenset(field.encode_name for field in msgspec.structs.fields(kind) if not field.required)


def plain_tree(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same JSON with every number in plain digits: 1E+3 -> 1000, 1.50 stays."""
    match value:
        case dict():
            return {key: plain_tree(below) for key, below in value.items()}
        case list():
            return [plain_tree(below) for below in value]
        case Decimal() if 0 <= int(value.as_tuple().exponent) <= MOST_DIGITS:
            return int(value)
        case _:
            return value


def with_rule_texts(tree: Tree) -> Tree:
    """The same thing with its rules as text, which is how they are sent; the tree itself is changed."""
    for place, key in _rule_places(tree):
        if place[key] is not None and not isinstance(place[key], str):
            place[key] = encode(place[key]).decode()
    return tree


def with_rules(tree: Tree) -> Tree:
    """The same thing with its rules as JSON, also those that were sent as text; the tree itself is changed."""
    for place, key in _rule_places(tree):
        if isinstance(place[key], str):
            place[key] = _readable(place[key])
    return tree


def _rule_places(tree: Tree) -> Iterator[tuple[Tree, str]]:
    """Where a thing of any kind and shape has rules: objects, and a key of each."""
    for entry in [*_objects(tree.get("computations")), *_objects(tree.get("pricingRules"))]:
        yield from ((entry, key) for key in _RULES if key in entry)
    enrichments = tree.get("enrichments")
    for field in _objects(enrichments.get("fields") if isinstance(enrichments, dict) else None):
        if field.get("enrichmentType") == EnrichmentType.JSON_LOGIC and "value" in field:
            yield field, "value"


def _objects(value: object) -> list[Tree]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _readable(text: str) -> Any:  # noqa: ANN401 - JSON
    """A rule's JSON; the text itself, where a text or null would not be read back as the rule that it is."""
    try:
        rule = plain_tree(decode(text, object))
    except msgspec.DecodeError:
        return text
    return text if rule is None or isinstance(rule, str) else rule


def _projected(document: Document, kind: type[Draft]) -> dict[str, Raw]:
    """The fields of a document that a kind of draft has too."""
    fields = decode(encode(document), dict[str, Raw])
    return {name: fields[name] for name in kind.__struct_encode_fields__ if name in fields}
