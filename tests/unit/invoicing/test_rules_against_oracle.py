"""Bills with pricing rules against an independent slow calculation in fractions, over random cards and rules."""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from tallystick.invoicing.assemble import arrears_bill
from tallystick.invoicing.line import LineType
from tests.unit.catalog.pricing_rules import TOTAL, PricingRule, rule, var
from tests.unit.invoicing.terms import terms, walk
from tests.unit.rating.cards import S, fee_card, usage_card
from tests.unit.rating.test_against_oracle import oracle, random_slabs

if TYPE_CHECKING:
    from tallystick.catalog.rate_card import UsageRateCard

BILLS = int(os.environ.get("RULED_BILLS", "400"))
METERS, FEES = ("um.a", "um.b", "um.c"), ("addon.a", "addon.b")
TAGS = (None, "red", "blue")


def digits(number: Fraction) -> str:
    """A number that has an end, as digits."""
    return f"{Decimal(number.numerator) / number.denominator:f}"


def cents(amount: Fraction) -> Fraction:
    """Half up, away from zero, by the words of domain.md 1.9."""
    whole = math.floor(abs(amount) * 100 + Fraction(1, 2))
    return Fraction(whole if amount >= 0 else -whole, 100)


@dataclass
class Card:
    """A card by the words of the reference: its slabs and limits, what it comes to and the usage that it prices."""

    name: str
    tag: str | None
    amount: Fraction = Fraction(0)
    usage: Fraction | None = None
    slabs: list[S] = field(default_factory=list)
    model: str = "TIERED"
    low: str | None = None
    high: str | None = None

    def price(self, usage: Fraction) -> Fraction:
        total = sum((cents(amount) for amount in oracle(self.slabs, self.model, usage)), Fraction(0))
        if self.low is not None:
            total = max(total, cents(Fraction(self.low)))
        if self.high is not None:
            total = min(total, cents(Fraction(self.high)))
        return total


@dataclass(frozen=True)
class Formula:
    """A rule as numbers: `factor` of what it reads, and `more`, when what it reads is above `bound`."""

    reads: str
    factor: Fraction
    more: Fraction
    bound: Fraction
    target: str | None

    def as_rule(self, order: int) -> PricingRule:
        factor, more, bound = map(digits, (self.factor, self.more, self.bound))
        computation = {"+": [{"*": [var(self.reads), factor]}, more]}
        return rule(computation, when={">": [var(self.reads), bound]}, target=self.target, order=order)


def read(name: str, cards: list[Card]) -> Fraction:
    """What a variable holds, looked up by walking over all cards."""
    if name == TOTAL:
        return sum((card.amount for card in cards), Fraction(0))
    head, kind, rest = name.split(".", 2)
    meant = [card for card in cards if (card.tag if kind == "tag" else card.name) == rest]
    if head == "revenue":
        return sum((card.amount for card in meant), Fraction(0))
    return sum((card.usage for card in meant if card.usage is not None), Fraction(0))


def expected(cards: list[Card], formulas: list[Formula]) -> list[Fraction]:
    """What rules add, in their order; the cards are changed on the way."""
    added = []
    for formula in formulas:
        seen = read(formula.reads, cards)
        if seen <= formula.bound:
            continue
        result = seen * formula.factor + formula.more
        if formula.target is None:
            added.append(cents(result))
            continue
        head, _, name = formula.target.split(".", 2)
        (card,) = [one for one in cards if one.name == name]
        if head == "revenue":
            card.amount = cents(result)
        else:
            assert card.usage is not None
            card.amount += card.price(result) - card.price(card.usage)
            card.usage = result
    return added


def random_usage_card(chance: random.Random, meter: str) -> Card:
    low, high = sorted((chance.randrange(0, 90_000), chance.randrange(0, 900_000)))
    limits = chance.choice([(None, None), (str(Decimal(low) / 1000), None), (None, str(Decimal(high) / 1000))])
    card = Card(meter, chance.choice(TAGS), slabs=random_slabs(chance), low=limits[0], high=limits[1])
    card.model = chance.choice(["TIERED", "VOLUME"])
    card.usage = Fraction(chance.randrange(-10_000, 2_000_000), 1000)
    card.amount = card.price(card.usage)
    return card


def random_fee(chance: random.Random, addon: str) -> tuple[Card, Decimal]:
    rate = Decimal(chance.randrange(-50_000, 500_000)) / 1000
    return Card(addon, chance.choice(TAGS), cents(Fraction(rate))), rate


def random_formulas(chance: random.Random, cards: list[Card]) -> list[Formula]:
    usages = [f"usage.urc.{card.name}" for card in cards if card.usage is not None]
    revenues = [f"revenue.{'ff' if card.usage is None else 'urc'}.{card.name}" for card in cards]
    tags = {f"revenue.tag.{card.tag}" for card in cards if card.tag}
    tags |= {f"usage.tag.{card.tag}" for card in cards if card.tag and card.usage is not None}
    return [
        Formula(
            reads=chance.choice([TOTAL, *usages, *revenues, *sorted(tags)]),
            factor=Fraction(chance.randrange(-2000, 3000), 1000),
            more=Fraction(chance.randrange(-90_000, 90_000), 1000),
            bound=Fraction(chance.choice([-(10**12), chance.randrange(-1000, 2000)])),
            target=chance.choice([None, *usages, *revenues]),
        )
        for _ in range(chance.randrange(1, 7))
    ]


def test_a_great_many_bills_with_rules_agree_to_the_cent() -> None:
    chance = random.Random(0)
    for _ in range(BILLS):
        used = [random_usage_card(chance, meter) for meter in METERS]
        fees = [random_fee(chance, addon) for addon in FEES]
        cards = [*used, *(card for card, _ in fees)]
        formulas = random_formulas(chance, cards)
        agreed = terms(
            *map(as_card, used),
            *(fee_card(str(rate), addon=card.name, tag=card.tag) for card, rate in fees),
            rules=[formula.as_rule(order) for order, formula in enumerate(formulas, 1)],
        )
        usage = {card.name: Decimal(card.usage.numerator) / card.usage.denominator for card in used if card.usage}
        bill = arrears_bill(agreed, usage, [])
        added = expected(cards, formulas)
        found = {line.id: line for line in walk(bill.revenue_info) if line.type in CARDS}
        assert {name: Fraction(line.value) for name, line in found.items()} == {
            card.name: card.amount for card in cards
        }
        assert {name: Fraction(found[name].quantity or 0) for name in METERS} == {
            card.name: card.usage for card in used
        }
        additions = [line for line in walk(bill.revenue_info) if line.type is LineType.PRICING_RULE_ADDITION_AMOUNT]
        assert [Fraction(line.value) for line in additions] == added
        assert Fraction(bill.total.amount) == sum((card.amount for card in cards), sum(added, Fraction(0)))


CARDS = (LineType.USAGE_RATE_CARD_AMOUNT, LineType.FIXED_FEE_RATE_CARD_AMOUNT)


def as_card(card: Card) -> UsageRateCard:
    return usage_card(*card.slabs, model=card.model, meter=card.name, tag=card.tag, low=card.low, high=card.high)
