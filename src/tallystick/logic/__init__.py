"""JSONLogic, exactly: rules are parsed, checked and evaluated here."""

from __future__ import annotations

from tallystick.logic.evaluation import EvaluationError, Work, evaluate
from tallystick.logic.issue import Issue, check, hint
from tallystick.logic.moment import Moment
from tallystick.logic.parser import parse
from tallystick.logic.place import Place
from tallystick.logic.reads import texts_in
from tallystick.logic.rule import Constant, Listing, Operation, Rule
from tallystick.logic.value import Value, kind_of, truthy
from tallystick.logic.value_type import ValueType, told, types_of

__all__ = [
    "Constant",
    "EvaluationError",
    "Issue",
    "Listing",
    "Moment",
    "Operation",
    "Place",
    "Rule",
    "Value",
    "ValueType",
    "Work",
    "check",
    "evaluate",
    "hint",
    "kind_of",
    "parse",
    "texts_in",
    "told",
    "truthy",
    "types_of",
]
