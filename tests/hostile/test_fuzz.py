"""Whatever comes in, what goes wrong is an error of ours with a kind, never an accident (F-76).

`make test-hostile` looks twenty times as long.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from tallystick.api.cloud_events import structured
from tallystick.api.routes import ROUTES
from tallystick.engine.cloud_bodies import events_of_cloud
from tallystick.engine.event_bodies import Refused, event_of, events_of, is_batch
from tallystick.kernel.document import decode
from tallystick.kernel.errors import BillingError, Kind
from tallystick.kernel.quantity import from_text, is_tame, written_out
from tallystick.logic import EvaluationError, check, evaluate, parse
from tallystick.logic.compile import compiled
from tallystick.metering.cloud_event import NO_NAMES
from tallystick.metering.event import Event
from tallystick.metering.event_data import EventData
from tests.hostile.conftest import ROUNDS
from tests.hostile.corpus import FRAGMENTS
from tests.hostile.ways_in import CLOUD_EVENT, EVENT, WAYS_IN

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES: Final = settings(max_examples=100 * ROUNDS)
SMALL: Final = [fragment for fragment in FRAGMENTS.values() if len(fragment) < 200]
CORRECTION: Final = next(route for route in ROUTES if route.path == "/events/correction")
CREDITS: Final = next(route for route in ROUTES if (route.method, route.path) == ("POST", "/credits"))

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["acme", "api_call", "2026-01-10T12:00:00Z", "0.1", "1e400", "\0", "9" * 600]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


def spoiled(template: bytes) -> st.SearchStrategy[bytes]:
    """A good body, some of whose parts have other values, or whose bytes are cut, doubled or replaced."""
    good: dict[str, Any] = json.loads(template)

    def replaced(parts: dict[str, Any]) -> bytes:
        return json.dumps(good | parts).encode()

    def cut(at: tuple[int, int, bytes]) -> bytes:
        first, second, new = at
        return template[:first] + new + template[second:]

    places = st.integers(0, len(template))
    return st.one_of(
        st.dictionaries(st.sampled_from([*good, "more"]), values, max_size=3).map(replaced),
        st.tuples(places, places, st.one_of(st.binary(max_size=6), st.sampled_from(SMALL))).map(cut),
    )


bodies = st.one_of(
    st.binary(max_size=80),
    st.sampled_from(SMALL),
    values.map(lambda value: json.dumps(value).encode()),
    *(spoiled(way.with_event(way.event)) for way in WAYS_IN if way.with_event(way.event).startswith(b"{")),
)


def only_typed(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it gives
    """What it gives, or None where it refuses in a way that a caller can be told."""
    try:
        return ask()
    except BillingError as refused:
        if refused.kind not in {Kind.INVALID, Kind.UNPROCESSABLE} or not refused.message.encode():
            raise AssertionError(f"{refused.kind}: {refused}") from refused
        return None


@given(bodies)
@EXAMPLES
def test_events_are_decoded_or_refused(body: bytes) -> None:
    is_batch(body)
    event = only_typed(lambda: event_of(body))
    assert event is None or isinstance(event, Event)
    for one in only_typed(lambda: events_of(body)) or ():
        assert isinstance(one, (Event, Refused))
        if isinstance(one, Refused):
            msgspec.json.encode(one.shown)


@given(spoiled(b'{"event":' + EVENT + b"}"))
@EXAMPLES
def test_an_event_that_is_taken_says_what_was_sent(body: bytes) -> None:
    event = only_typed(lambda: event_of(body))
    if event is None:
        return
    sent = json.loads(body)["event"]
    assert event.schema_name == sent["schemaName"]
    assert [one.value for one in event.attributes] == [one["value"] for one in sent["attributes"]]
    assert event.dimensions == sent["dimensions"]
    for attribute in event.attributes:
        assert EventData(msgspec.json.encode([attribute]), b"{}").for_rules() is not None


@given(st.one_of(bodies, spoiled(CLOUD_EVENT), spoiled(CLOUD_EVENT).map(lambda one: b"[" + one + b"]")), st.booleans())
@EXAMPLES
def test_cloud_events_are_decoded_or_refused(body: bytes, many: bool) -> None:  # noqa: FBT001 - drawn
    for one in only_typed(lambda: events_of_cloud(body, lambda _: {"api_call": NO_NAMES}, is_batch=many)) or ():
        assert isinstance(one, (Event, Refused))
        if isinstance(one, Event):
            decoded = msgspec.json.decode(msgspec.json.encode(one), type=Event)
            assert decoded == one


@given(st.dictionaries(st.sampled_from(["ce-id", "ce-time", "ce-x", "content-type"]), st.text(max_size=20)), bodies)
@EXAMPLES
def test_the_headers_of_a_cloud_event_are_read_or_refused(headers: dict[str, str], body: bytes) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    only_typed(lambda: structured(Headers(raw=raw), body))


json_like = st.text(alphabet='{}[]":,0123456789.eE+-truefalsnvo \n\\/"_', max_size=80)
operators = st.sampled_from(
    ["+", "*", "-", "/", "%", "if", "and", "in", "cat", "var", "map", "reduce", "merge", "<", "?"]
)
rules = st.recursive(
    st.one_of(
        scalars.filter(lambda value: not isinstance(value, float)),
        st.builds(
            lambda name: {"var": name},
            st.sampled_from(["attributes.a", "dimensions.x", "accumulator", "", "__class__"]),
        ),
    ),
    lambda inner: st.builds(lambda name, parts: {name: parts}, operators, st.lists(inner, max_size=4)),
    max_leaves=12,
)


@given(st.one_of(json_like, rules.map(json.dumps), bodies))
@EXAMPLES
def test_rules_mean_the_same_interpreted_and_generated(text: str | bytes) -> None:
    rule = only_typed(lambda: parse(text))
    if rule is None:
        return
    check(rule, {"attributes.a", "dimensions.x"})
    generated = compiled(rule)
    for digits in ("0", "12.50", "-" + "9" * 512 + "." + "9" * 512):
        attributes = msgspec.json.encode([{"name": "a", "value": digits}])
        asked = EventData(attributes, b'{"x":"eu"}')
        assert told(partial(generated, asked)) == told(partial(evaluate, rule, asked.for_rules()))


def told(ask: Callable[[], Any]) -> str:
    try:
        return repr(ask())
    except EvaluationError as failure:
        return failure.message


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[-+]?[0-9_ ]{0,8}[.,]?[0-9]{0,8}([eE][-+]?[0-9]{0,12})?")))
@EXAMPLES
def test_a_number_is_read_exactly_or_not_at_all(text: str) -> None:
    digits = written_out(text)
    if digits is not None:
        assert Decimal(digits) == Decimal(text)
        assert from_text(digits) == Decimal(text)
        assert digits.isascii()
        assert "_" not in digits
    try:
        number = from_text(text)
    except ValueError:
        return
    assert text.isascii()
    assert f"{number:f}".lstrip("-0") == text.lstrip("-0") or number == Decimal(text)


@given(st.one_of(st.text(max_size=12), st.integers(), st.decimals(), st.sampled_from(SMALL)))
@EXAMPLES
def test_an_amount_is_kept_or_refused(amount: str | int | Decimal | bytes) -> None:
    shown = amount.decode(errors="replace") if isinstance(amount, bytes) else json.dumps(str(amount))
    request = '{"accountId":"a","purpose":"p","effectiveFrom":"2026-01-01","priority":1,"creditAmount":%s}' % shown  # noqa: UP031 - braces
    body = f'{{"creditRequests":[{request}]}}'.encode(errors="surrogatepass")
    bound = only_typed(lambda: CREDITS.binding.arguments({}, [], body))
    if bound is None:
        return
    (draft,) = bound[0]["draft"].credit_requests
    assert is_tame(draft.credit_amount)
    sent = decode(body, Any)["creditRequests"][0]["creditAmount"]
    assert draft.credit_amount == Decimal(str(sent))
    assert str(sent).isascii()


names = st.sampled_from(
    [
        "action",
        "account_id",
        "accountId",
        "id",
        "event_id",
        "event_source_time",
        "created_at",
        "require_confirmation",
        "x",
    ]
)
texts = st.one_of(
    st.text(max_size=20), st.sampled_from(["UNDO", "REDO_EVENT", "true", "2026-01-10T12:00:00Z", "0001-01-01"])
)


@given(st.lists(st.tuples(names, texts), max_size=6), st.one_of(st.just(b""), spoiled(b'{"event":' + EVENT + b"}")))
@EXAMPLES
def test_a_corrections_parameters_are_bound_or_refused(query: list[tuple[str, str]], body: bytes) -> None:
    only_typed(lambda: CORRECTION.binding.arguments({}, query, body))


def test_an_accident_would_be_found() -> None:
    with pytest.raises(UnicodeDecodeError):
        only_typed(b"\xff".decode)
    with pytest.raises(AssertionError):
        only_typed(lambda: (_ for _ in ()).throw(BillingError(Kind.BROKEN, "broken")))
