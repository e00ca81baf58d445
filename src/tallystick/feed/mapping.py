"""How a row of a file becomes an event: which column is what."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from tallystick.feed.cells import Cells
from tallystick.kernel.errors import Problem, invalid, refuse_if_any
from tallystick.kernel.quantity import EXACT, written_out
from tallystick.kernel.shapes import nearest, object_fields, shaped
from tallystick.metering.event import Event

if TYPE_CHECKING:
    from collections.abc import Collection

    from tallystick.feed.row import Row

FIELDS: Final = ("schemaName", "accountId", "timestamp", "id")
"""What an event has beside numbers and texts; a column of the same name is taken where no other is named."""

PLACES: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}
"""The units of times that are counted since 1970, and how many decimal places of a second each is."""

_ROW: Final = "row"
_FILE: Final = "file"
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EVENT: Final = msgspec.json.Decoder(Event)


class ToEvent(Protocol):
    """Turns rows into events."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""

    @property
    def terms(self) -> bytes:
        """What it does with a row: the same terms make the same events."""

    def event(self, row: Row, file: str) -> bytes:
        """The JSON of the event; `file` tells the file from others.

        Raises:
            BillingError: of kind INVALID, with everything that is wrong with the row.
        """


class WholeEvents:
    """Rows that are events already, as `POST /ingest` takes them; one without an id gets its place in the file."""

    columns = ()
    terms = b"events"

    def event(self, row: Row, file: str) -> bytes:
        """The event as it stands in the row.

        Raises:
            BillingError: of kind INVALID, for its shape.
        """
        assert isinstance(row.content, bytes), "only JSON Lines hold whole events"
        parts: dict[str, Any] = object_fields(row.content)
        if "id" not in parts:
            parts["id"] = _place(file, Cells(row.content).text("schemaName"), row)
        return _checked(parts)


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which column is which field, number or text of the event, by the event's own names.

    `schema` and `account` stand for every row; `id_template` is made of columns, the row's number and the file's
    digest; `epoch` is the unit of times that are counted since 1970.
    """

    fields: Mapping[str, str] = {}
    attributes: Mapping[str, str] = {}
    dimensions: Mapping[str, str] = {}
    schema: str | None = None
    account: str | None = None
    id_template: str | None = None
    epoch: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are looked at, each once."""
        of_id = [name for _, name in parts_of(self.id_template or "") if name and name not in {_ROW, _FILE}]
        every = (*self.fields.values(), *self.attributes.values(), *self.dimensions.values(), *of_id)
        return tuple(dict.fromkeys(every))

    @property
    def terms(self) -> bytes:
        """Everything that decides what becomes of a row."""
        return msgspec.json.encode(self, order="deterministic")

    def event(self, row: Row, file: str) -> bytes:
        """The event that a row stands for; a number or text that the row lacks is left out.

        Raises:
            BillingError: of kind INVALID, with everything that is wrong with the row.
        """
        cells = Cells(row.content)
        schema = self.schema or self._field(cells, "schemaName")
        numbers = {name: cells.number(name, column) for name, column in self.attributes.items()}
        texts = {name: cells.text(column) for name, column in self.dimensions.items()}
        event = {
            "schemaName": schema,
            "id": self._id(cells, row, file, schema),
            "timestamp": self._time(cells),
            "accountId": self.account or self._field(cells, "accountId"),
            "attributes": [{"name": name, "value": digits} for name, digits in numbers.items() if digits],
            "dimensions": {name: text for name, text in texts.items() if text},
        }
        refuse_if_any(cells.problems)
        return _checked(event)

    def _field(self, cells: Cells, name: str) -> str:
        return cells.required(name, self.fields[name])

    def _id(self, cells: Cells, row: Row, file: str, schema: str) -> str:
        if self.id_template is None:
            return cells.text(self.fields.get("id", "id")) or _place(file, schema, row)
        own = {_ROW: str(row.place.row), _FILE: file}
        return "".join(
            text + ("" if name is None else own.get(name) or cells.required("id", name))
            for text, name in parts_of(self.id_template)
        )

    def _time(self, cells: Cells) -> str:
        text = self._field(cells, "timestamp")
        if self.epoch is None:
            return f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text
        expected = f"is {text[:60]!r}, expected how many {self.epoch} have passed since 1970"
        return since_1970(text, PLACES[self.epoch]) or cells.refuse("timestamp", expected)


def completed(said: Columns, has: Collection[str] | None) -> Columns:
    """What was said, with fields from the columns of their names where nothing was; it fits the file.

    `has` are the columns of the file; None when every row brings its own.

    Raises:
        BillingError: of kind INVALID, for columns that are not there, and fields that nothing fills or two things do.
    """
    constants = {"schemaName": ("--schema", said.schema), "accountId": ("--account", said.account)}
    problems: list[Problem] = []
    fields = dict(said.fields)
    for name in FIELDS:
        option, value = constants.get(name, ("--id", said.id_template if name == "id" else None))
        if name in fields and value is not None:
            problems.append(Problem(f"--map {name}", f"{option} says it too: say it once"))
        elif name not in fields and value is None and (has is None or name in has):
            fields[name] = name
        elif name not in fields and value is None and name != "id":
            shorter = f"{option} or " if name in constants else ""
            known = ", ".join(has or ())
            problems.append(Problem(name, f"say where it is: {shorter}--map {name}=COLUMN (the columns are {known})"))
    found = msgspec.structs.replace(said, fields=fields)
    unknown = [name for name in found.columns if has is not None and name not in has]
    problems += [Problem(name, f"the file has no such column{nearest(name, has or ())}") for name in unknown]
    refuse_if_any(problems)
    return found


@functools.lru_cache(maxsize=16)
def parts_of(template: str) -> list[tuple[str, str | None]]:
    """An id's template as texts, each with the column that follows it.

    Raises:
        BillingError: of kind INVALID, for braces that do not match or hold more than a name.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as failure:
        raise invalid("--id", f"{template!r} is no template such as flight-{{row}}: {failure}") from None
    for _, name, form, conversion in parts:
        if form or conversion or name == "":
            raise invalid(
                "--id", f"{template!r}: braces hold the name of a column, {{row}} or {{file}}, and nothing else"
            )
    return [(text, name) for text, name, _, _ in parts]


def since_1970(text: str, places: int) -> str | None:
    """The instant that many units after 1970, in UTC and never rounded up; None where that is no instant."""
    digits = written_out(text)
    if digits is None:
        return None
    microseconds = EXACT.scaleb(Decimal(digits), 6 - places).to_integral_value(ROUND_FLOOR)
    try:
        return (_BEGIN + timedelta(microseconds=int(microseconds))).isoformat()
    except OverflowError:
        return None


def _place(file: str, schema: str, row: Row) -> str:
    """The id of a row that has none: another schema makes another event of it."""
    return f"{file}:{schema}:{row.place.row}"


def _checked(event: dict[str, Any]) -> bytes:
    try:
        sent = msgspec.json.encode(event)
    except UnicodeEncodeError:
        raise invalid("", "is not UTF-8") from None
    shaped(sent, _EVENT, Event)
    return sent
