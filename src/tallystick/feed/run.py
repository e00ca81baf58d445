"""Sending a whole file: rows become events, events batches, several batches are on their way at once."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.feed.journal import Reject
from tallystick.kernel.errors import BillingError
from tallystick.metering.event import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from concurrent.futures import Future

    from tallystick.feed.journal import Journal, Progress
    from tallystick.feed.mapping import ToEvent
    from tallystick.feed.row import Place, Row, UsageFile
    from tallystick.feed.sender import Sender

LARGEST_BATCH: Final = 4 * 1024 * 1024
"""Bytes of events in one request, half of what a server takes."""


@dataclass(slots=True)
class _Batch:
    """Events that are sent together, the rows they come from, and rows in between that make none."""

    place: Place
    events: list[bytes] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        """Whether another event has to wait for the next one."""
        return len(self.events) + len(self.rejects) >= MAX_BATCH or self.size >= LARGEST_BATCH


def run(
    file: UsageFile,
    to_event: ToEvent,
    journal: Journal,
    sender: Sender,
    connections: int,
    watch: Callable[[Progress], None],
) -> None:
    """Send what the journal says is not yet answered; what is answered is noted in the order of the file.

    Raises:
        BillingError: when the server does not take the events, or the file cannot be read; what was answered until
            then is noted.
    """
    waiting: deque[tuple[_Batch, Future[Mapping[int, str]]]] = deque()
    with ThreadPoolExecutor(connections) as threads:
        try:
            for batch in _batches(file, to_event, journal.progress):
                waiting.append((batch, threads.submit(_sent, sender, batch)))
                while len(waiting) >= 2 * connections:
                    _settle(*waiting.popleft(), journal, watch)
            while waiting:
                _settle(*waiting.popleft(), journal, watch)
        except BaseException:
            sender.give_up()
            threads.shutdown(cancel_futures=True)
            raise
    journal.done()


def preview(file: UsageFile, to_event: ToEvent, digest: str, start: Place) -> Iterator[tuple[int, bytes | str]]:
    """The rows behind a place with the events they would make, or why they would make none.

    Raises:
        BillingError: when the file cannot be read.
    """
    for row in file.rows(start, to_event.columns):
        event = _event(row, to_event, digest)
        yield row.place.row, event.reason if isinstance(event, Reject) else event


def _batches(file: UsageFile, to_event: ToEvent, progress: Progress) -> Iterator[_Batch]:
    batch = _Batch(progress.place)
    for row in file.rows(progress.place, to_event.columns):
        event = _event(row, to_event, progress.errand.file)
        if isinstance(event, Reject):
            batch.rejects.append(event)
        else:
            batch.events.append(event)
            batch.rows.append(row.place.row)
            batch.size += len(event)
        batch.place = row.place
        if batch.is_full:
            yield batch
            batch = _Batch(row.place)
    if batch.events or batch.rejects:
        yield batch


def _event(row: Row, to_event: ToEvent, digest: str) -> bytes | Reject:
    if row.problem is not None:
        return Reject(row.place.row, row.problem, _shown(row))
    try:
        return to_event.event(row, digest)
    except BillingError as refused:
        return Reject(row.place.row, refused.message, _shown(row))


def _shown(row: Row) -> Any:  # noqa: ANN401 - whatever stood there
    """A row as JSON: its text where it is none."""
    if not isinstance(row.content, bytes):
        return {
            name: None if text is None else _readable(text.encode(errors="surrogateescape"))
            for name, text in row.content.items()
        }
    try:
        return msgspec.Raw(msgspec.json.format(row.content.decode(), indent=-1).encode())
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _readable(row.content)


def _readable(text: bytes) -> str:
    return text.decode(errors="replace")


def _sent(sender: Sender, batch: _Batch) -> Mapping[int, str]:
    return sender.send(batch.events) if batch.events else {}


def _settle(
    batch: _Batch, answer: Future[Mapping[int, str]], journal: Journal, watch: Callable[[Progress], None]
) -> None:
    """Wait for the answer to a batch, and note it."""
    refused = answer.result()
    rejects = [Reject(batch.rows[index], reason, msgspec.Raw(batch.events[index])) for index, reason in refused.items()]
    together = sorted([*batch.rejects, *rejects], key=lambda reject: reject.row)
    journal.answered(batch.place, len(batch.events) - len(rejects), together)
    watch(journal.progress)
