"""The purses of a round: whose events use features, what they may use, and booking that before outcomes are stored."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from tallystick.kernel.micros import instant_of
from tallystick.metering.purse import Till
from tallystick.stores.event_log import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from tallystick.metering.catalogue import Catalogue
    from tallystick.metering.event_block import EventBlock
    from tallystick.metering.purse import Purses, PurseSource
    from tallystick.workers.orders import Orders


class RoundPurses:
    """The purses of those organisations whose events, or the events that their orders are about, use features."""

    def __init__(
        self,
        blocks: Iterable[EventBlock],
        catalogues: Mapping[str, Catalogue],
        orders: Orders,
        source: PurseSource,
        after_row: int,
    ) -> None:
        """Open the purses for blocks; what was booked for rows behind `after_row` was booked before a crash."""
        self._source = source
        events: dict[str, dict[str, set[datetime]]] = defaultdict(lambda: defaultdict(set))
        ordered: dict[str, set[int]] = defaultdict(set)
        for block in blocks:
            for account_id, at in _users(block, catalogues[block.organisation], orders):
                events[block.organisation][account_id].add(at)
            if block.orders:
                ordered[block.organisation].update(block.orders)
        self._opened = {
            organisation: source.open(organisation, events[organisation], ordered[organisation], after_row)
            for organisation in sorted({*events, *ordered})
        }

    def of(self, organisation: str) -> Purses | None:
        """The purses of an organisation; None, where nothing uses features."""
        return self._opened.get(organisation)

    def till(self, organisation: str, positions: NDArray[np.int64]) -> Till | None:
        """Where the events at these positions pay."""
        purses = self._opened.get(organisation)
        return None if purses is None else Till(purses, [row_of(int(one)) for one in positions], positions.tolist())

    def book(self, through_row: int) -> bool:
        """Store what the events of rows up to this one have used; False, when the round is to be judged anew."""
        for organisation, purses in self._opened.items():
            purses.settle(through_row)
            if not self._source.book(organisation, purses):
                return False
        return True


def uses_features(blocks: Iterable[EventBlock], catalogues: Mapping[str, Catalogue]) -> bool:
    """Whether a block has events of a schema that is tied to a feature."""
    return any(any(_tied(block, catalogues[block.organisation])) for block in blocks)


def _tied(block: EventBlock, catalogue: Catalogue) -> Sequence[bool]:
    """Of each schema that a block's events name, whether it is tied to a feature."""
    found = [catalogue.schemas.get(name) for name in block.schema_names.texts]
    return [schema is not None and schema.feature is not None for schema in found]


def _users(block: EventBlock, catalogue: Catalogue, orders: Orders) -> Iterator[tuple[str, datetime]]:
    """(account id, event time) of the events that use features, among a block's own and those that it is about."""
    named: list[tuple[str, datetime]] = []
    tied = _tied(block, catalogue)
    if any(tied):
        using = np.flatnonzero(np.array(tied)[block.schema_names.codes])
        refs, codes = block.account_refs.texts, block.account_refs.codes
        named += [(refs[codes[ordinal]], instant_of(int(block.event_ats[ordinal]))) for ordinal in using]
    for schema_name, ref, at in orders.references(block):
        schema = catalogue.schemas.get(schema_name)
        if schema is not None and schema.feature is not None:
            named.append((ref, at))
    for ref, at in named:
        for span in catalogue.accounts.get(ref, ()):
            yield span.account.id, at
