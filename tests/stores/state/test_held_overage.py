"""Overage that bills leave to later ones: there until one asks for it, asked for once, and then as it is for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tallystick.invoicing.held_overage import ArrearsKey
from tallystick.kernel.errors import BillingError, Kind
from tests.stores.state import nouns
from tests.stores.state.world import at_once

if TYPE_CHECKING:
    from tallystick.invoicing.held_overage import HeldOverage
    from tests.stores.state.world import World

LEFT = nouns.held_overage()
JANUARY, FEBRUARY = (
    ArrearsKey("sch.1", datetime(2026, 1, 1, tzinfo=UTC)),
    ArrearsKey("sch.1", datetime(2026, 2, 1, tzinfo=UTC)),
)


@pytest.fixture
def billed(world: World) -> World:
    """January is billed."""
    with world.writing() as state:
        state.invoices.add_drafts([nouns.draft(), nouns.draft("inv.again", nouns.MARCH)])
    return world


def hold(world: World, *lines: HeldOverage) -> None:
    with world.writing() as state:
        state.held_overage.hold(JANUARY, lines)


def ask(world: World, bill: ArrearsKey = FEBRUARY) -> None:
    with world.writing() as state:
        state.held_overage.ask(bill, [LEFT])


def found(world: World, *since: datetime) -> list[HeldOverage]:
    with world.reading() as state:
        return state.held_overage.of(["acme-main"], *since)


def test_it_comes_back_with_every_digit(billed: World) -> None:
    other = nouns.held_overage("inv.january", "feature.alone", tag=None)
    hold(billed, LEFT, other)
    assert found(billed) == [other, LEFT]
    with billed.reading() as state:
        assert state.held_overage.of(["somebody"]) == state.held_overage.of([]) == []


def test_what_was_asked_for_is_found_by_either_bill(billed: World) -> None:
    hold(billed, LEFT)
    ask(billed)
    asked = replace(LEFT, asked_by=FEBRUARY)
    assert found(billed) == []
    assert found(billed, JANUARY.cycle_start) == found(billed, FEBRUARY.cycle_start) == [asked]
    assert found(billed, datetime(2026, 2, 2, tzinfo=UTC)) == []


def test_of_ten_bills_that_ask_at_once_one_does(billed: World) -> None:
    hold(billed, LEFT)
    outcomes = at_once([lambda: ask(billed) for _ in range(10)])
    assert outcomes.count(None) == 1
    refusals = [outcome for outcome in outcomes if outcome is not None]
    assert {refusal.kind for refusal in refusals if isinstance(refusal, BillingError)} <= {Kind.CONFLICT}


def test_nothing_is_asked_for_twice(billed: World) -> None:
    hold(billed, LEFT)
    ask(billed)
    with pytest.raises(BillingError, match=r"'feature\.exports' that 'inv\.january' left is billed already") as no:
        ask(billed, JANUARY)
    assert no.value.kind is Kind.CONFLICT


def test_a_bill_that_is_made_again_leaves_what_it_comes_to_now(billed: World) -> None:
    hold(billed, LEFT, nouns.held_overage("inv.january", "feature.gone"))
    again = replace(LEFT, invoice_id="inv.again")
    hold(billed, again)
    assert found(billed) == [again]


def test_what_was_asked_for_stays_when_the_bill_that_left_it_is_made_again(billed: World) -> None:
    hold(billed, LEFT)
    ask(billed)
    hold(billed)
    assert found(billed, JANUARY.cycle_start) == [replace(LEFT, asked_by=FEBRUARY)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE held_overage SET body = '{}'",
        "UPDATE held_overage SET asked_schedule_id = NULL",
        "DELETE FROM held_overage",
    ],
)
def test_whoever_holds_a_connection_cannot_change_what_was_asked_for(billed: World, statement: str) -> None:
    hold(billed, LEFT)
    ask(billed)
    with pytest.raises(DBAPIError), billed.database.write() as connection:
        connection.execute(text(statement))
    assert len(found(billed, JANUARY.cycle_start)) == 1
