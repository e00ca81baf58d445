"""Identifiers in the native format `<prefix>.<11 base-62 characters of nanoseconds>.<5 random>`.

Two ids never share their time part, also on a frozen clock, so ids sort by creation (domain.md 1.3).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from typing import TYPE_CHECKING, Final

from tallystick.kernel.micros import micros_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tallystick.kernel.clock import Clock

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME_LETTERS: Final = 11
_RANDOM_LETTERS: Final = 5


def base62(number: int, width: int) -> str:
    """A non-negative number in base 62, padded with zeros to the width."""
    letters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        letters.append(ALPHABET[rest])
    return "".join(reversed(letters))


def reserved_of(reference: str) -> int | None:
    """The nanosecond that stands in an event's reference id; None, when it is none."""
    prefix, _, rest = reference.partition(".")
    letters = rest.partition(".")[0]
    if prefix != "event" or len(letters) != _TIME_LETTERS or not set(letters) <= set(ALPHABET):
        return None
    number = 0
    for letter in letters:
        number = number * 62 + ALPHABET.index(letter)
    return number if number < 1 << 63 else None


def nanoseconds(instant: datetime) -> int:
    """Nanoseconds since 1970 of an instant, exact to its microsecond."""
    return micros_of(instant) * 1000


class IdSource:
    """Mints ids from the clock; `ahead` moves the time part on a frozen clock past earlier runs."""

    def __init__(self, clock: Clock, *, ahead: int = 0, random_below: Callable[[int], int] = secrets.randbelow) -> None:
        self._clock = clock
        self._ahead = ahead
        self._random_below = random_below
        self._last = -1
        self._lock = threading.Lock()

    def reserve(self, count: int = 1) -> int:
        """The first of `count` consecutive nanoseconds that no other id has or will get."""
        now = nanoseconds(self._clock.now()) + self._ahead
        with self._lock:
            first = max(now, self._last + 1)
            self._last = first + count - 1
        return first

    def mint(self, prefix: str) -> str:
        """A new id such as `um.23Xx0Jkc2DM.0TkcT`."""
        random = self._random_below(62**_RANDOM_LETTERS)
        return f"{prefix}.{base62(self.reserve(), _TIME_LETTERS)}.{base62(random, _RANDOM_LETTERS)}"


def event_reference(reserved: int, secret: bytes) -> str:
    """The reference id of an event whose nanosecond was reserved: its last part follows from the first."""
    digest = hashlib.blake2b(reserved.to_bytes(8), digest_size=8, key=secret[:64]).digest()
    tail = int.from_bytes(digest) % 62**_RANDOM_LETTERS
    return f"event.{base62(reserved, _TIME_LETTERS)}.{base62(tail, _RANDOM_LETTERS)}"
