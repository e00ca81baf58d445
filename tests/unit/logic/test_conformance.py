"""The official JsonLogic suite, 278 cases, read from the reference shelf when it stands beside this clone."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallystick.logic import evaluate, parse
from tests.unit.logic.dialect import alike

SUITE = Path(__file__).parents[3].parent / "shared" / "data" / "jsonlogic-compatible.json"

DIFFERENT: dict[str, str] = {}
"""Cases that our dialect answers otherwise, by description, with the reason. There are none."""


@pytest.mark.skipif(not SUITE.exists(), reason="the reference shelf is not beside this clone")
def test_the_official_cases_hold() -> None:
    rows: list[Any] = json.loads(SUITE.read_text(encoding="utf-8"), parse_float=Decimal)
    cases = [row for row in rows if isinstance(row, dict)]
    failed = {}
    for case in cases:
        rule = case["rule"] if not isinstance(case["rule"], str) else json.dumps(case["rule"])
        got = evaluate(parse(rule), case.get("data"))
        if not alike(got, case["result"]):
            failed[case["description"]] = got
    assert set(failed) == set(DIFFERENT)
    assert len(cases) - len(failed) == 278
