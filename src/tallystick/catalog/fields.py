"""The shapes that many documents share: names, short texts, lifecycle states."""

from __future__ import annotations

import enum
from typing import Annotated, Final

from msgspec import Meta

SchemaName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=50,
        pattern=r"^[\sa-zA-Z0-9_-]*$",
        description="A name of letters, digits, white space, _ and -",
    ),
]
"""Names of event schemas, meters, attributes and dimensions: letters, digits, white space, `_` and `-`."""

Id = Annotated[str, Meta(min_length=1, max_length=50)]
Text50 = Annotated[str, Meta(max_length=50)]
Text255 = Annotated[str, Meta(max_length=255)]
Name255 = Annotated[str, Meta(min_length=1, max_length=255)]
CurrencyCode = Annotated[str, Meta(min_length=3, max_length=3)]
NUMBER_PATTERN: Final = r"^-?[0-9]{1,512}(\.[0-9]+)?$(?!\n)"
"""A number that the wire carries as digits; the last part is there because `$` also matches before a line feed."""

LONGEST_NUMBER: Final = 1 + 512 + 1 + 512
"""Characters of such a number: a sign, and 512 digits on either side of the point."""

NumberText = Annotated[str, Meta(min_length=1, max_length=40)]
"""A number that the wire carries as text, inside slabConfig, slabRateConfig and rateConfig."""


class Lifecycle(enum.StrEnum):
    """States of event schemas and usage meters (domain.md 1.4)."""

    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    ARCHIVED = "ARCHIVED"


class Shelf(enum.StrEnum):
    """States of add-ons and customers: on the shelf, or put away."""

    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"
