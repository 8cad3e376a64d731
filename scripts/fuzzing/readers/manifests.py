"""The manifest beside a file, as `inspect`, `verify` and `dlpuconv.load` read it."""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, override

from scripts.fuzzing.change import trees
from scripts.fuzzing.reader import Reader, status_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_MOST = 1 << 20
_TRIAL = {
    "recipe": {"granularity": "per-tensor", "overrides": [{"pattern": "a", "granularity": "per-channel"}]},
    "metric": 0.5, "typical_sqnr_db": 30.0, "min_sqnr_db": 29, "notes": ["slow"], "passes": True, "chosen": True,
}  # fmt: skip

_DIVISION = {
    "inputs": ["x", "limit"], "front": None, "entry": [{"name": "x", "from": "source"}], "cut": ["y"],
    "tail": {
        "file": "m.tail.onnx", "native": None, "gives": ["kept"], "operators": ["TopK 'k'"], "macs": 3,
        "reads": [{"name": "y", "from": "chip"}, {"name": "limit", "from": "source"}],
    },
    "outputs": [{"name": "kept", "from": "tail"}], "reasons": ["TopK has none"], "macs": 100, "macs_on_chip": 97,
    "entering_bytes": 0,
    "crossing_bytes": 12,
}  # fmt: skip


class Manifests(Reader):
    """A sound `m.tflite` with a damaged `m.json`."""

    name = "manifest"
    share = 20

    @override
    def prepare(self) -> None:
        from tests.verification.test_verify_file import converted, manifest

        self._file = converted()
        layer = {"name": "fc", "tensor": "y", "nodes": ["n"], "modules": ["m.fc"], "values": ["y"]}
        recorded = {"resize": "letterbox", "color": "bgr", "mean": [1, 2, 3], "std": [4.0], "stated": True}
        request = {"effort": "fast", "granularity": "per-tensor", "recipe_given": False, "split_outputs": "auto"}
        self._manifest = manifest(
            self._file, target="artpec8", layers=[layer], preprocessing=recorded, request=request, trials=[_TRIAL],
            backend="tflite", versions={"onnxruntime": "1.26.0", "onnx2tf": "2.6.9"},
        )  # fmt: skip
        part = {"output": "y", "axis": 1, "start": 0, "stop": 2}
        activation = {"kind": "softmax", "output": "y", "axis": 1}
        self._manifest["outputs"][0] |= {"part": part, "file_name": "y_part", "activation": activation}
        self._manifest |= {"schema_version": 3, "division": _DIVISION}
        self._manifest["recipe"] |= {"equalize": True, "absorb": False}

    @override
    def make(self, rng: Random) -> Files:
        return {"m.tflite": self._file, "m.json": trees.written(self._manifest, trees.to_json, rng)}

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.inspect import inspect
        from dlpuconv.cli.verify import verify

        file = folder / "m.tflite"
        choice = zlib.crc32((folder / "m.json").read_bytes())
        if choice % 4 == 0:
            return status_of(inspect, file=file, json=bool(choice & 4))
        if choice % 4 == 1:
            return _answered(file)
        report = folder / "report.html" if choice & 8 else None
        return status_of(verify, file=file, target="artpec8", json=bool(choice & 4), report=report)


def _answered(file: Path) -> int:
    """Run the file on zeros, where its inputs are of a size that makes sense."""
    import numpy as np

    from dlpuconv.api import load

    network = load(file)
    shapes = {end.name: [extent or 1 for extent in end.shape] for end in network.inputs}
    if all(math.prod(shape) <= _MOST for shape in shapes.values()):
        network({name: np.zeros(shape) for name, shape in shapes.items()})
    return 0
