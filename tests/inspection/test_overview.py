"""The overview of a file on a terminal of the usual width, and on a wide one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dlpuconv.formats import FileView
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.inspection.overview import render_overview
from dlpuconv_backends.flatbuffer import Operator
from tests.verification.tflite_models import activation, conv, file_of

NAME = "abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMN"
"""41 characters, each of which occurs once."""


@pytest.fixture
def view() -> FileView:
    """A convolution of a long name, of many MACs, and an operator of a long name."""
    x = activation("x", (1, 112, 112, 64), scale=0.0123456)
    layer = conv(x, NAME, 1024)
    end = activation("end", (1, 112, 112, 1024))
    return parse_tflite(file_of([x], [end], layer, Operator("L2_NORMALIZATION", [layer.output], [end])))


def drawn(view: FileView, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_overview(view, 1000))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_on_eighty_columns_no_end_of_a_name_is_lost(view: FileView) -> None:
    lines = drawn(view, 80)
    heading = next(line for line in lines if line.endswith("name") or " name " in line)
    start = heading.index("name")
    told = "".join(line[start:].strip() for line in lines[lines.index(heading) + 1 :])
    assert NAME[-39:] in told  # cut to 40 at its beginning, with a sign for what is left out
    assert max(map(len, lines)) <= 80


def test_where_there_is_room_a_name_is_whole(view: FileView) -> None:
    assert any(line.endswith(NAME) for line in (line.rstrip() for line in drawn(view, 1000)))
