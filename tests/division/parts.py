"""Parts of divided networks, small enough to compute by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto, helper, numpy_helper

from dlpuconv.division.division import Division, Rest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import onnx

    type Shapes = Mapping[str, Sequence[int | str]]


def part(
    nodes: Sequence[onnx.NodeProto],
    reads: Shapes,
    gives: Shapes,
    constants: Mapping[str, npt.NDArray[np.generic]] | None = None,
    *,
    integers: Sequence[str] = (),
) -> Rest:
    """A part for the CPU.

    Args:
        nodes: in running order.
        reads: shapes of its inputs.
        gives: shapes of its outputs; a text for an extent that a run tells.
        constants: values by name.
        integers: which of the outputs are int64.
    """

    def ends(shapes: Shapes) -> list[onnx.ValueInfoProto]:
        types = {name: TensorProto.INT64 if name in integers else TensorProto.FLOAT for name in shapes}
        return [helper.make_tensor_value_info(name, types[name], list(shape)) for name, shape in shapes.items()]

    held = [numpy_helper.from_array(value, name) for name, value in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "part", ends(reads), ends(gives), held)
    domains = {node.domain for node in nodes} | {""}
    opsets = [helper.make_opsetid(domain, 1 if domain else 17) for domain in sorted(domains)]
    return Rest(
        model=helper.make_model(graph, opset_imports=opsets, ir_version=8), reads=tuple(reads), gives=tuple(gives)
    )


def behind_y(tail: Rest, *outputs: str) -> Division:
    """A network of the input x, whose chip's part gives y [1, 2]."""
    return Division(inputs=("x",), outputs=outputs, entry=("x",), cut=("y",), tail=tail)


def positions() -> Rest:
    """Where y is positive, as NonZero gives it: as many columns as there are such places."""
    nodes = [helper.make_node("Relu", ["y"], ["above"]), helper.make_node("NonZero", ["above"], ["where"])]
    return part(nodes, {"y": (1, 2)}, {"where": (2, "n")}, integers=["where"])


def doubled() -> Rest:
    """2 y + the sum of x, which the tail reads as well."""
    nodes = [
        helper.make_node("Add", ["y", "y"], ["twice"]),
        helper.make_node("ReduceSum", ["x"], ["sum"]),
        helper.make_node("Add", ["twice", "sum"], ["z"]),
    ]
    return part(nodes, {"x": (1, 3), "y": (1, 2)}, {"z": (1, 2)})


def of_a_vendor() -> Rest:
    """An operator that only TensorRT has."""
    node = helper.make_node("EfficientNMS_TRT", ["y"], ["num_dets"], domain="TRT")
    return part([node], {"y": (1, 2)}, {"num_dets": (1, 1)}, integers=["num_dets"])
