"""Figures for Prometheus: what came in, how it was answered, and how far the processing is behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

if TYPE_CHECKING:
    from tallystick.engine import Engine
    from tallystick.workers.running import Workers

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Figures:
    """The figures of one server."""

    def __init__(self, engine: Engine, workers: Workers) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "tallystick_http_requests", "Requests answered", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "tallystick_http_request_seconds", "Time to answer", ["route"], buckets=_SECONDS, registry=self._registry
        )
        acknowledged = Gauge(
            "tallystick_log_end_row", "Last acknowledged row of the event log", registry=self._registry
        )
        acknowledged.set_function(engine.log.end)
        processed = Gauge("tallystick_processed_row", "Last processed row of the event log", registry=self._registry)
        processed.set_function(engine.events.offset)
        parked = Gauge("tallystick_parked_invoices", "Invoices that cannot be made", registry=self._registry)
        parked.set_function(lambda: workers.billing.parked)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        found = self._counters.get((method, route, status))
        if found is None:
            found = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._counters[method, route, status] = found
        answered, took = found
        answered.inc()
        took.observe(seconds)

    def text(self) -> bytes:
        """All figures in the exposition format."""
        return generate_latest(self._registry)
