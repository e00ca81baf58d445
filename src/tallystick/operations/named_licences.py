"""Named licences: the ledger that events of the schema `togai-named-license` write (domain.md 2.5, 8.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Final

import msgspec

from tallystick.accounts.named_licence import NamedLicenseUpdate, NamedSpan, NameEvent, spans_of
from tallystick.catalog.event_schema import NAMED_LICENSE_SCHEMA
from tallystick.kernel import paging
from tallystick.kernel.errors import invalid
from tallystick.kernel.ids import event_reference
from tallystick.kernel.paging import PageRequest, Query
from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.metering.event import EventStatus
from tallystick.operations.answers import Listed
from tallystick.operations.work import Work, event_query
from tallystick.stores.event_facts import StoredEvent

LARGEST_PAGE: Final = 50
READ_AT_ONCE: Final = 10_000
_TAKEN: Final = frozenset({EventStatus.METERED, EventStatus.NOT_METERED})
"""What becomes of well-formed events; earlier releases said of them that they were not metered."""
_ANY_TIME: Final = Period(BEGINNING, FOREVER)
_LISTING: Final = "named_license_updates"


@event_query
def list_named_license_updates(
    work: Work, page: PageRequest, *, account_id: str | None = None, license_id: str | None = None
) -> Listed[NamedLicenseUpdate]:
    """Page through the names that hold licences or held them, the one that was made known last first."""
    query = _query(work, page, account_id, license_id)
    wanted = query.filters
    spans = [
        span
        for span in named_spans(work, [wanted["account_id"]] if "account_id" in wanted else None)
        if span.license_id == wanted.get("license_id", span.license_id)
    ]
    spans.sort(key=lambda span: span.id, reverse=True)
    after = None if query.after is None else str(query.after[0])
    left = [span for span in spans if after is None or span.id < after]
    shown = left[: query.size]
    goes_on = len(left) > query.size
    token = paging.sign(msgspec.structs.replace(query, after=[shown[-1].id]), work.secret) if goes_on else None
    return Listed(data=[span.shown() for span in shown], next_token=token)


def named_spans(work: Work, account_ids: Collection[str] | None) -> list[NamedSpan]:
    """When names held licences of these accounts, or of any, by when that began."""
    return spans_of(_name_event(work, stored) for stored in _stored(work, account_ids))


def _query(work: Work, page: PageRequest, account_id: str | None, license_id: str | None) -> Query:
    organisation = work.organisation.id
    if page.next_token:
        return paging.read(page.next_token, listing=_LISTING, organisation=organisation, secret=work.secret)
    if page.search:
        raise invalid("_search", "this list cannot be searched: leave it out")
    if page.sort:
        raise invalid("_sort", "this list cannot be sorted: leave it out")
    asked = {"account_id": account_id, "license_id": license_id}
    return Query(
        listing=_LISTING,
        organisation=organisation,
        filters={name: value for name, value in asked.items() if value is not None},
        size=paging.size_of(page.page_size, LARGEST_PAGE, LARGEST_PAGE),
    )


def _stored(work: Work, account_ids: Collection[str] | None) -> Iterator[StoredEvent]:
    """Every event that gave or took a named licence and still counts."""
    after, through = 0, work.events.offset()
    while True:
        events = work.events.events_of_schema(
            work.organisation.id,
            NAMED_LICENSE_SCHEMA,
            _ANY_TIME,
            _TAKEN,
            account_ids=None if account_ids is None else list(account_ids),
            through_row=through,
            after=after,
            size=READ_AT_ONCE,
        )
        yield from events
        if len(events) < READ_AT_ONCE:
            return
        after = events[-1].position


def _name_event(work: Work, stored: StoredEvent) -> NameEvent:
    event = stored.event
    action = next(attribute.value for attribute in event.attributes if attribute.name == "action")
    reference = event_reference(stored.reserved, work.secret).partition(".")[2]
    return NameEvent(
        id=f"named_license_entry.{reference}",
        number=stored.position,
        license_id=event.dimensions["license_id"],
        account_id=stored.account_id or event.account_id,
        name=event.dimensions["name"],
        adds=Decimal(action) > 0,
        at=event.timestamp,
        received_at=stored.received_at,
    )
