"""Every story of this folder, told to a server on a test clock: each bill must be as the file says, to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest

from tests.operations.shop import Shop, commitment, event, fee, licence, lines
from tests.scenarios.story import Bill, Plan, Step, Story, read
from tests.servers import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

STORIES: Final = sorted(Path(__file__).parent.glob("*.yaml"))
LICENCES: Final = {"LICENSE_RATE_CARD_AMOUNT", "ADVANCED_LICENSE_RATE_CARD_AMOUNT"}
TIMINGS: Final = {"in advance": "STANDARD_ADVANCED", "in arrears": "STANDARD", "by change": "ADHOC_ADVANCED"}


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_the_bills_are_as_the_story_says(path: Path, tmp_path: Path) -> None:
    story = read(path)
    with inside(tmp_path / "data", now=story.begins.isoformat()) as server:
        shop = Shop(server.new_organisation(currency=story.currency, timezone=story.zone))
        licences = open_shop(shop, story)
        numbers = count(1)
        for step in story.story:
            shop.api.advance(step.at.isoformat())
            happen(shop, step, licences, numbers)
            check(shop, step, story)


def test_there_are_stories() -> None:
    assert len(STORIES) >= 3


def test_a_word_that_stories_do_not_know_is_refused(tmp_path: Path) -> None:
    bent = tmp_path / "bent.yaml"
    bent.write_text(STORIES[0].read_text().replace("total:", "sum:", 1))
    with pytest.raises(msgspec.ValidationError, match="sum"):
        read(bent)


def test_a_figure_that_is_wrong_is_found(tmp_path: Path) -> None:
    bent = tmp_path / "bent.yaml"
    bent.write_text((STORIES[0].parent / "monthly_with_grace.yaml").read_text().replace("60.00 ", "60.01 "))
    with pytest.raises(AssertionError, match="At index 0"):
        test_the_bills_are_as_the_story_says(bent, tmp_path)


def open_shop(shop: Shop, story: Story) -> dict[str, str]:
    """The catalogue, the plan and the accounts; the ids of the licences by name."""
    shop.schema("usage", ("units",), "meter")
    meters = {name: meter(shop, name) for name in story.plan.usage}
    licences = {name: shop.addon(name, "LICENSE") for name in story.plan.licences}
    offered = cards(shop, story, meters) | {"licenseRateCards": licence_cards(story, licences)}
    plan = shop.plan(cycle=story.plan.cycle, currencies=(story.currency,), **offered)
    for name, terms in story.accounts.items():
        shop.account(name, story.currency, netTermDays=terms.netTermDays)
        shop.associate(plan, name, str(terms.since), str(terms.until))
    return licences


def meter(shop: Shop, name: str) -> str:
    matcher = f'{{"==":[{{"var":"dimensions.meter"}},"{name}"]}}'
    return shop.meter(name, '{"var":"attributes.units"}', "usage", matcher=matcher)


def cards(shop: Shop, story: Story, meters: dict[str, str]) -> dict[str, Any]:
    plan, currency = story.plan, story.currency
    fees = [
        fee(
            shop.addon(name),
            terms.rate,
            currency=currency,
            timing=terms.timing,
            enableProration=terms.prorated,
            displayName=name,
        )
        for name, terms in plan.fees.items()
    ]
    found: dict[str, Any] = {
        "usageRateCards": [usage_card(plan, name, meter_id, currency) for name, meter_id in meters.items()],
        "fixedFeeRateCards": fees,
    }
    return found if plan.commitment is None else found | {"minimumCommitment": commitment(plan.commitment, currency)}


def licence_cards(story: Story, licences: dict[str, str]) -> list[dict[str, Any]]:
    return [
        licence(
            licences[name],
            terms.rate,
            currency=story.currency,
            timing=terms.timing,
            prorated=terms.prorated,
            displayName=name,
            proratedRefundMode=terms.refund,
        )
        for name, terms in story.plan.licences.items()
    ]


def usage_card(plan: Plan, name: str, meter_id: str, currency: str) -> dict[str, Any]:
    slabs, rates = [], []
    for order, terms in enumerate(plan.usage[name], start=1):
        (kind,) = terms.keys() - {"above", "of"}
        size = {"slabConfig": {"packageSize": str(terms["of"])}} if "of" in terms else {}
        slabs.append({"order": order, "startAfter": terms["above"], "priceType": kind} | size)
        rates.append({"order": order, "rate": terms[kind]})
    return {
        "usageMeterId": meter_id,
        "displayName": name,
        "ratePlan": {"pricingModel": plan.model, "slabs": slabs},
        "rateValues": [{"currency": currency, "slabRates": rates}],
    }


def happen(shop: Shop, step: Step, licences: dict[str, str], numbers: Iterator[int]) -> None:
    """The credits, the licences and the usage of a step."""
    for grant in step.credits:
        until = {} if grant.until is None else {"effectiveUntil": str(grant.until)}
        shop.credit(
            grant.amount,
            grant.account,
            purpose=grant.purpose,
            priority=grant.priority,
            effectiveFrom=str(grant.since or step.at.date()),
            applicableEntityIds=grant.entities,
            **until,
        )
    for change in step.licences:
        shop.grant(licences[change.licence], change.by, account=change.account)
    for use in step.use:
        name = f"event-{next(numbers)}"
        sent = event(name, use.account, at=(use.happened or step.at).isoformat()) | {
            "schemaName": "usage",
            "attributes": [{"name": "units", "value": f"{use.units:f}"}],
            "dimensions": {"meter": use.meter},
        }
        shop.api.post("/ingest", {"event": sent}).ok()
        assert (use, shop.status(name)) == (use, use.status)


def check(shop: Shop, step: Step, story: Story) -> None:
    """All bills that there are at a step, in order, and the balances."""
    if step.bills is not None:
        found = [invoice for name in story.accounts for invoice in shop.invoices(name)]
        assert [seen(shop, invoice, bill, story) for invoice, bill in zip(found, step.bills, strict=True)] == step.bills
    for account, running in step.balance.items():
        assert shop.balance(account)[2] == running


def seen(shop: Shop, summary: dict[str, Any], bill: Bill, story: Story) -> Bill:
    """An invoice as the story would tell it, as far as this bill looks."""
    invoice = shop.api.get(f"/invoices/{summary['id']}").ok()
    assert invoice["totalAmount"] == summary["totalAmount"]
    zone = ZoneInfo(story.zone)
    timings = {kind: timing for timing, kind in TIMINGS.items()}
    whole = Bill(
        account=invoice["ownerId"],
        cycle=(day(invoice["startDate"], zone), day(invoice["endDate"], zone)),
        status=invoice["status"],
        total=Decimal(invoice["totalAmount"]),
        timing=timings[invoice["invoiceType"]],
        number=invoice.get("sequenceId"),
        invoiced=instant(invoice["invoiceDate"]),
        due=instant(invoice["dueDate"]),
        usage={line["description"]: Decimal(line["value"]) for line in invoice.get("usageInfo", ())},
        lines=dict(leaves(invoice["revenueInfo"])),
    )
    unasked = {name: None for name in Bill.__struct_fields__ if getattr(bill, name) is None}
    return msgspec.structs.replace(whole, **unasked)


def leaves(root: dict[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """The lines that are no sums, and those of licences; a slab of usage is named with its card."""
    for line in lines(root):
        if line["type"] == "USAGE_RATE_CARD_AMOUNT":
            for slab in line["lineItems"]:
                yield f"{line['description']}, {slab['description'].lower()}", Decimal(slab["value"])
        elif line["type"] in LICENCES or ("lineItems" not in line and not line["type"].endswith("SLAB_AMOUNT")):
            yield line["description"], Decimal(line["value"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def day(text: str, zone: ZoneInfo) -> date:
    return instant(text).astimezone(zone).date()
