"""A tool: an operation as agents see it, with what tells them whether and how to call it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, get_type_hints

from tallystick.agents.arguments import Arguments
from tallystick.agents.schemas import answer_outline, arguments_schema
from tallystick.operations.work import traits_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tallystick.agents.schemas import Json
    from tallystick.kernel.scope import Scope
    from tallystick.operations.previews import Operation, Watch


class Toolset(enum.StrEnum):
    """The sets of tools, each at a path of its own; everything is in the last one."""

    CORE = "core"
    CATALOG = "catalog"
    INVOICING = "invoicing"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Hints:
    """What a host may tell its user about a tool before it runs; nothing here touches the world outside."""

    read_only: bool
    destructive: bool = False
    idempotent: bool = False
    open_world: bool = False


READS: Final = Hints(read_only=True, idempotent=True)
ADDS: Final = Hints(read_only=False)
SETS: Final = Hints(read_only=False, idempotent=True)

NOTES: Final = {
    "customerId": "a customer's id, from search-billing or list-customers",
    "accountId": "an account's id, from search-billing or list-accounts",
    "invoiceId": "an invoice's id, from list-invoices or search-billing",
    "lineId": "the id of a line in revenueInfo of get-invoice",
    "pricePlanId": "a price plan's id, from list-price-plans",
    "usageMeterId": "a usage meter's id, from list-usage-meters",
    "eventSchemaName": "the name of an event schema",
    "nextToken": "of the last answer, for the next page",
    "query": "only what contains this text",
    "idempotencyKey": "makes it safe to retry: the same call with the same key is done once",
    "preview": "true: only show the effect",
    "previewToken": "from the preview, to commit exactly what it showed",
    "creditAmount": "in the account's currency",
    "effectiveTo": "the same as effectiveUntil",
}
"""What arguments mean, by their name; a tool may say it better."""


@dataclass(frozen=True)
class Tool:
    """One row of the table of tools."""

    name: str
    description: str
    arguments: Arguments
    answer: Any
    scope: Scope
    hints: Hints
    toolsets: frozenset[Toolset]
    operation: Operation | None = None
    watch: Watch | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    shallow: frozenset[str] = frozenset()
    """Arguments of which the notes say all that the schema does."""
    shape: Any = None
    """What describes the arguments, where that is not the type they are decoded into."""

    @classmethod
    def of(
        cls,
        name: str,
        operation: Operation,
        description: str,
        hints: Hints,
        *toolsets: Toolset,
        watch: Watch | None = None,
        notes: Mapping[str, str] | None = None,
        shallow: Collection[str] = (),
    ) -> Tool:
        """The tool of an operation; `watch` is what a preview of it shows."""
        traits = traits_of(operation)
        return cls(
            name=name,
            description=description,
            arguments=Arguments.of(operation, writes=traits.writes, previewed=watch is not None),
            answer=get_type_hints(operation)["return"],
            scope=traits.scope,
            hints=hints,
            toolsets=frozenset(toolsets) | {Toolset.ALL},
            operation=operation,
            watch=watch,
            notes=notes or {},
            shallow=frozenset(shallow),
        )

    @cached_property
    def input_schema(self) -> Json:
        """What it takes."""
        return arguments_schema(self.shape or self.arguments.kind, {**NOTES, **self.notes}, self.shallow)

    @cached_property
    def output_schema(self) -> Json:
        """What it answers, in outline; a tool that previews answers one of two things."""
        outline = answer_outline(self.answer)
        if self.watch is None:
            return outline
        return {"type": "object", "properties": outline["properties"] | _PREVIEW}


_PREVIEW: Final = {"preview": {"type": "boolean"}, "effect": {"type": "object"}, "previewToken": {"type": "string"}}
