"""What an API key may do."""

from __future__ import annotations

import enum


class Scope(enum.StrEnum):
    """The four scopes; none implies another, so a collector's key may send events and read nothing.

    MONEY is for whoever decides what somebody pays: credits, plans of accounts, invoices, the past. Whoever reports
    what is used or held has WRITE, for events and licences alike: what counts seats must not be able to grant credits,
    though a seat is billed at once where the plan says so.
    """

    READ = "read"
    WRITE = "write"
    MONEY = "money"
    ADMIN = "admin"


EVERY_SCOPE = frozenset(Scope)
