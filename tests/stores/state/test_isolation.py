"""Nothing of one organisation can be read or changed from another: a walk over every method there is."""

from __future__ import annotations

import dataclasses
import inspect
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from tallystick.accounts.schedule_draft import DraftTimeline
from tallystick.catalog.price_plan import PricePlanDetailsPatch
from tallystick.catalog.usage_meter import Aggregation
from tallystick.credits.credit import CreditStatus
from tallystick.credits.feature_credit import CreditSource, FeatureCredit
from tallystick.invoicing.held_overage import ArrearsKey
from tallystick.invoicing.invoice import InvoiceStatus, InvoiceType
from tallystick.invoicing.line import LineType
from tallystick.kernel.errors import BillingError
from tallystick.kernel.job import EntryStatus
from tallystick.kernel.paging import PageRequest
from tallystick.metering.purse import Debit
from tallystick.stores.state import access
from tallystick.stores.state.access import ApiKey
from tallystick.stores.state.credit_grants import GrantKey
from tallystick.stores.state.ledger import InvoiceBurn
from tallystick.stores.state.state import State
from tallystick.stores.state.wallets import Occasion
from tests.stores.state import nouns
from tests.stores.state.nouns import span, usd
from tests.stores.state.test_documents import EXAMPLES, name_of
from tests.stores.state.world import ABROAD, HOME, NOW, SECRET, all_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from tallystick.accounts.purchase import Purchase
    from tallystick.kernel.ids import IdSource
    from tests.stores.state.world import World

END = datetime(2026, 12, 31, tzinfo=UTC)
DUE = dataclasses.replace(nouns.draft("inv.due"), status=InvoiceStatus.DUE, total=usd("1"), sequence_id="INV-1")

REFUNDING = dataclasses.replace(
    nouns.draft("inv.refunding", nouns.MARCH, invoice_type=InvoiceType.AD_HOC),
    status=InvoiceStatus.REFUND_INITIATED,
    total=usd("1"),
)
VOID = dataclasses.replace(
    nouns.draft("inv.void", nouns.MARCH, invoice_type=InvoiceType.AD_HOC), status=InvoiceStatus.VOID, total=usd("1")
)
TOPUP = Occasion("Top-up")
UNITS = nouns.feature_grant()
UNITS_KEY = (UNITS.account_id, UNITS.feature_id, UNITS.id)
BEYOND = dataclasses.replace(UNITS, id="sch.1#2026-01-01$OVERAGE", source=CreditSource.OVERAGE, granted=None)
PACK = dataclasses.replace(UNITS, id="purchase.1#1$PURCHASE", source=CreditSource.ENTITLEMENT)
USED = Debit(1, 7, *UNITS_KEY, Decimal(20))
HELD = FeatureCredit(UNITS, used=Decimal(20), is_voided=False, revision=1, created_at=NOW, updated_at=NOW)

SHORTER = dataclasses.replace(nouns.piece(), within=nouns.JANUARY)
OWED = nouns.held_overage("inv.due")
JANUARYS, FEBRUARYS = ArrearsKey.of(nouns.draft()), ArrearsKey.of(nouns.draft("inv.february", nouns.FEBRUARY))
BONUS = GrantKey.of(nouns.draft("inv.due"), "addon.bonus")
NEXT = dataclasses.replace(DUE, id="inv.draft", sequence_id="INV-2")


