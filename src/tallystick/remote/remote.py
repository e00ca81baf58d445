"""The address of a server and a key for it, which stands in no error and no representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from tallystick import __version__
from tallystick.kernel.errors import invalid
from tallystick.kernel.host import in_clear


@dataclass(frozen=True, slots=True)
class Remote:
    """One server, for one caller."""

    url: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        """Look at the address.

        Raises:
            BillingError: of kind INVALID, for one that is none.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise invalid("--url", f"{self.url!r} is no address such as http://127.0.0.1:8080")

    @property
    def shows_key(self) -> bool:
        """Whether somebody on the way could read the key."""
        parts = urlsplit(self.url)
        return in_clear(parts.scheme, parts.hostname)

    def client(self, program: str, timeout: httpx2.Timeout, connections: int = 1) -> httpx2.Client:
        """An HTTP client that sends the key to this server only."""
        return httpx2.Client(
            base_url=self.url.rstrip("/"),
            headers={
                "Authorization": f"Bearer {self.key}",
                "Content-Type": "application/json",
                "User-Agent": f"tallystick-{program}/{__version__}",
            },
            timeout=timeout,
            limits=httpx2.Limits(max_connections=connections),
            follow_redirects=False,
            trust_env=False,
        )
