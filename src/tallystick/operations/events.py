"""Events: list them with their status, read one with everything that became of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from tallystick.kernel.document import Document
from tallystick.kernel.errors import invalid, not_found
from tallystick.kernel.paging import PageRequest
from tallystick.metering.event import Event, EventStatus
from tallystick.operations.work import Work, query
