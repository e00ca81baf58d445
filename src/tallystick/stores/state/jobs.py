"""Jobs and their entries; the counters of a job move in the statement's transaction that moves its entries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select, update

from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import not_found
from tallystick.kernel.job import TOGAI_TYPES, EntryStatus, Job, JobEntry, JobStatus, JobType
from tallystick.stores.state import listing
from tallystick.stores.state.database import WRITES
from tallystick.stores.state.job_tables import job, job_entry
from tallystick.stores.state.listing import Listing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Connection, RowMapping

    from tallystick.kernel.paging import PageRequest

_ALL: Final = Listing("all_jobs", job, (("id", False),))
_TOGAI: Final = Listing(
    "jobs", job, (("id", False),), hidden={"type": [kind for kind in JobType if kind not in TOGAI_TYPES]}
)
_ENTRIES: Final = Listing("job_entries", job_entry, (("number", True),))
_COUNTED: Final = {
    EntryStatus.COMPLETED: "completed",
    EntryStatus.FAILED: "failed",
    EntryStatus.CANCELLED: "cancelled",
}


class Jobs:
    """The jobs of one organisation, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str, secret: bytes) -> None:
        self._connection = connection
        self._organisation = organisation
        self._secret = secret

    def add(self, added: Job) -> None:
        """Store a new job."""
        self._connection.execute(insert(job).values(self._values(added)))

    def get(self, name: str) -> Job:
        """The job of that id; for a writer it stays as it is until it commits.

        Raises:
            BillingError: of kind NOT_FOUND.
        """
        statement = select(job).where(self._mine, job.c.id == name)
        if self._connection.get_execution_options().get(WRITES, False):
            statement = statement.with_for_update()
        row = self._connection.execute(statement).mappings().first()
        if row is None:
            raise not_found("job", name)
        return _job(row)

    def store(self, changed: Job) -> None:
        """Store a job in the place of the one with its id."""
        self._connection.execute(
            update(job).where(self._mine, job.c.id == changed.id).values(self._values(changed)),
        )

    def page(self, request: PageRequest, *, every_type: bool) -> tuple[list[Job], str | None]:
        """One page of jobs, newest first, and the token of the next page; only types of the Togai wire, or all."""
        shelf = _ALL if every_type else _TOGAI
        rows, token = listing.page(self._connection, shelf, self._organisation, request, {}, self._secret)
        return [_job(row) for row in rows], token

    def page_entries(self, request: PageRequest, name: str) -> tuple[list[JobEntry], str | None]:
        """One page of a job's entries in their order, and the token of the next page."""
        filters = {"job_id": name}
        rows, token = listing.page(self._connection, _ENTRIES, self._organisation, request, filters, self._secret)
        return [_entry(row) for row in rows], token

    def add_entries(self, to: Job, entries: Sequence[JobEntry]) -> Job:
        """Store more entries of a job; the job as it stands then, stored too."""
        rows = [self._entry_values(to, entry) for entry in entries]
        if rows:
            self._connection.execute(insert(job_entry), rows)
        grown = replace(to, total=to.total + len(rows))
        self.store(grown)
        return grown

    def next_entries(self, name: str, statuses: Collection[EntryStatus], size: int) -> list[JobEntry]:
        """The first entries of a job that stand so."""
        rows = self._connection.execute(
            select(job_entry)
            .where(
                job_entry.c.organisation_id == self._organisation,
                job_entry.c.job_id == name,
                job_entry.c.status.in_(list(statuses)),
            )
            .order_by(job_entry.c.number)
            .limit(size)
        ).mappings()
        return [_entry(row) for row in rows]

    def move_entries(self, of: Job, entries: Sequence[JobEntry]) -> Job:
        """Store what became of entries; the job with its counters as they are then, stored too."""
        moving = (
            update(job_entry)
            .where(
                job_entry.c.organisation_id == self._organisation,
                job_entry.c.job_id == of.id,
                job_entry.c.number == bindparam("place"),
            )
            .values(status=bindparam("new_status"), metadata=bindparam("new_metadata"))
        )
        moved = [
            {"place": entry.number, "new_status": entry.status, "new_metadata": _text(entry.metadata)}
            for entry in entries
        ]
        if moved:
            self._connection.execute(moving, moved)
        counted = _counted(of, [entry.status for entry in entries])
        self.store(counted)
        return counted

    def close_entries(self, of: Job, status: EntryStatus) -> Job:
        """Let every entry that has not come to its end come to this one; the job as it stands then, stored too."""
        final = [one for one in EntryStatus if one.is_final]
        closed = self._connection.execute(
            update(job_entry)
            .where(
                job_entry.c.organisation_id == self._organisation,
                job_entry.c.job_id == of.id,
                job_entry.c.status.not_in(final),
            )
            .values(status=status)
        ).rowcount
        counted = _counted(of, [status] * closed)
        self.store(counted)
        return counted

    @property
    def _mine(self) -> ColumnElement[bool]:
        return job.c.organisation_id == self._organisation

    def _values(self, of: Job) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation,
            "id": of.id,
            "type": of.type,
            "status": of.status,
            "instructions": of.instructions,
            "progress": of.progress,
            "metadata": encode(of.metadata).decode(),
            "requires_confirmation": of.requires_confirmation,
            "total": of.total,
            "failed": of.failed,
            "completed": of.completed,
            "cancelled": of.cancelled,
            "created_at": of.created_at,
            "updated_at": of.updated_at,
            "settled_at": of.settled_at,
        }

    def _entry_values(self, of: Job, entry: JobEntry) -> dict[str, Any]:
        return {
            "organisation_id": self._organisation,
            "job_id": of.id,
            "number": entry.number,
            "entity_id": entry.entity_id,
            "status": entry.status,
            "reference": entry.reference,
            "metadata": _text(entry.metadata),
            "details": entry.details,
            "created_at": entry.created_at,
        }


