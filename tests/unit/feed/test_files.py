"""Files of rows: JSON Lines, delimited text and Parquet give every row once, from any place on, with exact texts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from tallystick.feed.mapping import Columns
from tallystick.feed.opening import opened
from tallystick.feed.parquet import ParquetFile
from tallystick.feed.row import START
from tallystick.feed.text_lines import LONGEST_LINE, Delimited, JsonLines
from tallystick.kernel.errors import BillingError

if TYPE_CHECKING:
    from pathlib import Path

    from tallystick.feed.row import Row, UsageFile


def written(tmp_path: Path, content: bytes, name: str = "usage.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def read(file: UsageFile, columns: tuple[str, ...] = ()) -> list[Row]:
    """Every row; from each place on there are exactly those that come behind it."""
    rows = list(file.rows(START, columns))
    for index, row in enumerate(rows, 1):
        assert list(file.rows(row.place, columns)) == rows[index:]
    return rows


class TestDelimited:
    @pytest.mark.parametrize(
        ("content", "rows"),
        [
            (b"a,b\n1,2\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
            (b"a,b\r\n1,2\r\n3,4", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
            (b"\xef\xbb\xbfa,b\n1,2\n", [{"a": "1", "b": "2"}]),
            (b'a,b\n"x, y","he said ""no"""\n1,2\n', [{"a": "x, y", "b": 'he said "no"'}, {"a": "1", "b": "2"}]),
            (b'a,b\n"two\nlines",2\n3,4\n', [{"a": "two\nlines", "b": "2"}, {"a": "3", "b": "4"}]),
            (b"a,b\n\n1,2\n\n\n3,4\n\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]),
            (b"a,b\n 1 ,\n,\n", [{"a": " 1 ", "b": ""}, {"a": "", "b": ""}]),
            ("a,b\n1,é\n".encode(), [{"a": "1", "b": "é"}]),
            (b'"a x",b\n1.50,0123456789.0123456789\n', [{"a x": "1.50", "b": "0123456789.0123456789"}]),
            (b"a,b\n", []),
        ],
    )
    def test_values_are_read_as_they_stand(self, tmp_path: Path, content: bytes, rows: list[dict[str, str]]) -> None:
        found = read(Delimited(written(tmp_path, content), ","))
        assert [row.content for row in found] == rows
        assert [row.place.row for row in found] == list(range(1, len(rows) + 1))

    def test_another_delimiter_separates(self, tmp_path: Path) -> None:
        (row,) = read(Delimited(written(tmp_path, b"a;b\n1,5;2\n"), ";"))
        assert row.content == {"a": "1,5", "b": "2"}

    @pytest.mark.parametrize(
        "broken", [b'"never closed,2', b'"closed" twice",2', b"1", b"1,2,3", b'1,"never closed,2'], ids=str
    )
    def test_a_broken_row_takes_no_other_with_it(self, tmp_path: Path, broken: bytes) -> None:
        content = b"a,b\n1,2\n" + broken + b"\n3,4\n" + b'"5\n5",6\n'
        first, bad, *others = read(Delimited(written(tmp_path, content), ","))
        assert first.problem is None
        assert bad.problem is not None
        assert bad.place.row == 2
        assert [row.content for row in others] == [{"a": "3", "b": "4"}, {"a": "5\n5", "b": "6"}]

    def test_bytes_that_are_no_utf8_stay_with_their_row(self, tmp_path: Path) -> None:
        good, bad = read(Delimited(written(tmp_path, b"a,b\n1,2\ncaf\xe9,4\n"), ","))
        assert good.content == {"a": "1", "b": "2"}
        with pytest.raises(UnicodeEncodeError):
            str(bad.content["a"]).encode()

    @pytest.mark.parametrize("content", [b"\n", b"a,a\n1,2\n", b"a,\n1,2\n", b'"a\n'])
    def test_the_first_line_names_the_columns(self, tmp_path: Path, content: bytes) -> None:
        with pytest.raises(BillingError, match="first line"):
            Delimited(written(tmp_path, content), ",")


class TestJsonLines:
    def test_lines_are_given_as_they_stand_and_blank_ones_count(self, tmp_path: Path) -> None:
        content = b'\xef\xbb\xbf{"a": 1}\n\n  {"a": 2}\r\n{"a": 3}'
        rows = read(JsonLines(written(tmp_path, content)))
        assert [row.content for row in rows] == [b'{"a": 1}', b'{"a": 2}', b'{"a": 3}']
        assert [row.place.row for row in rows] == [1, 3, 4]
        assert rows[-1].place.end == len(content)

    def test_a_line_without_end_does_not_fill_the_memory(self, tmp_path: Path) -> None:
        file = JsonLines(written(tmp_path, b"{}\n" + b" " * (LONGEST_LINE + 1)))
        with pytest.raises(BillingError, match="byte 3: a line of more than a megabyte begins here"):
            list(file.rows(START, ()))


