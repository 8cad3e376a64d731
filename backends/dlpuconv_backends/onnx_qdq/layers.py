"""Layers of an ONNX graph as the quantizer sees them: weights [O, taps..., I], whatever the operator's layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin.quantization import Activation, Geometry, Layer
from dlpuconv_backends.onnx_qdq.graph import attribute
from dlpuconv_backends.onnx_qdq.groups import clip_bounds

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx

    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
    from dlpuconv_backends.onnx_qdq.groups import FusedGroup

    type Array = npt.NDArray[Any]

WEIGHTS, BIAS = 1, 2
"""Positions among the inputs of a network's node."""


def layer_of(graph: OnnxGraph, group: FusedGroup) -> Layer:
    """The layer that a group is."""
    node = group.nodes[0]
    weights = graph.constants[node.input[1]]
    bounds = None if group.clip is None else clip_bounds(graph, group.clip)
    return Layer(
        data=0,
        weights=rows_first(node, weights),
        bias=graph.constants[group.bias].reshape(-1) if group.bias else None,
        groups=attribute(node, "group", 1),
        geometry=_geometry(graph, node) if node.op_type == "Conv" else None,
        activation=Activation() if bounds is None else _activation(bounds[1]),
        weights_at=WEIGHTS,
        bias_at=BIAS,
    )


def rows_first(node: onnx.NodeProto, weights: Array) -> Array:
    """A layer's weights as [O, taps..., I]: a view."""
    if node.op_type == "Conv":
        return np.moveaxis(weights, 1, -1)
    return weights if attribute(node, "transB", 0) else weights.T


def as_stored(node: onnx.NodeProto, rows: Array) -> Array:
    """What `rows_first` gives, in the operator's own layout: a view."""
    if node.op_type == "Conv":
        return np.moveaxis(rows, -1, 1)
    return rows if attribute(node, "transB", 0) else rows.T


def channel_axis(node: onnx.NodeProto) -> int:
    """The output channels' axis of the weights as they are stored."""
    return 0 if node.op_type == "Conv" or attribute(node, "transB", 0) else 1


def _activation(high: float) -> Activation:
    return Activation(rectifies=True, clip=float(high) if np.isfinite(high) else None)


def _geometry(graph: OnnxGraph, node: onnx.NodeProto) -> Geometry:
    count = len(graph.kinds[node.input[0]].shape) - 2
    return Geometry(
        stride=tuple(attribute(node, "strides", [1] * count)),
        dilation=tuple(attribute(node, "dilations", [1] * count)),
        before=tuple(attribute(node, "pads", [0] * count)[:count]),
        extent=graph.kinds[node.input[0]].shape[2:],
        out=graph.kinds[node.output[0]].shape[2:],
    )
