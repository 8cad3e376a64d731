"""A few inferences of the package's own model: what to feed the simulator or the camera, and what it must answer."""

from __future__ import annotations

import json
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin.onnx import OrtRunner
from dlpuconv.plugin.package import MODEL, RECORD, REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.plugin.onnx import Split
    from dlpuconv.plugin.package import PackageInput, PackageOutput, ReferenceOrigin
    from dlpuconv_backends.onnx_float.package.samples import Feed

SAMPLES = 3
COMPARE = f"{REFERENCE}/compare.py"


def write_reference(
    model: Split,
    feeds: Iterable[Feed],
    inputs: tuple[PackageInput, ...],
    outputs: tuple[PackageOutput, ...],
    origin: ReferenceOrigin,
) -> dict[str, bytes]:
    """Inputs as they are stored, and the float32 outputs of ONNX Runtime on exactly these numbers.

    Args:
        model: the package's.
        feeds: values by input name, at least one; the first few count.
        inputs: of the file.
        outputs: of the file.
        origin: of the values.

    Raises:
        ArtifactError: ONNX Runtime cannot run the model.
    """
    runner = OrtRunner(model, MODEL)
    files: dict[str, bytes] = {}
    count = 0
    for number, feed in enumerate(islice(feeds, SAMPLES)):
        stored = {given.name: given.encoding.to_bytes(feed[given.name]) for given in inputs}
        exact = {given.name: given.encoding.from_bytes(stored[given.name], given.shape) for given in inputs}
        for name, content in stored.items():
            files[f"{REFERENCE}/{number}/input_{name}.bin"] = content
        for name, values in runner.run(exact).items():
            files[f"{REFERENCE}/{number}/output_{name}.bin"] = np.asarray(values, "<f4").tobytes()
        count += 1
    files[RECORD] = _record(inputs, outputs, count, origin)
    files[COMPARE] = (resources.files(__package__) / "compare.py").read_bytes()
    return files


def _record(
    inputs: tuple[PackageInput, ...], outputs: tuple[PackageOutput, ...], count: int, origin: ReferenceOrigin
) -> bytes:
    """What the files are: for `compare.py`, and for whoever reads the package back."""
    record = {
        "samples": count,
        "origin": origin.value,
        "inputs": [
            {
                "name": given.name,
                "shape": list(given.shape),
                "dtype": given.encoding.value,
                "list": given.list,
                "images": given.images,
            }
            for given in inputs
        ],
        "outputs": [{"name": output.name, "shape": list(output.shape)} for output in outputs],
    }
    return (json.dumps(record, indent=2) + "\n").encode()
