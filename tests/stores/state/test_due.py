"""What falls due next: the earliest of cycles that start, drafts to freeze, refunds and credits that expire."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tallystick.invoicing.invoice import InvoiceStatus
from tallystick.kernel.period import Period
from tallystick.stores.state.due import next_due
from tests.stores.state import nouns
from tests.stores.state.nouns import FEBRUARY, JANUARY, usd
from tests.stores.state.world import ABROAD, HOME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tests.stores.state.world import World


def day(month: int, number: int) -> datetime:
    return datetime(2026, month, number, tzinfo=UTC)


END = day(12, 31)


def due(world: World, end: datetime = END, parked: Collection[str] = ()) -> tuple[str, datetime] | None:
    with world.database.read() as connection:
        return next_due(connection, end, parked, ())


def open_cycle(world: World, at: datetime, organisation: str = HOME, name: str = "sch.1") -> None:
    with world.writing(organisation) as state:
        state.schedules.add(nouns.piece(name, within=Period(at, day(12, 1)), account_id=f"{name}-account"), at)


def draft(world: World, at: datetime, organisation: str = HOME, name: str = "inv.1", **more: object) -> None:
    with world.writing(organisation) as state:
        state.invoices.add_drafts([nouns.draft(name, freeze_at=at, schedule_id=name, **more)])


def credit(world: World, at: datetime | None, organisation: str = HOME, name: str = "cred.1") -> None:
    with world.writing(organisation) as state:
        state.credits.grant(nouns.credit(name), at, world.ids)


def test_nothing_is_due_where_nothing_is(world: World) -> None:
    assert due(world) is None


def refund(world: World, at: datetime, organisation: str = HOME) -> None:
    """A refund that was initiated at an instant."""
    with world.writing(organisation) as state:
        record = nouns.draft("inv.paid")
        state.invoices.add_drafts([record])
        due = nouns.draft("inv.paid", status=InvoiceStatus.DUE, total=usd("1"), paid=usd("0"))
        state.invoices.freeze([(due, [])])
        refunding = dataclasses.replace(due, status=InvoiceStatus.REFUND_INITIATED, paid=usd("1"), updated_at=at)
        state.invoices.settle(due, refunding)


@pytest.mark.parametrize(
    "make", [open_cycle, draft, credit, refund], ids=["a cycle", "a draft", "a credit", "a refund"]
)
def test_each_kind_falls_due_at_its_instant_and_not_before(world: World, make: Callable[..., None]) -> None:
    make(world, day(5, 1))
    assert due(world, day(4, 30)) is None
    assert due(world, day(5, 1)) == (HOME, day(5, 1))
    assert due(world) == (HOME, day(5, 1))


def test_the_earliest_comes_first_whatever_it_is_and_whose_it_is(world: World) -> None:
    credit(world, day(5, 3))
    draft(world, day(5, 2), ABROAD)
    open_cycle(world, day(5, 1))
    assert due(world) == (HOME, day(5, 1))
    with world.writing() as state:
        state.schedules.opened(nouns.piece(), None, 1)
    assert due(world) == (ABROAD, day(5, 2))
    assert due(world, parked=["inv.1"]) == (HOME, day(5, 3))


def test_of_two_organisations_at_one_instant_the_first_by_id_is_named(world: World) -> None:
    open_cycle(world, day(5, 1), HOME)
    draft(world, day(5, 1), ABROAD)
    assert due(world) == (ABROAD, day(5, 1))


def test_only_drafts_are_frozen(world: World) -> None:
    draft(world, day(5, 1))
    with world.writing() as state:
        record = nouns.draft("inv.1", status=InvoiceStatus.DUE, total=usd("0"), schedule_id="inv.1")
        state.invoices.freeze([(record, [nouns.line()])])
    assert due(world) is None


def test_parked_invoices_do_not_keep_others_from_falling_due(world: World) -> None:
    for number in (1, 2, 3):
        draft(world, day(5, number), name=f"inv.{number}")
    assert due(world, parked=["inv.1", "inv.2"]) == (HOME, day(5, 3))


def test_a_credit_that_a_draft_of_an_earlier_cycle_can_still_burn_does_not_expire_yet(world: World) -> None:
    credit(world, JANUARY.end)
    draft(world, day(2, 3))
    assert due(world) == (HOME, day(2, 3))
    assert due(world, parked=["inv.1"]) is None


def test_a_credit_does_not_wait_for_a_later_cycle_nor_for_another_organisation(world: World) -> None:
    credit(world, JANUARY.end)
    draft(world, day(3, 3), ABROAD)
    with world.writing() as state:
        state.invoices.add_drafts([nouns.draft("inv.2", FEBRUARY, freeze_at=day(3, 1))])
    assert due(world) == (HOME, JANUARY.end)


def test_a_credit_that_comes_after_its_time_falls_due_when_it_comes(world: World) -> None:
    # The samples are granted at one instant; the end of this one lies before it.
    credit(world, nouns.NOW - timedelta(days=9))
    assert due(world) == (HOME, nouns.NOW)
    assert due(world, nouns.NOW) == (HOME, nouns.NOW)


def test_a_credit_without_an_end_never_falls_due(world: World) -> None:
    credit(world, None)
    assert due(world) is None
