"""TensorFlow Lite files of strangers, as `inspect` and `verify` read them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import octets, tables
from scripts.fuzzing.reader import Reader, status_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_CHIPS = ("artpec7", "artpec8", "artpec9")


class TfliteFiles(Reader):
    """Damaged `m.tflite` files: half of them keep the form of a flatbuffer."""

    name = "tflite"
    share = 40

    @override
    def prepare(self) -> None:
        from scripts.fuzzing.readers.tflite_seeds import seeds

        self._seeds = seeds()

    @override
    def make(self, rng: Random) -> Files:
        seed, other = rng.choice(self._seeds), rng.choice(self._seeds)
        match rng.randrange(8):
            case 0 | 1 | 2:
                content = octets.damaged(seed, rng)
            case 3:
                content = octets.spliced(seed, other, rng)
            case _:
                content = tables.changed(seed, other, rng)
        return {"m.tflite": content}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.compare import compare
        from dlpuconv.cli.inspect import inspect
        from dlpuconv.cli.verify import verify

        file = folder / "m.tflite"
        choice = zlib.crc32(file.read_bytes())
        layer = ["0", "*"] if choice % 5 == 0 else None
        inspected = status_of(inspect, file=file, layer=layer, json=bool(choice & 1))
        if choice % 7 == 0:
            return inspected or status_of(compare, a=file, b=file, json=bool(choice & 2))
        report = folder / "report.html" if choice % 11 == 0 else None
        return inspected or status_of(verify, file=file, target=_CHIPS[choice % 3], json=not choice & 2, report=report)
