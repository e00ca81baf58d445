"""Documents: what goes in comes out, ids and unique fields are taken once, and no edit is lost."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import pytest

from tallystick.catalog.fields import Lifecycle, Shelf
from tallystick.kernel.errors import BillingError, Kind
from tests.stores.state import nouns
from tests.stores.state.world import ABROAD, NOW, at_once, later

if TYPE_CHECKING:
    from tallystick.kernel.document import Document
    from tests.stores.state.world import World

EXAMPLES: dict[str, Document] = {
    "customers": nouns.customer(),
    "accounts": nouns.account(),
    "event_schemas": nouns.schema(),
    "usage_meters": nouns.meter(),
    "togai_meters": nouns.meter("um.togai", name="Known to Togai"),
    "addons": nouns.addon(),
    "features": nouns.feature(),
    "price_plans": nouns.plan(),
    "togai_plans": nouns.plan("pp.togai", name="Known to Togai"),
    "settings": nouns.setting(),
}
every_noun = pytest.mark.parametrize(("shelf", "document"), EXAMPLES.items(), ids=EXAMPLES)


def name_of(shelf: str, document: Document) -> str:
    return getattr(document, {"event_schemas": "name", "settings": "path"}.get(shelf, "id"))


@every_noun
def test_a_document_comes_back_as_it_was_stored(world: World, shelf: str, document: Document) -> None:
    name = name_of(shelf, document)
    with world.writing() as state:
        getattr(state, shelf).add(document, NOW)
    with world.reading() as state:
        documents = getattr(state, shelf)
        assert documents.get(name) == documents.find(name) == document
        assert documents.all() == [document]
        assert documents.among([name, "nobody"]) == {name: document}


@every_noun
def test_an_id_is_taken_once_in_an_organisation_and_free_in_another(
    world: World, shelf: str, document: Document
) -> None:
    with world.writing() as state:
        getattr(state, shelf).add(document, NOW)
    with pytest.raises(BillingError, match=r"already exists") as refused, world.writing() as state:
        getattr(state, shelf).add(document, NOW)
    assert refused.value.kind is Kind.CONFLICT
    with world.writing(ABROAD) as state:
        getattr(state, shelf).add(document, NOW)


@every_noun
def test_what_is_not_there_is_not_found(world: World, shelf: str, document: Document) -> None:
    with world.reading() as state:
        documents = getattr(state, shelf)
        assert documents.find(name_of(shelf, document)) is None
        assert documents.all() == []
        assert documents.among([]) == {}
        with pytest.raises(BillingError, match=f"'{name_of(shelf, document)}' not found") as refused:
            documents.get(name_of(shelf, document))
    assert refused.value.kind is Kind.NOT_FOUND


def test_a_replaced_document_is_the_new_one_in_every_way_it_can_be_found(world: World) -> None:
    with world.writing() as state:
        state.usage_meters.add(nouns.meter(), NOW)
        state.usage_meters.add(nouns.meter("um.other"), NOW)
    changed = nouns.meter(status=Lifecycle.INACTIVE, description="from now on", version=2)
    with world.writing() as state:
        state.usage_meters.replace(changed, later(1))
    with world.reading() as state:
        assert state.usage_meters.get("um.distance") == changed
        assert state.usage_meters.all(status=Lifecycle.INACTIVE) == [changed]
        assert state.usage_meters.all(status=Lifecycle.ACTIVE) == [nouns.meter("um.other")]


def test_documents_are_chosen_by_all_the_columns_that_are_named(world: World) -> None:
    wanted = nouns.meter("um.wanted")
    with world.writing() as state:
        for meter in (
            wanted,
            nouns.meter("um.draft", status=Lifecycle.DRAFT),
            nouns.meter("um.other", event_schema_name="clicks"),
            nouns.meter("um.none", event_schema_name=None),
        ):
            state.usage_meters.add(meter, NOW)
    with world.reading() as state:
        assert state.usage_meters.all(event_schema_name="rides", status=Lifecycle.ACTIVE) == [wanted]


def test_documents_come_oldest_first_and_by_id_when_they_are_of_the_same_age(world: World) -> None:
    with world.writing() as state:
        for name, minute in (("um.d", 0), ("um.a", 2), ("um.c", 1), ("um.b", 1)):
            state.usage_meters.add(nouns.meter(name), later(minute))
    with world.reading() as state:
        assert [meter.id for meter in state.usage_meters.all()] == ["um.d", "um.b", "um.c", "um.a"]


def test_the_name_of_a_meter_is_taken_once(world: World) -> None:
    with world.writing() as state:
        state.usage_meters.add(nouns.meter("um.one", name="distance"), NOW)
        state.usage_meters.add(nouns.meter("um.two", name="duration"), NOW)
    with pytest.raises(BillingError, match="usage meter 'distance' already exists"), world.writing() as state:
        state.usage_meters.add(nouns.meter("um.three", name="distance"), NOW)
    with pytest.raises(BillingError, match="usage meter 'distance' already exists"), world.writing() as state:
        state.usage_meters.replace(nouns.meter("um.two", name="distance"), NOW)


@pytest.mark.parametrize(
    ("shelf", "first", "second", "message"),
    [
        ("customers", nouns.customer(), nouns.customer(name="Different Name"), "customer 'acme' already exists"),
        ("accounts", nouns.account(), nouns.account(name="Different Name"), "account 'acme-main' already exists"),
        (
            "addons",
            nouns.addon("addon.one", name="One", display_name="Seat"),
            nouns.addon("addon.two", name="Two", display_name="Seat"),
            "add-on 'Seat' already exists",
        ),
    ],
    ids=["customer", "account", "add-on"],
)
def test_what_is_taken_is_named(world: World, shelf: str, first: Document, second: Document, message: str) -> None:
    with world.writing() as state:
        getattr(state, shelf).add(first, NOW)
    with pytest.raises(BillingError, match=message), world.writing() as state:
        getattr(state, shelf).add(second, NOW)


def test_the_shown_name_of_an_addon_is_free_again_when_it_is_archived(world: World) -> None:
    with world.writing() as state:
        state.addons.add(nouns.addon("addon.one", display_name="Seat"), NOW)
    with pytest.raises(BillingError, match="already exists"), world.writing() as state:
        state.addons.add(nouns.addon("addon.two", display_name="Seat"), NOW)
    with world.writing() as state:
        state.addons.replace(nouns.addon("addon.one", display_name="Seat", status=Shelf.ARCHIVED), NOW)
        state.addons.add(nouns.addon("addon.two", display_name="Seat"), NOW)


def test_edits_of_one_document_at_the_same_time_build_on_each_other(world: World) -> None:
    with world.writing() as state:
        state.customers.add(nouns.customer(name="0"), NOW)

    def edit() -> None:
        with world.writing() as state:
            found = state.customers.get("acme")
            state.customers.replace(msgspec.structs.replace(found, name=str(int(found.name) + 1)), NOW)

    assert at_once([edit] * 10) == [None] * 10
    with world.reading() as state:
        assert state.customers.get("acme").name == "10"


def test_edits_of_several_documents_at_the_same_time_build_on_each_other_in_whatever_order(world: World) -> None:
    names = [f"c{number}" for number in range(6)]
    with world.writing() as state:
        for name in names:
            state.customers.add(nouns.customer(name, name="0"), NOW)

    def edit(wanted: list[str]) -> None:
        with world.writing() as state:
            for found in state.customers.kept_among(wanted).values():
                state.customers.replace(msgspec.structs.replace(found, name=str(int(found.name) + 1)), NOW)

    tasks = [lambda: edit(names), lambda: edit(names[::-1]), lambda: edit(names[3:] + names[:3])] * 4
    assert at_once(tasks) == [None] * 12
    with world.reading() as state:
        assert {state.customers.get(name).name for name in names} == {"12"}


def test_of_many_who_create_the_same_document_at_once_one_succeeds(world: World) -> None:
    def create() -> None:
        with world.writing() as state:
            state.customers.add(nouns.customer(), NOW)

    outcomes = at_once([create] * 8)
    assert outcomes.count(None) == 1
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(one, BillingError) and one.kind is Kind.CONFLICT for one in refused)


def test_older_versions_of_a_schema_are_kept_in_their_order(world: World) -> None:
    first, second = nouns.schema(), nouns.schema(version=2, description=None)
    with world.writing() as state:
        state.ties.keep_version(second)
        state.ties.keep_version(first)
    with world.reading() as state:
        assert state.ties.older_versions("rides") == [first, second]
        assert state.ties.older_versions("clicks") == []


def test_a_schema_is_tied_to_one_feature(world: World) -> None:
    with world.writing() as state:
        state.ties.tie("feature.a", [nouns.tie("rides")])
    taken = r"schemaAssociations\[1\]: event schema 'rides' is already tied"
    with pytest.raises(BillingError, match=taken) as refused, world.writing() as state:
        state.ties.tie("feature.b", [nouns.tie("clicks"), nouns.tie("rides")])
    assert refused.value.kind is Kind.CONFLICT
    with world.reading() as state:
        tied = state.ties.of_schema("rides")
        assert tied is not None
        assert (tied.feature_id, tied.attribute_name) == ("feature.a", "distance")
        assert state.ties.of_schema("clicks") is None


def test_tying_a_feature_anew_lets_go_of_what_it_was_tied_to(world: World) -> None:
    with world.writing() as state:
        state.ties.tie("feature.a", [nouns.tie("rides"), nouns.tie("clicks")])
        state.ties.tie("feature.a", [nouns.tie("clicks"), nouns.tie("calls")])
        state.ties.tie("feature.b", [nouns.tie("rides")])
    with world.reading() as state:
        ties = [state.ties.of_schema(name) for name in ("rides", "clicks", "calls")]
    assert [tie and tie.feature_id for tie in ties] == ["feature.b", "feature.a", "feature.a"]


def test_an_attempt_that_fails_leaves_nothing_and_the_transaction_goes_on(world: World) -> None:
    """PostgreSQL refuses everything after an error that is not taken back."""
    with world.writing() as state:
        state.addons.add(nouns.addon("addon.1", display_name="first"), NOW)
        with suppress(BillingError), state.attempt():
            state.addons.add(nouns.addon("addon.2", display_name="second"), NOW)
            state.addons.add(nouns.addon("addon.3", display_name="second"), NOW)
            pytest.fail("two add-ons on the shelf have one name")
        with state.attempt():
            state.addons.add(nouns.addon("addon.4", display_name="fourth"), NOW)
    with world.reading() as state:
        assert [addon.id for addon in state.addons.all()] == ["addon.1", "addon.4"]
