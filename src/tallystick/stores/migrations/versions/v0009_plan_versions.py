"""Each version of a price plan has a state, instants and a description of its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_PLAN = sa.table(
    "price_plan",
    sa.column("organisation_id"),
    sa.column("id"),
    sa.column("created_at"),
    sa.column("updated_at"),
    sa.column("body"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OF_A_VERSION = ("status", "description", "createdAt", "updatedAt")

Json = dict[str, Any]


def upgrade() -> None:
    """Make the change."""
    for row in op.get_bind().execute(sa.select(_PLAN)).all():
        plan = _read(row.body)
        plan["pricingSchedule"] = [_with_state(version, plan, row) for version in _versions(plan)]
        plan.pop("description", None)
        _store(row, plan)


def downgrade() -> None:
    """Take the change back; drafts of later versions, which were not there before, go."""
    for row in op.get_bind().execute(sa.select(_PLAN)).all():
        plan = _read(row.body)
        versions = [_of(version) for version in _versions(plan)]
        kept = [one for one in versions if msgspec.json.decode(one["status"]) == "ACTIVE"] or versions
        if "description" in kept[-1]:
            plan["description"] = kept[-1]["description"]
        plan["pricingSchedule"] = [
            {name: value for name, value in one.items() if name not in _OF_A_VERSION} for one in kept
        ]
        _store(row, plan)


def _with_state(version: msgspec.Raw, plan: Json, row: sa.Row[Any]) -> Json:
    active = msgspec.json.decode(plan["status"]) != "DRAFT"
    more: Json = {
        "status": "ACTIVE" if active else "DRAFT",
        "createdAt": _EPOCH + timedelta(microseconds=row.created_at),
        "updatedAt": _EPOCH + timedelta(microseconds=row.updated_at),
    }
    described = {"description": plan["description"]} if "description" in plan else {}
    return _of(version) | more | described


def _read(body: str) -> Json:
    """The fields of a JSON object, each as the text it is: no number of it changes."""
    fields: Json = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return fields


def _versions(plan: Json) -> list[msgspec.Raw]:
    return msgspec.json.decode(plan["pricingSchedule"], type=list[msgspec.Raw])


def _of(version: msgspec.Raw) -> Json:
    return _read(bytes(version).decode())


def _store(row: sa.Row[Any], plan: Json) -> None:
    mine = (_PLAN.c.organisation_id == row.organisation_id, _PLAN.c.id == row.id)
    op.get_bind().execute(sa.update(_PLAN).where(*mine).values(body=msgspec.json.encode(plan).decode()))
