"""What simulations found for each account: written once, immutable afterwards, sorted by how much would change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import insert

from tallystick.invoicing.comparison import ComparedLine, Comparison
from tallystick.kernel.document import decode, encode
from tallystick.kernel.money import Money, from_minor
from tallystick.kernel.quantity import plain
from tallystick.stores.state import listing
from tallystick.stores.state.job_tables import simulated_account
from tallystick.stores.state.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from sqlalchemy import Connection, RowMapping

    from tallystick.kernel.paging import PageRequest

_LISTING: Final = Listing(
    "simulated_accounts",
    simulated_account,
    (("currency", True), ("difference", False), ("account_id", True)),
    expressions={"difference": simulated_account.c.difference_minor},
)


class Simulations:
    """What simulations of one organisation found, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def add(self, simulation_id: str, comparisons: Iterable[Comparison]) -> None:
        """Store what was found for more accounts."""
        rows = [
            {
                "organisation_id": self._organisation,
                "simulation_id": simulation_id,
                "account_id": one.account_id,
                "currency": one.currency,
                "cycles": one.cycles,
                "old_minor": Money(one.old_revenue, one.currency).minor,
                "new_minor": Money(one.new_revenue, one.currency).minor,
                "difference_minor": Money(one.difference, one.currency).minor,
                "lines": encode(one.lines).decode(),
            }
            for one in comparisons
        ]
        if rows:
            self._connection.execute(insert(simulated_account), rows)

    def page(
        self, request: PageRequest, simulation_id: str, currency: str | None
    ) -> tuple[list[Comparison], str | None]:
        """One page of a simulation's accounts, and the token of the next page.

        By currency, and within each those first who would pay most more.
        """
        filters = {"simulation_id": simulation_id, "currency": currency}
        rows, token = listing.page(self._connection, _LISTING, self._organisation, request, filters, self._secret)
        return [_comparison(row) for row in rows], token


def _comparison(row: RowMapping) -> Comparison:
    currency: str = row["currency"]
    return Comparison(
        account_id=row["account_id"],
        currency=currency,
        cycles=row["cycles"],
        old_revenue=_major(row["old_minor"], currency),
        new_revenue=_major(row["new_minor"], currency),
        difference=_major(row["difference_minor"], currency),
        lines=decode(row["lines"], list[ComparedLine]),
    )


def _major(minor: int, currency: str) -> Decimal:
    return plain(from_minor(minor, currency).amount)
