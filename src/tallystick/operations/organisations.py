"""The organisation itself: read it, change what may change."""

from __future__ import annotations

import re
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tallystick.accounts.organisation import DEFAULT_NUMBER_FORMAT, Organisation, OrganisationPatch
from tallystick.kernel.document import given
from tallystick.kernel.errors import Problem, refuse_if_any
from tallystick.kernel.ids import IdSource
from tallystick.kernel.money import is_currency
from tallystick.kernel.scope import Scope
from tallystick.operations.work import Work, catalogue_command, needs, query

_NUMBER_FORMAT: Final = re.compile(r"[^{}]*\{number(:0?[0-9]{1,2}d)?\}[^{}]*")
"""Text around the number, which stands in it once; at most 99 digits wide."""


@query
def get_organisation(work: Work) -> Organisation:
    """Read the organisation that the API key belongs to."""
    return work.organisation


@needs(Scope.ADMIN)
@catalogue_command
def update_organisation(work: Work, patch: OrganisationPatch) -> Organisation:
    """Change name, address or invoice number format; currency and time zone only before the first plan."""
    work.state.catalogue_changed()  # first, because it locks: neither another edit nor a first plan comes between
    current = work.state.get_organisation()
    changed = msgspec.structs.replace(current, **given(patch))
    fixed = work.state.schedules.any_at_all()
    problems = problems_of(changed)
    for field, name in (("base_currency", "baseCurrency"), ("time_zone", "timeZone")):
        if fixed and getattr(changed, field) != getattr(current, field):
            problems.append(Problem(name, "fixed since an account has a price plan"))
    refuse_if_any(problems + _number_clash(work, changed))
    work.state.replace_organisation(changed)
    return changed


def new_organisation(
    ids: IdSource, *, name: str = "My organisation", currency: str = "USD", time_zone: str = "UTC"
) -> Organisation:
    """A new organisation, not stored yet.

    Raises:
        BillingError: of kind INVALID, for an unknown currency or time zone.
    """
    organisation = Organisation(
        id=ids.mint("org"),
        name=name,
        base_currency=currency,
        time_zone=time_zone,
        invoice_number_format=DEFAULT_NUMBER_FORMAT,
        net_term_days=0,
    )
    refuse_if_any(problems_of(organisation))
    return organisation


def problems_of(organisation: Organisation) -> list[Problem]:
    """What is wrong with an organisation's currency, time zone or invoice number format."""
    problems: list[Problem] = []
    if not is_currency(organisation.base_currency):
        reason = f"{organisation.base_currency!r} is not an ISO 4217 currency code such as USD"
        problems.append(Problem("baseCurrency", reason))
    try:
        ZoneInfo(organisation.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.append(Problem("timeZone", f"{organisation.time_zone!r} is not a zone such as Europe/Rome"))
    if not _NUMBER_FORMAT.fullmatch(organisation.invoice_number_format):
        reason = f"{organisation.invoice_number_format!r} must hold the number once, such as INV-{{number:06d}}"
        problems.append(Problem("invoiceNumberFormat", reason))
    return problems


def _number_clash(work: Work, changed: Organisation) -> list[Problem]:
    """A number of the past that the new format will give again: the organisation's numbers go on, and must differ."""
    pattern = re.escape(changed.invoice_number_format)
    pattern = re.sub(r"\\{number.*\\}", "([0-9]+)", pattern)
    last = work.state.last_invoice_number()
    for issued in work.state.invoices.sequence_ids():
        found = re.fullmatch(pattern, issued)
        number = 0 if found is None else int(found[1])
        if number > last and changed.invoice_number(number) == issued:
            reason = f"would give the number {issued!r} a second time: choose a format that differs from the old one"
            return [Problem("invoiceNumberFormat", reason)]
    return []