@pytest.fixture
def full(world: World) -> World:
    """One of everything at home, and nothing abroad but the organisation itself."""
    with world.writing() as state:
        for shelf, document in EXAMPLES.items():
            getattr(state, shelf).add(document, NOW)
        state.aliases.add("acme-main", ["alias.1"], [span("ops")], NOW)
        state.schedules.add(nouns.piece(override=PricePlanDetailsPatch(minimum_commitment=None)), NOW)
        state.schedules.grants_next(nouns.piece(), NOW)
        state.timeline_drafts.keep("acme-main", DraftTimeline("b", (nouns.piece("sch.draft"),)), NOW)
        state.usage_meters.add(nouns.meter("um.farthest", name="Farthest", aggregation=Aggregation.MAX), NOW)
        state.ties.keep_version(nouns.schema())
        state.ties.tie("feature.rides", [nouns.tie()])
        state.credits.grant(nouns.credit(idempotency_key="k"), NOW, world.ids)
        state.credits.burn([InvoiceBurn("cred.welcome", usd("1"), "inv.due")], NOW, world.ids)
        state.credits.grant(nouns.credit("cred.bonus"), None, world.ids)
        state.credit_grants.add(BONUS, nouns.credit("cred.bonus"))
        state.credits.void_with("cred.bonus", "inv.due", NOW, world.ids)
        state.wallets.open(nouns.wallet(), NOW)
        state.wallets.credit(nouns.wallet(), usd("5"), TOPUP, NOW, world.ids)
        state.wallets.debit(nouns.wallet(), usd("1"), Occasion("Invoice", "inv.due"), NOW, world.ids)
        state.payments.add(nouns.payment(), [nouns.share()])
        state.feature_credits.add([UNITS, BEYOND, PACK], NOW)
        gone = USED._replace(position=9)
        state.feature_credits.book([USED, gone, gone._replace(is_return=True)], {UNITS_KEY: 0})
        for shelf, one in BOUGHT_AT_HOME.items():
            getattr(state, shelf).add(one, due_at=NOW, schedule_id="sch.ordered")
        state.licences.add(nouns.licence_entry())
        state.invoices.add_drafts([nouns.draft("inv.due")])
        state.invoices.freeze([(DUE, [nouns.line()])])
        state.rule_logs.add([("inv.due", [nouns.rule_log()])])
        state.held_overage.hold(JANUARYS, [OWED])
        state.invoices.add_drafts([nouns.draft("inv.refunding", nouns.MARCH, invoice_type=InvoiceType.AD_HOC)])
        state.invoices.freeze([(REFUNDING, [nouns.line()])])
        state.invoices.add_drafts([VOID])
        state.next_invoice_number()
        state.invoices.add_drafts([nouns.draft("inv.draft", nouns.FEBRUARY)])
        state.jobs.add(nouns.job())
        state.jobs.add_entries(nouns.job(), [nouns.entry()])
        state.simulations.add("job.1", [nouns.comparison()])
    with world.database.write() as connection:
        access.add_key(connection, ApiKey("key.1", HOME, "first", "cret", NOW, None), "tsk_secret")
        access.claim_answer(connection, HOME, "k", "f", NOW)
        access.store_answer(connection, HOME, "k", 201, b"mine")
    return world


DONE = EntryStatus.COMPLETED
REFUSED = object()
"""The method finds nothing to work on, and says so with an error."""

DOCUMENTS: dict[str, tuple[Callable[[Any, str, Any], Any], Any]] = {
    "find": (lambda documents, name, _: documents.find(name), None),
    "get": (lambda documents, name, _: documents.get(name), REFUSED),
    "all": (lambda documents, _name, _document: documents.all(), []),
    "among": (lambda documents, name, _: documents.among([name]), {}),
    "kept_among": (lambda documents, name, _: documents.kept_among([name]), {}),
    "page": (lambda documents, _name, _document: documents.page(PageRequest()), ([], None)),
    "page_of_rows": (lambda documents, _name, _document: documents.page_of_rows(PageRequest()), ([], None)),
    "add": (lambda documents, _, document: documents.add(document, NOW), None),
    "replace": (lambda documents, _, document: documents.replace(document, END), None),
    "remove": (lambda documents, name, _: documents.remove(name), None),
}

BOUGHT_AT_HOME = {"purchases": nouns.purchase(), "proposals": nouns.proposal()}
BOUGHT: dict[str, tuple[Callable[[Any, Purchase], Any], Any]] = {
    "add": (lambda shelf, one: shelf.add(one, due_at=END), None),
    "account_ids": (lambda shelf, _: shelf.account_ids(), set()),
    "get": (lambda shelf, one: shelf.get(one.id), REFUSED),
    "with_key": (lambda shelf, _one: shelf.with_key("acme-main", "k"), None),
    "any_of": (lambda shelf, _one: shelf.any_of("acme-main"), False),
    "of_invoice": (lambda shelf, _one: shelf.of_invoice("inv.order"), None),
    "page": (lambda shelf, _one: shelf.page(PageRequest(), "acme-main"), ([], None)),
    "replace": (lambda shelf, one: shelf.replace(one, one.status), REFUSED),
    "schedule_of": (lambda shelf, one: shelf.schedule_of(one.id), None),
    "ordered": (lambda shelf, _one: shelf.ordered(["sch.ordered"]), set()),
    "due_at": (lambda shelf, _one: shelf.due_at(END, 10), []),
}


