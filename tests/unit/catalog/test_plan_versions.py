"""From version to version of a plan (domain.md 1.4, 4.9)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tallystick.catalog.plan_versions import discarded, edited, finalised, first_draft, opened, refuse_open_draft
from tallystick.catalog.price_plan import PlanStatus, PlanType, PricePlan, PricePlanDetails, VersionStatus
from tallystick.kernel.errors import BillingError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
DETAILS = PricePlanDetails(supported_currencies=["USD", "EUR"], active_currencies=[], type=PlanType.BILLING)


@pytest.fixture
def draft() -> PricePlan:
    """A plan that was never finalised."""
    version = first_draft("sch.1", DETAILS, "First", NOW)
    return PricePlan(id="pp.1", name="Plan", type=PlanType.BILLING, status=PlanStatus.DRAFT, pricing_schedule=[version])


@pytest.fixture
def active(draft: PricePlan) -> PricePlan:
    """The plan with one version, active in dollars."""
    return finalised(draft, draft.latest, ["USD"], NOW)


def states(plan: PricePlan) -> list[tuple[int, str]]:
    return [(version.version, version.status.value) for version in plan.pricing_schedule]


def test_a_plan_that_was_never_finalised_is_its_draft(draft: PricePlan) -> None:
    assert (draft.active, draft.draft, draft.version) == (None, draft.latest, draft.latest)
    assert opened(draft, "sch.2", LATER) is draft


def test_finalising_makes_the_version_and_the_plan_active(active: PricePlan) -> None:
    assert (active.status, states(active), active.draft) == (PlanStatus.ACTIVE, [(1, "ACTIVE")], None)
    assert active.details.active_currencies == ["USD"]
    again = finalised(active, active.version, ["USD", "EUR"], LATER)
    assert again.details.active_currencies == ["USD", "EUR"]


def test_a_draft_on_top_is_a_copy_that_new_agreements_do_not_see(active: PricePlan) -> None:
    both = opened(active, "sch.2", LATER)
    assert states(both) == [(1, "ACTIVE"), (2, "DRAFT")]
    assert both.version == active.version
    assert both.latest.price_plan_details == DETAILS
    assert (both.latest.id, both.latest.created_at, both.latest.description) == ("sch.2", LATER, "First")


def test_an_edit_touches_one_version_only(active: PricePlan) -> None:
    both = opened(active, "sch.2", NOW)
    changed = edited(both, both.latest, LATER, description="Second")
    assert [version.description for version in changed.pricing_schedule] == ["First", "Second"]
    assert [version.updated_at for version in changed.pricing_schedule] == [NOW, LATER]
    assert changed.description == "First"
    assert finalised(changed, changed.latest, ["EUR"], LATER).description == "Second"


def test_discarding_takes_the_draft_away_and_a_plan_that_is_nothing_else(draft: PricePlan, active: PricePlan) -> None:
    assert discarded(draft) is None
    assert discarded(opened(active, "sch.2", LATER)) == active
    with pytest.raises(BillingError, match="has no draft"):
        discarded(active)


def test_only_a_draft_on_top_of_an_active_version_stands_in_the_way(draft: PricePlan, active: PricePlan) -> None:
    refuse_open_draft(draft)
    refuse_open_draft(active)
    with pytest.raises(BillingError, match="has a draft, version 2: finalize or discard it first"):
        refuse_open_draft(opened(active, "sch.2", LATER))


def test_v1_shows_one_version_without_its_inner_fields(active: PricePlan) -> None:
    both = opened(active, "sch.2", LATER)
    assert (both.answer().status, both.answer().pricing_schedule[0].version) == (PlanStatus.ACTIVE, 1)
    shown = both.answer(both.latest)
    assert (shown.status, shown.pricing_schedule[0].version) == (PlanStatus.DRAFT, 2)
    assert "createdAt" not in msgspec.json.decode(msgspec.json.encode(shown))["pricingSchedule"][0]
    assert both.numbered(2) == both.latest
    assert both.numbered(3) is None
    assert both.latest.status is VersionStatus.DRAFT
