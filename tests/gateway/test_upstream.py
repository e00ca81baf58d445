"""The gateway asks again only where that does no harm, and says plainly when nothing is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
import pytest
from tenacity.wait import wait_none

from tallystick.gateway import upstream as room
from tallystick.gateway.calls import CALLS
from tallystick.gateway.upstream import ATTEMPTS, Told, Upstream
from tallystick.kernel.errors import BillingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOKEN = "the-upstreams-own-token"
READ, WRITE = CALLS["get-customer"], CALLS["create-customer"]
Answer = "Callable[[httpx2.Request], httpx2.Response]"


class Script:
    """Answers requests one after the other, and keeps what was asked."""

    def __init__(self, *answers: int | Exception) -> None:
        self._answers: Iterator[int | Exception] = iter(answers)
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer, json={"message": f"status {answer}"}, headers={"location": "https://else.test"})


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between two attempts."""
    monkeypatch.setattr(room, "BETWEEN", wait_none())


def told(script: Callable[[httpx2.Request], httpx2.Response], call: room.Call = READ) -> Told:
    upstream = Upstream("https://billing.example.test/base/", TOKEN, httpx2.MockTransport(script))
    asked = call.asked("acme", {}, b'{"id": "acme"}')
    return upstream.told(call, asked, "acme", {})


@pytest.mark.parametrize("trouble", [429, 502, 503, 504, httpx2.ConnectError("x"), httpx2.ReadTimeout("x")])
def test_a_read_is_tried_again_after_trouble_that_passes(trouble: int | Exception) -> None:
    script = Script(trouble, trouble, 200)
    assert told(script).status == 200
    assert len(script.asked) == ATTEMPTS


@pytest.mark.parametrize("trouble", [429, 503])
def test_after_three_attempts_the_last_answer_is_passed_on(trouble: int) -> None:
    script = Script(*[trouble] * 9)
    assert told(script).status == trouble
    assert len(script.asked) == ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500])
def test_what_does_not_pass_is_not_asked_again(status: int) -> None:
    script = Script(status, 200)
    assert (told(script).status, len(script.asked)) == (status, 1)


@pytest.mark.parametrize("trouble", [503, 429])
def test_a_command_is_sent_once_whatever_comes_back(trouble: int) -> None:
    script = Script(trouble, 200)
    assert (told(script, WRITE).status, len(script.asked)) == (trouble, 1)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(httpx2.ConnectError("x"), "upstream_unreachable"), (httpx2.ReadTimeout("x"), "upstream_timeout")],
)
def test_a_command_without_an_answer_may_have_been_done_and_the_error_says_so(trouble: Exception, code: str) -> None:
    script = Script(trouble, 200)
    with pytest.raises(BillingError) as refused:
        told(script, WRITE)
    assert (refused.value.code, len(script.asked)) == (code, 1)
    assert "whether it was done is not known" in refused.value.message
    with pytest.raises(BillingError) as reading:
        told(Script(*[trouble] * ATTEMPTS))
    assert "whether it was done" not in reading.value.message


def test_a_redirect_is_not_followed_because_the_token_would_go_along() -> None:
    script = Script(302, 200)
    with pytest.raises(BillingError) as refused:
        told(script, WRITE)
    assert (refused.value.code, len(script.asked)) == ("upstream_moved", 1)


def test_the_token_stands_in_the_header_and_in_no_error() -> None:
    script = Script(httpx2.ConnectError(f"cannot reach with {TOKEN}"))
    with pytest.raises(BillingError) as refused:
        told(script, WRITE)
    (request,) = script.asked
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert str(request.url) == "https://billing.example.test/base/customers"
    assert TOKEN not in refused.value.message
    assert TOKEN not in repr(refused.value)


def test_an_id_cannot_lead_to_another_path() -> None:
    asked = READ.asked("../accounts?x=1#y", {}, b"")
    assert asked.path == "/customers/..%2Faccounts%3Fx%3D1%23y"


def test_numbers_pass_as_they_were_written() -> None:
    sent = b'{"creditAmount": 100.10000000000000000001, "effectiveFrom": "2026-01-01"}'
    asked = CALLS["grant-credit"].asked("acme", {}, sent)
    assert b'"creditAmount":100.10000000000000000001' in (asked.body or b"")
