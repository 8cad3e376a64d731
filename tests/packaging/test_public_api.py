"""docs/public-api.txt is what the source says, and any change of what others build on is one of its lines."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from scripts.api_listing.listing import listing
from scripts.api_listing.sources import Sources
from scripts.public_api import differences

if TYPE_CHECKING:
    from pathlib import Path

FACE = """
    from dlpuconv.inner import Base, Shape, make
    from dlpuconv.plugin import Chip

    __all__ = ["Base", "Chip", "make"]
"""
PLUGIN = """
    from dataclasses import dataclass, field

    from dlpuconv.inner import Base, Private

    __all__ = ["Base", "Chip"]

    class Chip(Base):
        name: str = "chip"
        hidden: Private = field(repr=False)

        @property
        def title(self) -> str: ...
"""
INNER = """
    type Shape = tuple[int, ...]

    class Private:
        secret: int

    class Spoken:
        of: int
        _by: str

    class Base:
        size: int = 0

        def run(self, shape: Shape, /, *more: int, deep: bool = False, **rest: str) -> Spoken: ...
        def _inside(self) -> None: ...

    def make(*, shape: Shape | None = None) -> Base: ...
"""
LISTED = """\
# dlpuconv

class Base
    size: int = 0
    def run(self, shape: Shape, /, *more: int, deep: bool = False, **rest: str) -> Spoken
class Chip(Base)
    size: int = 0
    name: str = 'chip'
    hidden: Private = field(repr=False)
    def run(self, shape: Shape, /, *more: int, deep: bool = False, **rest: str) -> Spoken
    title: str  # property
def make(*, shape: Shape | None = None) -> Base

# dlpuconv.plugin

Base = dlpuconv.Base
Chip = dlpuconv.Chip

# what these speak of

type dlpuconv.inner.Shape = tuple[int, ...]
class dlpuconv.inner.Spoken
    of: int
"""


def told(folder: Path, **changes: tuple[str, str]) -> str:
    """The listing of a small project, with words of its files exchanged."""
    for name, text in {"__init__": FACE, "plugin": PLUGIN, "inner": INNER}.items():
        file = folder / "dlpuconv" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(text).replace(*changes.get(name, ("", ""))))
    return listing(Sources(folder))


def test_the_kept_file_is_what_the_source_says() -> None:
    found = differences()
    assert not found, "\n".join(["the public side has changed: run scripts/public_api.py to accept", *found])


def test_every_public_name_is_told_with_what_it_promises(tmp_path: Path) -> None:
    assert told(tmp_path) == LISTED


@pytest.mark.parametrize(
    "change",
    [
        ("deep: bool = False", "deep: bool = True"),
        ("size: int", "size: float"),
        ("tuple[int, ...]", "list[int]"),
        ("of: int", "off: int"),
        ("-> Spoken", "-> None"),
        ("def make", "def produce"),
    ],
)
def test_a_change_of_a_signature_a_type_or_a_name_shows(tmp_path: Path, change: tuple[str, str]) -> None:
    assert told(tmp_path, inner=change) != LISTED


@pytest.mark.parametrize("change", [("secret: int", "secret: str"), ("def _inside(self)", "def _within(self)")])
def test_a_change_of_what_nobody_sees_does_not(tmp_path: Path, change: tuple[str, str]) -> None:
    assert told(tmp_path, inner=change) == LISTED
