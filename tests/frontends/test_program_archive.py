"""What is read of a `.pt2` file before torch is needed: archives that zipfile refuses in ways of its own."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from dlpuconv.frontends.pytorch import is_program_file
from dlpuconv.frontends.pytorch.archive import plain_archive
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from pathlib import Path

CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


def archive() -> bytearray:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("archive/archive_format", b"pt2")
    return bytearray(made.getvalue())


def encrypted() -> bytes:
    content = archive()
    for magic, flags in ((LOCAL, 6), (CENTRAL, 8)):
        struct.pack_into("<H", content, content.find(magic) + flags, 1)
    return bytes(content)


def of_another_version() -> bytes:
    content = archive()
    struct.pack_into("<H", content, content.find(CENTRAL) + 6, 255)
    return bytes(content)


@pytest.mark.parametrize("content", [encrypted(), of_another_version()], ids=["encrypted", "version 25.5"])
def test_an_archive_that_zipfile_cannot_open_is_refused(content: bytes) -> None:
    with raises_error("pytorch-file-damaged", "m.pt2"):
        plain_archive(content, "m.pt2")


def test_an_archive_of_another_version_is_not_taken_for_a_program(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(of_another_version())
    assert not is_program_file(path)
