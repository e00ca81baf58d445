"""How things of each kind are written down and brought to what is wanted, by the operations that callers use too.

What is wanted is reached by one's own steps - create, change, activate - and by no other way: whatever they refuse is
refused, in their words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

import msgspec

from tallystick.catalog.addon import AddOn, AddOnDraft, AddOnPatch
from tallystick.catalog.event_schema import EventSchema, EventSchemaPatch
from tallystick.catalog.feature import Feature, FeatureDraft, FeaturePatch
from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.plan_migration import PlanFinalisation
from tallystick.catalog.price_plan import (
    PlanActivation,
    PlanStatus,
    PricePlan,
    PricePlanPatch,
    PricePlanTermsPatch,
)
from tallystick.catalog.references import in_writing, server_keys, with_ids, with_names
from tallystick.catalog.usage_meter import UsageMeter, UsageMeterPatch
from tallystick.catalog.written import (
    Kind,
    Tree,
    WrittenAddOn,
    WrittenFeature,
    WrittenMeter,
    WrittenPlan,
    WrittenSchema,
    WrittenStatus,
    tree_of,
    with_rule_texts,
    with_rules,
    written,
    written_plan,
)
from tallystick.kernel.document import Document, Draft, decode, encode
from tallystick.kernel.errors import BillingError, Problem, invalid, refuse_if_any
from tallystick.kernel.shapes import drafted, shape_problem
from tallystick.operations import addons, event_schemas, features, price_plans, usage_meters
from tallystick.operations.catalogue_names import Names
from tallystick.operations.work import Work

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tallystick.stores.state.documents import Documents

TERMS: Final = frozenset({"pricePlanDetails", "pricingRules"})
"""The fields of a plan that its versions hold: what accounts agree on."""

D = TypeVar("D", bound=Document)
W = TypeVar("W", bound=Draft)
P = TypeVar("P", bound=Draft)


class Part(ABC, Generic[D, W]):
    """The things of one kind: `D` as they are stored, `W` as they are written down."""

    kind: ClassVar[Kind]
    field: ClassVar[str]
    """Where the wire lists them."""
    name_column: ClassVar[str | None] = None
    """The column of the name, where what is archived keeps it from others."""
    form: type[W]

    def __init__(self, work: Work, names: Names, migration: PlanFinalisation) -> None:
        self.work = work
        self.names = names
        self.migration = migration

    @property
    @abstractmethod
    def shelf(self) -> Documents[D]:
        """Where they are kept."""

    @abstractmethod
    def create(self, wanted: W) -> str:
        """Make a thing that is not there yet; its id."""

    @abstractmethod
    def change(self, thing: D, wanted: W, keys: AbstractSet[str]) -> None:
        """Change a thing in those fields, named as on the wire."""

    @abstractmethod
    def archive(self, thing: D) -> None:
        """Put a thing away that nobody wants any more."""

    def settle(self, thing: D, wanted: W) -> None:
        """Do what has to wait until things of all kinds are there."""

    def live(self) -> list[D]:
        """All that are not archived."""
        return [one for one in self.shelf.all() if getattr(one, "status", None) != Lifecycle.ARCHIVED]

    def refuse_taken(self, name: str) -> None:
        """Refuse to make a thing under the name of one that is archived.

        Raises:
            BillingError: of kind INVALID.
        """
        if self.name_column is not None and self.shelf.all(**{self.name_column: name, "status": Lifecycle.ARCHIVED}):
            reason = f"an archived {self.kind.noun} is called {name!r} for ever: choose another name"
            raise invalid("name", reason)

    def tree(self, thing: D) -> Tree:
        """A thing as it is written down.

        Raises:
            LookupError: when it refers to something that no name means alone.
            msgspec.ValidationError: when it holds something that cannot be sent.
        """
        return tree_of(written(thing, self.form))

    def target(self, wanted: W) -> Tree:
        """What is wanted, in the form in which things are written down."""
        return tree_of(wanted)

    def wanted(self, sent: bytes) -> W:
        """What is wanted, from the JSON that was sent.

        Raises:
            BillingError: of kind INVALID, for its shape.
        """
        return self._drafted(with_rule_texts(_object(sent)))

    def _drafted(self, tree: Tree) -> W:
        wanted: W = drafted(encode(tree), msgspec.json.Decoder(self.form), self.form)
        return wanted


class SchemaPart(Part[EventSchema, WrittenSchema]):
    """The event schemas."""

    kind = Kind.EVENT_SCHEMA
    field = "eventSchemas"
    name_column = "id"
    form = WrittenSchema

    @property
    def shelf(self) -> Documents[EventSchema]:
        """Where they are kept."""
        return self.work.state.event_schemas

    def create(self, wanted: WrittenSchema) -> str:
        """Make a schema; one that is wanted inactive is active until its meters are there."""
        event_schemas.create_event_schema(self.work, wanted)
        if wanted.status is not WrittenStatus.DRAFT:
            event_schemas.activate_event_schema(self.work, wanted.name)
        return wanted.name

    def change(self, thing: EventSchema, wanted: WrittenSchema, keys: AbstractSet[str]) -> None:
        """Extend a schema, edit a draft, activate it."""
        if _more_than_status(keys):
            event_schemas.update_event_schema(self.work, thing.name, _patch(EventSchemaPatch, wanted, keys))
        if "status" in keys and wanted.status is not WrittenStatus.DRAFT and thing.status is not Lifecycle.ACTIVE:
            event_schemas.activate_event_schema(self.work, thing.name)

    def settle(self, thing: EventSchema, wanted: WrittenSchema) -> None:
        """Deactivate a schema once no meter needs it active."""
        if wanted.status is WrittenStatus.INACTIVE and thing.status is Lifecycle.ACTIVE:
            event_schemas.deactivate_event_schema(self.work, thing.name)

    def archive(self, thing: EventSchema) -> None:
        """Stop taking events of a schema and put it away."""
        if thing.status is Lifecycle.ACTIVE:
            event_schemas.deactivate_event_schema(self.work, thing.name)
        event_schemas.archive_event_schema(self.work, thing.name)


class MeterPart(Part[UsageMeter, WrittenMeter]):
    """The usage meters."""

    kind = Kind.USAGE_METER
    field = "usageMeters"
    name_column = "name"
    form = WrittenMeter

    @property
    def shelf(self) -> Documents[UsageMeter]:
        """Where they are kept."""
        return self.work.state.usage_meters

    def create(self, wanted: WrittenMeter) -> str:
        """Make a meter in its state; an inactive one was active before."""
        made = usage_meters.create_usage_meter(self.work, wanted)
        if wanted.status is not WrittenStatus.DRAFT:
            usage_meters.activate_usage_meter(self.work, made.id)
        if wanted.status is WrittenStatus.INACTIVE:
            usage_meters.deactivate_usage_meter(self.work, made.id)
        return made.id

    def change(self, thing: UsageMeter, wanted: WrittenMeter, keys: AbstractSet[str]) -> None:
        """Deactivate a meter, change it, activate it: what is active and stays so is not changed."""
        if wanted.status is WrittenStatus.INACTIVE and thing.status is Lifecycle.ACTIVE:
            usage_meters.deactivate_usage_meter(self.work, thing.id)
        if _more_than_status(keys):
            usage_meters.update_usage_meter(self.work, thing.id, _patch(UsageMeterPatch, wanted, keys))
        if "status" not in keys:
            return
        if wanted.status is not WrittenStatus.DRAFT and thing.status is not Lifecycle.ACTIVE:
            usage_meters.activate_usage_meter(self.work, thing.id)
            if wanted.status is WrittenStatus.INACTIVE:
                usage_meters.deactivate_usage_meter(self.work, thing.id)

    def archive(self, thing: UsageMeter) -> None:
        """Stop metering and put the meter away."""
        if thing.status is Lifecycle.ACTIVE:
            usage_meters.deactivate_usage_meter(self.work, thing.id)
        usage_meters.archive_usage_meter(self.work, thing.id)


class AddOnPart(Part[AddOn, WrittenAddOn]):
    """The add-ons."""

    kind = Kind.ADD_ON
    field = "addOns"
    form = WrittenAddOn

    @property
    def shelf(self) -> Documents[AddOn]:
        """Where they are kept."""
        return self.work.state.addons

    def create(self, wanted: WrittenAddOn) -> str:
        """Make an add-on."""
        draft = AddOnDraft(name=wanted.name, type=wanted.type, billable_name=wanted.billable_name)
        return addons.create_addon(self.work, draft).id

    def change(self, thing: AddOn, wanted: WrittenAddOn, keys: AbstractSet[str]) -> None:
        """Give an add-on another billable name."""
        addons.update_addon(self.work, thing.id, _patch(AddOnPatch, wanted, keys))

    def archive(self, thing: AddOn) -> None:
        """Put an add-on away."""
        addons.archive_addon(self.work, thing.id)


class FeaturePart(Part[Feature, WrittenFeature]):
    """The features."""

    kind = Kind.FEATURE
    field = "features"
    form = WrittenFeature

    @property
    def shelf(self) -> Documents[Feature]:
        """Where they are kept."""
        return self.work.state.features

    def create(self, wanted: WrittenFeature) -> str:
        """Make a feature."""
        draft = FeatureDraft(
            name=wanted.name,
            billable_name=wanted.billable_name,
            schema_associations=list(wanted.schema_associations),
        )
        return features.create_feature(self.work, draft).id

    def change(self, thing: Feature, wanted: WrittenFeature, keys: AbstractSet[str]) -> None:
        """Give a feature another billable name or other schemas."""
        features.update_feature(self.work, thing.id, _patch(FeaturePatch, wanted, keys))

    def archive(self, thing: Feature) -> None:
        """Refuse: features stay."""
        raise invalid("", f"feature {thing.name!r} stays: features cannot be archived")


class PlanPart(Part[PricePlan, WrittenPlan]):
    """The price plans."""

    kind = Kind.PRICE_PLAN
    field = "pricePlans"
    form = WrittenPlan

    @property
    def shelf(self) -> Documents[PricePlan]:
        """Where they are kept."""
        return self.work.state.price_plans

    def create(self, wanted: WrittenPlan) -> str:
        """Make a plan, active in its currencies."""
        made = price_plans.create_price_plan(self.work, wanted)
        self._activate(made.id, wanted.wanted_currencies)
        return made.id

    def change(self, thing: PricePlan, wanted: WrittenPlan, keys: AbstractSet[str]) -> None:
        """Change a plan's description and terms, of an active one by its next version; activate what is not yet."""
        if keys - {"status", "activeCurrencies"}:
            price_plans.update_price_plan(self.work, thing.id, self._patch(thing, wanted, keys))
        if keys & {"status", "activeCurrencies"}:
            active = () if thing.status is PlanStatus.DRAFT else thing.details.active_currencies
            self._activate(thing.id, [one for one in wanted.wanted_currencies if one not in active])

    def archive(self, thing: PricePlan) -> None:
        """Put a plan away that no account has."""
        price_plans.archive_price_plan(self.work, thing.id)

    def tree(self, thing: PricePlan) -> Tree:
        """A plan as it is written down, by the names of what it prices."""
        return self._named(written_plan(thing))

    def target(self, wanted: WrittenPlan) -> Tree:
        """What is wanted, in the form in which plans are written down."""
        return self._named(wanted)

    def wanted(self, sent: bytes) -> WrittenPlan:
        """What is wanted, from the JSON that was sent, with the ids that names have here."""
        tree = with_rules(_object(sent))
        problems = server_keys(tree)

        def swap(kind: Kind, name: str, path: str) -> str:
            try:
                return self.names.id_of(kind, name)
            except LookupError as unknown:
                problems.append(Problem(path, str(unknown.args[0])))
                return "?"

        wire = with_rule_texts(with_ids(tree, swap))
        try:
            wanted = self._drafted(wire)
        except BillingError as refused:
            problems += map(in_writing, refused.problems)
        refuse_if_any(problems)
        return wanted

    def _named(self, plan: WrittenPlan) -> Tree:
        return with_names(tree_of(plan), lambda kind, thing_id, _path: self.names.name_of(kind, thing_id))

    def _patch(self, thing: PricePlan, wanted: WrittenPlan, keys: AbstractSet[str]) -> PricePlanPatch:
        patch = _patch(PricePlanPatch, wanted, keys - {"pricePlanDetails"})
        if "pricePlanDetails" in keys:
            before = tree_of(written_plan(thing))["pricePlanDetails"]
            after = tree_of(wanted)["pricePlanDetails"]
            changed = {key for key in before | after if before.get(key) != after.get(key)}
            details = _patch(PricePlanTermsPatch, wanted.price_plan_details, changed)
            patch = msgspec.structs.replace(patch, price_plan_details=details)
        if thing.status is PlanStatus.DRAFT or not keys & TERMS:
            return patch
        return msgspec.structs.replace(patch, **msgspec.structs.asdict(self.migration))

    def _activate(self, plan_id: str, currencies: list[str]) -> None:
        if currencies:
            price_plans.activate_price_plan(self.work, plan_id, PlanActivation(currencies=currencies))


def parts_of(work: Work, names: Names, migration: PlanFinalisation) -> list[Part[Any, Any]]:
    """The parts of a catalogue, each after those that it may refer to; `migration` is for plans with a new version."""
    return [part(work, names, migration) for part in (SchemaPart, MeterPart, AddOnPart, FeaturePart, PlanPart)]


def _object(sent: bytes) -> Tree:
    try:
        return decode(sent, dict[str, Any])
    except msgspec.MsgspecError as failure:
        problem = shape_problem(failure, dict[str, Any], sent)
        raise invalid(problem.path, problem.reason) from None


def _more_than_status(keys: AbstractSet[str]) -> bool:
    return any(key != "status" for key in keys)


def _patch(kind: type[P], wanted: Draft, keys: AbstractSet[str]) -> P:
    """A patch of those fields; None takes a value away, which callers of the wire cannot say."""
    names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
    return kind(**{field: getattr(wanted, field) for field, name in names if name in keys and hasattr(wanted, field)})
