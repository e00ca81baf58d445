"""What is done beside a running server, or before its first start: organisations and keys, in the state store only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tallystick.engine.gatekeeper import new_key
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.errors import BillingError, Kind, Problem, invalid
from tallystick.kernel.ids import IdSource
from tallystick.kernel.scope import EVERY_SCOPE
from tallystick.operations.organisations import new_organisation
from tallystick.stores.directory import DataDirectory
from tallystick.stores.state import access, organisations
from tallystick.stores.state.access import DEFAULT_CREDIT_LIMIT
from tallystick.stores.state.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from tallystick.accounts.organisation import Organisation
    from tallystick.engine.settings import Settings
    from tallystick.kernel.scope import Scope
    from tallystick.stores.state.access import ApiKey


class Administration:
    """The state store of a data directory, opened without the rest of the engine."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._clock = SystemClock()
        self._ids = IdSource(self._clock)

    def add_organisation(self, name: str, currency: str, time_zone: str) -> tuple[Organisation, str]:
        """A new organisation and the secret of its first key.

        Raises:
            BillingError: of kind INVALID, for an unknown currency or time zone.
        """
        organisation = new_organisation(self._ids, name=name, currency=currency, time_zone=time_zone)
        with self._database.write() as connection:
            organisations.add_organisation(connection, organisation, self._clock.now())
            _, secret = new_key(connection, self._ids, organisation.id, "first key", self._clock.now())
        return organisation, secret

    def organisations(self) -> list[Organisation]:
        """Every organisation, oldest first."""
        with self._database.read() as connection:
            return organisations.organisations(connection)

    def create_key(
        self,
        organisation: str | None,
        name: str,
        scopes: frozenset[Scope] = EVERY_SCOPE,
        credit_limit: Decimal = DEFAULT_CREDIT_LIMIT,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is not kept."""
        owner = self._one(organisation)
        with self._database.write() as connection:
            return new_key(
                connection, self._ids, owner.id, name, self._clock.now(), scopes=scopes, credit_limit=credit_limit
            )

    def keys(self, organisation: str | None) -> list[ApiKey]:
        """The keys of an organisation, revoked ones too."""
        owner = self._one(organisation)
        with self._database.read() as connection:
            return access.keys(connection, owner.id)

    def revoke_key(self, organisation: str | None, key_id: str) -> None:
        """Take a key out of use; a running server refuses it from its next request on.

        Raises:
            BillingError: of kind NOT_FOUND, when there is no such key in use.
        """
        owner = self._one(organisation)
        with self._database.write() as connection:
            access.revoke_key(connection, owner.id, key_id, self._clock.now())

    def _one(self, wanted: str | None) -> Organisation:
        """The organisation asked for by id or name; without a wish, the only one there is."""
        known = self.organisations()
        found = [one for one in known if wanted is None or wanted in {one.id, one.name}]
        if not known:
            raise BillingError(Kind.NOT_FOUND, "not_found", Problem("", "no organisation yet: run 'tallystick init'"))
        if len(found) != 1:
            names = ", ".join(f"{one.id} ({one.name})" for one in known)
            raise invalid("--organisation", f"name one of: {names}")
        return found[0]


@contextmanager
def administration(settings: Settings) -> Iterator[Administration]:
    """The administration of a data directory; works beside a running server."""
    directory = DataDirectory(settings.data)
    database = Database(settings.database_url or directory.state_url)
    try:
        yield Administration(database)
    finally:
        database.close()
