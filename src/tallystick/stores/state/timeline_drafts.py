"""Timelines in draft, at most one of each account, until they are finalised or discarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from tallystick.accounts.schedule_draft import DraftTimeline
from tallystick.stores.state.tables import schedule_draft, timeline_draft
from tallystick.stores.state.terms import columns_of, piece_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


class TimelineDrafts:
    """The draft timelines of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def find(self, account_id: str) -> DraftTimeline | None:
        """The draft of an account, or None."""
        base = self._connection.execute(
            select(timeline_draft.c.base).where(
                timeline_draft.c.organisation_id == self._organisation, timeline_draft.c.account_id == account_id
            )
        ).scalar()
        if base is None:
            return None
        rows = self._connection.execute(
            select(schedule_draft)
            .where(schedule_draft.c.organisation_id == self._organisation, schedule_draft.c.account_id == account_id)
            .order_by(schedule_draft.c.starts_at)
        )
        return DraftTimeline(base, tuple(piece_of(row) for row in rows))

    def keep(self, account_id: str, draft: DraftTimeline, now: datetime) -> None:
        """Store the draft of an account, in the place of the one that there is."""
        self.discard(account_id)
        mine = {"organisation_id": self._organisation, "account_id": account_id}
        self._connection.execute(insert(timeline_draft).values(mine | {"base": draft.base, "updated_at": now}))
        rows = [columns_of(piece) | mine for piece in draft.pieces]
        if rows:
            self._connection.execute(insert(schedule_draft), rows)

    def discard(self, account_id: str) -> None:
        """Forget the draft of an account, if there is one."""
        for table in (schedule_draft, timeline_draft):
            self._connection.execute(
                delete(table).where(table.c.organisation_id == self._organisation, table.c.account_id == account_id)
            )

    def owner_of(self, schedule_id: str) -> str | None:
        """The account in whose draft a schedule is, or None."""
        owner: str | None = self._connection.execute(
            select(schedule_draft.c.account_id).where(
                schedule_draft.c.organisation_id == self._organisation, schedule_draft.c.id == schedule_id
            )
        ).scalar()
        return owner
