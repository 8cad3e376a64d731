"""What JSON can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

type Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def finite(value: float) -> float | None:
    """The value; None for infinity and NaN, which JSON cannot hold."""
    return value if math.isfinite(value) else None


def told(value: DataclassInstance, **otherwise: Json) -> dict[str, Json]:
    """A dataclass by its fields, in their order; `otherwise` has those that are told in another way."""
    return {f.name: otherwise[f.name] if f.name in otherwise else plain(getattr(value, f.name)) for f in fields(value)}


def plain(value: Any) -> Any:
    """A value as JSON has it; what has a `to_json` says it itself."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return told(value)
    return value.value if isinstance(value, Enum) else value


def is_deeper(content: Json, most: int) -> bool:
    """Whether a JSON value holds values within values of more levels than that."""
    nested = (dict, list)
    level: list[Any] = [content] if isinstance(content, nested) else []
    for _ in range(most + 1):
        inside = (value.values() if isinstance(value, dict) else value for value in level)
        level = [value for values in inside for value in values if isinstance(value, nested)]
        if not level:
            return False
    return True
