"""Price plans as documents, and parts of them: a plan may have many long versions, of which a bill needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from sqlalchemy import select

from tallystick.catalog.price_plan import PlanVersion, PricePlan
from tallystick.kernel.document import decode
from tallystick.stores.state.among import among
from tallystick.stores.state.documents import Documents
from tallystick.stores.state.tables import price_plan

if TYPE_CHECKING:
    from collections.abc import Collection


class _Name(msgspec.Struct):
    """The one part of a version that tells which it is."""

    id: str


class _Versions(msgspec.Struct, rename="camel"):
    """The versions of a stored plan, not read yet."""

    pricing_schedule: list[msgspec.Raw]


_VERSIONS: Final = msgspec.json.Decoder(_Versions)
_NAME: Final = msgspec.json.Decoder(_Name)


class PricePlans(Documents[PricePlan]):
    """The price plans of one organisation, inside one transaction."""

    def versions(self, plan_ids: Collection[str], version_ids: Collection[str]) -> dict[str, PlanVersion]:
        """Those versions of these plans, by their ids; no other version is read."""
        statement = select(price_plan.c.body).where(*self._mine(), among(price_plan.c.id, plan_ids))
        found: dict[str, PlanVersion] = {}
        for body in self._connection.execute(statement).scalars():
            for version in _VERSIONS.decode(body).pricing_schedule:
                name = _NAME.decode(version).id
                if name in version_ids:
                    found[name] = decode(bytes(version), PlanVersion)
        return found

    def names(self, plan_ids: Collection[str]) -> dict[str, str]:
        """What these plans are called, by id."""
        statement = select(price_plan.c.id, price_plan.c.name).where(*self._mine(), among(price_plan.c.id, plan_ids))
        return {row.id: row.name for row in self._connection.execute(statement)}