def unsettled(connection: Connection) -> list[tuple[str, str]]:
    """(organisation, id) of the jobs that have something to do and wait for nobody, oldest first."""
    rows = connection.execute(
        select(job.c.organisation_id, job.c.id, job.c.status)
        .where(job.c.settled_at.is_(None))
        .order_by(job.c.id, job.c.organisation_id)
    )
    return [(organisation, name) for organisation, name, status in rows if JobStatus(status).is_runnable]


def _counted(of: Job, statuses: Iterable[EntryStatus]) -> Job:
    counts = {name: getattr(of, name) for name in _COUNTED.values()}
    for status in statuses:
        if status in _COUNTED:
            counts[_COUNTED[status]] += 1
    return replace(of, **counts)


def _text(metadata: Any) -> str | None:  # noqa: ANN401 - a mapping of texts
    return encode(metadata).decode() if metadata else None


def _job(row: RowMapping) -> Job:
    created: datetime = row["created_at"]
    return Job(
        id=row["id"],
        type=JobType(row["type"]),
        status=JobStatus(row["status"]),
        instructions=row["instructions"],
        progress=row["progress"],
        metadata=decode(row["metadata"], dict[str, str]),
        requires_confirmation=row["requires_confirmation"],
        total=row["total"],
        failed=row["failed"],
        completed=row["completed"],
        cancelled=row["cancelled"],
        created_at=created,
        updated_at=row["updated_at"],
        settled_at=row["settled_at"],
    )


def _entry(row: RowMapping) -> JobEntry:
    return JobEntry(
        number=row["number"],
        entity_id=row["entity_id"],
        status=EntryStatus(row["status"]),
        reference=row["reference"],
        metadata=decode(row["metadata"], dict[str, str]) if row["metadata"] else {},
        details=row["details"],
        created_at=row["created_at"],
    )
