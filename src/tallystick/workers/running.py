"""The background work of one server: the processing of events and the billing clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.stores.state.catalogues import StateCatalogues
from tallystick.workers.billing_clock import BillingClock
from tallystick.workers.event_processor import EventProcessor

if TYPE_CHECKING:
    from tallystick.engine import Engine


class Workers:
    """Started once, stopped once; what was acknowledged meanwhile is processed after the next start."""

    def __init__(self, engine: Engine) -> None:
        self.processor = EventProcessor(engine.log, engine.events, StateCatalogues(engine.database))
        self.billing = BillingClock(engine, lambda: self.processor.failure)

    def start(self) -> None:
        """Begin to process and to bill."""
        self.processor.start()
        self.billing.start()

    def stop(self) -> None:
        """Finish what is at hand and stop."""
        self.billing.stop()
        self.processor.stop()

    @property
    def failure(self) -> str | None:
        """What keeps the server from working, in one line, or None."""
        if self.processor.failure is not None:
            return f"events are not processed: {self.processor.failure}"
        if self.billing.failure is not None:
            return f"invoices are not made: {self.billing.failure}"
        return None
