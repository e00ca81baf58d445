"""CloudEvents 1.0 as events of ours: which part of the one becomes which part of the other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.quantity import written_out
from tallystick.metering.event import (
    LONGEST_NAME,
    LONGEST_REFERENCE,
    LONGEST_TEXT,
    MOST_ATTRIBUTES,
    MOST_DIMENSIONS,
    NEARLY_A_SECOND,
    Attribute,
    Event,
    not_rounded_up,
)

if TYPE_CHECKING:
    from collections.abc import Collection


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent 1.0 in its JSON format that says who used what.

    `type` is the event schema, `subject` the account (its id or an alias), `data` an object of numbers and texts.
    Further attributes of its envelope are let pass and not kept.
    """

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(min_length=1)]
    source: Annotated[str, Meta(pattern="^[^ ]+$", description="A URI reference: it has no spaces")]
    type: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    subject: Annotated[str, Meta(min_length=1, max_length=LONGEST_REFERENCE)]
    time: datetime
    data: Annotated[dict[str, msgspec.Raw], Meta(max_length=MOST_ATTRIBUTES + MOST_DIMENSIONS)] = {}
    data_base64: Any | UnsetType = UNSET


class DataNames(NamedTuple):
    """The names that an event schema knows: its numbers and its texts."""

    attributes: Collection[str]
    dimensions: Collection[str]


class _SentTime(msgspec.Struct):
    time: str


NO_NAMES: Final = DataNames((), ())
_SENT_TIME: Final = msgspec.json.Decoder(_SentTime)
_TEXT: Final = msgspec.json.Decoder(str)
_NUMBER_STARTS: Final = frozenset(b"-0123456789")
_OTHER_KINDS: Final = {b"{": "an object", b"[": "a list"}
_MAY_BE_ROUNDED_UP: Final = NEARLY_A_SECOND.encode()


def event_id(source: str, name: str) -> str:
    """The one id that stands for a source and an id: both with a space between, or a digest of that when too long.

    A source has no space, so no two pairs read alike; a digest holds none, so it is no pair.
    """
    joined = f"{source} {name}"
    if len(joined) <= LONGEST_REFERENCE:
        return joined
    return f"sha256:{hashlib.sha256(joined.encode()).hexdigest()}"


def event_of(cloud: CloudEvent, sent: bytes, names: DataNames) -> Event:
    """The event that a CloudEvent stands for; `sent` is its JSON, `names` what its schema knows.

    Raises:
        BillingError: of kind INVALID, with everything that is wrong with its data.
    """
    split = _Split(names)
    if cloud.data_base64 is not UNSET:
        split.refuse("data_base64", "cannot be read: send numbers and texts as an object in data")
    for name, value in cloud.data.items():
        split.add(name, bytes(value))
    split.check_sizes()
    refuse_if_any(split.problems)
    time = not_rounded_up(cloud.time, _SENT_TIME.decode(sent).time) if _MAY_BE_ROUNDED_UP in sent else cloud.time
    return Event(
        schema_name=cloud.type,
        id=event_id(cloud.source, cloud.id),
        timestamp=time,
        account_id=cloud.subject,
        attributes=split.attributes,
        dimensions=split.dimensions,
    )


@dataclass(slots=True)
class _Split:
    """The data of a CloudEvent, parted into attributes and dimensions."""

    names: DataNames
    attributes: list[Attribute] = field(default_factory=list)
    dimensions: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, reason: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(path, reason))

    def add(self, name: str, value: bytes) -> None:
        """Put a number or a text where the schema knows its name; where it does not, a number is an attribute."""
        text = _text_of(value)
        if text is None:
            came = _OTHER_KINDS.get(value[:1]) or value.decode()
            self.refuse(f"data.{name[:60]}", f"is {came[:60]}, expected a number or a text{_ADVICE.get(came, '')}")
            return
        is_number = value[0] in _NUMBER_STARTS
        is_dimension = name in self.names.dimensions
        if name in self.names.attributes or (is_number and not is_dimension):
            self._add_attribute(name, text)
        if is_dimension or (not is_number and name not in self.names.attributes):
            self._add_dimension(name, text)

    def check_sizes(self) -> None:
        """Note when there are more numbers or texts than an event takes."""
        if len(self.attributes) > MOST_ATTRIBUTES:
            self.refuse("data", f"has {len(self.attributes)} numbers, an event takes at most {MOST_ATTRIBUTES}")
        if len(self.dimensions) > MOST_DIMENSIONS:
            self.refuse("data", f"has {len(self.dimensions)} texts, an event takes at most {MOST_DIMENSIONS}")

    def _add_attribute(self, name: str, text: str) -> None:
        digits = written_out(text)
        if digits is None:
            self.refuse(
                f"data.{name}",
                f"is {text[:60]!r}, expected a number of at most 512 digits before its point, and behind it",
            )
        elif not 1 <= len(name) <= LONGEST_NAME:
            self.refuse(f"data.{name[:60]}", f"the name of a number has 1 to {LONGEST_NAME} characters")
        else:
            self.attributes.append(Attribute(name, digits))

    def _add_dimension(self, name: str, text: str) -> None:
        if len(name) > LONGEST_TEXT:
            self.refuse(f"data.{name[:60]}", f"the name of a text has at most {LONGEST_TEXT} characters")
        elif 1 <= len(text) <= LONGEST_TEXT:
            self.dimensions[name] = text
        else:
            self.refuse(f"data.{name}", f"has {len(text)} characters, a text has 1 to {LONGEST_TEXT}")


_ADVICE: Final = {"null": ": leave it out", "an object": ": name its parts beside the others"}


def _text_of(value: bytes) -> str | None:
    """The text of a JSON text, the digits of a JSON number as they were sent; None for anything else."""
    if value[:1] == b'"':
        return _TEXT.decode(value)
    return value.decode() if value[0] in _NUMBER_STARTS else None
