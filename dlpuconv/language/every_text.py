"""Results with every text in them changed: dataclasses, tuples, lists and mappings, however deep."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def with_texts[T](value: T, change: Callable[[str], str]) -> T:
    """The same value with every text changed; what holds none that changes is the same object afterwards.

    Args:
        value: a text, or a result that holds some.
        change: gives a text's new words, or the very same object.
    """
    found: Any = _walk(value, change)
    return found  # type: ignore[no-any-return] # of the same type, whatever it is


def _walk(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return change(value)
    if isinstance(value, tuple | list):
        items = [_walk(item, change) for item in value]
        return type(value)(items) if _differ(items, value) else value
    if isinstance(value, Mapping):
        keys, values = [_walk(key, change) for key in value], [_walk(item, change) for item in value.values()]
        same = not _differ(keys, value) and not _differ(values, value.values())
        return value if same else dict(zip(keys, values, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        changed = {name: found for name, item in fields.items() if (found := _walk(item, change)) is not item}
        return dataclasses.replace(value, **changed) if changed else value
    return value


def _differ(found: Iterable[object], before: Iterable[object]) -> bool:
    return any(a is not b for a, b in zip(found, before, strict=True))
