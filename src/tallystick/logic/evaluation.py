"""One evaluation of a rule: how it is started, how much it may cost, how it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.kernel.errors import BillingError, Kind, Problem

if TYPE_CHECKING:
    from tallystick.logic.place import Place
    from tallystick.logic.rule import Rule
    from tallystick.logic.value import Value

MOST_WORK: Final = 50_000
"""Units of work in one evaluation: nested loops over literal lists could otherwise run for years.

A unit takes about half a microsecond, so that a rule which uses them all up is done within 50 milliseconds.
"""

_TOO_MUCH: Final = f"the rule takes more than {MOST_WORK:,} steps"


class EvaluationError(BillingError):
    """A rule has no value for this data: a division by zero, the text of a null, an unknown operator."""

    def __init__(self, reason: str, place: Place) -> None:
        super().__init__(Kind.UNPROCESSABLE, "evaluation_failed", Problem("", f"{reason} ({place})"))
        self.reason = reason
        self.place = place


class OperatorError(Exception):
    """What an operator raises; the operation it belongs to makes an EvaluationError of it."""


class Work:
    """What is left of an evaluation's budget."""

    __slots__ = ("left",)

    def __init__(self, left: int = MOST_WORK) -> None:
        self.left = left

    def spend(self, units: int, place: Place) -> None:
        """Take units off the budget for the node at that place.

        Raises:
            EvaluationError: when nothing is left.
        """
        self.left -= units
        if self.left < 0:
            raise EvaluationError(_TOO_MUCH, place)

    def weigh(self, units: int) -> None:
        """Take units off the budget before an operator does something dear.

        Raises:
            OperatorError: when nothing is left.
        """
        self.left -= units
        if self.left < 0:
            raise OperatorError(_TOO_MUCH)


def evaluate(rule: Rule, data: object, work: Work | None = None) -> Value:
    """The value of a rule for this data (reference jsonlogic.md section 2, domain.md 3.3).

    Rules that are evaluated together can share what is left of one budget of `work`; otherwise each has its own.

    `data` is plain decoded JSON whose numbers are `Decimal` or `int`: dict, list, str, bool, None. Only what
    the rule reads is looked at. The thread's decimal context plays no part.

    Raises:
        EvaluationError: where the dialect has no value, or one beyond the limits in this room's README.
    """
    return rule.value(data, work or Work())
