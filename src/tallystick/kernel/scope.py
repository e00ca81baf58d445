"""What an API key may do."""

from __future__ import annotations

import enum


class Scope(enum.StrEnum):
    """The four scopes; none implies another, so a collector's key may send events and read nothing."""

    READ = "read"
    WRITE = "write"
    MONEY = "money"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)
