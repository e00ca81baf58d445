"""Every room says what it owns, what it does not, what its timestamps mean and how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.house.source import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TOPICS = ("owns", "does not own", "timestamps", "fails")
SHORTEST, LONGEST = 12, 30


def missing(room: Path) -> Iterator[str]:
    """What a room's README lacks."""
    page = room / "README.md"
    if not page.exists():
        yield "a README.md"
        return
    text = page.read_text(encoding="utf-8")
    yield from (topic for topic in TOPICS if topic not in text.lower())
    if not SHORTEST <= text.count("\n") <= LONGEST:
        yield f"about twenty lines, it has {text.count(chr(10))}"


def test_the_rooms_of_the_design_are_there() -> None:
    designed = {"kernel", "logic", "catalog", "accounts", "metering", "credits", "rating", "invoicing"}
    assert designed | {"stores", "operations", "engine", "workers", "api", "cli"} <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_page_about_itself(room: str) -> None:
    assert list(missing(PACKAGE / room)) == []


def test_a_room_without_a_page_or_with_half_of_one_is_found(tmp_path: Path) -> None:
    assert list(missing(tmp_path)) == ["a README.md"]
    (tmp_path / "README.md").write_text("# room\n\nOwns everything. Fails never.\n", encoding="utf-8")
    assert list(missing(tmp_path)) == ["does not own", "timestamps", "about twenty lines, it has 3"]
