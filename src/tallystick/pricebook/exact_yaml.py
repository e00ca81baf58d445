"""YAML that means one thing: exact numbers, texts, lists and objects, and the line on which each of them stands.

Whatever two readers of YAML would take for two things is refused: `yes`, `0x1F`, `1_000`, a bare date. So are anchors,
tags, keys that stand twice and nesting without end. A number is never a float.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import yaml
from yaml import events

from tallystick.kernel.errors import BillingError, Kind, Problem

LARGEST: Final = 1024 * 1024
"""Bytes of one file."""

DEEPEST: Final = 60
"""Levels of objects and lists: more than the longest rule has, and a plan around it."""

LONGEST_NUMBER: Final = 1026
LONGEST_EXPONENT: Final = 4
"""Characters."""

LONGEST_SHOWN: Final = 40

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?([0-9]+))?", re.ASCII)
_WHOLE: Final = re.compile(r"-?[0-9]+", re.ASCII)
_OCTAL: Final = re.compile(r"0o[0-7]+")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Final = yaml.resolver.Resolver()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says, and on which line each part of it begins, by its path."""

    value: Any
    lines: dict[str, int]

    def line(self, path: str) -> int:
        """The line of a part; of the nearest around it that is there."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def read(content: bytes, name: str) -> Reading:
    """What a file of that name says.

    Raises:
        BillingError: of kind INVALID, with every problem and its line.
    """
    if len(content) > LARGEST:
        raise _refused([Problem(name, f"has {len(content):,} bytes, at most {LARGEST:,} are read")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise _refused([Problem(name, f"is not UTF-8: {failure.reason} at byte {failure.start}")]) from None
    reader = _Reader(name)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            reader.take(event)
    except yaml.MarkedYAMLError as failure:
        line = failure.problem_mark.line + 1 if failure.problem_mark is not None else 1
        reader.problems.append(Problem(f"{name}:{line}", f"not valid YAML: {failure.problem}"))
    except yaml.YAMLError as failure:
        reader.problems.append(Problem(name, f"not valid YAML: {' '.join(str(failure).split())[:200]}"))
    except _StopReadingError:
        pass
    if not reader.is_complete and not reader.problems:
        reader.problems.append(Problem(name, "is empty"))
    if reader.problems:
        raise _refused(reader.problems)
    return Reading(reader.value, reader.lines)


def write(thing: dict[str, Any]) -> str:
    """The YAML of a thing: keys in their order, one line for each object or list in it that holds no other."""
    text: str = yaml.dump(
        _Thing(thing), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=sys.maxsize, default_flow_style=None
    )
    return text


class _StopReadingError(Exception):
    """Nothing behind this can be understood."""


@dataclass(slots=True)
class _Level:
    """An object or list that is being read; `key` is what the next value of an object belongs to."""

    value: dict[str, Any] | list[Any]
    path: str
    key: str | None = None

    def below(self) -> str:
        """The path of the value that comes next."""
        if isinstance(self.value, list):
            return f"{self.path}[{len(self.value)}]"
        return f"{self.path}.{self.key}" if self.path else str(self.key)


@dataclass(slots=True)
class _Reader:
    """Builds a value from the events of the parser, without recursion."""

    name: str
    value: Any = None
    is_complete: bool = False
    lines: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    _levels: list[_Level] = field(default_factory=list)

    def take(self, event: Any) -> None:  # noqa: ANN401 - an event of PyYAML, which has no types
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            self._stop(line, "anchors and aliases are not read: write it out where it is needed")
        if getattr(event, "tag", None) is not None:
            self._stop(line, f"tags such as {event.tag[:LONGEST_SHOWN]} are not read: leave it out")
        match event:
            case events.DocumentStartEvent() if self.is_complete:
                self._stop(line, "a second document: write one thing into a file")
            case events.ScalarEvent():
                self._scalar(event, line)
            case events.MappingStartEvent():
                self._begin({}, line)
            case events.SequenceStartEvent():
                self._begin([], line)
            case events.MappingEndEvent() | events.SequenceEndEvent():
                self._levels.pop()

    def _stop(self, line: int, reason: str) -> None:
        self._problem(line, reason)
        raise _StopReadingError

    def _problem(self, line: int, reason: str) -> None:
        self.problems.append(Problem(f"{self.name}:{line}", reason))

    def _scalar(self, event: events.ScalarEvent, line: int) -> None:
        level = self._levels[-1] if self._levels else None
        value = self._plain(event.value, line) if event.implicit[0] else self._text(event.value, line)
        if level is None or isinstance(level.value, list) or level.key is not None:
            self._put(value, line)
        elif not isinstance(value, str):
            self._problem(line, f"{event.value[:LONGEST_SHOWN]!r} is no name of a field: put it in quotes")
            level.key = event.value
        else:
            if value in level.value:
                self._problem(line, f"{value[:LONGEST_SHOWN]!r} stands twice")
            level.key = value

    def _plain(self, text: str, line: int) -> Any:  # noqa: ANN401 - JSON
        """What a text without quotes stands for."""
        if text in _WORDS:
            return _WORDS[text]
        number = _NUMBER.fullmatch(text)
        if number is not None and (len(text) > LONGEST_NUMBER or len(number[1] or "") > LONGEST_EXPONENT):
            self._problem(line, f"{text[:LONGEST_SHOWN]!r} is longer than any number here may be")
        elif number is not None:
            return int(text) if _WHOLE.fullmatch(text) else Decimal(text)
        elif _tag(_RESOLVER, text) != _TEXT_TAG or _OCTAL.fullmatch(text):
            reason = f"{text[:LONGEST_SHOWN]!r} is read differently by different programs: put a text in quotes, "
            self._problem(line, reason + "write a number in plain digits, and true or false")
        return self._text(text, line)

    def _text(self, text: str, line: int) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            self._problem(line, "holds half of a character (a lone surrogate)")
        return text

    def _begin(self, value: dict[str, Any] | list[Any], line: int) -> None:
        if len(self._levels) >= DEEPEST:
            self._stop(line, f"is nested deeper than {DEEPEST} levels")
        level = self._levels[-1] if self._levels else None
        if level is not None and isinstance(level.value, dict) and level.key is None:
            self._stop(line, "an object or a list is no name of a field")
        path = "" if level is None else level.below()
        self._put(value, line)
        self._levels.append(_Level(value, path))

    def _put(self, value: Any, line: int) -> None:  # noqa: ANN401 - JSON
        level = self._levels[-1] if self._levels else None
        self.lines.setdefault("" if level is None else level.below(), line)
        if level is None:
            self.value, self.is_complete = value, True
        elif isinstance(level.value, list):
            level.value.append(value)
        else:
            level.value.setdefault(str(level.key), value)
            level.key = None


class _Thing(dict[str, Any]):
    """What is written over several lines, however small it is."""


class _Dumper(yaml.SafeDumper):
    """Writes what `read` reads back: every text in quotes that anybody could take for something else."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ANN401, ARG002 - PyYAML's signature
        """Write everything out."""
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """A text, in double quotes and escaped where it holds line ends or what nobody sees."""
        return self.represent_scalar(_TEXT_TAG, data, style=None if data.isprintable() else '"')

    def thing(self, data: _Thing) -> yaml.MappingNode:
        """The whole of a file."""
        return self.represent_mapping("tag:yaml.org,2002:map", data, flow_style=False)

    def number(self, data: Decimal) -> yaml.ScalarNode:
        """A number in plain digits, unless it would be endless."""
        text = f"{data:f}" if abs(data.adjusted()) < LONGEST_NUMBER // 2 else str(data)
        return self.represent_scalar(_tag(self, text), text)


_Dumper.add_representer(str, _Dumper.text)
_Dumper.add_representer(_Thing, _Dumper.thing)
_Dumper.add_representer(Decimal, _Dumper.number)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(rf"(?:{_NUMBER.pattern}|0o[0-7]+)$"), list("-0123456789")
)


def _tag(resolver: yaml.resolver.BaseResolver, text: str) -> str:
    """What a text without quotes is taken for."""
    tag: str = resolver.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return tag


def _refused(problems: list[Problem]) -> BillingError:
    return BillingError(Kind.INVALID, "yaml", *problems)
