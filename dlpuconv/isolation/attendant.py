"""A worker as it tells of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendant:
    """A worker of a backend's own, which was started and answered.

    Attributes:
        title: `the lowering worker`.
        interpreter: the Python that it runs under.
        variable: the environment variable that names another one.
        libraries: their versions there, by name.
    """

    title: str
    interpreter: str
    variable: str
    libraries: Mapping[str, str]
