"""The event log: an answer means durable, groups share a commit, and failures are told to all who wait."""

from __future__ import annotations

import resource
import sqlite3
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.kernel.clock import FrozenClock
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.ids import IdSource
from tallystick.stores.event_log import SqliteEventLog, position_of, row_of
from tallystick.stores.group_commit import GroupCommit
from tests.unit.metering.samples import columns, flight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tallystick.metering.columns import EventColumns

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(START)


@pytest.fixture
def new_log(tmp_path: Path, clock: FrozenClock) -> Iterator[Callable[..., SqliteEventLog]]:
    """A function that opens the log file of this test; whatever is left open is closed."""
    opened: list[SqliteEventLog] = []

    def new(**options: int) -> SqliteEventLog:
        opened.append(SqliteEventLog(tmp_path / "log.db", clock, IdSource(clock), **options))
        return opened[-1]

    yield new
    for log in opened:
        log.close()


def rows_on_disk(path: Path) -> list[int]:
    """The rows that another connection sees."""
    with sqlite3.connect(path) as other:
        found = [row for (row,) in other.execute("SELECT row FROM log ORDER BY row")]
    other.close()
    return found


def ids_of(log: SqliteEventLog) -> list[str | None]:
    return [event_id for row in log.read(0, 10**9) for held in row.blocks for event_id in held.ids]


def test_what_is_appended_is_read_back_with_its_time_and_its_reserved_nanoseconds(
    new_log: Callable[..., SqliteEventLog], clock: FrozenClock
) -> None:
    log = new_log()
    sent = columns(flight("e1"), flight("e2"))
    assert log.append(sent).result(60) == 1
    clock.move_to(START + timedelta(microseconds=7))
    assert log.append(columns(flight("e3"))).result(60) == 2
    first, second = log.read(0, 100)
    assert (first.row, first.received_at, first.count) == (1, START, 2)
    assert [list(held.rows()) for held in first.blocks] == [list(sent.rows())]
    assert (second.row, second.received_at, second.count) == (2, START + timedelta(microseconds=7), 1)
    assert second.reserved >= first.reserved + 2


def test_positions_keep_the_row_and_the_order_of_events() -> None:
    assert position_of(3, 5) == 3 * 2**20 + 5
    assert row_of(position_of(3, 2**20 - 1)) == 3
    assert position_of(3, 2**20 - 1) < position_of(4)


def test_an_answer_means_that_another_connection_can_read_the_row(
    new_log: Callable[..., SqliteEventLog], tmp_path: Path
) -> None:
    """Group commit over many threads: no future resolves before its row is there for everybody."""
    log = new_log()
    threads, each = 8, 25

    def send(number: int) -> list[tuple[int, bool]]:
        other = sqlite3.connect(tmp_path / "log.db")
        seen = []
        for index in range(each):
            row = log.append(columns(flight(f"{number}-{index}"))).result(60)
            found = other.execute("SELECT count(*) FROM log WHERE row = ?", (row,)).fetchone()[0]
            seen.append((row, found == 1))
        other.close()
        return seen

    with ThreadPoolExecutor(threads) as pool:
        answers = [answer for seen in pool.map(send, range(threads)) for answer in seen]
    assert all(visible for _, visible in answers)
    assert sorted(ids_of(log), key=str) == sorted(f"{n}-{i}" for n in range(threads) for i in range(each))
    assert {row for row, _ in answers} == set(range(1, log.end() + 1))


