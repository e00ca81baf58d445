"""What an operation takes and answers, read from its signature: every door binds what stands here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, get_type_hints

from tallystick.kernel.document import Draft
from tallystick.kernel.paging import PageRequest

Parameter: TypeAlias = tuple[Any, Any]
"""A type, and a default or REQUIRED."""

REQUIRED: Final = inspect.Parameter.empty
_WORK: Final = "work"


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of an operation beside `work`: its draft, its page, and all others by their names."""

    draft: tuple[str, type[Draft]] | None
    paged: str | None
    plain: Mapping[str, Parameter]
    answer: Any

    @classmethod
    def of(cls, operation: Callable[..., Any]) -> Signature:
        """What stands in the signature of an operation.

        Raises:
            TypeError: when it takes more than one draft.
        """
        hints = get_type_hints(operation, include_extras=True)
        answer = hints.pop("return")
        del hints[_WORK]
        drafts = [(name, hint) for name, hint in hints.items() if _is(hint, Draft)]
        paged = next((name for name, hint in hints.items() if _is(hint, PageRequest)), None)
        if len(drafts) > 1:
            raise TypeError(f"{operation.__name__} takes more than one draft")
        parameters = inspect.signature(operation).parameters
        special = {paged, *(name for name, _ in drafts)}
        plain = {name: (hint, parameters[name].default) for name, hint in hints.items() if name not in special}
        return cls(drafts[0] if drafts else None, paged, plain, answer)


def camel(name: str) -> str:
    """A parameter's name as it is written on the wire."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def _is(hint: Any, kind: type) -> bool:  # noqa: ANN401 - a type hint
    return isinstance(hint, type) and issubclass(hint, kind)
