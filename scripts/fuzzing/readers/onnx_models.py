"""ONNX models: the front end and the passes, as `check` runs them, and the reader behind `inspect` and `verify`."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, override

from scripts.fuzzing.change import messages, octets
from scripts.fuzzing.reader import Reader, status_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_NAMES = (
    "x",
    "y",
    "w",
    "a",
    "b",
    "c",
    "mine",
    "ai.onnx",
    "ai.onnx.ml",
    "com.microsoft",
    "auto_pad",
    "axis",
    "location",
)


class OnnxModels(Reader):
    """Damaged `m.onnx` files, with the external data of some."""

    name = "onnx"
    share = 42

    @override
    def prepare(self) -> None:
        from scripts.fuzzing.readers.onnx_seeds import Seeds

        self._seeds = Seeds()

    @override
    def make(self, rng: Random) -> Files:
        seed, other = self._seeds.choose(rng), self._seeds.choose(rng)
        beside = {"w.bin": bytes(rng.choice((0, 10, 64, 4096)))} if rng.random() < 0.1 else {}
        match rng.randrange(8):
            case 0:
                content = octets.damaged(seed.SerializeToString(), rng)
            case 1:
                content = octets.spliced(seed.SerializeToString(), other.SerializeToString(), rng)
            case _:
                content = self._changed(seed, other, rng, external=bool(beside))
        return {"m.onnx": content, **beside}

    def _changed(self, seed: Any, other: Any, rng: Random, *, external: bool) -> bytes:
        if external:
            _move_out(seed, rng)
        operators = rng.sample(self._seeds.operators, 3)
        messages.changed(seed, other, (*_NAMES, *operators), rng)
        content: bytes = seed.SerializeToString()
        return content

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.check import check
        from dlpuconv.cli.inspect import inspect
        from dlpuconv.cli.verify import verify

        file = folder / "m.onnx"
        choice = zlib.crc32(file.read_bytes()) % 8
        if choice == 0:
            return status_of(inspect, file=file, json=True)
        if choice == 1:
            return status_of(verify, file=file, target="cv25", json=True)
        return status_of(check, model=file, target=["artpec8" if choice == 2 else "cv25"], json=choice < 6)


def _move_out(model: Any, rng: Random) -> None:
    """Say of a weight that it is in another file."""
    import onnx

    if model.graph.initializer:
        tensor = rng.choice(model.graph.initializer)
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", "w.bin"), ("offset", "0"), ("length", "16")):
            tensor.external_data.add(key=key, value=value)
