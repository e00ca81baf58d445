"""How rows become events: fields, exact numbers, ids, times, and reasons where they do not."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tallystick.feed.mapping import Columns, WholeEvents, completed, since_1970
from tallystick.feed.row import Place, Row
from tallystick.kernel.errors import BillingError
from tallystick.metering.event import Event

FILE = "0123456789abcdef0123456789abcdef"
PLAIN = {"accountId": "acme", "timestamp": "2026-01-10T12:00:00Z"}
CELLS = {**PLAIN, "n": "3", "where": "eu", "flight": "17", "empty": "", "none": None}


def made(said: Columns, content: Any = None, number: int = 7) -> dict[str, Any]:  # noqa: ANN401 - JSON or cells
    """The event of a row; what is made is a legal event."""
    content = CELLS if content is None else content
    mapping = completed(said, None if isinstance(content, bytes) else content)
    sent = mapping.event(Row(Place(number, number), content), FILE)
    msgspec.json.decode(sent, type=Event)
    return json.loads(sent)


def refused(said: Columns, content: Any = None) -> str:  # noqa: ANN401 - JSON or cells
    with pytest.raises(BillingError) as failure:
        made(said, content)
    return failure.value.message


def calls(**more: Any) -> Columns:  # noqa: ANN401 - what Columns takes
    return Columns(schema="api_call", **more)


def test_fields_come_from_the_columns_of_their_names() -> None:
    assert made(calls(attributes={"calls": "n"}, dimensions={"region": "where"})) == {
        "schemaName": "api_call",
        "id": f"{FILE}:api_call:7",
        "timestamp": "2026-01-10T12:00:00Z",
        "accountId": "acme",
        "attributes": [{"name": "calls", "value": "3"}],
        "dimensions": {"region": "eu"},
    }


def test_fields_come_from_the_columns_that_are_named() -> None:
    event = made(
        Columns(fields={"schemaName": "kind", "accountId": "who", "timestamp": "at", "id": "key"}),
        {"kind": "api_call", "who": "beta", "at": "2026-02-01", "key": "k-1"},
    )
    assert (event["schemaName"], event["accountId"], event["id"]) == ("api_call", "beta", "k-1")
    assert event["timestamp"] == "2026-02-01T00:00:00Z"


def test_an_account_may_stand_for_every_row() -> None:
    assert made(calls(account="beta"), {"timestamp": "2026-02-01"})["accountId"] == "beta"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", "3"),
        ("1.50", "1.50"),
        ("-0.10", "-0.10"),
        ("007", "007"),
        ("12345678901234567890.123456789012345678901234567890", "12345678901234567890.123456789012345678901234567890"),
        ("25e-4", "0.0025"),
        ("1E+20", "100000000000000000000"),
    ],
)
def test_a_number_keeps_every_digit(text: str, value: str) -> None:
    assert made(calls(attributes={"calls": "n"}), CELLS | {"n": text})["attributes"] == [
        {"name": "calls", "value": value}
    ]
    line = json.dumps(PLAIN | {"n": "N"}).replace('"N"', text if text != "007" else '"007"').encode()
    assert made(calls(attributes={"calls": "n"}), line)["attributes"] == [{"name": "calls", "value": value}]


@pytest.mark.parametrize("text", ["many", "1,5", " 1", "1 ", "+1", ".5", "1.", "0x10", "NaN", "1_0", "9" * 513])
def test_what_is_no_number_is_refused_with_its_column(text: str) -> None:
    message = refused(calls(attributes={"calls": "n"}), CELLS | {"n": text})
    assert message.startswith(f"calls: is {text[:60]!r} under 'n', expected a number")


@pytest.mark.parametrize("column", ["empty", "none"])
def test_a_number_or_text_that_a_row_lacks_is_left_out(column: str) -> None:
    event = made(calls(attributes={"calls": column, "n": "n"}, dimensions={"region": column, "where": "where"}))
    assert event["attributes"] == [{"name": "n", "value": "3"}]
    assert event["dimensions"] == {"where": "eu"}


class TestIds:
    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("flight-{flight}", "flight-17"),
            ("{where}/{flight}/{row}", "eu/17/7"),
            ("{file}-{row}", f"{FILE}-7"),
            ("{{{row}}}", "{7}"),
            ("the same", "the same"),
        ],
    )
    def test_a_template_is_made_of_columns_and_the_row(self, template: str, name: str) -> None:
        assert made(calls(id_template=template))["id"] == name

    @pytest.mark.parametrize("template", ["{", "}", "{}", "{row:>5}", "{row!r}", "{row", "{0:}{"])
    def test_another_template_is_refused(self, template: str) -> None:
        assert refused(calls(id_template=template)).startswith("--id: ")

    def test_a_part_that_is_empty_is_refused(self) -> None:
        assert refused(calls(id_template="{flight}-{empty}")) == "id: the row has nothing under 'empty'"

    def test_a_column_named_id_is_the_id_and_a_row_without_one_gets_its_place(self) -> None:
        assert made(calls(), CELLS | {"id": "e-1"})["id"] == "e-1"
        assert made(calls(), CELLS | {"id": ""})["id"] == f"{FILE}:api_call:7"

    def test_the_same_row_is_another_event_in_another_file_place_or_schema(self) -> None:
        def name(file: str, number: int, schema: str) -> str:
            mapping = completed(Columns(schema=schema), CELLS)
            return json.loads(mapping.event(Row(Place(number, 0), CELLS), file))["id"]

        names = [name("a", 1, "x"), name("a", 2, "x"), name("b", 1, "x"), name("a", 1, "y"), name("a", 1, "x")]
        assert len(set(names)) == 4
        assert names[0] == names[-1]


@pytest.mark.parametrize(
    ("text", "unit", "instant"),
    [
        ("0", "s", "1970-01-01T00:00:00+00:00"),
        ("1767225600", "s", "2026-01-01T00:00:00+00:00"),
        ("1767225600.5", "s", "2026-01-01T00:00:00.500000+00:00"),
        ("1767225600123", "ms", "2026-01-01T00:00:00.123000+00:00"),
        ("1767225600123456", "us", "2026-01-01T00:00:00.123456+00:00"),
        ("1767225599999999999", "ns", "2025-12-31T23:59:59.999999+00:00"),
        ("1.7672256e9", "s", "2026-01-01T00:00:00+00:00"),
        ("-1", "ns", "1969-12-31T23:59:59.999999+00:00"),
    ],
)
def test_times_may_be_counted_since_1970(text: str, unit: str, instant: str) -> None:
    assert made(calls(epoch=unit), PLAIN | {"timestamp": text})["timestamp"] == instant


@pytest.mark.parametrize("text", ["2026-01-01", "soon", "1e400", "9" * 500])
def test_what_is_no_count_since_1970_is_refused(text: str) -> None:
    assert since_1970(text, 0) is None
    assert "have passed since 1970" in refused(calls(epoch="s"), PLAIN | {"timestamp": text})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (PLAIN | {"accountId": ""}, "accountId: the row has nothing under 'accountId'"),
        (PLAIN | {"timestamp": None}, "timestamp: the row has nothing under 'timestamp'"),
        (PLAIN | {"timestamp": "10.01.2026"}, "timestamp: "),
        (PLAIN | {"accountId": "a" * 513}, "accountId: "),
        (PLAIN | {"accountId": "caf\udce9"}, "is not UTF-8"),
        (b"[1]", "Expected `object`, got `array`"),
        (b"{", "not valid JSON"),
        (b'{"accountId": {"id": 1}, "timestamp": "2026-01-01"}', "accountId: holds an object or a list"),
        (b'{"accountId": "caf\xe9", "timestamp": "2026-01-01"}', "accountId: is not UTF-8"),
    ],
)
def test_a_row_that_makes_no_event_is_refused(content: Any, reason: str) -> None:  # noqa: ANN401 - JSON or cells
    assert reason in refused(calls(), content)


def test_everything_that_is_wrong_with_a_row_is_told_at_once() -> None:
    message = refused(calls(attributes={"calls": "n"}), {"accountId": "", "timestamp": "", "n": "x"})
    assert [part.split(":")[0] for part in message.split("; ")] == ["calls", "timestamp", "accountId"]


class TestJsonRows:
    LINE = (
        b'{"customer": {"id": "acme", "plan": {"tier": "pro"}}, "a.b": "dot",'
        b' "at": "2026-01-01", "on": true, "no": null}'
    )

    def test_parts_of_objects_are_named_with_dots(self) -> None:
        said = calls(
            fields={"accountId": "customer.id", "timestamp": "at"},
            dimensions={"tier": "customer.plan.tier", "dot": "a.b", "on": "on", "no": "no", "gone": "customer.x.y"},
        )
        event = made(said, self.LINE)
        assert event["accountId"] == "acme"
        assert event["dimensions"] == {"tier": "pro", "dot": "dot", "on": "true"}

    def test_an_object_is_no_text(self) -> None:
        said = calls(fields={"accountId": "customer.id", "timestamp": "at"}, dimensions={"plan": "customer.plan"})
        assert refused(said, self.LINE).startswith("customer.plan: holds an object or a list")


class TestWholeEvents:
    EVENT = (
        b'{"schemaName":"api_call","timestamp":"2026-01-10T12:00:00Z","accountId":"acme",'
        b'"attributes":[],"dimensions":{}}'
    )

    def event(self, line: bytes) -> dict[str, Any]:
        return json.loads(WholeEvents().event(Row(Place(7, 0), line), FILE))

    def test_a_line_is_the_event_and_gets_an_id_if_it_has_none(self) -> None:
        assert self.event(self.EVENT) == json.loads(self.EVENT) | {"id": f"{FILE}:api_call:7"}
        named = self.EVENT.replace(b"{", b'{"id":"e-1",', 1)
        assert self.event(named) == json.loads(named)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (EVENT.replace(b"accountId", b"account"), "unknown field 'account': did you mean 'accountId'?"),
            (b"{}", "is missing"),
            (b"7", "Expected `object`, got `int`"),
        ],
    )
    def test_a_line_that_is_no_event_is_refused(self, line: bytes, reason: str) -> None:
        with pytest.raises(BillingError) as failure:
            self.event(line)
        assert reason in failure.value.message


class TestWhatIsSaidAboutAFile:
    HAS = ("customer", "time", "n_calls")

    def problems(self, said: Columns) -> str:
        with pytest.raises(BillingError) as failure:
            completed(said, self.HAS)
        return failure.value.message

    def test_fields_that_nothing_fills_are_named_with_the_options_that_do(self) -> None:
        message = self.problems(Columns())
        assert "schemaName: say where it is: --schema or --map schemaName=COLUMN" in message
        assert "accountId: say where it is: --account or --map accountId=COLUMN" in message
        assert "timestamp: say where it is: --map timestamp=COLUMN (the columns are customer, time, n_calls)" in message

    def test_columns_that_are_not_there_are_named_with_the_nearest(self) -> None:
        message = self.problems(
            calls(
                fields={"accountId": "costumer", "timestamp": "time"}, attributes={"calls": "ncalls"}, id_template="{x}"
            )
        )
        assert "costumer: the file has no such column: did you mean 'customer'?" in message
        assert "ncalls: the file has no such column: did you mean 'n_calls'?" in message
        assert "x: the file has no such column" in message

    def test_what_is_said_twice_is_refused(self) -> None:
        fields = {"accountId": "customer", "timestamp": "time", "schemaName": "time", "id": "time"}
        message = self.problems(Columns(fields=fields, schema="x", account="y", id_template="{row}"))
        assert [part.split(":")[0] for part in message.split("; ")] == [
            "--map schemaName",
            "--map accountId",
            "--map id",
        ]

    def test_other_terms_are_told_apart(self) -> None:
        one, same = calls(attributes={"a": "1", "b": "2"}), calls(attributes={"b": "2", "a": "1"})
        assert one.terms == same.terms
        assert one.terms != calls(attributes={"a": "1"}).terms
