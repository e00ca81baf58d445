"""Our types beside the schemas of the reference description, part by part, without a server.

What the walk happens to send and to get is proved by its answers; this looks at what might be sent, or be answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, get_origin

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.json_schema import Description, Schema

_KINDS: Final[tuple[tuple[type[inspect.Type], set[str]], ...]] = (
    (inspect.StrType, {"string"}),
    (inspect.BoolType, {"boolean"}),
    (inspect.IntType, {"integer", "number"}),
    (inspect.DecimalType, {"number"}),
    (inspect.CollectionType, {"array"}),
    (inspect.DictType, {"object"}),
    (inspect.StructType, {"object"}),
    (inspect.DateTimeType, {"string"}),
    (inspect.DateType, {"string"}),
    (inspect.EnumType, {"string"}),
)


@dataclass(frozen=True, slots=True)
class Match:
    """One direction: what callers may send to us, or what we may answer."""

    reference: Description
    is_body: bool

    def problems(
        self,
        ours: inspect.Type,
        schema: Schema,
        path: str = "$",
        seen: frozenset[type] = frozenset(),
    ) -> Iterator[str]:
        """Everything in which our type is narrower than their body, or wider than their answer."""
        theirs = self.reference.merged(schema)
        if isinstance(ours, inspect.UnionType):
            options = [one for one in ours.types if not isinstance(one, inspect.NoneType)]
            fitting = [one for one in options if _is_like(one, theirs)] if self.is_body else options
            for one in fitting or options:
                yield from self.problems(one, schema, path, seen)
        elif isinstance(ours, inspect.Metadata):
            yield from self.problems(ours.type, schema, path, seen)
        elif not _is_like(ours, theirs):
            yield f"{path}: {type(ours).__name__} for {theirs.get('type')}"
        elif isinstance(ours, inspect.StructType) and theirs.get("properties") and ours.cls not in seen:
            yield from self._of_object(ours, theirs, path, seen | {ours.cls})
        elif isinstance(ours, inspect.CollectionType):
            yield from self._of_size(ours.max_length, theirs.get("maxItems"), path)
            yield from self.problems(ours.item_type, theirs.get("items", {}), f"{path}[]", seen)
        elif isinstance(ours, inspect.DictType) and isinstance(theirs.get("additionalProperties"), dict):
            yield from self.problems(ours.value_type, theirs["additionalProperties"], f"{path}{{}}", seen)
        elif isinstance(ours, inspect.EnumType):
            yield from self._of_enum({str(member.value) for member in ours.cls}, theirs.get("enum"), path)
        elif isinstance(ours, inspect.StrType):
            yield from self._of_size(ours.max_length, theirs.get("maxLength"), path)

    def _of_object(self, ours: inspect.StructType, theirs: Schema, path: str, seen: frozenset[type]) -> Iterator[str]:
        properties, required = theirs["properties"], set(theirs.get("required", ()))
        fields = {field.encode_name: field for field in ours.fields}
        leaves_out = (get_origin(ours.cls) or ours.cls).__struct_config__.omit_defaults
        if self.is_body:
            yield from (f"{path}.{name}: is unknown" for name in properties if name not in fields)
        else:
            yield from (f"{path}.{name}: is never there" for name in required if name not in fields)
        for name, field in fields.items():
            here = f"{path}.{name}"
            if name not in properties:
                if not self.is_body or field.required:
                    yield f"{here}: is theirs nowhere"
                continue
            if self.is_body and field.required and name not in required:
                yield f"{here}: is required"
            may_be_left_out = not field.required and leaves_out
            if not self.is_body and name in required and may_be_left_out:
                yield f"{here}: may be left out"
            yield from self.problems(field.type, properties[name], here, seen)

    def _of_enum(self, ours: set[str], theirs: list[str] | None, path: str) -> Iterator[str]:
        if theirs is not None:
            beyond = set(theirs) - ours if self.is_body else ours - set(theirs)
            yield from (f"{path}: the value {value}" for value in sorted(beyond))

    def _of_size(self, ours: int | None, theirs: int | None, path: str) -> Iterator[str]:
        if self.is_body and ours is not None and theirs is not None and ours < theirs:
            yield f"{path}: at most {ours}, not {theirs}"


def _is_like(ours: inspect.Type, theirs: dict[str, Any]) -> bool:
    """Whether a type of ours is one of JSON's kinds that the schema names; a type of any kind is like everything."""
    if isinstance(ours, inspect.Metadata):
        return _is_like(ours.type, theirs)
    kinds = next((kinds for kind, kinds in _KINDS if isinstance(ours, kind)), None)
    if isinstance(ours, inspect.DateTimeType | inspect.DateType) and "format" in theirs:
        return bool(theirs["format"] == ("date" if isinstance(ours, inspect.DateType) else "date-time"))
    return kinds is None or "type" not in theirs or theirs["type"] in kinds
