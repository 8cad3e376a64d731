"""Types and shapes of an ONNX model's values, as far as ONNX can tell them, without trusting the file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.isolated import run_isolated
from dlpuconv.formats.onnx_shapes_worker import NOT_INFERRED

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

_WORKER = Path(__file__).with_name("onnx_shapes_worker.py")
_SMALL = 4096  # elements of a constant that shapes may be computed from
_PATIENCE_S = 120  # the worker's own limit counts processor time


def value_types(model: onnx.ModelProto) -> Mapping[str, onnx.ValueInfoProto]:
    """The declaration of every value that is known, by name: what the model says, and what follows from it.

    Args:
        model: not changed.

    Raises:
        ArtifactError: ONNX's own inference does not survive the model, and so nothing else would.
    """
    import onnx

    try:
        content = _skeleton(model).SerializeToString()
        status, inferred = run_isolated(_WORKER, content=content, seconds=_PATIENCE_S)
    except (OSError, ValueError):  # no process can be had, or the graph alone is larger than protobuf holds
        return _declared(model.graph)
    if status == 0:
        return _declared(model.graph) | _declared(onnx.ModelProto.FromString(inferred).graph)
    if status == NOT_INFERRED:
        return _declared(model.graph)
    what = "takes for ever" if status is None else "does not survive it" if status < 0 else "needs all memory there is"
    raise ArtifactError(f"the file is damaged: ONNX's own shape inference {what}")


def _declared(graph: onnx.GraphProto) -> dict[str, onnx.ValueInfoProto]:
    return {value.name: value for value in (*graph.value_info, *graph.input, *graph.output)}


def _skeleton(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with large weights as inputs: a copy of a few kilobytes."""
    import onnx

    skeleton = onnx.ModelProto(ir_version=model.ir_version)
    skeleton.opset_import.extend(model.opset_import)
    skeleton.functions.extend(model.functions)
    graph = skeleton.graph
    graph.name = model.graph.name
    graph.node.extend(model.graph.node)
    graph.input.extend(model.graph.input)
    graph.output.extend(model.graph.output)
    graph.value_info.extend(model.graph.value_info)
    known = {value.name for value in model.graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _SMALL and tensor.data_location != onnx.TensorProto.EXTERNAL:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return skeleton