def test_a_build_that_acknowledges_before_the_commit_is_found_out(
    new_log: Callable[..., SqliteEventLog], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the crash test (reliability.md F-01): the lie must be visible to the check above."""
    monkeypatch.setenv("TALLYSTICK_FAULTS", "ack_before_commit")
    log = new_log()
    row = log.append(columns(flight())).result(60)
    assert row == 1
    assert rows_on_disk(tmp_path / "log.db") == []
    assert log.barrier() == 1
    assert rows_on_disk(tmp_path / "log.db") == [1]


class SlowJournal:
    """A journal that commits only when it is let, and remembers what each commit held."""

    def __init__(self) -> None:
        self.commits: list[list[str | None]] = []
        self.entered = threading.Event()
        self.may_go = threading.Semaphore(0)

    def commit(self, parts: list[EventColumns]) -> int:
        self.entered.set()
        self.may_go.acquire()
        self.commits.append([event_id for held in parts for event_id in held.ids])
        return len(self.commits)

    def end(self) -> int:
        return len(self.commits)

    def tidy(self) -> bool:
        return False


def slow() -> tuple[SlowJournal, GroupCommit]:
    journal = SlowJournal()
    return journal, GroupCommit(journal, most_waiting=5)


def test_whoever_arrives_during_a_commit_shares_the_next_one() -> None:
    journal, group = slow()
    first = group.append(columns(flight("e0")))
    assert journal.entered.wait(60)
    others = [group.append(columns(flight(f"e{number}"))) for number in (1, 2, 3)]
    journal.may_go.release(2)
    assert first.result(60) == 1
    assert [other.result(60) for other in others] == [2, 2, 2]
    assert journal.commits == [["e0"], ["e1", "e2", "e3"]]
    group.close()


def test_more_events_than_may_wait_are_refused_at_once() -> None:
    journal, group = slow()
    group.append(columns(flight("e0")))
    assert journal.entered.wait(60)
    group.append(columns(*[flight(f"e{number}") for number in range(4)]))
    with pytest.raises(BillingError, match="too many events are waiting") as refusal:
        group.append(columns(flight("e8"), flight("e9")))
    assert refusal.value.kind is Kind.UNAVAILABLE
    journal.may_go.release(9)
    group.close()
    assert len(journal.commits) == 2


def test_an_event_whose_sender_went_away_before_the_commit_is_left_out() -> None:
    journal, group = slow()
    group.append(columns(flight("e0")))
    assert journal.entered.wait(60)
    gone = group.append(columns(flight("e1")))
    assert gone.cancel()
    journal.may_go.release(9)
    group.close()
    assert journal.commits == [["e0"]]


def test_a_barrier_waits_for_every_append_before_it() -> None:
    journal, group = slow()
    waiting = [group.append(columns(flight("e0")))]
    assert journal.entered.wait(60)
    waiting.append(group.append(columns(flight("e1"))))
    with ThreadPoolExecutor(1) as pool:
        barrier: Future[int] = pool.submit(group.barrier)
        with pytest.raises(TimeoutError):
            barrier.result(0.05)
        journal.may_go.release(2)
        assert barrier.result(60) == 2
    group.close()


def test_closing_makes_everything_durable_that_was_taken_and_takes_no_more(
    new_log: Callable[..., SqliteEventLog], tmp_path: Path
) -> None:
    log = new_log()
    taken = [log.append(columns(flight(f"e{number}"))) for number in range(50)]
    log.close()
    assert all(future.done() for future in taken)
    assert rows_on_disk(tmp_path / "log.db")[-1] == max(future.result() for future in taken)
    for refused in (lambda: log.append(columns(flight())), log.barrier):
        with pytest.raises(BillingError, match="shutting down"):
            refused()


def test_the_log_survives_being_opened_again_and_time_never_goes_back(
    new_log: Callable[..., SqliteEventLog], clock: FrozenClock, tmp_path: Path
) -> None:
    log = new_log()
    clock.move_to(START + timedelta(days=1))
    log.append(columns(flight("e1"))).result(60)
    log.close()
    earlier = FrozenClock(START)
    again = SqliteEventLog(tmp_path / "log.db", earlier, IdSource(earlier))
    assert again.end() == 1
    assert again.append(columns(flight("e2"))).result(60) == 2
    assert [row.received_at for row in again.read(0, 100)] == [START + timedelta(days=1)] * 2
    assert ids_of(again) == ["e1", "e2"]
    again.close()


def test_a_read_takes_at_least_one_row_and_no_more_events_than_asked(new_log: Callable[..., SqliteEventLog]) -> None:
    log = new_log()
    for size in (3, 2, 2, 9, 1):
        log.append(columns(*[flight(f"e{number}") for number in range(size)])).result(60)
    assert [row.row for row in log.read(0, 1)] == [1]
    assert [row.row for row in log.read(0, 5)] == [1, 2]
    assert [row.row for row in log.read(3, 9)] == [4]
    assert [row.row for row in log.read(0, 100)] == [1, 2, 3, 4, 5]
    assert log.read(5, 100) == []


def test_pruned_rows_are_gone_but_never_the_newest(new_log: Callable[..., SqliteEventLog], tmp_path: Path) -> None:
    log = new_log()
    for number in range(30):
        log.append(columns(flight(f"e{number}"))).result(60)
    log.prune(20)
    for _ in range(5):
        log.barrier()
    assert rows_on_disk(tmp_path / "log.db") == list(range(21, 31))
    log.prune(30)
    for _ in range(5):
        log.barrier()
    assert rows_on_disk(tmp_path / "log.db") == [30]
    log.close()
    assert new_log().append(columns(flight("next"))).result(60) == 31


class TestSpace:
    """What a burst of events has taken of the disk is given back once they are pruned."""

    LARGE = 20_000
    """Events in a row that takes more than a megabyte."""

    def filled(self, log: SqliteEventLog) -> None:
        for _ in range(8):
            log.append(columns(*[flight(f"e{number}") for number in range(self.LARGE)])).result(30)

    def settled(self, log: SqliteEventLog) -> None:
        for _ in range(4):
            log.barrier()

    def test_it_is_given_back_when_only_the_newest_row_is_left(
        self, new_log: Callable[..., SqliteEventLog], tmp_path: Path
    ) -> None:
        log = new_log()
        self.filled(log)
        log.append(columns(flight("small"))).result(60)
        self.settled(log)
        high = (tmp_path / "log.db").stat().st_size
        log.prune(7)
        self.settled(log)
        assert (tmp_path / "log.db").stat().st_size >= high, "the control: two rows are left, one of them large"
        log.prune(9)
        self.settled(log)
        assert (tmp_path / "log.db").stat().st_size < high / 20
        assert [row.row for row in log.read(0, 10)] == [9]
        assert log.append(columns(flight("next"))).result(60) == 10
        assert rows_on_disk(tmp_path / "log.db") == [9, 10]

    def test_a_reader_in_the_middle_of_it_reads_on_and_the_next_checkpoint_gives_it_back(
        self, new_log: Callable[..., SqliteEventLog], tmp_path: Path
    ) -> None:
        log = new_log()
        self.filled(log)
        high = (tmp_path / "log.db").stat().st_size
        with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM log").fetchone() == (8,)
            log.append(columns(flight("small"))).result(60)
            log.prune(9)
            self.settled(log)
            assert (tmp_path / "log.db").stat().st_size >= high, "the reader still needs it"
            assert len(reader.execute("SELECT body FROM log").fetchall()) == 8
        log.close()
        assert (tmp_path / "log.db").stat().st_size < high / 20

    def test_little_of_it_is_kept_for_the_next_events(
        self, new_log: Callable[..., SqliteEventLog], tmp_path: Path
    ) -> None:
        log = new_log()
        for number in range(30):
            log.append(columns(*[flight(f"e{number}-{place}") for place in range(500)])).result(60)
        log.prune(30)
        self.settled(log)
        with closing(sqlite3.connect(tmp_path / "log.db")) as other:
            assert other.execute("PRAGMA freelist_count").fetchone()[0] > 20


def test_a_log_that_was_lost_goes_on_behind_what_the_event_store_has(new_log: Callable[..., SqliteEventLog]) -> None:
    log = new_log()
    log.continue_behind(41)
    assert log.append(columns(flight("e1"))).result(60) == 42
    assert [row.row for row in log.read(41, 100)] == [42]


def test_rows_that_are_in_neither_store_are_reported(new_log: Callable[..., SqliteEventLog]) -> None:
    log = new_log()
    for number in range(3):
        log.append(columns(flight(f"e{number}"))).result(60)
    log.continue_behind(0)
    log.prune(2)
    log.barrier()
    log.barrier()
    log.continue_behind(2)
    with pytest.raises(BillingError, match="restore both files") as refusal:
        log.continue_behind(1)
    assert refusal.value.kind is Kind.BROKEN


def test_listeners_hear_of_rows_that_are_durable(new_log: Callable[..., SqliteEventLog]) -> None:
    log = new_log()
    heard: list[int] = []
    log.listen(lambda: heard.append(log.end()))
    log.append(columns(flight("e1"))).result(60)
    log.barrier()
    assert heard == [1]


def test_the_file_is_written_through_to_the_disk(new_log: Callable[..., SqliteEventLog]) -> None:
    log = new_log()
    connection = log._file._connected()
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, clock: FrozenClock) -> None:
    path = tmp_path / "log.db"
    path.write_text("this is a diary, not a database; " * 200)
    before = path.read_bytes()
    with pytest.raises(BillingError, match="cannot be opened"):
        SqliteEventLog(path, clock, IdSource(clock))
    assert path.read_bytes() == before


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], Any]]:
    """A function that forbids this process to let any file grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_refuses_all_who_wait_and_heals_by_itself(
    new_log: Callable[..., SqliteEventLog], full_disk: Callable[[int], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """reliability.md F-15: no acknowledgement, and recovery without a restart."""
    log = new_log()
    log.append(columns(flight("before"))).result(60)
    big = columns(*[flight("x" * 500 + str(number)) for number in range(2000)])
    full_disk(300_000)
    refused = [log.append(big) for _ in range(3)]
    for future in refused:
        with pytest.raises(BillingError, match="could not be written to disk") as refusal:
            future.result(60)
        assert refusal.value.kind is Kind.UNAVAILABLE
    assert log.end() == 1
    assert log.failure is not None
    full_disk(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert log.append(columns(flight("after"))).result(60) == 2
    assert log.failure is None
    assert ids_of(log) == ["before", "after"]
    assert caplog.text.count("could not be written") == 1


def test_a_log_that_nobody_writes_to_finds_out_by_itself_that_the_disk_has_space_again(
    new_log: Callable[..., SqliteEventLog], full_disk: Callable[[int], Any]
) -> None:
    log = new_log()
    full_disk(4_096)
    with pytest.raises(BillingError, match="could not be written to disk"):
        log.append(columns(flight("refused"))).result(60)
    full_disk(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert log.failure is not None
    patience = time.monotonic() + 60
    while log.failure is not None:
        assert time.monotonic() < patience
        time.sleep(0.01)
    assert (log.end(), ids_of(log)) == (0, [])
