"""Health, readiness and the figures for Prometheus."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tallystick.engine import progress
from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Api


def figure(api: Api, name: str) -> float:
    text = api.get("/internal/metrics").content.decode()
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE))


def wait_until_ready(api: Api) -> None:
    patience = time.monotonic() + 60
    while api.get("/readyz").status != 200:
        assert time.monotonic() < patience
        time.sleep(0.02)


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


@pytest.mark.parametrize(
    ("ends", "said"), [(True, "events cannot be processed now"), (False, "events are still being processed")]
)
def test_a_command_that_has_to_wait_for_events_is_refused_as_soon_as_those_cannot_be_processed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, ends: bool, said: str
) -> None:
    """Where the processing fails, at once; where it only takes long, as the control has it, after its minute."""
    monkeypatch.setattr(progress, "CHANGE_PATIENCE", 600 if ends else 0.2)
    with inside(tmp_path / "data") as server, ThreadPoolExecutor(1) as beside:
        api = server.api()
        goes_on = threading.Event()
        api.post("/event_schema", {"name": "api_call", "attributes": [{"name": "calls"}], "dimensions": []}).ok()

        apply = server.engine.events.apply

        def kept(*arguments: Any) -> None:  # noqa: ANN401
            if ends:
                raise OSError("no space left on device")
            assert goes_on.wait(60)
            apply(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(server.engine.events, "apply", kept)
            api.post("/ingest", {"event": event("e-1")}).ok()
            refused = beside.submit(lambda: api.post("/event_schema/api_call/activate").refused(503))
            assert said in refused.result(60)
            goes_on.set()
        monkeypatch.undo()
        wait_until_ready(api)
        api.post("/event_schema/api_call/activate").ok()


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