class TestParquet:
    @pytest.mark.parametrize(
        ("values", "texts"),
        [
            (pa.array([1, None, -(2**63)], pa.int64()), ["1", None, "-9223372036854775808"]),
            (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
            (pa.array([Decimal("1E-9"), Decimal("1234567890123456789.000000001")]), None),
            (pa.array([Decimal("2.50"), None], pa.decimal128(5, 2)), ["2.50", None]),
            (pa.array([0.1, 1e22, 1e-7, -2.5, None]), ["0.1", "10000000000000000000000", "0.0000001", "-2.5", None]),
            (pa.array([0.1, 16777216.0], pa.float32()), ["0.1", "16777216"]),
            (pa.array([float("nan"), float("inf")]), ["nan", "inf"]),
            (pa.array(["é", "", None]), ["é", "", None]),
            (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
            (pa.array([True, False]), ["true", "false"]),
            (pa.array([b"bytes", None]), ["bytes", None]),
            (pa.array([date(2026, 1, 31)]), ["2026-01-31"]),
            (pa.array([datetime(2026, 1, 1, 2, 3, 4)], pa.timestamp("ms")), ["2026-01-01 02:03:04.000"]),  # noqa: DTZ001 - a local time
            (
                pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "Europe/Rome")),
                ["2026-01-01 00:00:00.000000Z"],
            ),
            (pa.array([1767225600123456789], pa.timestamp("ns", "UTC")), ["2026-01-01 00:00:00.123456789Z"]),
        ],
        ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
    )
    def test_values_become_text_without_losing_a_digit(
        self,
        tmp_path: Path,
        values: Any,  # noqa: ANN401 - pyarrow has no types
        texts: list[str | None] | None,
    ) -> None:
        path = tmp_path / "usage.parquet"
        parquet.write_table(pa.table({"value": values}), path)
        texts = texts or ["0.000000001", "1234567890123456789.000000001"]
        assert [row.content["value"] for row in read(ParquetFile(path), ("value",))] == texts

    def test_rows_are_found_from_any_place_over_groups_of_rows(self, tmp_path: Path) -> None:
        path = tmp_path / "usage.parquet"
        parquet.write_table(pa.table({"n": range(25), "other": ["x"] * 25}), path, row_group_size=10)
        file = ParquetFile(path)
        rows = read(file, ("n",))
        assert [row.content for row in rows] == [{"n": str(number)} for number in range(25)]
        assert (file.size, rows[-1].place) == (25, (25, 25))
        assert len(read(file, ())) == 25

    def test_parts_of_nested_columns_are_named_with_dots(self, tmp_path: Path) -> None:
        path = tmp_path / "usage.parquet"
        nested = [{"id": "acme", "plan": {"tier": "pro", "n": 1}}, None]
        parquet.write_table(pa.table({"customer": nested, "a.b": [1, 2]}), path)
        file = ParquetFile(path)
        assert set(file.columns) == {"customer.id", "customer.plan.tier", "customer.plan.n", "a.b"}
        rows = read(file, ("customer.plan.tier", "a.b"))
        assert [row.content for row in rows] == [
            {"customer.plan.tier": "pro", "a.b": "1"},
            {"customer.plan.tier": None, "a.b": "2"},
        ]

    def test_a_column_of_lists_is_refused_when_it_is_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "usage.parquet"
        parquet.write_table(pa.table({"tags": [["a"]], "n": [1]}), path)
        assert len(read(ParquetFile(path), ("n",))) == 1
        with pytest.raises(BillingError, match=r"tags: the column holds list.* neither a number nor a text"):
            read(ParquetFile(path), ("tags",))

    def test_another_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BillingError, match=r"usage\.parquet: is not a Parquet file"):
            ParquetFile(written(tmp_path, b"PAR1 not really", "usage.parquet"))


class TestOpening:
    SAID = Columns(schema="s", account="a", fields={"timestamp": "t"})

    @pytest.mark.parametrize(
        ("name", "kind", "file"),
        [
            ("u.csv", None, Delimited),
            ("u.TSV", None, Delimited),
            ("u.jsonl", None, JsonLines),
            ("u.ndjson", None, JsonLines),
            ("u.txt", "csv", Delimited),
        ],
    )
    def test_the_name_says_the_format_unless_it_is_said(
        self, tmp_path: Path, name: str, kind: str | None, file: type
    ) -> None:
        assert isinstance(opened(written(tmp_path, b"t\tx\n", name), kind, "\t", self.SAID).file, file)

    def test_a_format_that_nobody_says_is_asked_for(self, tmp_path: Path) -> None:
        with pytest.raises(BillingError, match="say what it is: --format jsonl or csv"):
            opened(written(tmp_path, b"t\n", "usage"), None, None, self.SAID)

    def test_an_empty_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BillingError, match="is empty"):
            opened(written(tmp_path, b""), None, None, self.SAID)

    def test_the_digest_tells_files_apart_by_what_is_in_them(self, tmp_path: Path) -> None:
        one = opened(written(tmp_path, b"t\n1\n", "a.csv"), None, None, self.SAID).digest
        same = opened(written(tmp_path, b"t\n1\n", "b.csv"), None, None, self.SAID).digest
        other = opened(written(tmp_path, b"t\n2\n", "c.csv"), None, None, self.SAID).digest
        assert one == same != other
