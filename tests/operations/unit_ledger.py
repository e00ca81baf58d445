"""The feature credits of an account, looked at and used without events, and plans that grant some, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import text

from tallystick.kernel.period import BEGINNING, FOREVER, Period
from tallystick.metering.purse import Debit
from tests.operations.shop import monthly

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from tallystick.operations.work import Work
    from tests.operations.shop import Shop
    from tests.servers import Inside

Json = dict[str, Any]
ANY_TIME = Period(BEGINNING, FOREVER)


@dataclass(frozen=True)
class Ledger:
    """The feature credits of the account `acme`, and what is used of them."""

    server: Inside
    feature: str

    @classmethod
    def begin(cls, server: Inside, shop: Shop) -> Self:
        """The account, with a feature that nothing grants yet."""
        shop.account()
        return cls(server, shop.api.post("/features", {"name": "Exports"}).ok()["id"])

    def entries(self) -> list[tuple[str, Decimal | None, Decimal, str, str]]:
        """Source, granted, used, first and last day (exclusive) of each entry that is not void, by its start and id."""
        with self._work(writes=False) as (work, _):
            found = work.state.feature_credits.of(["acme"], ANY_TIME, self.feature)
        return [
            (
                one.grant.source.value,
                one.grant.granted,
                one.used,
                one.grant.valid.start.date().isoformat(),
                one.grant.valid.end.date().isoformat(),
            )
            for one in sorted(found, key=lambda one: (one.grant.valid.start, one.grant.id))
        ]

    def use(self, units: object, entry: str, feature: str | None = None) -> None:
        """Book what an event used of the entry whose id ends so."""
        feature = feature or self.feature
        with self._work(writes=True) as (work, _):
            ledger = work.state.feature_credits
            (found,) = [one for one in ledger.of(["acme"], ANY_TIME, feature) if one.grant.id.endswith(entry)]
            key = ("acme", feature, found.grant.id)
            row = 1 if feature == self.feature else 2
            debit = Debit(row, found.revision + 1, *key, Decimal(str(units)))
            ledger.book([debit], {key: found.revision})

    def _work(self, *, writes: bool) -> AbstractContextManager[tuple[Work, Connection]]:
        engine = self.server.engine
        with engine.database.read() as connection:
            (home,) = connection.execute(text("SELECT id FROM organisation ORDER BY created_at LIMIT 1")).one()
        return engine.work_for(home, "test", writes=writes)


def sell(
    shop: Shop, *, cycle: Json | None = None, granted: Json | None = None, beyond: Json | None = None, **more: object
) -> str:
    """Put a plan with these cards on the account; its id."""
    cards = {
        "billingEntitlementRateCards": [granted] if granted else [],
        "entitlementOverageRateCards": [beyond] if beyond else [],
    }
    plan = shop.plan(cycle=cycle or monthly(grace=2), **cards, **more)
    shop.associate(plan)
    return plan
