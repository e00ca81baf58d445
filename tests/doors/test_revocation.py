"""A key that was revoked beside a running server is refused from the next request on, however busy the server is."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tallystick.engine import Settings
from tallystick.engine.administration import administration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Api, Child

ROUNDS = 20
BUSY_CALLERS = 4


def test_a_revoked_key_is_refused_on_the_next_request_under_load(process: Child) -> None:
    with administration(Settings(data=process.data)) as admin, _busy(process.api()):
        for number in range(ROUNDS):
            key, secret = admin.create_key(None, f"key {number}")
            with _busy(process.api(secret)):
                assert process.api(secret).get("/internal/metrics").status == 200
                admin.revoke_key(None, key.id)
                process.api(secret).get("/internal/metrics").refused(401)


@contextmanager
def _busy(api: Api) -> Iterator[None]:
    """Callers that ask again and again with one key, whatever they are answered."""
    stopping = threading.Event()

    def ask() -> None:
        while not stopping.is_set():
            api.get("/internal/metrics")

    callers = [threading.Thread(target=ask) for _ in range(BUSY_CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        stopping.set()
        for caller in callers:
            caller.join()
