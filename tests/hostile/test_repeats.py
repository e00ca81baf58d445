"""What is sent again, in part, at once, under another name or after a crash counts once (F-06 to F-09)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.operations.shop import Shop, event
from tests.servers import inside

if TYPE_CHECKING:
    from tests.servers import Child, Inside

ROOT: Final = Path(__file__).parents[2]
DUPLICATE: Final = "INGESTION_FAILED_DUPLICATE_EVENT"
PROGRAM: Final = """
import json, os, signal, sys
from pathlib import Path
from tallystick.kernel import quantity
from tests.servers import inside

quantity.install()
with inside(Path(sys.argv[1])) as server:
    for key, (path, body, _) in json.loads(sys.argv[2]).items():
        headers = {} if key == "no key" else {"Idempotency-Key": key}
        server.api().send("POST", path, body, headers=headers).ok()
    os.kill(os.getpid(), signal.SIGKILL)  # what was answered never leaves this process
"""


@pytest.fixture
def shop(here: Inside) -> Shop:
    """An organisation whose calls cost 1 each."""
    made = Shop(here.new_organisation())
    made.metered_plan((0, 1))
    return made


def calls(shop: Shop) -> Any:  # noqa: ANN401 - a number
    """What the running invoice comes to."""
    return shop.invoices()[0]["totalAmount"]


class TestTheSameId:
    def test_the_first_content_counts_and_the_others_are_shown_as_conflicts(self, shop: Shop) -> None:
        for value in (5, 7, 5, 9):
            shop.api.post("/ingest", {"event": event("e", calls=value)}).ok()
        assert calls(shop) == 5
        listed = shop.api.get("/events/e").ok()["events"]
        assert [one["eventPayload"]["attributes"][0]["value"] for one in listed] == ["5", "7", "5", "9"]
        said = [one["ingestionStatus"]["statusDescription"] for one in listed]
        assert ["its content differs: attributes" in text for text in said] == [False, True, False, True]
        counted = shop.metric("EVENTS", "2026-01-01", "2026-02-01", groupBy="RAW_EVENT_STATUS")
        assert {one["groupedBy"]["fieldValue"]: one["metricValues"] for one in counted}[DUPLICATE] == [3]
        assert len(shop.api.get("/events", status=DUPLICATE).ok()["events"]) == 3

    def test_every_way_in_shares_its_ids(self, shop: Shop) -> None:
        shop.api.post("/ingest", {"event": event("/tests e", calls=5)}).ok()
        shop.api.post("/ingestBatch", {"events": [event("/tests e", calls=5)]}).ok()
        shop.api.post("/v1/events", {"events": [event("/tests e", calls=5)]}).ok()
        cloud = {"specversion": "1.0", "id": "e", "source": "/tests", "type": "api_call", "subject": "acme"}
        cloud |= {"time": "2026-01-10T12:00:00Z", "data": {"calls": 5, "region": "eu"}}
        shop.api.send("POST", "/v1/cloudevents", cloud, headers={"Content-Type": "application/cloudevents+json"}).ok()
        assert calls(shop) == 5
        assert len(shop.api.get("/events", status=DUPLICATE).ok()["events"]) == 3

    def test_another_organisation_has_ids_of_its_own(self, here: Inside, shop: Shop) -> None:
        other = Shop(here.new_organisation())
        other.metered_plan((0, 1))
        for one, value in ((shop, 5), (other, 7), (shop, 5)):
            one.api.post("/ingest", {"event": event("e", calls=value)}).ok()
        assert (calls(shop), calls(other)) == (5, 7)
        assert len(other.api.get("/events").ok()["events"]) == 1


class TestHalfBadBatches:
    def batch(self) -> list[dict[str, Any]]:
        """500 events: 485 good ones, 10 that repeat an id of these, 5 that are none."""
        good = [event(f"b-{number}") for number in range(485)]
        return [*good[:200], *good[:10], *[{"id": f"bad-{number}"} for number in range(5)], *good[200:]]

    def test_the_good_ones_count_once_however_often_it_is_sent(self, shop: Shop) -> None:
        for _ in range(3):
            answer = shop.api.post("/ingestBatch", {"events": self.batch()})
            assert answer.status == 207
            assert answer.body["details"]["accepted"] == 495
            assert [one["index"] for one in answer.body["details"]["rejected"]] == [210, 211, 212, 213, 214]
            assert calls(shop) == 485

    def test_split_otherwise_it_counts_no_more(self, shop: Shop) -> None:
        sent = self.batch()
        shop.api.post("/ingestBatch", {"events": sent}).ok()
        for start in range(0, len(sent), 77):
            shop.api.post("/ingestBatch", {"events": sent[start : start + 77]})
        for one in sent[:3]:
            shop.api.post("/ingest", {"event": one}).ok()
        assert calls(shop) == 485


class TestIdempotencyKeys:
    def test_fifty_at_once_have_one_effect_and_one_answer(self, server: Child) -> None:
        api = server.api()
        body = {"name": "Fifty", "type": "LICENSE"}
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda _: api.post("/addons", body, Idempotency_Key="fifty"), range(50)))
        assert {(answer.status, answer.content) for answer in answers} == {(200, answers[0].content)}
        assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 49
        assert [one["name"] for one in api.get("/addons").ok()["data"]].count("Fifty") == 1
        assert "another request" in api.post("/addons", body | {"name": "One"}, Idempotency_Key="fifty").refused(409)

    def test_fifty_batches_at_once_are_taken_once(self, server: Child) -> None:
        api = server.api()
        body = {"events": [event(f"fifty-{number}", "nobody") for number in range(20)]}
        with ThreadPoolExecutor(50) as threads:
            answers = list(threads.map(lambda _: api.post("/ingestBatch", body, Idempotency_Key="50"), range(50)))
        assert {(answer.status, answer.content) for answer in answers} == {(202, answers[0].content)}
        assert len(api.get("/events/fifty-0").ok()["events"]) == 1

    REQUESTS: Final[dict[str, tuple[str, dict[str, Any], str]]] = {
        "no key": ("/features", {"name": "Done"}, "/features"),
        "an add-on": ("/addons", {"type": "LICENSE"}, "/addons"),
        "an event": ("/ingest", {"event": event("crashed")}, "/events/crashed"),
        "a batch": ("/ingestBatch", {"events": [event("crashed too")]}, "/events/crashed too"),
    }

    def test_a_key_whose_answer_was_lost_in_a_crash_gives_it_again(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "data"), json.dumps(self.REQUESTS)],
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            timeout=60,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        with inside(tmp_path / "data") as server:
            api = server.api()
            for key, (path, body, listed) in self.REQUESTS.items():
                again = api.post(path, body) if key == "no key" else api.post(path, body, Idempotency_Key=key)
                assert again.status < 300, again.content
                assert (again.headers.get("Idempotent-Replayed") == "true") is (key != "no key")
                page = api.get(listed).ok()
                assert len(page.get("data", page.get("events"))) == (2 if key == "no key" else 1), key
