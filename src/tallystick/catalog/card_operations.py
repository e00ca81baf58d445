"""Changes of a plan's cards, card by card and by their names: all of them are made, or every problem is told.

Each problem has the path of the operation that it comes from, also those that only show in the terms as a whole
(`card_rules.py`): `in_request` takes their paths back to the cards that were sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tallystick.catalog.plan_card import (
    KINDS,
    CardAction,
    CardKind,
    PlanCard,
    RateCardDetails,
    cards_of,
    placed,
    with_cards,
)
from tallystick.catalog.rate_card import COMMITMENT_ID, InvoiceTiming
from tallystick.kernel.document import wire_name
from tallystick.kernel.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tallystick.catalog.plan_card import AnyCard, RateCardData, RateCardOperation
    from tallystick.catalog.price_plan import PricePlanDetails


@dataclass(frozen=True, slots=True)
class Operated:
    """Terms with changed cards, what was wrong with the changes, and where in the request each changed card stands."""

    details: PricePlanDetails
    problems: tuple[Problem, ...]
    origins: Mapping[str, str]
    """Paths of cards below the terms, and the paths of the operations that they were sent in."""


def operated(details: PricePlanDetails, operations: Sequence[RateCardOperation]) -> Operated:
    """Make changes in their order; what is wrong with one leaves the others to be looked at too."""
    changes = _Changes([_Entry(one) for one in cards_of(details)])
    for position, operation in enumerate(operations):
        changes.make(f"operations[{position}]", operation)
    cards = [entry.one for entry in changes.entries]
    sent = {id(entry.one): entry.origin for entry in changes.entries if entry.origin}
    origins = {path: sent[id(one)] for path, one in placed(cards) if id(one) in sent}
    return Operated(with_cards(details, cards), tuple(changes.problems), origins)


def in_request(problems: Iterable[Problem], origins: Mapping[str, str]) -> list[Problem]:
    """Of the problems of terms, those of cards that were sent, with the paths that these were sent with."""
    found = []
    for problem in problems:
        for path, origin in origins.items():
            rest = problem.path.removeprefix(path)
            if rest != problem.path and rest[:1] in {"", ".", "["}:
                found.append(Problem(f"{origin}{rest}", problem.reason))
    return found


@dataclass(frozen=True, slots=True)
class _Entry:
    """A card as it stands, and the path that it was sent with."""

    one: PlanCard
    origin: str | None = None


@dataclass(slots=True)
class _Changes:
    """The cards as the operations so far leave them."""

    entries: list[_Entry]
    problems: list[Problem] = field(default_factory=list)

    def make(self, path: str, operation: RateCardOperation) -> None:
        """Make one change, unless something is wrong with it."""
        found = len(self.problems)
        place = self._place(path, operation)
        entry = self._entry(path, operation, None if place is None else self.entries[place].one)
        if len(self.problems) > found:
            return
        if place is None:
            place = len(self.entries)
        self.entries[place : place + 1] = [] if entry is None else [entry]

    def _place(self, path: str, operation: RateCardOperation) -> int | None:
        """Where the card stands that an operation names; None for one that is created."""
        if operation.action_type is CardAction.CREATE:
            return None
        names = [entry.one.name for entry in self.entries]
        if operation.rate_card_name in names:
            return names.index(operation.rate_card_name)
        known = ", ".join(map(repr, names)) or "none"
        reason = f"there is no card {operation.rate_card_name!r} in the plan; its cards are {known}"
        self.problems.append(Problem(f"{path}.rateCardName", reason))
        return None

    def _entry(self, path: str, operation: RateCardOperation, before: PlanCard | None) -> _Entry | None:
        """The card that an operation leaves, if it leaves one and nothing is wrong with it."""
        sent, here = operation.rate_card, f"{path}.rateCard"
        if operation.action_type is CardAction.DELETE:
            if sent is not None:
                self.problems.append(Problem(here, "does not belong to a DELETE, leave it out"))
            return None
        if sent is None:
            self.problems.append(Problem(here, f"is missing: send the card to {operation.action_type}"))
            return None
        kind, problems = _kind_of(sent, here)
        self.problems += problems
        if kind is None:
            return None
        card: AnyCard = getattr(sent.rate_card_details, kind.key)
        name = operation.rate_card_name or card.name
        self.problems += _contradictions(sent, kind, name, here)
        one = PlanCard(kind, _joined(sent, card, name))
        self.problems += self._collisions(path, one, before)
        return _Entry(one, f"{here}.rateCardDetails.{kind.wire_key}")

    def _collisions(self, path: str, one: PlanCard, before: PlanCard | None) -> Iterator[Problem]:
        """What the other cards of the plan have taken already, or another kind of card than the one it replaces."""
        others = [entry.one for entry in self.entries if entry.one is not before]
        if before is not None and before.kind is not one.kind:
            reason = f"is {one.kind.type}, card {before.name!r} is {before.kind.type}: delete it and create another one"
            yield Problem(f"{path}.rateCard.type", reason)
        if one.name in {other.name for other in others}:
            yield Problem(f"{path}.rateCardName", f"{one.name!r} is the name of another card, choose a different one")
        if one.priced in {other.priced for other in others}:
            reason = f"{one.billable_id!r} has a card already, a plan prices an item once"
            yield Problem(f"{path}.rateCard.billableId", reason)


def _kind_of(sent: RateCardData, path: str) -> tuple[CardKind | None, list[Problem]]:
    """The kind of a card that was sent: its type, which the one key of its details agrees with."""
    kind = next(one for one in KINDS if one.type is sent.type)
    keys = [key for key in RateCardDetails.__struct_fields__ if getattr(sent.rate_card_details, key) is not None]
    if keys == [kind.key]:
        return kind, []
    came = ", ".join(wire_name(RateCardDetails, key) for key in keys) or "nothing"
    reason = f"holds {came}, expected just {kind.wire_key} for the type {kind.type}"
    return None, [Problem(f"{path}.rateCardDetails", reason)]


def _contradictions(sent: RateCardData, kind: CardKind, name: str | None, path: str) -> Iterator[Problem]:
    """What is said of a card twice, and differently."""
    card = getattr(sent.rate_card_details, kind.key)
    inner = f"{path}.rateCardDetails.{kind.wire_key}"
    priced = COMMITMENT_ID if kind.billable is None else getattr(card, kind.billable)
    if priced != sent.billable_id:
        where = f"{path}.billableId" if kind.billable is None else f"{inner}.{wire_name(type(card), kind.billable)}"
        yield Problem(where, f"names another item than the rest of the card: {priced!r}, not {sent.billable_id!r}")
    if sent.invoice_timing not in kind.timings:
        reason = f"is {sent.invoice_timing}, a {kind.type} card is billed {' or '.join(kind.timings)}"
        yield Problem(f"{path}.invoiceTiming", reason)
    timing = getattr(card, "invoice_timing", InvoiceTiming.IN_ARREARS)
    if timing not in {InvoiceTiming.IN_ARREARS, sent.invoice_timing}:
        yield Problem(f"{inner}.invoiceTiming", f"is {timing}, the card's own invoiceTiming {sent.invoice_timing}")
    said = (("name", name), ("display_name", sent.display_name), ("tag", sent.tag))
    for attribute, outer in said:
        own = getattr(card, attribute, None)
        if None not in (own, outer) and own != outer:
            yield Problem(f"{inner}.{wire_name(type(card), attribute)}", f"is {own!r}, beside the card it is {outer!r}")
    if sent.tag is not None and not hasattr(card, "tag"):
        yield Problem(f"{path}.tag", f"a {kind.type} card is grouped under no tag, leave it out")


def _joined(sent: RateCardData, card: AnyCard, name: str | None) -> AnyCard:
    """The card with what was said beside it."""
    beside = {
        "name": name,
        "display_name": sent.display_name or card.display_name,
        "tag": sent.tag or getattr(card, "tag", None),
        "invoice_timing": sent.invoice_timing,
    }
    fields = set(card.__struct_fields__)
    return msgspec.structs.replace(card, **{key: value for key, value in beside.items() if key in fields})
