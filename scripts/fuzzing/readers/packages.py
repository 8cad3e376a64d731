"""Folders for the CV25's compiler, as `verify` and `inspect` read them."""

from __future__ import annotations

import copy
import zlib
from typing import TYPE_CHECKING, Any, override

import numpy as np

from scripts.fuzzing.change import messages, octets, trees, values
from scripts.fuzzing.reader import Reader, status_of

if TYPE_CHECKING:
    from pathlib import Path
    from random import Random

    from scripts.fuzzing.reader import Files

_RECORD = "reference/reference.json"
_LIST = "bins/list.txt"


class Packages(Reader):
    """A folder `p` of which one file is damaged, is missing, or names others wrongly."""

    name = "package"
    share = 5

    @override
    def prepare(self) -> None:
        from tests.frontends.support import chain, node

        numbers = np.array([1, 2, 3, 4], "<f4").tobytes()
        self._model = chain(node("Relu", ["x"], ["y"]))
        self._files = {
            "reference/0/input_x.bin": numbers, "reference/0/output_y.bin": numbers, "bins/0.bin": numbers,
            _LIST: b"bins/0.bin\n",
        }  # fmt: skip
        self._record: dict[str, Any] = {
            "samples": 1, "origin": "given", "inputs": [{"name": "x", "dtype": "float32", "list": _LIST}],
        }  # fmt: skip
        port = {"dtype": "float32", "permutation": [0, 1], "shape": [1, 4], "source_shape": [1, 4]}
        self._manifest: dict[str, Any] = {
            "schema_version": 1, "dlpuconv": "1.0", "target": "cv25",
            "files": [{"name": name, "sha256": "0" * 64, "bytes": 16} for name in self._files],
            "source": {"name": "m", "sha256": "0" * 64},
            "calibration": {"calibrated": True, "samples": 8, "held_out": 2},
            "recipe": {"granularity": "per-channel", "overrides": []},
            "inputs": [{**port, "name": "x"}],
            "outputs": [{**port, "name": "y"}],
        }  # fmt: skip

    @override
    def make(self, rng: Random) -> Files:
        model, files = copy.deepcopy(self._model), dict(self._files)
        record, manifest = trees.to_json(self._record), trees.to_json(self._manifest)
        match rng.randrange(7):
            case 0:
                messages.changed(model, self._model, ("x", "y"), rng)
            case 1 | 2:
                record = trees.written(self._record, trees.to_json, rng)
            case 3 | 4:
                manifest = trees.written(self._manifest, trees.to_json, rng)
            case 5:
                name = rng.choice(list(files))
                files[name] = octets.damaged(files[name], rng)
            case _:
                files[_LIST] = "\n".join(values.text(rng) for _ in range(4)).encode("utf-8", "surrogatepass")
        if rng.random() < 0.1:
            del files[rng.choice(list(files))]
        content = model.SerializeToString()
        return {f"p/{name}": data for name, data in {
            **files, "model.onnx": content, _RECORD: record, "manifest.json": manifest}.items()}  # fmt: skip

    @override
    def read(self, folder: Path) -> int:
        from dlpuconv.cli.inspect import inspect
        from dlpuconv.cli.verify import verify

        choice = zlib.crc32((folder / "p" / "manifest.json").read_bytes())
        if choice % 4 == 0:
            return status_of(inspect, file=folder / "p", json=True)
        report = folder / "report.html" if choice & 4 else None
        return status_of(verify, file=folder / "p", target="cv25", json=True, report=report)
