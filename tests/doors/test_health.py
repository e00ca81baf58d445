"""Health, readiness and the figures for Prometheus."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.servers import Api


def figure(api: Api, name: str) -> float:
    text = api.get("/internal/metrics").content.decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE))


def test_a_working_server_is_healthy_and_ready(api: Api) -> None:
    assert (api.get("/healthz").ok(), api.get("/readyz").ok()) == ({"message": "ok"}, {"message": "ready"})


def test_a_server_whose_processing_fails_is_healthy_but_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with inside(tmp_path / "data") as server:
        api = server.api()

        def full(*_: object) -> None:
            raise OSError("no space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(server.engine.events, "apply", full)
            api.post("/ingest", {"event": event("e-1")}).ok()
            while server.workers.failure is None:
                time.sleep(0.01)
            assert "no space left on device" in api.get("/readyz").refused(503)
            assert api.get("/healthz").status == 200
        # Once there is space again, the event that was acknowledged meanwhile is there.
        assert len(api.get("/events").ok()["events"]) == 1
        assert api.get("/readyz").status == 200


def test_figures_count_answers_by_route_and_status(api: Api) -> None:
    name = 'tallystick_http_requests_total{method="GET",route="/features/{feature_id}",status="404"}'
    before = figure(api, name)
    for feature in ("a", "b"):
        api.get(f"/features/{feature}").refused(404)
    assert figure(api, name) == before + 2


def test_figures_show_how_far_the_processing_is(api: Api) -> None:
    Shop(api).metered_plan()
    api.post("/ingest", {"event": event("e-1")}).ok()
    api.get("/events").ok()
    assert figure(api, "tallystick_processed_row") == figure(api, "tallystick_log_end_row") > 0


def test_figures_are_in_the_exposition_format(api: Api) -> None:
    answer = api.get("/internal/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE tallystick_http_request_seconds histogram" in answer.content.decode()
