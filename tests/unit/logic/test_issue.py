"""What `check` finds, with code, place and the name that was probably meant."""

from __future__ import annotations

import pytest

from tallystick.kernel.errors import Problem
from tallystick.logic import Issue, Place, check, parse
from tallystick.logic.operators import OPERATORS

KNOWN = {"attributes.distance": "number", "dimensions.city": "text", "dimensions.car class": "text"}
FINE = [
    "1",
    '{"*": [{"var": "attributes.distance"}, 0.4]}',
    '{"*": [{"var": "attribute.distance"}, 0.4]}',
    '{"in": [{"var": "dimension.city"}, "chennai", "mumbai"]}',
    '{"==": [{"var": ["dimensions.car class", "none"]}, "suv"]}',
    '{"<": [1, {"var": "attributes.distance"}, 3]}',
    '{"+": [[1, 2, 3]]}',
    '{"-": [[9, 3]]}',
    '{"+": {"map": [[1, 2], {"*": [{"var": ""}, 2]}]}}',
    '{"%": {"merge": [7, 3]}}',
    '{"reduce": [[1, 2], {"+": [{"var": "current"}, {"var": "accumulator.total"}]}, 0]}',
    '{"some": [["a", "b"], {"==": [{"var": null}, "a"]}]}',
    '{"if": [{"missing": ["attributes.distance"]}, 0, 1]}',
    '{"missing": {"merge": ["attributes.distance", "dimensions.city"]}}',
    '{"missing_some": [1, ["attribute.distance", "dimensions.city"]]}',
    '{"/": [1, {"var": "attributes.distance"}]}',
    '{"/": [0, "1e99999"]}',
    '{"merge": []}',
]


@pytest.mark.parametrize("rule", FINE)
def test_a_rule_that_makes_sense_has_no_issues(rule: str) -> None:
    assert check(parse(rule), KNOWN) == []
    assert check(parse(rule), set(KNOWN)) == []


FOUND = [
    # unknown operators, also where they are never reached
    ('{"mx": [1, 2]}', "unknown_operator", "unknown operator 'mx'; did you mean 'max'?", 1, 2, "/mx"),
    ('{"if": [true, 1,\n {"reduse": 1}]}', "unknown_operator", "did you mean 'reduce'?", 2, 3, "/if/2/reduse"),
    ('{"xyzzy": []}', "unknown_operator", "unknown operator 'xyzzy'", 1, 2, "/xyzzy"),
    # unknown variables
    ('{"var": "attributes.distnce"}', "unknown_variable", "did you mean 'attributes.distance'?", 1, 9, "/var"),
    ('[1, {"var": ["dimension.town", 0]}]', "unknown_variable", "'dimension.town'", 1, 14, "/1/var/0"),
    ('{"var": "city"}', "unknown_variable", "did you mean 'dimensions.city'?", 1, 9, "/var"),
    ('{"var": "dimensions.distance"}', "unknown_variable", "did you mean 'attributes.distance'?", 1, 9, "/var"),
    ('{"var": ""}', "unknown_variable", "an empty name reads the whole data", 1, 9, "/var"),
    ('{"var": null}', "unknown_variable", "an empty name", 1, 9, "/var"),
    ('{"var": 1}', "unknown_variable", "must be a text", 1, 9, "/var"),
    ('{"missing": ["attributes.x"]}', "unknown_variable", "'attributes.x'", 1, 14, "/missing/0"),
    ('{"missing_some": [1, ["y"]]}', "unknown_variable", "'y'", 1, 23, "/missing_some/1/0"),
    (
        '{"var": ["attributes.distance", {"var": "dimensions.city"}]}',
        "unknown_variable",
        "without data",
        1,
        41,
        "/var/1/var",
    ),
    ('{"map": [[1], {"var": "attributes.distance"}]}', "unknown_variable", "sees only its item", 1, 23, "/map/1/var"),
    (
        '{"reduce": [[1], {"var": "attributes.distance"}, 0]}',
        "unknown_variable",
        '"accumulator"',
        1,
        26,
        "/reduce/1/var",
    ),
    ('{"var": {"cat": ["attributes.", "distance"]}}', "computed_name", "not computed", 1, 10, "/var/cat"),
    # log
    ('{"log": 1}', "refused_operator", "'log'", 1, 2, "/log"),
    # division by zero
    ('{"/": [1, 0.00]}', "division_by_zero", "'/' divides by zero", 1, 11, "/~1/1"),
    ('{"%": [[1, "0"]]}', "division_by_zero", "'%' divides by zero", 1, 12, "/%/0/1"),
]


