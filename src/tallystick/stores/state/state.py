"""The state of one organisation inside one transaction: every noun by its name."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from tallystick.stores.state import access, aggregates, organisations, shelves, wishes
from tallystick.stores.state.credit_grants import CreditGrants
from tallystick.stores.state.documents import Documents
from tallystick.stores.state.feature_credits import FeatureCredits
from tallystick.stores.state.held_overage import HeldOverages
from tallystick.stores.state.invoices import Invoices
from tallystick.stores.state.jobs import Jobs
from tallystick.stores.state.ledger import Ledger
from tallystick.stores.state.licences import Licences
from tallystick.stores.state.nearest_settings import nearest_settings
from tallystick.stores.state.payments import Payments
from tallystick.stores.state.plans import PricePlans
from tallystick.stores.state.purchases import proposals, purchases
from tallystick.stores.state.rule_logs import RuleLogs
from tallystick.stores.state.schema_ties import SchemaTies
from tallystick.stores.state.search import Search
from tallystick.stores.state.simulations import Simulations
from tallystick.stores.state.terms import Aliases, Schedules, references
from tallystick.stores.state.timeline_drafts import TimelineDrafts
from tallystick.stores.state.wallets import Wallets

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from tallystick.accounts.account import Account
    from tallystick.accounts.customer import Customer
    from tallystick.accounts.organisation import Organisation
    from tallystick.catalog.addon import AddOn
    from tallystick.catalog.event_schema import EventSchema
    from tallystick.catalog.feature import Feature
    from tallystick.catalog.price_plan import PricePlan
    from tallystick.catalog.setting import Setting
    from tallystick.catalog.usage_meter import Aggregation, UsageMeter
    from tallystick.stores.state.access import ApiKey


class State:
    """What an operation may read and write; nothing of another organisation can be reached from it."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret
        self.aliases = Aliases(connection, organisation)
        self.schedules = Schedules(connection, organisation)
        self.timeline_drafts = TimelineDrafts(connection, organisation)
        self.ties = SchemaTies(connection, organisation)
        self.credits = Ledger(connection, organisation, secret)
        self.credit_grants = CreditGrants(connection, organisation)
        self.feature_credits = FeatureCredits(connection, organisation, secret)
        self.wallets = Wallets(connection, organisation, secret)
        self.payments = Payments(connection, organisation, secret)
        self.purchases = purchases(connection, organisation, secret)
        self.proposals = proposals(connection, organisation, secret)
        self.licences = Licences(connection, organisation, secret)
        self.invoices = Invoices(connection, organisation, secret)
        self.held_overage = HeldOverages(connection, organisation)
        self.rule_logs = RuleLogs(connection, organisation)
        self.search = Search(connection, organisation)
        self.jobs = Jobs(connection, organisation, secret)
        self.simulations = Simulations(connection, organisation, secret)

    @cached_property
    def customers(self) -> Documents[Customer]:
        """The customers."""
        return Documents(self._connection, self._organisation, self._secret, shelves.CUSTOMERS)

    @cached_property
    def accounts(self) -> Documents[Account]:
        """The accounts."""
        return Documents(self._connection, self._organisation, self._secret, shelves.ACCOUNTS)

    @cached_property
    def event_schemas(self) -> Documents[EventSchema]:
        """The latest version of each event schema."""
        return Documents(self._connection, self._organisation, self._secret, shelves.EVENT_SCHEMAS)

    @cached_property
    def usage_meters(self) -> Documents[UsageMeter]:
        """The usage meters."""
        return Documents(self._connection, self._organisation, self._secret, shelves.USAGE_METERS)

    @cached_property
    def addons(self) -> Documents[AddOn]:
        """The add-ons."""
        return Documents(self._connection, self._organisation, self._secret, shelves.ADDONS)

    @cached_property
    def features(self) -> Documents[Feature]:
        """The features."""
        return Documents(self._connection, self._organisation, self._secret, shelves.FEATURES)

    @cached_property
    def price_plans(self) -> PricePlans:
        """The price plans."""
        return PricePlans(self._connection, self._organisation, self._secret, shelves.PRICE_PLANS)

    @cached_property
    def settings(self) -> Documents[Setting]:
        """The settings."""
        return Documents(self._connection, self._organisation, self._secret, shelves.SETTINGS)

    @cached_property
    def togai_meters(self) -> Documents[UsageMeter]:
        """The usage meters, of which pages show only those whose aggregation the Togai wire knows."""
        return Documents(self._connection, self._organisation, self._secret, shelves.TOGAI_METERS)

    @cached_property
    def togai_plans(self) -> Documents[PricePlan]:
        """The price plans, of which pages show only those that the Togai wire knows."""
        return Documents(self._connection, self._organisation, self._secret, shelves.TOGAI_PLANS)

    def aggregates(self) -> dict[str, Aggregation]:
        """The meters whose units do not add up, archived ones too, with their aggregations."""
        return aggregates.of(self._connection, self._organisation)

    def settings_for(self, texts: Collection[str]) -> dict[str, Mapping[str, Setting]]:
        """The settings that hold for the account that each text names; those of the organisation where it names none.

        A text that names accounts at different times stands for one of them.
        """
        meant = dict.fromkeys(texts, ("", ""))
        for reference in reversed(references(self._connection, self._organisation, texts)):  # an exact id comes first
            meant[reference.text] = (reference.account_id, reference.customer_id)
        found = nearest_settings(self._connection, self._organisation, set(meant.values()))
        return {text: found[account_id] for text, (account_id, _) in meant.items()}

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """A part of the transaction that leaves nothing behind when it raises, while the rest may go on."""
        with self._connection.begin_nested():
            yield

    def catalogue_changed(self) -> None:
        """Say that the processing of events has to look again at schemas, meters, accounts or terms.

        Locks the organisation until the transaction ends, so that checks made afterwards hold.
        """
        organisations.catalogue_changed(self._connection, self._organisation)

    def get_organisation(self) -> Organisation:
        """The organisation as it is now, which may be later than the one that the operation was given."""
        return organisations.get_organisation(self._connection, self._organisation)

    def find_key(self, name: str) -> ApiKey | None:
        """The organisation's API key of that id, unless it was revoked."""
        key = access.key_of_id(self._connection, name)
        return key if key is not None and key.organisation_id == self._organisation else None

    def replace_organisation(self, changed: Organisation) -> None:
        """Store the organisation's new settings."""
        organisations.replace_organisation(self._connection, changed)

    def look_again(self, account_refs: Iterable[str], now: datetime) -> None:
        """Let events that were sent under these names, before anybody had them, be judged again."""
        wishes.add(self._connection, self._organisation, account_refs, now)

    def use_preview(self, name: str, expires_at: datetime) -> bool:
        """Note that a preview is committed in this transaction; False, when that was done before."""
        return access.use_preview(self._connection, self._organisation, name, expires_at)

    def last_invoice_number(self) -> int:
        """The invoice number that was given last, 0 before the first."""
        return organisations.last_invoice_number(self._connection, self._organisation)

    def next_invoice_number(self) -> int:
        """The next invoice number, without gaps."""
        return organisations.next_invoice_number(self._connection, self._organisation)
