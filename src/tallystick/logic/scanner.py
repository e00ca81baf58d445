"""The text of a rule under a reading cursor: lines and columns, blanks, texts, words, refusals."""

from __future__ import annotations

import json
import re
from typing import Final

from tallystick.kernel.errors import BillingError, invalid
from tallystick.logic.place import Place

CODE: Final = "invalid_rule"
"""The code of every refusal to make a rule of something."""

_BLANK: Final = re.compile(r"[ \t\r]*\n?")
_WORD: Final = re.compile(r'[^\s,:\[\]{}"]+')
_PLAIN_CHARACTERS: Final = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPE: Final = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 40


def decoded(source: bytes, path: str) -> str:
    """The text that UTF-8 bytes stand for.

    Raises:
        BillingError: of kind INVALID, when they are not UTF-8.
    """
    try:
        return source.decode()
    except UnicodeDecodeError as failure:
        before = source[: failure.start].decode()
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise invalid(path, f"not valid JSON ({place}): the text is not UTF-8", CODE) from failure


def quoted(text: str) -> str:
    """The beginning of a text as it is shown in messages."""
    return json.dumps(text[:_SHOWN], ensure_ascii=not text.isprintable())


class Scanner:
    """Reads one text from front to back; `path` names the text in error messages."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path
        self._at = 0
        self._line = 1
        self._line_start = 0

    @property
    def next(self) -> str:
        """The character at hand, or nothing at the end of the text."""
        return self._text[self._at : self._at + 1]

    @property
    def shown(self) -> str:
        """The character at hand, for messages."""
        return quoted(self.next) if self.next else "the end of the text"

    def place(self, pointer: str = "") -> Place:
        """Where the character at hand stands."""
        return Place(self._line, self._at - self._line_start + 1, pointer)

    def skip(self) -> None:
        """Step over the character at hand and the blanks behind it."""
        self._at += 1
        self.skip_blanks()

    def skip_blanks(self) -> None:
        """Step over blanks; only there can a line of JSON end, so the lines are counted here."""
        while found := _BLANK.match(self._text, self._at):
            self._at = found.end()
            if not found.group().endswith("\n"):
                break
            self._line += 1
            self._line_start = self._at

    def word(self) -> str:
        """Step over everything up to the next blank, bracket, comma, colon or quote."""
        return self._step(_WORD)

    def string(self) -> str:
        """Step over a text in double quotes; what it stands for.

        Raises:
            BillingError: of kind INVALID, when it is not closed or has a character that must be escaped.
        """
        opened, start = self.place(), self._at
        self._at += 1
        while self.next != '"':
            if not self.next:
                raise self.not_json("the text that starts here is not closed by a double quote", opened)
            if not self._step(_PLAIN_CHARACTERS) and not self._step(_ESCAPE):
                raise self.not_json(f"{self.shown} must be escaped in a text")
        self._at += 1
        text: str = json.loads(self._text[start : self._at])
        if _SURROGATE.search(text):
            raise self.not_json("half of a surrogate pair is no character", opened)
        return text

    def _step(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if not found:
            return ""
        self._at = found.end()
        return found.group()

    def not_json(self, reason: str, place: Place | None = None) -> BillingError:
        """The refusal of a text that breaks the grammar of JSON, by default at the character at hand."""
        return invalid(self._path, f"not valid JSON ({place or self.place()}): {reason}", CODE)

    def not_a_rule(self, reason: str, place: Place) -> BillingError:
        """The refusal of JSON that is no rule."""
        return invalid(self._path, f"not a rule ({place}): {reason}", CODE)
