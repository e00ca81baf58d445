"""map, filter, reduce, all, some, none, merge and log as in jsonlogic.md section 2."""

from __future__ import annotations

import pytest

from tallystick.logic import EvaluationError
from tests.unit.logic.dialect import alike, value

DATA = {"n": [1, 2, 3], "nested": [[1, 2], [3]], "orders": [{"qty": 1}, {"qty": 2}], "one": 1, "text": "abc"}
ITEM = '{"var": ""}'
CASES = [
    (f'{{"map": [{{"var": "n"}}, {{"*": [{ITEM}, 2]}}]}}', [2, 4, 6]),
    ('{"map": [{"var": "orders"}, {"var": "qty"}]}', [1, 2]),
    ('{"map": [{"var": "n"}, {"var": "one"}]}', [None, None, None]),  # a body sees its item only
    (f'{{"map": [{{"var": "nested"}}, {{"+": {ITEM}}}]}}', [3, 3]),
    ('{"map": [{"var": "one"}, 1]}', []),
    ('{"map": [null, 1]}', []),
    (f'{{"filter": [{{"var": "n"}}, {{">=": [{ITEM}, 2]}}]}}', [2, 3]),
    (f'{{"filter": [{{"var": "n"}}, {{"%": [{ITEM}, 2]}}]}}', [1, 3]),
    ('{"reduce": [{"var": "n"}, {"+": [{"var": "current"}, {"var": "accumulator"}]}, 10]}', 16),
    ('{"reduce": [{"var": "orders"}, {"+": [{"var": "accumulator"}, {"var": "current.qty"}]}, 0]}', 3),
    ('{"reduce": [{"var": "one"}, 99, 7]}', 7),
    ('{"reduce": [[], 99, {"var": "one"}]}', 1),
    (f'{{"all": [{{"var": "n"}}, {{">": [{ITEM}, 0]}}]}}', True),
    (f'{{"all": [{{"var": "n"}}, {{">": [{ITEM}, 1]}}]}}', False),
    ('{"all": [[], true]}', False),
    (f'{{"some": [{{"var": "n"}}, {{">": [{ITEM}, 2]}}]}}', True),
    ('{"some": [[], true]}', False),
    ('{"some": [null, true]}', False),
    (f'{{"none": [{{"var": "n"}}, {{">": [{ITEM}, 3]}}]}}', True),
    ('{"none": [[], true]}', True),
    ('{"none": [null, true]}', True),
    ('{"merge": []}', []),
    ('{"merge": 1}', [1]),
    ('{"merge": [[1], [2, 3]]}', [1, 2, 3]),
    ('{"merge": [1, [2], [[3]]]}', [1, 2, [3]]),
    ('{"merge": [[]]}', []),
    ('{"+": {"merge": [{"var": "n"}, 4]}}', 10),
    ('{"log": ["apple"]}', "apple"),
    ('[1, {"var": "one"}, [{"var": "text"}]]', [1, 1, ["abc"]]),
]


@pytest.mark.parametrize(("rule", "expected"), CASES)
def test_a_list_is_worked_through_as_in_the_dialect(rule: str, expected: object) -> None:
    assert alike(value(rule, DATA), expected)


ERRORS = [
    *((f'{{"{operator}": ["abc", true]}}', "must be a list") for operator in ("filter", "all", "some", "none")),
    *((f'{{"{operator}": [null, true]}}', "must be a list") for operator in ("filter", "all")),
    *((f'{{"{operator}": [[1]]}}', "exactly 2 arguments, got 1") for operator in ("map", "filter", "all", "some")),
    ('{"none": [[1], 1, 1]}', "exactly 2 arguments, got 3"),
    ('{"reduce": [[1], 1]}', "exactly 3 arguments, got 2"),
    ('{"log": []}', "needs an argument"),
]


@pytest.mark.parametrize(("rule", "reason"), ERRORS)
def test_what_is_no_list_or_lacks_a_body_is_an_error(rule: str, reason: str) -> None:
    with pytest.raises(EvaluationError, match=reason):
        value(rule)


def test_log_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    value('{"log": "apple"}')
    assert capsys.readouterr().out == ""
