"""The arguments of a tool: an operation's parameters side by side, decoded from the very bytes that were sent.

The SDK decodes a request by way of binary floats, so what it hands over is never used for arguments.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from tallystick.kernel.document import Draft, encode, given
from tallystick.kernel.errors import invalid
from tallystick.kernel.paging import PageRequest
from tallystick.kernel.shapes import drafted
from tallystick.operations.signature import REQUIRED, Signature, camel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Field = tuple[str, Any, Any]

PAGE_SIZE: Final = 20
LARGEST_PAGE: Final = 100
_PAGED: Final[tuple[Field, ...]] = (
    ("next_token", str | None, None),
    ("page_size", Annotated[int, Meta(ge=1, le=LARGEST_PAGE)] | None, None),
    ("query", str | None, None),
)
_ONCE: Final[Field] = ("idempotency_key", Annotated[str, Meta(min_length=1, max_length=255)] | None, None)
_PREVIEWED: Final[tuple[Field, ...]] = (("preview", bool, False), ("preview_token", str | None, None))


class Given(msgspec.Struct, frozen=True):
    """What one call was given: the operation's arguments, and what the door itself makes of the others.

    `digest` is the same for calls that ask for the same thing, previewed or not.
    """

    arguments: dict[str, Any]
    digest: str
    idempotency_key: str | None = None
    preview: bool = False
    preview_token: str | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    """How the JSON object of a call becomes the arguments of an operation."""

    kind: type[Draft]
    draft: tuple[str, type[Draft]] | None = None
    drafted: tuple[str, ...] = ()
    paged: str | None = None
    plain: tuple[str, ...] = ()
    _decoder: msgspec.json.Decoder[Draft] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the decoder once: that takes longer than to use it."""
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(self.kind))

    @classmethod
    def of(cls, operation: Callable[..., Any], *, writes: bool, previewed: bool) -> Arguments:
        """The arguments of an operation, from its signature: a draft's fields stand beside the other parameters."""
        taken = Signature.of(operation)
        draft = taken.draft
        fields: list[Field] = [(name, hint, default) for name, (hint, default) in taken.plain.items()]
        drafted = [] if draft is None else [one for one in _fields_of(draft[1]) if one[0] not in taken.plain]
        fields += drafted
        fields += _PAGED if taken.paged else ()
        fields += [_ONCE] if writes else ()
        fields += _PREVIEWED if previewed else ()
        names = {} if draft is None else _wire_names(draft[1])
        kind: Any = msgspec.defstruct(
            f"{operation.__name__}_arguments",
            [one if one[2] is not REQUIRED else one[:2] for one in fields],
            bases=(Draft,),
            kw_only=True,
            frozen=True,
            forbid_unknown_fields=True,
            rename=lambda name: names.get(name) or camel(name),
        )
        return cls(kind, draft, tuple(name for name, _, _ in drafted), taken.paged, tuple(taken.plain))

    def given(self, sent: bytes) -> Given:
        """What a call was given, from its JSON.

        Raises:
            BillingError: of kind INVALID, for anything that does not fit.
        """
        values = self.decoded(sent)
        arguments = {name: getattr(values, name) for name in self.plain}
        if self.draft is not None:
            name, kind = self.draft
            try:
                arguments[name] = kind(**{one: getattr(values, one) for one in self.drafted})
            except ValueError as refused:
                raise invalid("", str(refused)) from None
        if self.paged is not None:
            size = getattr(values, "page_size") or PAGE_SIZE  # noqa: B009 - a field that only some kinds have
            arguments[self.paged] = PageRequest(
                page_size=size,
                next_token=getattr(values, "next_token"),  # noqa: B009 - the same
                search=getattr(values, "query"),  # noqa: B009 - the same
            )
        door: dict[str, Any] = {name: getattr(values, name, default) for name, _, default in (_ONCE, *_PREVIEWED)}
        asked = {name: value for name, value in given(values).items() if name not in door}
        return Given(arguments, hashlib.sha256(encode(asked)).hexdigest()[:32], **door)

    def decoded(self, sent: bytes) -> Draft:
        """The arguments as one value of `kind`.

        Raises:
            BillingError: of kind INVALID, for anything that does not fit.
        """
        values: Draft = drafted(sent, self._decoder, self.kind)
        return values


def _fields_of(draft: type[Draft]) -> Iterator[Field]:
    """The fields of a draft that a caller may fill; those that only refuse what is not offered yet are left out."""
    hints = get_type_hints(draft, include_extras=True)
    for one in msgspec.structs.fields(draft):
        if one.name == _ONCE[0] or _is_not_offered(hints[one.name]):
            continue
        if one.default_factory is not msgspec.NODEFAULT:
            yield one.name, hints[one.name], msgspec.field(default_factory=one.default_factory)
        elif one.default is not msgspec.NODEFAULT:
            yield one.name, hints[one.name], one.default
        else:
            yield one.name, hints[one.name], REQUIRED


def _is_not_offered(hint: Any) -> bool:  # noqa: ANN401 - a type hint
    """Whether a field takes nothing but an empty list, or a value that is refused."""
    inner = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return inner == list[msgspec.Raw] or set(get_args(inner)) == {msgspec.Raw, NoneType}


def _wire_names(draft: type[Draft]) -> dict[str, str]:
    return dict(zip(draft.__struct_fields__, draft.__struct_encode_fields__, strict=True))
