"""The progress file and the list of rejects tell of the same rows, also after a crash between the two."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.feed.journal import Errand, Journal, Reject
from tallystick.feed.row import Place
from tallystick.kernel.errors import BillingError

if TYPE_CHECKING:
    from pathlib import Path

ERRAND = Errand(file="digest", terms="mapping", server="http://127.0.0.1:8080")


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "usage.csv.progress", tmp_path / "usage.csv.rejects.jsonl"


def journal(paths: tuple[Path, Path], errand: Errand = ERRAND, *, restart: bool = False) -> Journal:
    return Journal(*paths, errand, restart=restart)


def rejects(paths: tuple[Path, Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in paths[1].read_text().splitlines()]


def test_it_goes_on_where_it_was_left(paths: tuple[Path, Path]) -> None:
    with journal(paths) as first:
        first.answered(Place(10, 100), 9, [Reject(4, "bad", {"a": "1"})])
    with journal(paths) as second:
        assert (second.progress.place, second.progress.taken, second.progress.rejected) == ((10, 100), 9, 1)
        second.answered(Place(20, 200), 9, [Reject(11, "worse", None)])
        second.done()
    with journal(paths) as third:
        assert (third.progress.is_done, third.progress.taken) == (True, 18)
    assert [reject["row"] for reject in rejects(paths)] == [4, 11]
    assert rejects(paths)[0] == {"row": 4, "reason": "bad", "event": {"a": "1"}}


def test_rejects_that_the_progress_does_not_know_of_are_dropped(paths: tuple[Path, Path]) -> None:
    with journal(paths) as first:
        first.answered(Place(10, 100), 9, [Reject(4, "bad", None)])
    with paths[1].open("ab") as file:
        file.write(b'{"row": 15, "reason": "half a li')
    with journal(paths):
        pass
    assert [reject["row"] for reject in rejects(paths)] == [4]


def test_without_rejects_there_is_no_list_of_them(paths: tuple[Path, Path]) -> None:
    with journal(paths) as first:
        first.answered(Place(10, 100), 10, [])
    assert [path.exists() for path in paths] == [True, False]


def test_a_restart_forgets_both(paths: tuple[Path, Path]) -> None:
    with journal(paths) as first:
        first.answered(Place(10, 100), 9, [Reject(4, "bad", None)])
    with journal(paths, restart=True) as second:
        assert second.progress.place.row == 0
    assert not paths[1].exists()


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Errand(file="x", terms="mapping", server=ERRAND.server), "rows without ids of their own would count again"),
        (Errand(file="digest", terms="x", server=ERRAND.server), "the rows before were mapped otherwise"),
        (Errand(file="digest", terms="mapping", server="x"), "the rows before were sent to http://127.0.0.1:8080"),
    ],
)
def test_another_file_mapping_or_server_is_refused(paths: tuple[Path, Path], other: Errand, reason: str) -> None:
    with journal(paths) as first:
        first.answered(Place(10, 100), 10, [])
    with pytest.raises(BillingError, match=reason):
        journal(paths, other)
    with journal(paths, other, restart=True) as again:
        assert again.progress.place.row == 0


def test_a_file_that_is_no_progress_is_left_alone(paths: tuple[Path, Path]) -> None:
    paths[0].write_text("precious")
    with pytest.raises(BillingError, match="is no progress file"):
        journal(paths)
    assert paths[0].read_text() == "precious"
