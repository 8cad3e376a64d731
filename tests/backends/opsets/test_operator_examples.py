"""ONNX's own examples of operators, which its distribution brings: each must compute the same in an older opset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnx.backend.test
import onnx_ir
import pytest
from onnx import numpy_helper

from dlpuconv.errors import ArtifactError
from dlpuconv.passes.editor import Editor
from dlpuconv_backends.opsets import lower_opset
from dlpuconv_backends.opsets.decompose import DECOMPOSITIONS
from dlpuconv_backends.opsets.respell import RESPELLINGS
from tests.backends.opsets.graphs import run

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(onnx.backend.test.__file__).parent / "data" / "node"
PARAMETERS = {"Clip", "Pad", "Resize", "BatchNormalization", *(op for op in DECOMPOSITIONS if "Normal" in op)}
"""Operators of which only the first input is data; a network has the others as constants."""


def examples() -> Iterator[tuple[str, onnx.ModelProto, dict[str, np.ndarray[Any, Any]]]]:
    """Examples of float data for the operators that the tables know, parameters as constants."""
    for folder in sorted(EXAMPLES.iterdir()):
        model = onnx.load(folder / "model.onnx")
        graph = model.graph
        known = {node.op_type for node in graph.node} & {*DECOMPOSITIONS, *RESPELLINGS}
        if len(graph.node) != 1 or not known or not graph.input:
            continue
        files = sorted(folder.glob("test_data_set_0/input_*.pb"), key=lambda f: int(f.stem.removeprefix("input_")))
        try:
            values = [numpy_helper.to_array(onnx.load_tensor(file)) for file in files]
        except ValueError:  # sequences and optionals
            continue
        if values[0].dtype != np.float32:
            continue
        feeds = {}
        for position, (value, array) in enumerate(zip(list(graph.input), values, strict=True)):
            if position == 0 or (array.dtype == np.float32 and not known & PARAMETERS):
                feeds[value.name] = array
            else:
                graph.initializer.append(numpy_helper.from_array(array, value.name))
                graph.input.remove(value)
        yield folder.name, onnx.shape_inference.infer_shapes(model, data_prop=True), feeds


@pytest.mark.slow
def test_every_example_that_an_older_opset_can_express_computes_the_same() -> None:
    same = 0
    different: list[str] = []
    for name, model, feeds in examples():
        try:
            expected = run(model.SerializeToString(), feeds)
        except ArtifactError:  # ONNX Runtime has no such kernel
            continue
        for wanted in (13, 11):
            graph = onnx_ir.from_proto(model)
            if model.opset_import[0].version <= wanted or lower_opset(Editor(graph), wanted):
                continue
            lowered = onnx_ir.to_proto(graph)
            lowered.ir_version = onnx.helper.find_min_ir_version_for(lowered.opset_import)
            onnx.checker.check_model(lowered, full_check=True)
            got = run(lowered.SerializeToString(), feeds)
            agree = all(np.allclose(v, got[k], rtol=1e-4, atol=1e-5, equal_nan=True) for k, v in expected.items())
            same += agree
            different += [] if agree else [f"{name} at {wanted}"]
    assert different == []
    assert same > 300
