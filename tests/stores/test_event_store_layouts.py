"""Event stores that an earlier release wrote: opened, they answer as they did, also after a start that died."""

from __future__ import annotations

import contextlib
import shutil
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tallystick.stores import event_store_sorting, event_store_tables
from tallystick.stores.duck_event_store import DuckEventStore
from tallystick.stores.event_checks import CheckedEventStore
from tallystick.stores.event_store import UsageWindow
from tests.stores.event_samples import ALWAYS, JANUARY, RECEIVED, block, total, trip
from tests.unit.metering.samples import ORGANISATION

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "org.2"
DAYS = [JANUARY + timedelta(days=day) for day in range(32)]

AS_LAYOUT_2 = """
CREATE TABLE named AS FROM usage;
DROP VIEW usage;
DROP VIEW fact;
DROP TABLE fact_arrived;
DROP TABLE fact_sorted;
DROP TABLE fact_day;
DROP TABLE series;
CREATE TABLE usage (
    organisation VARCHAR NOT NULL,
    account_id VARCHAR NOT NULL,
    meter_id VARCHAR NOT NULL,
    meter_version INTEGER NOT NULL,
    event_at TIMESTAMP NOT NULL,
    value DECIMAL(38, 12) NOT NULL,
    position BIGINT NOT NULL
);
INSERT INTO usage FROM named ORDER BY position;
DROP TABLE named;
UPDATE schema_version SET version = 2;
"""
AS_LAYOUT_1 = f"""
{AS_LAYOUT_2}
DROP VIEW judged;
DROP TABLE revision;
ALTER TABLE event DROP COLUMN enrichments;
UPDATE schema_version SET version = 1;
"""
AS_LAYOUT_3 = """
DROP TABLE fact_day;
UPDATE schema_version SET version = 3;
"""


@pytest.fixture(params=[AS_LAYOUT_2, AS_LAYOUT_1], ids=["layout 2", "layout 1"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of an earlier layout with 40 facts of two accounts and two organisations, 1 unit each."""
    return written(tmp_path / "events.duckdb", request.param)


def written(made: Path, changes: str, *, is_sorted: bool = False) -> Path:
    """A file with those facts, changed to what an earlier release would have written."""
    store = DuckEventStore(made)
    for row in range(1, 11):
        mine = [trip(f"{account}-{row}", "1", day=row, account=account) for account in ("acme", "zenith", "acme")]
        theirs = block(trip(f"t-{row}", "1", day=row), row=row, ordinal=3, organisation=OTHER)
        mine[2] = trip(f"again-{row}", "1", day=row)
        store.apply([block(*mine, row=row), theirs], row, RECEIVED)
    if is_sorted:
        store.sort_portion()
    store.close()
    with duckdb.connect(made) as database:
        database.execute(changes)
    return made


def check(store: DuckEventStore) -> None:
    """The usage of that file."""
    windows = [UsageWindow(account, ALWAYS) for account in ("acme", "zenith")]
    assert [total(found) for found in store.usage_totals(ORGANISATION, windows)] == [20, 10]
    assert [total(found) for found in store.usage_totals(OTHER, windows)] == [10, 0]
    days = [("um.miles", day, Decimal(3)) for day in range(1, 11)]
    assert store.usage_series(ORGANISATION, DAYS, by="meter") == days
    assert len(store.page_events(ORGANISATION, size=99)) == 30
    assert (store.offset(), store._read("SELECT version FROM schema_version", {})) == (10, [(4,)])


@pytest.mark.parametrize("portion", [7, 8, 1_000])
def test_the_facts_of_an_earlier_layout_are_given_their_series(
    path: Path, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_store_tables, "PORTION", portion)
    for _ in range(2):
        store = CheckedEventStore(path)
        check(store)
        assert store.count_unsorted() == 40 % portion
        assert store.count_without_event() == (40, 0)
        store.apply([], 10, RECEIVED)
        store.close()
    store = DuckEventStore(path)
    store.apply([block(trip("new", "5"), row=11)], 11, RECEIVED)
    assert total(store.usage_totals(ORGANISATION, [UsageWindow("acme", ALWAYS)])[0]) == 25
    assert store._read("SELECT count(*) FROM series", {}) == [(3,)]
    store.close()


@pytest.mark.parametrize("portion", [7, 1_000])
def test_sorted_facts_of_layout_3_are_summed_by_day(
    tmp_path: Path, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = written(tmp_path / "events.duckdb", AS_LAYOUT_3, is_sorted=True)
    monkeypatch.setattr(event_store_sorting, "PORTION", portion)
    for _ in range(2):
        store = CheckedEventStore(made)
        check(store)
        assert (store.count_unsorted(), store.count_wrong_days()) == (0, (30, 0))
        store.close()


@pytest.mark.parametrize("statement", range(30))
def test_a_start_that_dies_while_it_moves_facts_is_gone_on_with_by_the_next(
    path: Path, statement: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies before its first statement, its second and so on; beyond the last it does not die."""
    monkeypatch.setattr(event_store_tables, "PORTION", 16)
    copied = path.with_name("copied.duckdb")
    with duckdb.connect(":memory:", config={"checkpoint_threshold": "64MB"}) as database:
        database.execute(f"ATTACH '{path}' AS kept")
        database.execute("USE kept")
        with contextlib.suppress(_DiedError):
            event_store_tables.laid_out(_Dying(database, statement), path.name)  # type: ignore[arg-type]
        for file in path.parent.glob("events.duckdb*"):  # as they are when the process is gone
            shutil.copy(file, str(file).replace(str(path), str(copied)))
    store = DuckEventStore(copied)
    check(store)
    assert store.count_unsorted() == 40 % 16
    assert store._read("SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE 'usage%'", {}) == [(0,)]
    store.close()


class _DiedError(BaseException):
    pass


class _Dying:
    """A connection whose process dies before a statement."""

    def __init__(self, database: duckdb.DuckDBPyConnection, statement: int) -> None:
        self._database = database
        self._left = statement

    def __getattr__(self, name: str) -> object:
        if name in {"execute", "commit"}:
            if self._left == 0:
                raise _DiedError
            self._left -= 1
        return getattr(self._database, name)