@pytest.mark.parametrize(("rule", "code", "reason", "line", "column", "pointer"), FOUND)
def test_an_issue_names_its_place(rule: str, code: str, reason: str, line: int, column: int, pointer: str) -> None:
    (issue,) = check(parse(rule), KNOWN)
    assert issue.code == code
    assert reason in issue.reason
    assert issue.place == Place(line, column, pointer)


ARITY = [
    ('{"-": [9, 3, 2]}', "'-' takes 1 or 2 arguments, got 3"),
    ('{"/": [9, 3, 2]}', "'/' takes exactly 2 arguments, got 3"),
    ('{"/": [9]}', "'/' takes exactly 2 arguments, got 1"),
    ('{"%": [[9, 3, 2]]}', "'%' takes exactly 2 arguments, got 3"),
    ('{"+": []}', "'+' takes at least 1 argument, got 0"),
    ('{"<": [1, 2, 3, 4]}', "'<' takes 2 or 3 arguments, got 4"),
    ('{"<": {"var": "attributes.distance"}}', "'<' takes 2 or 3 arguments, got 1"),
    ('{">": [1, 2, 3]}', "'>' takes exactly 2 arguments, got 3"),
    ('{"==": [1]}', "'==' takes exactly 2 arguments, got 1"),
    ('{"!==": [1, 2, 3]}', "'!==' takes exactly 2 arguments, got 3"),
    ('{"in": ["a"]}', "'in' takes at least 2 arguments, got 1"),
    ('{"and": []}', "'and' takes at least 1 argument, got 0"),
    ('{"or": []}', "'or' takes at least 1 argument, got 0"),
    ('{"if": []}', "'if' takes at least 1 argument, got 0"),
    ('{"!": [1, 2]}', "'!' takes exactly 1 argument, got 2"),
    ('{"substr": ["a"]}', "'substr' takes 2 or 3 arguments, got 1"),
    ('{"reduce": [[], 0]}', "'reduce' takes exactly 3 arguments, got 2"),
    ('{"var": []}', "'var' takes 1 or 2 arguments, got 0"),
    ('{"var": ["attributes.distance", 0, 0]}', "'var' takes 1 or 2 arguments, got 3"),
    ('{"missing": []}', "'missing' takes at least 1 argument, got 0"),
    ('{"duration.of": [1]}', "'duration.of' takes exactly 2 arguments, got 1"),
]


@pytest.mark.parametrize(("rule", "reason"), ARITY)
def test_a_number_of_arguments_that_makes_no_sense_is_an_issue(rule: str, reason: str) -> None:
    (issue,) = check(parse(rule), KNOWN)
    assert (issue.code, issue.reason) == ("arity", reason)


def test_every_issue_is_reported_in_the_order_of_the_text() -> None:
    rule = parse('{"and": [{"foo": {"var": "x"}}, {"/": [{"var": "y"}, 0]},\n {"-": [1, 2, 3]}]}')
    assert [issue.code for issue in check(rule, KNOWN)] == [
        "unknown_operator",
        "unknown_variable",
        "division_by_zero",
        "unknown_variable",
        "arity",
    ]


def test_an_issue_becomes_a_problem_of_its_input() -> None:
    issue = Issue("arity", "too many", Place(2, 7, "/-"))
    assert issue.problem("computations[0].matcher") == Problem("computations[0].matcher", "too many (line 2, column 7)")


def test_the_table_holds_the_41_operators_of_the_dialect() -> None:
    """jsonlogic.md section 2."""
    named = """+ - * / % min max > >= < <= if ?: == != === !== ! !! and or log map filter reduce all some none merge in
        cat substr missing missing_some var date date.add date.sub duration.of duration.between duration.as"""
    assert set(OPERATORS) == set(named.split())
    assert len(OPERATORS) == 41
