"""Aliases belong to one account at a time; the pieces of a timeline come back as they were agreed on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tallystick.accounts.account import AccountStatus
from tallystick.accounts.schedule_draft import DraftTimeline
from tallystick.catalog.price_plan import PricePlanDetailsPatch
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.kernel.recurrence import CycleRule, Interval
from tallystick.stores.state.terms import Reference, references
from tests.stores.state import nouns
from tests.stores.state.nouns import span
from tests.stores.state.world import ABROAD, HOME, NOW, at_once, later

if TYPE_CHECKING:
    from tallystick.accounts.schedule import Schedule
    from tests.stores.state.world import World

APRIL = datetime(2026, 4, 1, tzinfo=UTC)
JULY = datetime(2026, 7, 1, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
def aliased(world: World) -> World:
    """Two accounts, of which the first has the alias `ops` from April until July."""
    with world.writing() as state:
        for name in ("acme-main", "other"):
            state.accounts.add(nouns.account(name), NOW)
        state.aliases.add("acme-main", ["alias.1"], [span("ops", APRIL, JULY)], NOW)
    return world


def test_aliases_come_back_in_the_order_they_were_given_for_every_account_asked_for(aliased: World) -> None:
    with aliased.writing() as state:
        state.aliases.add("acme-main", ["alias.2", "alias.3"], [span("zebra"), span("ant", NOW, APRIL)], later(1))
    with aliased.reading() as state:
        assert state.aliases.of(["acme-main", "other"]) == {
            "acme-main": [span("ops", APRIL, JULY), span("zebra"), span("ant", NOW, APRIL)],
            "other": [],
        }
        assert state.aliases.claims("zebra")
        assert not state.aliases.claims("lion")


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("ops", BEGINNING, FOREVER),
        ("ops", APRIL, FOREVER),
        ("ops", BEGINNING, datetime(2026, 4, 1, 0, 0, 0, 1, tzinfo=UTC)),
        ("ops", datetime(2026, 6, 30, 23, 59, 59, 999_999, tzinfo=UTC), FOREVER),
        ("ops", datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC)),
        ("acme-main", BEGINNING, FOREVER),
        ("other", APRIL, JULY),
    ],
)
def test_an_alias_that_overlaps_another_or_is_the_id_of_an_account_is_refused(
    aliased: World, value: str, start: datetime, end: datetime
) -> None:
    with pytest.raises(BillingError, match=f"'{value}' already names an account") as refused:
        add_alias(aliased, "other", span(value, start, end))
    assert refused.value.kind is Kind.CONFLICT


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [("ops", BEGINNING, APRIL), ("ops", JULY, FOREVER), ("Ops", APRIL, JULY), ("op", APRIL, JULY)],
)
def test_an_alias_is_free_before_and_after_its_time_and_in_any_other_spelling(
    aliased: World, value: str, start: datetime, end: datetime
) -> None:
    add_alias(aliased, "other", span(value, start, end))
    with aliased.reading() as state:
        assert state.aliases.of(["other"]) == {"other": [span(value, start, end)]}


def add_alias(world: World, account_id: str, *spans: object, name: str = "alias.new") -> None:
    with world.writing() as state:
        state.aliases.add(account_id, [f"{name}.{number}" for number in range(len(spans))], spans, NOW)


def test_all_aliases_of_a_request_are_added_or_none(aliased: World) -> None:
    with pytest.raises(BillingError, match="'ops' already names"):
        add_alias(aliased, "other", span("free"), span("ops"))
    with aliased.reading() as state:
        assert not state.aliases.claims("free")


def test_an_alias_is_free_in_another_organisation(aliased: World) -> None:
    with aliased.writing(ABROAD) as state:
        state.aliases.add("theirs", ["alias.1"], [span("ops", APRIL, JULY)], NOW)
        state.aliases.add("theirs", ["alias.2"], [span("acme-main")], NOW)


def test_of_many_who_claim_an_alias_at_once_for_times_that_overlap_one_gets_it(world: World) -> None:
    def claim(month: int) -> None:
        start = datetime(2026, month, 1, tzinfo=UTC)
        add_alias(world, f"account-{month}", span("ops", start, NEXT_YEAR), name=f"alias.{month}")

    outcomes = at_once([lambda month=month: claim(month) for month in range(1, 9)])
    assert outcomes.count(None) == 1
    assert all(isinstance(one, BillingError) and one.kind is Kind.CONFLICT for one in outcomes if one is not None)


def test_references_find_accounts_by_id_and_by_every_alias_with_its_time(aliased: World) -> None:
    with aliased.writing() as state:
        state.accounts.add(nouns.account("gone", status=AccountStatus.ARCHIVED), NOW)
        state.aliases.add("other", ["alias.2"], [span("ops", JULY, FOREVER)], NOW)
        state.aliases.add("gone", ["alias.3"], [span("past")], NOW)
    always = Period(BEGINNING, FOREVER)
    with aliased.database.read() as connection:
        found = references(connection, HOME, ["acme-main", "ops", "gone", "past", "nobody"])
        assert references(connection, ABROAD, ["acme-main", "ops"]) == []
    assert sorted(found, key=str) == [
        Reference("acme-main", "acme-main", "acme", always),
        Reference("ops", "acme-main", "acme", Period(APRIL, JULY)),
        Reference("ops", "other", "acme", Period(JULY, FOREVER)),
    ]


def add_pieces(world: World, *pieces: Schedule) -> None:
    with world.writing() as state:
        for piece in pieces:
            state.schedules.add(piece, NOW)


def test_a_piece_comes_back_as_it_was_agreed_on_whatever_its_cycle(world: World) -> None:
    rules = [
        CycleRule(Interval.WEEKLY, "LAST"),
        CycleRule(Interval.MONTHLY, 31),
        CycleRule(Interval.QUARTERLY, "LAST", 1),
        CycleRule(Interval.HALF_YEARLY, 15, 4),
        CycleRule(Interval.ANNUALLY, "LAST", 2),
    ]
    pieces = [
        nouns.piece(
            f"sch.{number}", account_id=f"account-{number}", rule=rule, grace_days=number, anniversary=number > 2
        )
        for number, rule in enumerate(rules)
    ]
    add_pieces(world, *pieces)
    with world.reading() as state:
        assert state.schedules.among([piece.id for piece in pieces]) == {piece.id: piece for piece in pieces}
        assert state.schedules.of(["account-0", "account-4", "nobody"]) == {
            "account-0": (pieces[0],),
            "account-4": (pieces[4],),
            "nobody": (),
        }
        assert state.schedules.account_ids() == {piece.account_id for piece in pieces}


def test_a_timeline_is_told_oldest_piece_first(world: World) -> None:
    second = nouns.piece("sch.2", within=Period(APRIL, JULY))
    first = nouns.piece("sch.9", within=Period(NOW, APRIL))
    third = nouns.piece("sch.1", within=Period(JULY, FOREVER))
    add_pieces(world, second, third, first)
    with world.reading() as state:
        assert state.schedules.of(["acme-main"]) == {"acme-main": (first, second, third)}


MARCH = datetime(2026, 3, 1, tzinfo=UTC)
TAKEN = "already has a plan on one of these days"


@pytest.mark.parametrize(
    "within",
    [Period(APRIL, JULY), Period(MARCH, datetime(2026, 4, 2, tzinfo=UTC)), Period(NOW, FOREVER)],
    ids=["the same", "its first day", "all of it"],
)
def test_the_pieces_of_an_account_never_overlap(world: World, within: Period) -> None:
    add_pieces(world, nouns.piece("sch.1", within=Period(APRIL, JULY)))
    with pytest.raises(BillingError, match=TAKEN) as refused:
        add_pieces(world, nouns.piece("sch.2", within=within))
    assert refused.value.kind is Kind.CONFLICT
    add_pieces(world, nouns.piece("sch.2", within=Period(MARCH, APRIL)), nouns.piece("sch.3", account_id="other"))


def test_a_piece_does_not_come_to_overlap_another_one(world: World) -> None:
    first, second = nouns.piece("sch.1", within=Period(NOW, APRIL)), nouns.piece("sch.2", within=Period(APRIL, JULY))
    add_pieces(world, first, second)
    with pytest.raises(BillingError, match=TAKEN), world.writing() as state:
        state.schedules.move_end(replace(first, within=Period(NOW, JULY)), None)
    with world.writing() as state:
        state.schedules.remove(second)
        longer = replace(first, within=Period(NOW, JULY))
        state.schedules.move_end(longer, APRIL)
        assert state.schedules.of(["acme-main"])["acme-main"] == (longer,)
        assert state.schedules.next_cycle_of(longer) == APRIL


def test_a_piece_that_goes_on_with_a_plan_opens_its_first_cycle_by_its_number(world: World) -> None:
    add_pieces(world, nouns.piece("sch.1", first_ordinal=7))
    with world.reading() as state:
        (opening,) = state.schedules.opening_at(NOW, 10)
        assert (opening.ordinal, opening.piece.first_ordinal) == (7, 7)


def test_a_new_piece_has_its_first_cycle_to_open_at_its_start(world: World) -> None:
    add_pieces(world, nouns.piece("sch.1"), nouns.piece("sch.2", account_id="other", within=Period(APRIL, JULY)))
    with world.reading() as state:
        (opening,) = state.schedules.opening_at(NOW, 10)
        assert (opening.piece, opening.starts_at, opening.ordinal) == (nouns.piece("sch.1"), NOW, 0)
        assert [opening.piece.id for opening in state.schedules.opening_at(APRIL, 10)] == ["sch.2"]
        assert state.schedules.opening_at(later(1), 10) == []


def test_what_overrides_a_plan_comes_back_and_is_found_until_it_ends(world: World) -> None:
    override = PricePlanDetailsPatch(fixed_fee_rate_cards=[], minimum_commitment=None)
    piece = nouns.piece("sch.1", within=Period(NOW, JULY), override=override)
    add_pieces(world, piece, nouns.piece("sch.2", account_id="other"))
    with world.reading() as state:
        assert state.schedules.among(["sch.1"]) == {"sch.1": piece}
        assert [state.schedules.overridden(at) for at in (APRIL, JULY)] == [[piece], []]


def test_a_timeline_in_draft_comes_back_until_it_is_discarded(world: World) -> None:
    first = nouns.piece("sch.1", within=Period(NOW, APRIL), first_ordinal=3)
    second = nouns.piece("sch.2", within=Period(APRIL, JULY), override=PricePlanDetailsPatch(minimum_commitment=None))
    with world.writing() as state:
        state.timeline_drafts.keep("acme-main", DraftTimeline("base", (second, first)), NOW)
        state.timeline_drafts.keep("other", DraftTimeline("theirs", ()), NOW)
    with world.writing() as state:
        assert state.timeline_drafts.find("acme-main") == DraftTimeline("base", (first, second))
        assert state.timeline_drafts.find("other") == DraftTimeline("theirs", ())
        assert [state.timeline_drafts.owner_of(name) for name in ("sch.1", "sch.9")] == ["acme-main", None]
        state.timeline_drafts.keep("acme-main", DraftTimeline("new", (first,)), later(1))
        assert state.timeline_drafts.find("acme-main") == DraftTimeline("new", (first,))
        assert state.timeline_drafts.owner_of("sch.2") is None
        state.timeline_drafts.discard("acme-main")
        assert state.timeline_drafts.find("acme-main") is None
        assert state.timeline_drafts.find("other") is not None


def test_an_opened_cycle_makes_way_for_the_next_one_and_the_last_one_for_none(world: World) -> None:
    piece = nouns.piece()
    add_pieces(world, piece)
    with world.writing() as state:
        state.schedules.opened(piece, APRIL, 3)
    with world.reading() as state:
        assert state.schedules.opening_at(NOW, 10) == []
        (opening,) = state.schedules.opening_at(APRIL, 10)
        assert opening.ordinal == 3
    with world.writing() as state:
        state.schedules.opened(piece, None, 12)
    with world.reading() as state:
        assert state.schedules.opening_at(APRIL, 10) == []


def test_cycles_that_start_together_come_in_portions_by_id(world: World) -> None:
    add_pieces(world, *(nouns.piece(f"sch.{number}", account_id=f"account-{number}") for number in (3, 1, 2)))
    with world.reading() as state:
        assert [opening.piece.id for opening in state.schedules.opening_at(NOW, 2)] == ["sch.1", "sch.2"]


def test_accounts_have_plan_versions_until_their_last_piece_has_ended(world: World) -> None:
    add_pieces(
        world,
        nouns.piece("sch.1", within=Period(NOW, APRIL)),
        nouns.piece("sch.2", within=Period(APRIL, JULY), plan_version_id="sch.other"),
        nouns.piece(
            "sch.3",
            account_id="other",
            within=Period(JULY, NEXT_YEAR),
            override=PricePlanDetailsPatch(fixed_fee_rate_cards=[]),
        ),
    )
    with world.reading() as state:
        versions = ["sch.1", "sch.other", "sch.unknown"]
        both = {"acme-main", "other"}
        found = [state.schedules.having(versions, at) for at in (NOW, APRIL, JULY, NEXT_YEAR)]
        assert found == [both, both, {"other"}, set()]
        assert [state.schedules.having([one], NOW) for one in versions] == [both, {"acme-main"}, set()]
        assert state.schedules.having(versions, NOW, overridden=True) == {"other"}
        assert state.schedules.having(versions, NOW, overridden=False) == {"acme-main"}


def test_a_plan_is_in_use_until_its_last_piece_has_ended(world: World) -> None:
    with world.reading() as state:
        assert not state.schedules.any_at_all()
    add_pieces(world, nouns.piece(within=Period(APRIL, JULY)))
    with world.reading() as state:
        assert state.schedules.any_of_plan("pp.basic", NOW)
        assert state.schedules.any_of_plan("pp.basic", APRIL)
        assert not state.schedules.any_of_plan("pp.basic", JULY)
        assert not state.schedules.any_of_plan("pp.other", NOW)
        assert state.schedules.any_at_all()


def test_the_accounts_of_plan_versions_come_in_portions_each_once(world: World) -> None:
    def on(account: str, version: str, start: datetime, end: datetime) -> Schedule:
        name = f"sch.{account}.{start:%m}"
        return nouns.piece(name, account_id=account, plan_version_id=version, within=Period(start, end))

    add_pieces(
        world,
        on("c", "v1", NOW, APRIL),
        on("a", "v1", NOW, APRIL),
        on("a", "v1", APRIL, FOREVER),
        on("b", "v2", NOW, FOREVER),
        on("d", "v3", NOW, FOREVER),
    )
    with world.reading() as state:
        accounts_on = state.schedules.accounts_on
        assert accounts_on(["v1", "v2"], NOW, "", 9) == ["a", "b", "c"]
        assert accounts_on(["v1", "v2"], NOW, "", 2) == ["a", "b"]
        assert accounts_on(["v1", "v2"], NOW, "b", 2) == ["c"]
        assert accounts_on(["v1", "v2"], APRIL, "", 9) == ["a", "b"]
