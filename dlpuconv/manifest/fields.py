"""Reads JSON that a stranger may have written: every value is what it should be, or one sentence names its field."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from enum import StrEnum

_LARGEST = 3.4028234e38  # float32
_MOST_AXES = 32
_MOST_NUMBERS = 1 << 28  # of an input or output: 1 GiB in float32
_DTYPES = frozenset(
    ("bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)), "float16", "float32", "float64")
)


class FieldError(ValueError):
    """A field of a JSON object is missing or has a value that cannot be; the text names both."""


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object.

    Attributes:
        content: as it was parsed.
        place: of the object, such as `inputs[0].`; empty for the whole.
    """

    content: Mapping[str, Any]
    place: str = ""

    def has(self, name: str) -> bool:
        """Whether the object has this field, with another value than null."""
        return self.content.get(name) is not None

    def text(self, name: str) -> str:
        """A string."""
        value = self._value(name)
        return value if isinstance(value, str) else self._refuse(name, "is not a text")

    def texts(self, name: str) -> tuple[str, ...]:
        """Strings; there may be none."""
        values = self._several(name)
        return (
            tuple(values) if all(isinstance(v, str) for v in values) else self._refuse(name, "is not a list of texts")
        )

    def word[E: StrEnum](self, name: str, kind: type[E]) -> E:
        """A member of an enumeration."""
        value, known = self.text(name), [member.value for member in kind]
        return kind(value) if value in known else self._refuse(name, f"is none of {', '.join(known)}")

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        return value if isinstance(value, bool) else self._refuse(name, "is neither true nor false")

    def integer(self, name: str, least: int, most: int) -> int:
        """A whole number."""
        value = self._value(name)
        if not _whole(value, least, most):
            self._refuse(name, f"is not a whole number from {least} to {most}")
        return int(value)

    def number(self, name: str, *, positive: bool = False) -> float:
        """A finite number."""
        value = self._value(name)
        if not _finite(value) or (positive and value <= 0):
            self._refuse(name, "is not a positive number" if positive else "is not a finite number")
        return float(value)

    def numbers(self, name: str, *, divisor: bool = False) -> tuple[float, ...]:
        """Finite numbers, at least one; for a divisor, none is zero."""
        values = self._several(name)
        if not values or not all(map(_finite, values)):
            self._refuse(name, "is not a list of finite numbers")
        if divisor and not all(values):
            self._refuse(name, "holds a zero, by which nothing can be divided")
        return tuple(map(float, values))

    def shape(self, name: str) -> tuple[int, ...]:
        """The extents of a tensor that could be had."""
        values = self._several(name)
        if len(values) > _MOST_AXES or not all(_whole(value, 0, _MOST_NUMBERS) for value in values):
            self._refuse(name, "is not a shape of a tensor")
        if math.prod(values) > _MOST_NUMBERS:
            self._refuse(name, f"has more than {_MOST_NUMBERS} elements")
        return tuple(values)

    def order(self, name: str) -> tuple[int, ...]:
        """Each of the numbers from 0 to N-1 once; none at all is an order too."""
        values = self._several(name)
        if not all(_whole(value, 0, len(values)) for value in values) or sorted(values) != list(range(len(values))):
            self._refuse(name, "does not hold each of 0 to N-1 once")
        return tuple(values)

    def dtype(self, name: str) -> str:
        """The name of a type of numbers."""
        value = self.text(name)
        return value if value in _DTYPES else self._refuse(name, f"is not a type of numbers: {value!r}")

    def inside(self, name: str) -> Fields:
        """An object in this one."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            self._refuse(name, "is not a JSON object")
        return Fields(value, f"{self.place}{name}.")

    def each(self, name: str) -> tuple[Fields, ...]:
        """A list of objects."""
        values = self._several(name)
        if not all(isinstance(value, Mapping) for value in values):
            self._refuse(name, "is not a list of JSON objects")
        return tuple(Fields(value, f"{self.place}{name}[{index}].") for index, value in enumerate(values))

    def _several(self, name: str) -> list[Any]:
        value = self._value(name)
        return value if isinstance(value, list) else self._refuse(name, "is not a list")

    def _value(self, name: str) -> Any:
        return self.content[name] if name in self.content else self._refuse(name, "is missing")

    def _refuse(self, name: str, problem: str) -> Any:
        raise FieldError(f"{self.place}{name} {problem}")


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_LARGEST <= value <= _LARGEST
