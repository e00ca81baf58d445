"""From JSON to a rule: strict RFC 8259, exact numbers, positions kept, and refusals that say what to do.

An own parser: the standard library's keeps no positions, accepts NaN and lets a repeated name win.
"""

from __future__ import annotations

import re
from decimal import DecimalException
from typing import TYPE_CHECKING, Final, TypeVar

from tallystick.logic import number
from tallystick.logic.compact import compact
from tallystick.logic.operators import OPERATORS
from tallystick.logic.place import Place, below
from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.scanner import Scanner, decoded, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_RULE: Final = 20_000
"""Characters of JSON text."""

DEEPEST: Final = 40
"""Operations and lists inside each other; the list of an operation's arguments does not count."""

MOST_NODES: Final = 1_000
"""Constants, lists and operations in one rule."""

_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WORDS: Final = {"true": True, "false": False, "null": None}

_Member = TypeVar("_Member")


def parse(source: object, path: str = "") -> Rule:
    """The rule that a JSON text (str or bytes) or a decoded JSON value stands for.

    A `str` is always JSON text: "1" is the number 1. A decoded value is written as compact JSON text first, to
    which positions then refer; its numbers must be `int` or `Decimal`. `path` names the source in error
    messages, such as `computations[0].matcher`.

    Raises:
        BillingError: of kind INVALID, with line, column and what to do, when the text is not JSON, not a rule
            (an object holds exactly one name) or beyond the limits above.
    """
    if isinstance(source, bytes):
        source = decoded(source, path)
    text = source if isinstance(source, str) else compact(source, path)
    scanner = Scanner(text, path)
    if len(text) > LONGEST_RULE:
        raise scanner.not_a_rule(f"longer than {LONGEST_RULE:,} characters", scanner.place())
    return _Parser(scanner).rule()


class _Parser:
    """The grammar. Whoever reads a member has skipped the blanks in front of it."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._nodes = 0

    def rule(self) -> Rule:
        self._scanner.skip_blanks()
        found = self._value("", 0)
        self._refuse_bare_pair(found, "without braces around it")
        if self._scanner.next:
            reason = f"{self._scanner.shown} follows after the end of the rule; a text holds one rule"
            raise self._scanner.not_json(reason)
        return found

    def _value(self, pointer: str, depth: int) -> Rule:
        place = self._scanner.place(pointer)
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._scanner.not_a_rule(f"more than {MOST_NODES:,} values", place)
        match self._scanner.next:
            case "{" | "[" if depth >= DEEPEST:
                raise self._scanner.not_a_rule(f"nested deeper than {DEEPEST} levels", place)
            case "{":
                return self._operation(pointer, depth + 1, place)
            case "[":
                return Listing(self._members(pointer, depth + 1), place)
            case '"':
                return Constant(self._scanner.string(), place)
            case _:
                return self._word(place)

    def _word(self, place: Place) -> Constant:
        word = self._scanner.word()
        if not word:
            raise self._scanner.not_json(f"expected a value, found {self._scanner.shown}")
        if word in _WORDS:
            return Constant(_WORDS[word], place)
        if not _NUMBER.fullmatch(word):
            raise self._scanner.not_json(f"{quoted(word)} is no JSON value; {_advice(word)}", place)
        try:
            return Constant(number.from_text(word), place)
        except DecimalException as failure:
            reason = f"a number with more than {number.MOST_DIGITS:,} digits"
            raise self._scanner.not_a_rule(reason, place) from failure

    def _operation(self, pointer: str, depth: int, place: Place) -> Operation:
        pairs = self._separated("}", lambda _: self._pair(pointer, depth))
        names = [pair.operator for pair in pairs]
        if len(set(names)) < len(names):
            raise self._scanner.not_a_rule("the same name twice in one object", place)
        if len(pairs) != 1:
            shown = ", ".join(map(quoted, names[:5])) or "none"
            reason = f"an object holds exactly one operator, this one has {shown}"
            raise self._scanner.not_a_rule(reason, place)
        return pairs[0]

    def _pair(self, pointer: str, depth: int) -> Operation:
        scanner = self._scanner
        if scanner.next != '"':
            raise scanner.not_json(f"expected an operator's name in double quotes, found {scanner.shown}")
        place = scanner.place()
        name = scanner.string()
        scanner.skip_blanks()
        if scanner.next != ":":
            raise scanner.not_json(f'expected ":" after {quoted(name)}, found {scanner.shown}')
        scanner.skip()
        inner = below(pointer, name)
        arguments = self._members(inner, depth) if scanner.next == "[" else (self._value(inner, depth),)
        apply = OPERATORS[name].apply if name in OPERATORS else None
        return Operation(name, arguments, Place(place.line, place.column, inner), apply)

    def _members(self, pointer: str, depth: int) -> tuple[Rule, ...]:
        def member(index: int) -> Rule:
            found = self._value(below(pointer, index), depth)
            self._refuse_bare_pair(found, "inside an array")
            return found

        return tuple(self._separated("]", member))

    def _separated(self, close: str, read: Callable[[int], _Member]) -> list[_Member]:
        """What `read` makes of each member between the bracket at hand and its closing one."""
        scanner = self._scanner
        opened = scanner.place()
        scanner.skip()
        members: list[_Member] = []
        while scanner.next != close:
            members.append(read(len(members)))
            scanner.skip_blanks()
            if scanner.next == ",":
                scanner.skip()
                if scanner.next == close:
                    raise scanner.not_json(f'a comma stands before "{close}"; remove it')
            elif not scanner.next:
                raise scanner.not_json(f'the text ends, but "{close}" is missing for the bracket at {opened}')
            elif scanner.next != close:
                raise scanner.not_json(f'expected "," or "{close}", found {scanner.shown}')
        scanner.skip()
        return members

    def _refuse_bare_pair(self, found: Rule, where: str) -> None:
        scanner = self._scanner
        scanner.skip_blanks()
        if scanner.next != ":" or not isinstance(found, Constant) or not isinstance(found.constant, str):
            return
        refusal_place = scanner.place()
        scanner.skip()
        value = {"[": "[...]", "{": "{...}"}.get(scanner.next, "...")
        pair = f"{quoted(found.constant)}: {value}"
        raise scanner.not_json(f"a bare {pair} stands {where}; write it as {{{pair}}}", refusal_place)


def _advice(word: str) -> str:
    """What to write instead of a word that JSON does not have."""
    if word.lower() in {"true", "false", "null", "none"}:
        return "the words are true, false and null"
    if word.lower().lstrip("+-") in {"nan", "inf", "infinity"}:
        return "numbers are finite"
    if word[0] in "+-.0123456789":
        return "a number is written as -12.5 or 1e3, without plus sign or leading zeros"
    return "texts stand in double quotes"
