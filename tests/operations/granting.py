"""A shop whose calls use a feature, and short ways to grant, ask and look at what is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote

from tallystick.credits.feature_credit import CreditSource, FeatureGrant
from tallystick.kernel.period import Period
from tallystick.stores.state.feature_credits import FeatureCredits
from tests.operations.shop import Shop, event

if TYPE_CHECKING:
    from tallystick.stores.state.database import Database
    from tests.operations.shop import Json
    from tests.servers import Answer, Api, Inside

NAME = "sch.1#2026-01-01$PRICE_PLAN"


def day(text: str) -> datetime:
    """The first instant of a day, or an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def add(database: Database, api: Api, *entries: FeatureGrant) -> None:
    """Add entries to the organisation of a caller, beside a server that may run."""
    organisation = api.get("/v1/organization").ok()["id"]
    with database.write() as connection:
        FeatureCredits(connection, organisation, b"").add(entries, day("2026-01-01"))


def granted(units: object, account: str, feature: str, name: str = NAME) -> FeatureGrant:
    """Units for a year, from a plan."""
    year = Period(day("2026-01-01"), day("2027-01-01"))
    return FeatureGrant(name, account, feature, CreditSource.PRICE_PLAN, Decimal(str(units)), year)


@dataclass(frozen=True)
class Granting:
    """One organisation with the account `acme`, whose events of the schema `api_call` use a feature by their calls."""

    server: Inside
    shop: Shop
    feature: str

    @classmethod
    def begin(cls, server: Inside, shop: Shop, *, meter: bool = True) -> Granting:
        """An account, a schema with a meter, and a feature that is tied to it."""
        shop.account()
        shop.schema()
        if meter:
            shop.meter()
        tie = [{"schemaName": "api_call", "attributeName": "calls"}]
        made = shop.api.post("/features", {"name": "Calls", "schemaAssociations": tie}).ok()
        return cls(server, shop, made["id"])

    def grant(
        self,
        granted: object,
        name: str = NAME,
        *,
        source: CreditSource = CreditSource.PRICE_PLAN,
        since: str = "2026-01-01",
        until: str = "2026-02-01",
        account: str = "acme",
        feature: str | None = None,
    ) -> str:
        """Grant units from one day until another, None without a limit; the entry's id."""
        units = None if granted is None else Decimal(str(granted))
        valid = Period(day(since), day(until))
        entry = FeatureGrant(name, account, feature or self.feature, source, units, valid)
        add(self.server.engine.database, self.shop.api, entry)
        return name

    def ask(self, name: str | None, calls: object = 1, **more: object) -> Answer:
        """Ask whether the account may make so many calls."""
        sent = event(name or "", calls=calls, **more)
        return self.shop.api.post("/entitled", {"event": sent})

    def entry_path(self, name: str = NAME, account: str = "acme") -> str:
        """Where an entry is found."""
        return f"/accounts/{account}/features/{self.feature}/entries/{quote(name, safe='')}"

    def entries(self, account: str = "acme") -> list[Json]:
        """The entries of the account."""
        pages = self.shop.api.pages(f"/accounts/{account}/features/{self.feature}/entries")
        return [entry for page in pages for entry in page]

    def left(self, account: str = "acme") -> dict[str, Decimal | None]:
        """What is left of each entry, by its id."""
        return {entry["id"]: entry.get("balance") for entry in self.entries(account)}

    def used(self, account: str = "acme") -> dict[str, Decimal]:
        """What was used of each entry, by its id."""
        return {entry["id"]: entry["used"] for entry in self.entries(account)}

    def balance(self, account: str = "acme") -> Json:
        """The balance of the account."""
        return self.shop.api.get(f"/accounts/{account}/features/{self.feature}").ok()

    def correct(self, action: str, name: str, body: Json | None = None) -> str:
        """Correct an event; what became of it, and of those before it with the same id that were taken back already."""
        path = f"/events/correction?action={action}&account_id=acme&event_id={name}"
        told = self.shop.api.post(path, body).ok()["data"]
        return "; ".join(f"{one['status']}: {one['reason']}" for one in told)
