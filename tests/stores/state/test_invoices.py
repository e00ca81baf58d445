"""Invoices: one per cycle that is not void, written once, and nothing about a frozen one can change but its status."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from tallystick.accounts.party import Address
from tallystick.invoicing.invoice import (
    BilledAccount,
    BilledCustomer,
    InvoiceClass,
    InvoiceDetails,
    InvoiceStatus,
    InvoiceType,
)
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.recurrence import Cycle
from tallystick.stores.state.bill_tables import invoice, invoice_line
from tests.stores.state import nouns
from tests.stores.state.nouns import FEBRUARY, JANUARY, usd
from tests.stores.state.world import ABROAD, HOME, NOW, at_once, later

if TYPE_CHECKING:
    from tallystick.invoicing.record import InvoiceRecord
    from tallystick.invoicing.rows import LineRow
    from tests.stores.state.world import World

DETAILS = InvoiceDetails(
    customer=BilledCustomer(name="Acme", primary_email="a@acme.test", address=Address(city="Florence")),
    account=BilledAccount(name="Main", invoice_currency="USD", address=Address(), primary_email="m@acme.test"),
    price_plan_name="Basic",
)
LINES = [nouns.line(1), nouns.line(2, explanation=None), nouns.line(3, minor=None, value_per_quantity=None)]
MAY_CHANGE = {"status", "paid_minor", "updated_at"}


def frozen(draft: InvoiceRecord, number: int = 1, **more: object) -> InvoiceRecord:
    """A draft as it is when it has become due."""
    due: dict[str, object] = {
        "status": InvoiceStatus.DUE,
        "total": usd("10.50"),
        "sequence_id": f"INV-{number:06d}",
        "frozen_at": draft.freeze_at,
        "frozen_position": 42,
        "details": DETAILS,
        "updated_at": draft.freeze_at,
    }
    return dataclasses.replace(draft, **due | more)


def add(world: World, *drafts: InvoiceRecord) -> None:
    with world.writing() as state:
        state.invoices.add_drafts(drafts)


def freeze(world: World, record: InvoiceRecord, lines: list[LineRow] = LINES) -> None:
    with world.writing() as state:
        state.invoices.freeze([(record, lines)])


def get(world: World, name: str = "inv.january") -> InvoiceRecord:
    with world.reading() as state:
        return state.invoices.get(name)


@pytest.fixture
def due(world: World) -> InvoiceRecord:
    """A frozen invoice for January."""
    add(world, nouns.draft())
    freeze(world, frozen(nouns.draft()))
    return get(world)


def test_a_draft_comes_back_as_it_was_written(world: World) -> None:
    short = nouns.draft(cycle=Cycle(JANUARY, FEBRUARY), ordinal=7, invoice_type=InvoiceType.STANDARD_ADVANCED)
    add(world, short)
    assert get(world) == dataclasses.replace(short, paid=usd("0"))


def test_a_frozen_invoice_comes_back_with_its_figures_and_lines(world: World, due: InvoiceRecord) -> None:
    assert due == frozen(nouns.draft(), paid=usd("0"))
    with world.reading() as state:
        assert state.invoices.lines_of("inv.january") == LINES
        assert state.invoices.lines_of("inv.unknown") == []


def test_freezing_changes_nothing_about_who_and_when(world: World) -> None:
    add(world, nouns.draft())
    freeze(world, frozen(nouns.draft(), account_id="other", currency="EUR", freeze_at=NOW, total=usd("1")))
    stored = get(world)
    assert (stored.account_id, stored.currency, stored.freeze_at) == ("acme-main", "USD", JANUARY.end)


def test_only_a_draft_can_be_frozen(world: World, due: InvoiceRecord) -> None:
    for record in (due, frozen(nouns.draft("inv.unknown"), number=2)):
        with pytest.raises(BillingError, match="is no draft any more") as refused:
            freeze(world, record)
        assert refused.value.kind is Kind.CONFLICT
    assert get(world) == due


def test_of_many_who_freeze_an_invoice_at_once_one_writes_it(world: World) -> None:
    add(world, nouns.draft())
    outcomes = at_once([lambda n=n: freeze(world, frozen(nouns.draft(), n), [nouns.line(n)]) for n in range(1, 9)])
    assert outcomes.count(None) == 1
    with world.reading() as state:
        (line,) = state.invoices.lines_of("inv.january")
    assert get(world).sequence_id == f"INV-{line.number:06d}"


@pytest.mark.parametrize(
    "other",
    [
        {"account_id": "other"},
        {"schedule_id": "sch.2"},
        {"cycle": Cycle(FEBRUARY, FEBRUARY)},
        {"invoice_class": InvoiceClass.ORDER},
        {"invoice_type": InvoiceType.STANDARD_ADVANCED},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_cycle_of_an_account_and_schedule_has_one_invoice_of_a_class_and_type(
    world: World, other: dict[str, object]
) -> None:
    add(world, nouns.draft())
    with pytest.raises(BillingError, match="the cycle has an invoice already: void it first") as refused:
        add(world, nouns.draft("inv.other", **other), nouns.draft("inv.again"))
    assert refused.value.kind is Kind.CONFLICT
    add(world, nouns.draft("inv.other", **other))


def settled(record: InvoiceRecord, status: InvoiceStatus, paid: str = "0", minutes: int = 1) -> InvoiceRecord:
    """The invoice with another status and another sum that is paid."""
    return dataclasses.replace(record, status=status, paid=usd(paid), updated_at=later(minutes))


def test_a_cycle_whose_invoice_is_void_can_be_billed_again(world: World, due: InvoiceRecord) -> None:
    with world.writing() as state:
        state.invoices.settle(due, settled(due, InvoiceStatus.VOID))
    add(world, nouns.draft("inv.second"))
    with pytest.raises(BillingError, match="has an invoice already"):
        add(world, nouns.draft("inv.third"))


def test_a_number_is_given_once(world: World, due: InvoiceRecord) -> None:
    add(world, nouns.draft("inv.february", FEBRUARY))
    with pytest.raises(DBAPIError):
        freeze(world, frozen(nouns.draft("inv.february", FEBRUARY), sequence_id=due.sequence_id))
    assert get(world, "inv.february").is_draft


@pytest.mark.parametrize("first", [(InvoiceStatus.VOID, "0"), (InvoiceStatus.DUE, "1")], ids=str)
def test_status_and_what_is_paid_change_only_from_what_was_read(
    world: World, due: InvoiceRecord, first: tuple[InvoiceStatus, str]
) -> None:
    after = settled(due, *first)
    with world.writing() as state:
        state.invoices.settle(due, after)
    with pytest.raises(BillingError, match="changed in the meantime") as refused, world.writing() as state:
        state.invoices.settle(due, settled(due, InvoiceStatus.PARTIALLY_PAID, "2", 2))
    assert refused.value.kind is Kind.CONFLICT
    assert get(world) == after


@pytest.mark.parametrize("paid", ["-0.01", "1000000.01"])
def test_the_database_itself_keeps_what_is_paid_within_the_total(world: World, due: InvoiceRecord, paid: str) -> None:
    with pytest.raises(DBAPIError), world.writing() as state:
        state.invoices.settle(due, settled(due, InvoiceStatus.PARTIALLY_PAID, paid))
    assert get(world) == due


def test_refunds_that_were_initiated_are_found_from_their_instant_on(world: World, due: InvoiceRecord) -> None:
    refunding = settled(due, InvoiceStatus.REFUND_INITIATED, "1", 5)
    with world.writing() as state:
        state.invoices.settle(due, refunding)
    with world.reading() as state:
        assert state.invoices.refunding_at(later(4)) == []
        assert state.invoices.refunding_at(later(5)) == [refunding]
    with world.writing() as state:
        state.invoices.settle(refunding, settled(refunding, InvoiceStatus.REFUND_COMPLETED, "1", 5))
        assert state.invoices.refunding_at(later(9)) == []


def test_invoices_are_read_by_their_ids(world: World, due: InvoiceRecord) -> None:
    with world.reading() as state:
        assert state.invoices.among([due.id, "inv.none"]) == {due.id: due}


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize("column", [column.name for column in invoice.c if column.name not in MAY_CHANGE])
def test_whoever_holds_a_connection_cannot_change_a_frozen_invoice(world: World, column: str) -> None:
    value = 1 if "INT" in str(invoice.c[column].type.dialect_impl(world.database._engine.dialect)).upper() else "x"
    before = world.rows()
    assert_frozen(world, f'UPDATE invoice SET "{column}" = :value', value=value)
    assert world.rows() == before


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize("column", ["total_minor", "details", "frozen_at"])
def test_what_was_frozen_cannot_be_emptied(world: World, column: str) -> None:
    assert_frozen(world, f"UPDATE invoice SET {column} = NULL")


@pytest.mark.usefixtures("due")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE invoice SET status = 'DRAFT'",
        "DELETE FROM invoice",
        "UPDATE invoice_line SET amount_minor = 0",
        "UPDATE invoice_line SET description = 'x' WHERE number = 3",
        "DELETE FROM invoice_line",
        "UPDATE pricing_rule_log SET body = '{}'",
        "DELETE FROM pricing_rule_log",
        "UPDATE credit_entry SET amount_minor = 0",
        "DELETE FROM credit_entry",
    ],
)
def test_frozen_rows_can_neither_be_taken_back_nor_deleted(world: World, statement: str) -> None:
    with world.writing() as state:
        state.credits.grant(nouns.credit(), None, world.ids)
        state.rule_logs.add([("inv.january", [nouns.rule_log()])])
    before = world.rows()
    assert_frozen(world, statement)
    assert world.rows() == before


def assert_frozen(world: World, statement: str, **values: object) -> None:
    with pytest.raises(DBAPIError, match="rows are frozen"), world.database.write() as connection:
        connection.execute(text(statement), values)


@pytest.mark.usefixtures("due")
def test_the_status_of_a_frozen_invoice_and_what_was_paid_may_change(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(text("UPDATE invoice SET status = 'PAID', paid_minor = 1050, updated_at = 7"))
    assert get(world).paid == usd("10.50")


def test_a_draft_may_be_changed_and_deleted(world: World) -> None:
    add(world, nouns.draft())
    with world.database.write() as connection:
        connection.execute(text("UPDATE invoice SET net_term_days = 60"))
        connection.execute(text("DELETE FROM invoice"))
    with pytest.raises(BillingError, match=r"invoice 'inv\.january' not found") as refused:
        get(world)
    assert refused.value.kind is Kind.NOT_FOUND


def test_a_line_belongs_to_an_invoice_that_is_there(world: World) -> None:
    with world.reading() as state:
        values = state.invoices._line_values("inv.unknown", nouns.line())
    with pytest.raises(DBAPIError), world.database.write() as connection:
        connection.execute(insert(invoice_line).values(values))


@pytest.mark.usefixtures("due")
def test_the_logs_of_rules_come_back_with_every_digit_in_their_order(world: World) -> None:
    logs = [nouns.rule_log(number) for number in range(1, 12)]
    with world.writing() as state:
        state.rule_logs.add([("inv.january", logs)])
    with world.reading() as state:
        assert state.rule_logs.of("inv.january") == logs
        assert state.rule_logs.of("inv.february") == []


def test_drafts_come_oldest_cycle_first(world: World) -> None:
    add(
        world,
        nouns.draft("inv.c", FEBRUARY),
        nouns.draft("inv.b"),
        nouns.draft("inv.a", invoice_type=InvoiceType.STANDARD_ADVANCED, freeze_at=JANUARY.start),
        nouns.draft("inv.other", account_id="other"),
    )
    freeze(world, frozen(nouns.draft("inv.other", account_id="other")))
    with world.reading() as state:
        assert [draft.id for draft in state.invoices.drafts_of(["acme-main", "other"])] == ["inv.a", "inv.b", "inv.c"]
        older = state.invoices.drafts_of(["acme-main"], before=FEBRUARY.start)
        assert [draft.id for draft in older] == ["inv.a", "inv.b"]
        assert state.invoices.has_draft("acme-main")
        assert not state.invoices.has_draft("other")


def test_what_falls_due_at_an_instant_is_that_and_no_more(world: World) -> None:
    late = JANUARY.end + timedelta(microseconds=1)
    add(
        world,
        nouns.draft("inv.parked", account_id="parked"),
        nouns.draft("inv.z", account_id="z"),
        nouns.draft("inv.y", account_id="y"),
        nouns.draft("inv.older", account_id="x", cycle=Cycle(JANUARY, JANUARY)),
        nouns.draft("inv.late", account_id="late", freeze_at=late),
        nouns.draft("inv.done", account_id="done"),
    )
    freeze(world, frozen(nouns.draft("inv.done", account_id="done")))
    with world.reading() as state:
        falling_due = state.invoices.freezing_at(JANUARY.end, ["inv.parked"], 10)
        assert [draft.id for draft in falling_due] == ["inv.older", "inv.y", "inv.z"]
        assert len(state.invoices.freezing_at(JANUARY.end, [], 2)) == 2
        assert state.invoices.freezing_at(JANUARY.start, [], 10) == []


def test_a_list_of_invoices_is_filtered_by_everything_at_once(world: World) -> None:
    add(world, nouns.draft(), nouns.draft("inv.february", FEBRUARY), nouns.draft("inv.other", account_id="other"))
    with world.reading() as state:

        def listed(**filters: str) -> list[str]:
            return [record.id for record in state.invoices.page(PageRequest(), **filters)[0]]

        assert listed() == ["inv.february", "inv.january", "inv.other"]
        assert listed(account_id="acme-main", start_time=micros(FEBRUARY.start)) == ["inv.february"]
        assert listed(account_id="acme-main", end_time=micros(JANUARY.end)) == ["inv.january"]
        assert listed(start_time=micros(JANUARY.start), end_time=micros(FEBRUARY.end), account_id="other") == [
            "inv.other"
        ]
        assert listed(**{"class": "ORDER"}) == []


def micros(instant: datetime) -> str:
    return str((instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1))


def test_at_most_fifty_invoices_stand_on_a_page(world: World) -> None:
    add(world, *(nouns.draft(f"inv.{number:02d}", account_id=f"account-{number}") for number in range(51)))
    with world.reading() as state:
        first, token = state.invoices.page(PageRequest(page_size=100))
        rest, end = state.invoices.page(PageRequest(next_token=token))
    assert (len(first), len(rest), end) == (50, 1, None)


def test_quantities_of_lines_keep_every_digit(world: World) -> None:
    exact = Decimal("0.1234567890123456789012345678901234567890")
    add(world, nouns.draft())
    freeze(world, frozen(nouns.draft()), [nouns.line(quantity=exact, value_per_quantity=Decimal(-1))])
    with world.reading() as state:
        (line,) = state.invoices.lines_of("inv.january")
    assert (line.quantity, line.value_per_quantity) == (exact, Decimal(-1))


def test_invoice_numbers_have_no_gaps_whoever_fails_on_the_way(world: World) -> None:
    def number(fails: bool) -> int:  # noqa: FBT001 - the one thing that tells the tasks apart
        with world.writing() as state:
            taken = state.next_invoice_number()
            if fails:
                raise ValueError(taken)
            return taken

    outcomes = at_once([lambda fails=turn % 3 == 0: number(fails) for turn in range(30)])
    assert sorted(outcome for outcome in outcomes if isinstance(outcome, int)) == list(range(1, 21))
    with world.writing(ABROAD) as state:
        assert state.next_invoice_number() == 1
    with world.writing(HOME) as state:
        assert state.next_invoice_number() == 21


def test_an_invoice_is_found_by_the_cycle_and_type_of_its_piece_unless_it_is_void(
    world: World, due: InvoiceRecord
) -> None:
    with world.writing() as state:
        asked = ("sch.1", JANUARY.start, InvoiceType.STANDARD)
        assert state.invoices.of_cycle(*asked) == due
        assert state.invoices.of_cycle("sch.2", *asked[1:]) is None
        assert state.invoices.of_cycle("sch.1", FEBRUARY.start, InvoiceType.STANDARD) is None
        assert state.invoices.of_cycle("sch.1", JANUARY.start, InvoiceType.ADHOC_ADVANCED) is None
        state.invoices.settle(due, settled(due, InvoiceStatus.VOID))
        assert state.invoices.of_cycle(*asked) is None
