"""The examples of docs/ingest.md do what the page says."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tests.doors.examples import EXAMPLE, do, page
from tests.operations.shop import Shop
from tests.servers import child

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.servers import Inside

PAGE: Final = page("ingest.md")


def test_what_is_sent_is_stored_as_the_page_says(server: Inside) -> None:
    shop = Shop(server.new_organisation())
    shop.account()
    shop.schema(attributes=("calls", "bytes"))
    examples = [found for found in EXAMPLE.finditer(PAGE) if found["verb"] in {"sends", "stored"}]
    assert len(examples) == 2
    for example in examples:
        if example["verb"] == "sends":
            headers = {"Content-Type": example["what"]}
            shop.api.send("POST", "/v1/cloudevents", content=example["text"].encode(), headers=headers).ok()
        else:
            (found,) = shop.api.get(f"/events/{quote(example['what'], safe='')}").ok()["events"]
            assert found["eventPayload"] == json.loads(example["text"], parse_float=Decimal)


def test_commands_print_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = [found for found in EXAMPLE.finditer(PAGE) if found["verb"] not in {"sends", "stored"}]
    assert len(examples) == PAGE.count("<!-- ") - 2
    with child(tmp_path / "data", "--test-clock", "2026-02-01T00:00:00Z") as server:
        shop = Shop(server.api())
        shop.account()
        shop.schema()
        meter = shop.meter()
        do(examples, server.url)
        usage = server.api().get("/v1/accounts/acme/usage", startDate="2026-01-01", endDate="2026-02-01").ok()
        (told,) = usage["usageMeters"]
        assert (told["usageMeterId"], told["units"]) == (meter, Decimal("305.123456789012"))
