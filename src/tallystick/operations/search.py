"""Finding customers, accounts, invoices, plans, meters and schemas by anything that people call them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from msgspec import Meta

from tallystick.invoicing.record import InvoiceRecord
from tallystick.kernel.document import Document
from tallystick.kernel.errors import invalid
from tallystick.kernel.period import local_date
from tallystick.operations.work import Work, query
from tallystick.stores.state.search import Noun

MOST_OF_A_TYPE: Final = 5
MOST_HITS: Final = 20
MOST_WORDS: Final = 8
_WORD: Final = re.compile(r"[^\W_]{3,}")

Text = Annotated[str, Meta(max_length=200)]
Shown = tuple[str, str]
"""What something is called, and what tells it from others of the name."""


class Hit(Document, frozen=True, kw_only=True):
    """Something that was found; `detail` tells it from others of the name."""

    type: Noun
    id: str
    name: str
    detail: str


class Found(Document, frozen=True, kw_only=True, omit_defaults=False):
    """What a search found, best first: at most five of each type, and twenty altogether."""

    hits: list[Hit]


@query
def search_billing(work: Work, query: Text) -> Found:
    """Find customers, accounts, invoices, price plans, usage meters and event schemas by what people call them.

    An id comes first, then a name, e-mail address, alias or invoice number, then what contains the text; when nothing
    does, what contains the most of its words. Case is ignored, archived things are left out.
    """
    text = query.strip()
    if not text:
        raise invalid("query", "is empty: send a name, an e-mail address, an id or an invoice number")
    matches = work.state.search.matches([text], MOST_OF_A_TYPE)
    words = list(dict.fromkeys(_WORD.findall(text.lower())))[:MOST_WORDS]
    if not matches and words:
        matches = work.state.search.matches(words, MOST_OF_A_TYPE)
    shown = matches[:MOST_HITS]
    ids: dict[Noun, list[str]] = defaultdict(list)
    for match in shown:
        ids[match.noun].append(match.id)
    described = {noun: _DESCRIBE[noun](work, names) for noun, names in ids.items()}
    hits = []
    for match in shown:
        name, detail = described[match.noun][match.id]
        hits.append(Hit(type=match.noun, id=match.id, name=name, detail=detail))
    return Found(hits=hits)


def _customers(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    found = work.state.customers.among(ids)
    return {name: (customer.name, customer.primary_email) for name, customer in found.items()}


def _accounts(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    found = work.state.accounts.among(ids)
    customers = work.state.customers.among({account.customer_id for account in found.values()})
    shown = {}
    for name, spans in work.state.aliases.of(ids).items():
        account = found[name]
        parts = [
            account.status,
            f"billed in {account.invoice_currency}",
            f"customer {account.customer_id} ({customers[account.customer_id].name})",
            *(f"alias {span.value}" for span in spans),
        ]
        shown[name] = (account.name, ", ".join(parts))
    return shown


def _invoices(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    return {name: _invoice(work, work.state.invoices.get(name)) for name in ids}


def _invoice(work: Work, record: InvoiceRecord) -> Shown:
    zone, period = work.organisation.zone, record.cycle.period
    total = [] if record.total is None else [str(record.total)]
    days = f"from {local_date(period.start, zone)} until {local_date(period.end, zone)}"
    return record.sequence_id or "draft", ", ".join([record.status, *total, f"account {record.account_id}", days])


def _price_plans(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    found = work.state.price_plans.among(ids)
    return {
        name: (plan.name, ", ".join(filter(None, [plan.status, plan.type, plan.description])))
        for name, plan in found.items()
    }


def _usage_meters(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    found = work.state.usage_meters.among(ids)
    return {
        name: (meter.name, f"{meter.status}, {meter.aggregation} of events of schema {meter.event_schema_name}")
        for name, meter in found.items()
    }


def _event_schemas(work: Work, ids: Sequence[str]) -> dict[str, Shown]:
    found = work.state.event_schemas.among(ids)
    shown = {}
    for name, schema in found.items():
        fields = [one.name for one in schema.attributes] + [one.name for one in schema.dimensions]
        shown[name] = (schema.name, ", ".join([schema.status, *fields]))
    return shown


_DESCRIBE: Final[Mapping[Noun, Callable[[Work, Sequence[str]], dict[str, Shown]]]] = {
    Noun.CUSTOMER: _customers,
    Noun.ACCOUNT: _accounts,
    Noun.INVOICE: _invoices,
    Noun.PRICE_PLAN: _price_plans,
    Noun.USAGE_METER: _usage_meters,
    Noun.EVENT_SCHEMA: _event_schemas,
}
