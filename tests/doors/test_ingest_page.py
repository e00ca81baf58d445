"""The examples of docs/ingest.md do what the page says."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from tests.operations.shop import Shop

if TYPE_CHECKING:
    from tests.servers import Inside

PAGE: Final = (Path(__file__).parents[2] / "docs" / "ingest.md").read_text(encoding="utf-8")
EXAMPLE: Final = re.compile(r"<!-- (?P<verb>\w+): (?P<what>[^>]*) -->\n```\w+\n(?P<text>.*?)\n```", re.DOTALL)


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
