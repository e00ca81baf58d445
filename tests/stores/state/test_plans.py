"""Price plans by their parts: single versions and names, of one organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tests.stores.state import nouns
from tests.stores.state.world import ABROAD, NOW

if TYPE_CHECKING:
    from tallystick.catalog.price_plan import PricePlan
    from tests.stores.state.world import World


def with_versions(plan: PricePlan, *names: str) -> PricePlan:
    """A plan with versions under these ids."""
    versions = [
        msgspec.structs.replace(plan.version, id=name, version=number, description=f"The {name}")
        for number, name in enumerate(names, 1)
    ]
    return msgspec.structs.replace(plan, pricing_schedule=versions)


def test_single_versions_and_names_are_read_without_the_others(world: World) -> None:
    plan = with_versions(nouns.plan(), "sch.first", "sch.second", "sch.third")
    other = with_versions(msgspec.structs.replace(nouns.plan(), id="pp.other", name="Other"), "sch.fourth")
    with world.writing() as state:
        state.price_plans.add(plan, NOW)
        state.price_plans.add(other, NOW)
    with world.reading() as state:
        plans = state.price_plans
        assert plans.versions([plan.id], {"sch.second", "sch.fourth"}) == {"sch.second": plan.pricing_schedule[1]}
        assert plans.versions([plan.id, other.id], {"sch.first", "sch.fourth"}) == {
            "sch.first": plan.pricing_schedule[0],
            "sch.fourth": other.pricing_schedule[0],
        }
        assert plans.versions([plan.id], set()) == plans.versions([], {"sch.first"}) == {}
        assert plans.names([plan.id, other.id, "pp.none"]) == {plan.id: plan.name, other.id: "Other"}
    with world.reading(ABROAD) as state:
        assert state.price_plans.versions([plan.id], {"sch.first"}) == {}
        assert state.price_plans.names([plan.id]) == {}