def _bought(shelf: str, call: Callable[[Any, Purchase], Any], state: State, _: IdSource) -> Any:  # noqa: ANN401
    return call(getattr(state, shelf), BOUGHT_AT_HOME[shelf])


OTHERS: dict[str, tuple[Callable[[State, IdSource], Any], Any]] = {
    "aliases.add": (lambda s, _: s.aliases.add("acme-main", ["alias.1"], [span("ops")], END), None),
    "aliases.of": (lambda s, _: s.aliases.of(["acme-main"]), {"acme-main": []}),
    "aliases.claims": (lambda s, _: s.aliases.claims("ops"), False),
    "schedules.of": (lambda s, _: s.schedules.of(["acme-main"]), {"acme-main": ()}),
    "schedules.among": (lambda s, _: s.schedules.among(["sch.1"]), {}),
    "schedules.add": (lambda s, _: s.schedules.add(nouns.piece(), NOW), None),
    "schedules.opening_at": (lambda s, _: s.schedules.opening_at(NOW, 10), []),
    "schedules.opened": (lambda s, _: s.schedules.opened(nouns.piece(), None, 9), None),
    "schedules.remove": (lambda s, _: s.schedules.remove(nouns.piece()), None),
    "schedules.move_end": (lambda s, _: s.schedules.move_end(SHORTER, None), None),
    "schedules.next_cycle_of": (lambda s, _: s.schedules.next_cycle_of(nouns.piece()), None),
    "schedules.granting": (lambda s, _: s.schedules.granting(NOW), []),
    "schedules.next_grant_of": (lambda s, _: s.schedules.next_grant_of(nouns.piece()), None),
    "schedules.grants_next": (lambda s, _: s.schedules.grants_next(nouns.piece(), END), None),
    "schedules.overridden": (lambda s, _: s.schedules.overridden(NOW), []),
    "schedules.account_ids": (lambda s, _: s.schedules.account_ids(), set()),
    "schedules.next_accounts": (
        lambda s, _: s.schedules.next_accounts(nouns.FEBRUARY, None, after="", size=9),
        [],
    ),
    "schedules.accounts_on": (lambda s, _: s.schedules.accounts_on(["sch.1"], NOW, "", 10), []),
    "schedules.any_of_plan": (lambda s, _: s.schedules.any_of_plan("pp.basic", NOW), False),
    "schedules.having": (lambda s, _: s.schedules.having(["sch.1"], NOW), set()),
    "schedules.any_at_all": (lambda s, _: s.schedules.any_at_all(), False),
    "timeline_drafts.find": (lambda s, _: s.timeline_drafts.find("acme-main"), None),
    "timeline_drafts.keep": (lambda s, _: s.timeline_drafts.keep("acme-main", DraftTimeline("b", ()), NOW), None),
    "timeline_drafts.discard": (lambda s, _: s.timeline_drafts.discard("acme-main"), None),
    "timeline_drafts.owner_of": (lambda s, _: s.timeline_drafts.owner_of("sch.draft"), None),
    "ties.keep_version": (lambda s, _: s.ties.keep_version(nouns.schema()), None),
    "ties.older_versions": (lambda s, _: s.ties.older_versions("rides"), []),
    "ties.tie": (lambda s, _: s.ties.tie("feature.rides", []), None),
    "ties.of_schema": (lambda s, _: s.ties.of_schema("rides"), None),
    "credits.grant": (lambda s, ids: s.credits.grant(nouns.credit(idempotency_key="k"), NOW, ids), None),
    "credits.get": (lambda s, _: s.credits.get("cred.welcome"), REFUSED),
    "credits.with_key": (lambda s, _: s.credits.with_key("acme-main", "k"), None),
    "credits.page": (lambda s, _: s.credits.page(PageRequest()), ([], None)),
    "credits.open_of": (lambda s, _: s.credits.open_of(["acme-main"]), []),
    "credits.any_of": (lambda s, _: s.credits.any_of("acme-main"), False),
    "credits.transactions": (lambda s, _: s.credits.transactions("cred.welcome"), REFUSED),
    "credits.burn": (
        lambda s, ids: s.credits.burn([InvoiceBurn("cred.welcome", usd("1"), "inv.x")], NOW, ids),
        REFUSED,
    ),
    "credits.give_back": (lambda s, ids: s.credits.give_back("inv.due", NOW, ids), None),
    "credits.close": (lambda s, ids: s.credits.close(nouns.credit(), CreditStatus.VOIDED, NOW, ids), REFUSED),
    "credits.void_with": (lambda s, ids: s.credits.void_with("cred.welcome", "inv.x", NOW, ids), REFUSED),
    "credits.restore": (lambda s, ids: s.credits.restore("cred.bonus", "inv.x", NOW, ids), REFUSED),
    "credits.expiring": (lambda s, _: s.credits.expiring(END), []),
    "credit_grants.add": (lambda s, _: s.credit_grants.add(BONUS, nouns.credit("cred.bonus")), None),
    "credit_grants.of": (lambda s, _: s.credit_grants.of([nouns.draft("inv.due")]), {}),
    "wallets.find": (lambda s, _: s.wallets.find("acme-main"), None),
    "wallets.of": (lambda s, _: s.wallets.of(["acme-main"]), {}),
    "wallets.open": (lambda s, _: s.wallets.open(nouns.wallet("wallet.new", account_id="other"), NOW), None),
    "wallets.set": (lambda s, _: s.wallets.set(nouns.wallet(effective_from=END), END), None),
    "wallets.credit": (
        lambda s, ids: s.wallets.credit(nouns.wallet(), usd("1"), Occasion("More"), NOW, ids),
        REFUSED,
    ),
    "wallets.debit": (lambda s, ids: s.wallets.debit(nouns.wallet(), usd("1"), Occasion("Out"), NOW, ids), REFUSED),
    "wallets.spent_on": (lambda s, _: s.wallets.spent_on(nouns.wallet(), "inv.due"), usd("0")),
    "wallets.page_of_entries": (lambda s, _: s.wallets.page_of_entries(PageRequest(), nouns.wallet()), ([], None)),
    "payments.add": (lambda s, _: s.payments.add(nouns.payment("payment.2"), [nouns.share()]), None),
    "payments.follow": (lambda s, _: s.payments.follow("payment.1", 1, [nouns.share()]), REFUSED),
    "payments.get": (lambda s, _: s.payments.get("payment.1"), REFUSED),
    "payments.page": (lambda s, _: s.payments.page(PageRequest()), ([], None)),
    "payments.of_invoice": (lambda s, _: s.payments.of_invoice("inv.due"), {}),
    "feature_credits.add": (lambda s, _: s.feature_credits.add([dataclasses.replace(UNITS, id="more")], NOW), None),
    "feature_credits.get": (lambda s, _: s.feature_credits.get(*UNITS_KEY), REFUSED),
    "feature_credits.page": (
        lambda s, _: s.feature_credits.page(PageRequest(), UNITS.account_id, UNITS.feature_id),
        ([], None),
    ),
    "feature_credits.of": (lambda s, _: s.feature_credits.of([UNITS.account_id], UNITS.valid), []),
    "feature_credits.overage_of": (
        lambda s, _: s.feature_credits.overage_of([BEYOND.account_id], BEYOND.valid),
        [],
    ),
    "feature_credits.all_of": (
        lambda s, _: s.feature_credits.all_of([UNITS.account_id], [UNITS.feature_id]),
        [],
    ),
    "feature_credits.bought_with": (
        lambda s, _: s.feature_credits.bought_with(PACK.account_id, "purchase.1"),
        [],
    ),
    "feature_credits.change": (lambda s, _: s.feature_credits.change(HELD, END, granted=Decimal(90)), REFUSED),
    "feature_credits.book": (
        lambda s, _: s.feature_credits.book([USED._replace(position=8)], {UNITS_KEY: 1}),
        REFUSED,
    ),
    "feature_credits.booked_behind": (lambda s, _: s.feature_credits.booked_behind(0), []),
    "feature_credits.history": (
        lambda s, _: list(s.feature_credits.history([UNITS.account_id], [UNITS.feature_id])),
        [],
    ),
    "feature_credits.given_back": (
        lambda s, _: s.feature_credits.given_back([UNITS.account_id], [UNITS.feature_id]),
        set(),
    ),
    "feature_credits.debits_of": (lambda s, _: s.feature_credits.debits_of([7]), []),
    "feature_credits.entries": (lambda s, _: s.feature_credits.entries([UNITS_KEY]), {}),
    **{
        f"{bought}.{method}": (partial(_bought, bought, call), nothing)
        for bought in ("purchases", "proposals")
        for method, (call, nothing) in BOUGHT.items()
    },
    "licences.holder": (lambda s, _: s.licences.holder("ops", NOW), "ops"),
    "licences.add": (lambda s, _: s.licences.add(nouns.licence_entry()), None),
    "licences.with_key": (lambda s, _: s.licences.with_key("acme-main", "k1"), None),
    "licences.of": (lambda s, _: s.licences.of(["acme-main"], ["addon.seats"]), {}),
    "licences.set_metadata": (lambda s, _: s.licences.set_metadata(nouns.licence_entry(), {}), None),
    "licences.page": (lambda s, _: s.licences.page(PageRequest()), ([], None)),
    "jobs.add": (lambda s, _: s.jobs.add(nouns.job()), None),
    "jobs.get": (lambda s, _: s.jobs.get("job.1"), REFUSED),
    "jobs.store": (lambda s, _: s.jobs.store(nouns.job(completed=1)), None),
    "jobs.page": (lambda s, _: s.jobs.page(PageRequest(), every_type=True), ([], None)),
    "jobs.page_entries": (lambda s, _: s.jobs.page_entries(PageRequest(), "job.1"), ([], None)),
    "jobs.add_entries": (lambda s, _: s.jobs.add_entries(nouns.job(), [nouns.entry(2)]), REFUSED),
    "jobs.next_entries": (lambda s, _: s.jobs.next_entries("job.1", EntryStatus, 10), []),
    "jobs.move_entries": (lambda s, _: s.jobs.move_entries(nouns.job(), [nouns.entry(status=DONE)]).total, 0),
    "jobs.close_entries": (lambda s, _: s.jobs.close_entries(nouns.job(), DONE).completed, 0),
    "simulations.add": (lambda s, _: s.simulations.add("job.1", [nouns.comparison("other")]), REFUSED),
    "simulations.page": (lambda s, _: s.simulations.page(PageRequest(), "job.1", None), ([], None)),
    "invoices.add_drafts": (lambda s, _: s.invoices.add_drafts([nouns.draft("inv.draft", nouns.FEBRUARY)]), None),
    "invoices.get": (lambda s, _: s.invoices.get("inv.due"), REFUSED),
    "invoices.page": (lambda s, _: s.invoices.page(PageRequest()), ([], None)),
    "invoices.page_of_account": (lambda s, _: s.invoices.page_of_account(PageRequest(), "acme-main", NOW), ([], None)),
    "invoices.drafts_of": (lambda s, _: s.invoices.drafts_of(["acme-main"]), []),
    "invoices.billed_of": (lambda s, _: s.invoices.billed_of(["sch.1"]), []),
    "invoices.void_before": (lambda s, _: s.invoices.void_before(VOID), []),
    "invoices.drop_drafts": (lambda s, _: s.invoices.drop_drafts([NEXT]), None),
    "invoices.move_cycle": (lambda s, _: s.invoices.move_cycle(NEXT, NOW), None),
    "invoices.of_cycle": (
        lambda s, _: s.invoices.of_cycle("sch.1", nouns.FEBRUARY.start, InvoiceType.STANDARD),
        None,
    ),
    "invoices.has_draft": (lambda s, _: s.invoices.has_draft("acme-main"), False),
    "invoices.freezing_at": (lambda s, _: s.invoices.freezing_at(nouns.FEBRUARY.end, [], 10), []),
    "invoices.freeze": (lambda s, _: s.invoices.freeze([(NEXT, [nouns.line()])]), REFUSED),
    "invoices.settle": (
        lambda s, _: s.invoices.settle(DUE, dataclasses.replace(DUE, status=InvoiceStatus.VOID)),
        REFUSED,
    ),
    "invoices.refunding_at": (lambda s, _: s.invoices.refunding_at(NOW), []),
    "invoices.sold": (
        lambda s, _: s.invoices.sold(["acme-main"], nouns.MARCH, [LineType.USAGE_RATE_CARD_AMOUNT], by_cycle=True),
        [],
    ),
    "invoices.among": (lambda s, _: s.invoices.among(["inv.due"]), {}),
    "invoices.lines_of": (lambda s, _: s.invoices.lines_of("inv.due"), []),
    "invoices.sequence_ids": (lambda s, _: s.invoices.sequence_ids(), []),
    "invoices.set_net_terms": (lambda s, _: s.invoices.set_net_terms("acme-main", 99), None),
    "held_overage.hold": (lambda s, _: s.held_overage.hold(JANUARYS, []), None),
    "held_overage.ask": (lambda s, _: s.held_overage.ask(FEBRUARYS, [OWED]), REFUSED),
    "held_overage.of": (lambda s, _: s.held_overage.of(["acme-main"]), []),
    "rule_logs.add": (lambda s, _: s.rule_logs.add([("inv.draft", [nouns.rule_log()])]), REFUSED),
    "rule_logs.of": (lambda s, _: s.rule_logs.of("inv.due"), []),
    "search.matches": (lambda s, _: s.search.matches(["acme"], 5), []),
    "aggregates": (lambda s, _: s.aggregates(), {}),
    "find_key": (lambda s, _: s.find_key("key.1"), None),
    "last_invoice_number": (lambda s, _: s.last_invoice_number(), 0),
    "next_invoice_number": (lambda s, _: s.next_invoice_number(), 1),
    "look_again": (lambda s, _: s.look_again(["acme-main"], NOW), None),
    "use_preview": (lambda s, _: s.use_preview("p", END), True),
    "settings_for": (lambda s, _: s.settings_for(["acme-main"]), {"acme-main": {}}),
    "catalogue_changed": (lambda s, _: s.catalogue_changed(), None),
}
NOT_BY_ORGANISATION = {
    "licences.take_turns": "it waits, and neither reads nor changes anything",
    "replace_organisation": "an operation can only name the organisation that it runs for",
    "get_organisation": "it is the organisation itself",
    "attempt": "it reads and writes nothing by itself",
}


