"""What the processing of events knows of an organisation: the same objects until something about it changes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tallystick.accounts.account import AccountStatus
from tallystick.catalog.event_schema import EventAttribute
from tallystick.catalog.fields import Lifecycle
from tallystick.catalog.usage_meter import Aggregation, Computation
from tallystick.kernel.period import BEGINNING, FOREVER
from tallystick.logic import evaluate
from tallystick.metering.catalogue import NEVER_LATE
from tallystick.stores.state import catalogues as module
from tallystick.stores.state import organisations
from tallystick.stores.state.catalogues import StateCatalogues
from tests.stores.state import nouns
from tests.stores.state.nouns import span
from tests.stores.state.world import ABROAD, HOME, NOW, organisation

if TYPE_CHECKING:
    from tallystick.metering.catalogue import Catalogue
    from tests.stores.state.world import World

APRIL = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def stocked(world: World) -> World:
    """A schema with a meter, and an account with an alias from April on."""
    with world.writing() as state:
        state.event_schemas.add(nouns.schema(), NOW)
        state.usage_meters.add(nouns.meter(), NOW)
        state.accounts.add(nouns.account(), NOW)
        state.aliases.add("acme-main", ["alias.1"], [span("ops", APRIL)], NOW)
        state.catalogue_changed()
    return world


@pytest.fixture
def catalogues(stocked: World) -> StateCatalogues:
    return StateCatalogues(stocked.database)


def look(catalogues: StateCatalogues, *references: str, organisation: str = HOME) -> Catalogue:
    return catalogues.snapshot(organisation, {"rides", "unknown"}, set(references or ("acme-main", "ops", "nobody")))


def test_it_tells_active_schemas_with_their_active_meters(catalogues: StateCatalogues) -> None:
    (schema,) = look(catalogues).schemas.values()
    assert (schema.name, schema.version, schema.attributes, schema.dimensions) == (
        "rides",
        1,
        ("distance",),
        ("city",),
    )
    (meter,) = schema.meters
    assert (meter.id, meter.version, meter.aggregation) == ("um.distance", 1, Aggregation.SUM)
    assert meter.filters == tuple(nouns.meter().filters or ())
    ((matcher, computation),) = meter.computations
    assert matcher is None
    assert evaluate(computation, {"attributes": {"distance": Decimal("1.5")}}) == Decimal("1.5")


def test_computations_come_by_their_order_with_their_matchers(stocked: World, catalogues: StateCatalogues) -> None:
    computations = [Computation(computation="2", order=2), Computation(matcher="true", computation="1", order=1)]
    with stocked.writing() as state:
        state.usage_meters.replace(nouns.meter(computations=computations), NOW)
        state.catalogue_changed()
    ((first, one), (second, two)) = look(catalogues).schemas["rides"].meters[0].computations
    assert (evaluate(one, {}), evaluate(two, {})) == (1, 2)
    assert first is not None
    assert second is None


def test_it_tells_accounts_under_their_id_for_ever_and_under_an_alias_for_its_time(catalogues: StateCatalogues) -> None:
    found = look(catalogues).accounts
    ((by_id,), (by_alias,)) = found["acme-main"], found["ops"]
    assert by_id.account is by_alias.account or by_id.account.id == by_alias.account.id
    assert (by_id.account.id, by_id.account.customer_id) == ("acme-main", "acme")
    assert (by_id.effective_from, by_id.effective_until) == (BEGINNING, FOREVER)
    assert (by_alias.effective_from, by_alias.effective_until) == (APRIL, FOREVER)
    assert found["nobody"] == ()


def test_a_text_may_mean_two_accounts_at_different_times(stocked: World, catalogues: StateCatalogues) -> None:
    with stocked.writing() as state:
        state.accounts.add(nouns.account("before"), NOW)
        state.aliases.add("before", ["alias.2"], [span("ops", BEGINNING, APRIL)], NOW)
    spans = look(catalogues).accounts["ops"]
    assert {(found.account.id, found.effective_from, found.effective_until) for found in spans} == {
        ("before", BEGINNING, APRIL),
        ("acme-main", APRIL, FOREVER),
    }


def test_the_same_objects_are_handed_out_as_long_as_nothing_has_changed(
    stocked: World, catalogues: StateCatalogues
) -> None:
    first = look(catalogues)
    with stocked.writing() as state:
        state.customers.add(nouns.customer(), NOW)
    with stocked.writing(ABROAD) as state:
        state.catalogue_changed()
    second = look(catalogues, "acme-main", "ops", "newcomer")
    assert second.schemas["rides"] is first.schemas["rides"]
    assert second.accounts["acme-main"] is first.accounts["acme-main"]
    assert second.accounts["newcomer"] == ()


def test_what_changed_is_seen_by_the_next_look(stocked: World, catalogues: StateCatalogues) -> None:
    before = look(catalogues, "acme-main", "ops", "second", "past")
    wider = nouns.schema(version=2, attributes=[EventAttribute(name="distance"), EventAttribute(name="fare")])
    with stocked.writing() as state:
        state.event_schemas.replace(wider, NOW)
        state.usage_meters.add(nouns.meter("um.fare"), NOW)
        state.accounts.add(nouns.account("second"), NOW)
        state.aliases.add("second", ["alias.2"], [span("past", BEGINNING, APRIL)], NOW)
        state.catalogue_changed()
    after = look(catalogues, "acme-main", "ops", "second", "past")
    assert before.schemas["rides"].attributes == ("distance",)
    assert after.schemas["rides"].attributes == ("distance", "fare")
    assert [meter.id for meter in after.schemas["rides"].meters] == ["um.distance", "um.fare"]
    assert before.accounts["second"] == before.accounts["past"] == ()
    assert [found.account.id for found in after.accounts["second"]] == ["second"]
    assert [found.effective_until for found in after.accounts["past"]] == [APRIL]


def test_a_change_that_is_rolled_back_is_never_seen(stocked: World, catalogues: StateCatalogues) -> None:
    before = look(catalogues)

    def fail() -> None:
        with stocked.writing() as state:
            state.usage_meters.add(nouns.meter("um.fare"), NOW)
            state.catalogue_changed()
            raise ValueError("rolled back")

    with pytest.raises(ValueError, match="rolled back"):
        fail()
    assert look(catalogues).schemas["rides"] is before.schemas["rides"]


@pytest.mark.parametrize("status", [Lifecycle.DRAFT, Lifecycle.INACTIVE, Lifecycle.ARCHIVED])
def test_a_schema_that_is_not_active_is_unknown(stocked: World, catalogues: StateCatalogues, status: Lifecycle) -> None:
    with stocked.writing() as state:
        state.event_schemas.replace(nouns.schema(status=status), NOW)
        state.catalogue_changed()
    assert look(catalogues).schemas == {}


@pytest.mark.parametrize("status", [Lifecycle.DRAFT, Lifecycle.INACTIVE, Lifecycle.ARCHIVED])
def test_a_meter_that_is_not_active_meters_nothing(
    stocked: World, catalogues: StateCatalogues, status: Lifecycle
) -> None:
    with stocked.writing() as state:
        state.usage_meters.replace(nouns.meter(status=status), NOW)
        state.catalogue_changed()
    assert look(catalogues).schemas["rides"].meters == ()


def test_an_archived_account_is_meant_by_nothing(stocked: World, catalogues: StateCatalogues) -> None:
    look(catalogues)
    with stocked.writing() as state:
        state.accounts.replace(nouns.account(status=AccountStatus.ARCHIVED), NOW)
        state.catalogue_changed()
    assert look(catalogues).accounts == {"acme-main": (), "ops": (), "nobody": ()}


def test_an_account_without_a_plan_is_never_too_late(catalogues: StateCatalogues) -> None:
    (found,) = look(catalogues).accounts["acme-main"]
    assert found.account.gate is NEVER_LATE


def test_a_new_plan_closes_its_cycles_in_the_organisations_time_zone(
    stocked: World, catalogues: StateCatalogues
) -> None:
    look(catalogues)
    with stocked.writing() as state:
        india = msgspec.structs.replace(organisation(), time_zone="Asia/Kolkata")
        state.replace_organisation(india)
        state.schedules.add(nouns.piece(), NOW)
        state.catalogue_changed()
    (found,) = look(catalogues).accounts["acme-main"]
    gate = found.account.gate
    # The monthly cycle of 15 January ends at midnight on 1 February in Kolkata (UTC+5:30); its grace is two days.
    closes_at = datetime(2026, 2, 2, 18, 30, tzinfo=UTC)
    event_at = datetime(2026, 1, 15, tzinfo=UTC)
    assert gate.refuses(event_at, closes_at)
    assert not gate.refuses(event_at, datetime(2026, 2, 2, 18, 29, 59, tzinfo=UTC))


def test_nothing_of_another_organisation_is_known(catalogues: StateCatalogues) -> None:
    found = look(catalogues, organisation=ABROAD)
    assert found.schemas == {}
    assert found.accounts == {"acme-main": (), "ops": (), "nobody": ()}


def test_references_are_forgotten_before_they_fill_the_memory(
    catalogues: StateCatalogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_REFERENCES", 3)
    for number in range(8):
        found = look(catalogues, f"text-{number}", "acme-main")
        assert len(found.accounts) <= 5
        assert found.accounts["acme-main"]


def test_many_texts_are_looked_up_in_portions(
    stocked: World, catalogues: StateCatalogues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_AT_ONCE", 2)
    names = [f"account-{number}" for number in range(5)]
    with stocked.writing() as state:
        for name in names:
            state.accounts.add(nouns.account(name), NOW)
        state.catalogue_changed()
    found = look(catalogues, *names).accounts
    assert [found[name][0].account.id for name in names] == names


def test_a_batch_with_very_many_texts_can_be_looked_up(stocked: World, catalogues: StateCatalogues) -> None:
    texts = {f"text-{number}" for number in range(40_000)}
    found = catalogues.snapshot(HOME, {f"schema-{number}" for number in range(20)}, texts | {"ops"})
    assert len(found.accounts) == 40_001
    assert [one.account.id for one in found.accounts["ops"]] == ["acme-main"]
    with stocked.database.read() as connection:
        assert organisations.catalogue_version(connection, HOME) == 2
