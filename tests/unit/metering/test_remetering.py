"""What a meter, as it is now, makes of events that were judged before (ADR 0018)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tallystick.catalog.enrichment import EnrichmentField, Enrichments, EnrichmentType, FieldType
from tallystick.metering.event import EventStatus
from tallystick.metering.remetering import Judged, Remetered, meter_in, remetered
from tests.unit.metering.samples import NOON, catalogue, flight, meter, schema, span

if TYPE_CHECKING:
    from tallystick.metering.catalogue import Catalogue, MeterTerms
    from tallystick.metering.event import Event
    from tallystick.metering.remetering import Facts

METERED, NOT_METERED = EventStatus.METERED, EventStatus.NOT_METERED
TENTHS = meter("miles", (None, '{"/":[{"var":"attributes.distance"},10]}'))
CLASH = meter("miles", (None, '{"var":"dimensions.origin"}'))
SILENT = meter("miles", ("false", "1"))


def judged(
    event: Event | None = None,
    status: EventStatus = METERED,
    facts: Facts | None = None,
    silent: tuple[tuple[str, int], ...] = (),
) -> Judged:
    made = {"um.miles": (1, Decimal(100))} if facts is None else facts
    return Judged(event or flight(), "acme", status, made, silent)


def anew(
    *events: Judged, by: MeterTerms = TENTHS, known: Catalogue | None = None, claimed: set[str] | None = None
) -> list[Remetered | None]:
    by = replace(by, version=2)
    return remetered(events, by, known or catalogue(schema(by)), NOON, set() if claimed is None else claimed)


def test_only_the_one_meters_units_change() -> None:
    others = {"um.miles": (1, Decimal(100)), "um.other": (7, Decimal(3))}
    (found,) = anew(judged(facts=others))
    assert found is not None
    assert (found.status, found.facts) == (METERED, {"um.other": (7, 3), "um.miles": (2, 10)})


def test_where_the_units_are_the_same_nothing_changes() -> None:
    assert anew(judged(facts={"um.miles": (1, Decimal(10))})) == [None]
    assert anew(judged(status=NOT_METERED, facts={}, silent=(("um.miles", 1),)), by=SILENT) == [None]


def test_who_says_no_now_is_noted_in_its_version() -> None:
    (found,) = anew(judged(silent=(("um.other", 4),)), by=SILENT)
    assert found == Remetered(NOT_METERED, None, {}, (("um.other", 4), ("um.miles", 2)))


def test_who_said_no_before_and_takes_units_now_is_no_longer_noted() -> None:
    (found,) = anew(judged(status=NOT_METERED, facts={}, silent=(("um.miles", 1), ("um.other", 4))))
    assert found == Remetered(METERED, None, {"um.miles": (2, Decimal(10))}, (("um.other", 4),))


def test_an_event_that_fails_now_gives_its_id_back() -> None:
    claimed = {"e1", "e2"}
    (found,) = anew(judged(), by=CLASH, claimed=claimed)
    assert found is not None
    assert (found.status, found.facts, claimed) == (EventStatus.UNITS_INVALID, {}, {"e2"})
    assert (found.description or "").startswith("usage meter miles: ")


def test_an_event_that_failed_counts_now_unless_its_id_is_taken() -> None:
    failed = judged(status=EventStatus.UNITS_INVALID, facts={})
    claimed: set[str] = set()
    first, second = anew(failed, failed, claimed=claimed)
    assert first is not None
    assert (first.facts, first.schema_version, first.account_id) == ({"um.miles": (2, 10)}, 3, "acme")
    assert (second, claimed) == (None, {"e1"})


def test_an_event_that_still_fails_stays_as_it_is() -> None:
    assert anew(judged(status=EventStatus.UNITS_INVALID, facts={}), by=CLASH) == [None]


def test_other_failures_are_not_looked_at() -> None:
    others = [status for status in EventStatus if not status.is_processed and status is not EventStatus.UNITS_INVALID]
    assert anew(*(judged(status=status, facts={}) for status in others)) == [None] * len(others)


def test_an_event_need_not_have_a_field_that_its_schema_got_later() -> None:
    grown = replace(schema(replace(TENTHS, version=2)), attributes=("distance", "speed"))
    (found,) = anew(judged(), known=catalogue(grown))
    assert found is not None
    assert found.facts == {"um.miles": (2, 10)}


def test_it_belongs_to_its_account_whatever_its_reference_means_today() -> None:
    elsewhere = catalogue(schema(replace(TENTHS, version=2)), accounts={"acme": [span("zenith")]})
    (found,) = anew(judged(), known=elsewhere)
    assert found is not None
    assert (found.facts, found.account_id) == ({"um.miles": (2, 10)}, None)


def test_an_event_that_cannot_be_enriched_any_more_stays_as_it_is() -> None:
    ratio = EnrichmentField(
        name="ratio",
        type=FieldType.ATTRIBUTE,
        enrichment_type=EnrichmentType.JSON_LOGIC,
        value='{"/":[1,{"var":"attributes.distance"}]}',
        order=1,
    )
    enriched = replace(schema(replace(TENTHS, version=2)), enrichments=Enrichments(fields=[ratio]))
    flat = flight("e2", attributes={"distance": "0"})
    able, unable = anew(judged(), judged(flat), known=catalogue(enriched))
    assert able is not None
    assert (able.facts, unable) == ({"um.miles": (2, 10)}, None)


def test_a_meter_is_known_by_its_version() -> None:
    known = catalogue(schema(TENTHS))
    assert meter_in(known, "flight", "um.miles", 1) is TENTHS
    assert meter_in(known, "flight", "um.miles", 2) is None
    assert meter_in(known, "boat", "um.miles", 1) is None
