"""What customers and accounts share: names, e-mail addresses, postal addresses."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw

from tallystick.kernel.document import Draft

PartyName = Annotated[str, Meta(min_length=3, max_length=255)]
Email = Annotated[str, Meta(max_length=320)]


NoSettings = Annotated[
    list[Raw],
    Meta(max_length=0, extra_json_schema={"description": "An empty list: POST /settings sets them once this is there"}),
]


class Address(Draft, frozen=True, kw_only=True):
    """A postal address; every part is optional."""

    phone_number: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    state: str | None = None
    country: str | None = None

    @property
    def one_line(self) -> str:
        """The address as one line of text, at most 1,000 characters (domain.md 9.0)."""
        parts = (self.line1, self.line2, self.postal_code, self.city, self.state, self.country)
        return ", ".join(part for part in parts if part)[:1000]
