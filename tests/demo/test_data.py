"""Facts of the flights that the demo bills: they hold for the published data, so they must hold for our file."""

from __future__ import annotations

import duckdb

from demo import flights


def _one(sql: str) -> int:
    with duckdb.connect() as connection:
        row = connection.execute(sql, {"data": str(flights.DATA)}).fetchone()
    assert row is not None
    return int(row[0])


def test_the_file_is_small_enough_to_ship() -> None:
    assert flights.DATA.stat().st_size <= 4_000_000


def test_it_holds_every_flight_of_the_year() -> None:
    assert _one("select count(*) from read_parquet($data)") == 336_776
    assert flights.count(12) == 336_776
    assert _one("select count(*) from read_parquet($data) where year(departs_at) = 2013") == 336_776


def test_the_air_time_of_9430_flights_is_unknown_and_nothing_else_is() -> None:
    assert _one("select count(*) from read_parquet($data) where air_time is null") == 9_430
    assert _one("select count(*) from read_parquet($data) where distance is null or carrier_name is null") == 0


def test_there_are_16_carriers() -> None:
    assert len(flights.carriers()) == 16
    assert flights.carriers()["UA"] == "United Air Lines Inc."


def test_every_flight_becomes_an_event_with_an_id_of_its_own() -> None:
    ids = "carrier, flight, origin, departs_at::date"
    assert _one(f"select count(*) from (select distinct {ids} from read_parquet($data))") == 336_776


def test_a_month_is_cut_into_batches_of_1000_that_hold_all_its_flights() -> None:
    sizes = [size for size, _ in flights.batches(2)]
    assert set(sizes[:-1]) == {1000}
    assert sum(sizes) == _one("select count(*) from read_parquet($data) where month(departs_at) = 2") == 24_951
