"""Networks that are divided in tests, and what runs their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from dlpuconv.division.division import Rest
from dlpuconv.division.whole import Whole
from dlpuconv.ir import Source, ValueSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.division.division import Division

    type Arrays = dict[str, np.ndarray[Any, Any]]

node = helper.make_node
RNG = np.random.default_rng(0)


def whole(
    nodes: Sequence[onnx.NodeProto],
    shapes: Mapping[str, Sequence[int]],
    outputs: Sequence[str],
    constants: Mapping[str, Any] | None = None,
    domains: Sequence[str] = (),
) -> Whole:
    """A network whose inputs have these shapes; its values are typed as far as ONNX can."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    imports = [helper.make_opsetid("", 17), *(helper.make_opsetid(domain, 1) for domain in domains)]
    proto = onnx.shape_inference.infer_shapes(
        helper.make_model(graph, opset_imports=imports, ir_version=8), data_prop=True
    )
    inputs = tuple(ValueSpec.of(name, tuple(shape), "float32") for name, shape in shapes.items())
    return Whole(proto=proto, source=Source(name="net", sha256="0" * 64), inputs=inputs, outputs=tuple(outputs))


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return (RNG.standard_normal(shape) * 0.3).astype(np.float32)


def evaluate(model: onnx.ModelProto, feeds: Arrays) -> Arrays:
    """Outputs by name, of a model that must be valid, in ONNX Runtime."""
    import onnxruntime

    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_outputs()]
    return dict(
        zip(names, session.run(names, {value.name: feeds[value.name] for value in session.get_inputs()}), strict=True)
    )


def chained(net: Whole, division: Division, chip: onnx.ModelProto, feeds: Arrays) -> Arrays:
    """The outputs of a divided network: front, chip and tail, one after the other."""
    known = dict(feeds)
    for part in (division.front, chip, division.tail):
        if part is not None:
            known |= evaluate(part.model if isinstance(part, Rest) else part, known)
    return {name: known[name] for name in net.outputs}