def calls(state: State, ids: IdSource) -> Iterator[tuple[str, Callable[[], Any], Any]]:
    """Every method with what it answers where nothing is, on the state given."""
    for shelf, document in EXAMPLES.items():
        for method, (call, nothing) in DOCUMENTS.items():
            documents, name = getattr(state, shelf), name_of(shelf, document)
            yield f"{shelf}.{method}", partial(call, documents, name, document), nothing
    for method, (call, nothing) in OTHERS.items():
        yield method, partial(call, state, ids), nothing


def outcome(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the method returns
    """What a method returns, or `REFUSED`."""
    try:
        return call()
    except (BillingError, IntegrityError):
        return REFUSED


def walk(
    world: World, organisation: str, look: Callable[[str, Any, Any, bool], None], subtests: pytest.Subtests
) -> None:
    """Call every method from an organisation, each in a transaction of its own that is taken back.

    `look` gets the method's name, its answer, the answer where nothing is, and whether rows at home have changed.
    """
    with world.database.write() as connection:
        state = State(connection, organisation, SECRET)
        before = at_home(connection)
        for method, call, nothing in calls(state, world.ids):
            with subtests.test(method):
                step = connection.begin_nested()
                answer = outcome(call)
                if answer is REFUSED:
                    step.rollback()
                look(method, answer, nothing, at_home(connection) != before)
                if step.is_active:
                    step.rollback()


def at_home(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row that belongs to the organisation at home."""
    return {table: [row for row in rows if HOME in row] for table, rows in all_rows(connection).items()}


def test_everything_at_home_is_out_of_reach_from_abroad(full: World, subtests: pytest.Subtests) -> None:
    def look(_method: str, answer: object, nothing: object, changed: bool) -> None:  # noqa: FBT001 - told by its name
        assert answer == nothing
        assert not changed

    walk(full, ABROAD, look, subtests)


def test_the_same_calls_reach_what_is_at_home(full: World, subtests: pytest.Subtests) -> None:
    """The negative control: whoever is at home gets another answer, or changes a row."""

    def look(method: str, answer: object, nothing: object, changed: bool) -> None:  # noqa: FBT001 - told by its name
        assert answer != nothing or changed, method

    walk(full, HOME, look, subtests)


def test_the_walk_leaves_out_no_method(world: World) -> None:
    with world.reading() as state:
        methods = {
            f"{name}.{method}" if part is not state else method
            for name, part in {"": state, **vars(state), "customers": state.customers}.items()
            if not name.startswith("_")
            for method, _ in inspect.getmembers(type(part), inspect.isfunction)
            if not method.startswith("_")
        }
    walked = set(OTHERS) | {f"customers.{method}" for method in DOCUMENTS} | set(NOT_BY_ORGANISATION)
    assert methods == walked
    shelves = {name for name, _ in inspect.getmembers(State, lambda member: hasattr(member, "attrname"))}
    assert shelves == set(EXAMPLES)
