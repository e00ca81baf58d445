"""Overage that bills leave to later ones: written with the bill that leaves it, marked by the one that asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, insert, or_, select, update

from tallystick.invoicing.held_overage import ArrearsKey, HeldOverage
from tallystick.invoicing.line import InvoiceLineItem
from tallystick.kernel.document import decode, encode
from tallystick.kernel.errors import conflict
from tallystick.kernel.period import FOREVER, Period
from tallystick.stores.state.among import among
from tallystick.stores.state.bill_tables import held_overage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from sqlalchemy import Connection

_UNASKED: Final = held_overage.c.asked_schedule_id.is_(None)


class HeldOverages:
    """The overage of one organisation that is billed later than with its cycle, inside one transaction."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    def hold(self, left_by: ArrearsKey, lines: Iterable[HeldOverage]) -> None:
        """Keep what a bill that is frozen in this transaction leaves, in the place of what it left when it was void.

        What another one has asked for meanwhile stays as it is.
        """
        self._connection.execute(delete(held_overage).where(self._mine, _left(left_by), _UNASKED))
        rows = [
            {
                "organisation_id": self._organisation,
                "schedule_id": one.schedule_id,
                "cycle_start": one.cycle.start,
                "cycle_end": one.cycle.end,
                "feature_id": one.feature_id,
                "invoice_id": one.invoice_id,
                "account_id": one.account_id,
                "price_plan_id": one.price_plan_id,
                "tag": one.tag,
                "body": encode(one.line).decode(),
            }
            for one in lines
        ]
        if rows:
            self._connection.execute(insert(held_overage), rows)

    def ask(self, asked_by: ArrearsKey, lines: Iterable[HeldOverage]) -> None:
        """Note that a bill asks for what earlier ones left.

        Raises:
            BillingError: of kind CONFLICT, when another one has asked for it.
        """
        for one in lines:
            noted = self._connection.execute(
                update(held_overage)
                .where(self._mine, _left(one.left_by), held_overage.c.feature_id == one.feature_id, _UNASKED)
                .values(asked_schedule_id=asked_by.schedule_id, asked_cycle_start=asked_by.cycle_start)
            )
            if noted.rowcount != 1:
                raise conflict(f"the overage of {one.feature_id!r} that {one.invoice_id!r} left is billed already")

    def of(self, account_ids: Collection[str], since: datetime = FOREVER) -> list[HeldOverage]:
        """What no bill of these accounts has asked for yet, the oldest first.

        And what bills of cycles that start at an instant or later have left, or have asked for.
        """
        rows = self._connection.execute(
            select(held_overage)
            .where(
                self._mine,
                among(held_overage.c.account_id, account_ids),
                or_(_UNASKED, held_overage.c.cycle_start >= since, held_overage.c.asked_cycle_start >= since),
            )
            .order_by(held_overage.c.cycle_start, held_overage.c.schedule_id, held_overage.c.feature_id)
        )
        return [_held(row) for row in rows]

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - a condition
        return held_overage.c.organisation_id == self._organisation


def _left(bill: ArrearsKey) -> Any:  # noqa: ANN401 - a condition
    return and_(held_overage.c.schedule_id == bill.schedule_id, held_overage.c.cycle_start == bill.cycle_start)


def _held(row: Any) -> HeldOverage:  # noqa: ANN401 - a row
    return HeldOverage(
        invoice_id=row.invoice_id,
        account_id=row.account_id,
        price_plan_id=row.price_plan_id,
        schedule_id=row.schedule_id,
        cycle=Period(row.cycle_start, row.cycle_end),
        tag=row.tag,
        line=decode(row.body, InvoiceLineItem),
        asked_by=None if row.asked_schedule_id is None else ArrearsKey(row.asked_schedule_id, row.asked_cycle_start),
    )
