"""TensorFlow Lite files of strangers as models to be converted, as `check` reads them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, override

from scripts.fuzzing.reader import status_of
from scripts.fuzzing.readers.tflite_files import TfliteFiles

if TYPE_CHECKING:
    from pathlib import Path


class TfliteSources(TfliteFiles):
    """Damaged `m.tflite` files, of float operators and small networks of them."""

    name = "tflite-sources"
    share = 20

    @override
    def prepare(self) -> None:
        from scripts.fuzzing.readers.tflite_seeds import sources

        self._seeds = sources()

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.check import check

        file = folder / "m.tflite"
        choice = zlib.crc32(file.read_bytes()) % 8
        return status_of(check, model=file, target=["artpec8" if choice == 0 else "cv25"], json=choice < 4)
