"""GATHER of channels -> permuted weights of the layers before it or behind it.

    GATHER(CONV_2D(x, w, b), c)           ->  CONV_2D(x, w[c], b[c])
    GATHER(f(x), c)                       ->  f(GATHER(x, c))          for f that works channel by channel
    CONV_2D(GATHER(x, c), w)              ->  CONV_2D(x, w'), w'[..., c[i]] = w[..., i]
    a GATHER that nothing absorbs         ->  CONV_2D(x, one-hot)      exact, also in integers (scale 1/127)

DLPUs have no GATHER of channels that is worth its name (the Edge TPU and ARTPEC-9 have none at all), but convolve
for free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input
from dlpuconv_backends.cleanup.layers import Layer, layer
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph

type Channels = npt.NDArray[np.int64]

_UNARY = frozenset(
    [
        "ABS",
        "ELU",
        "EXP",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGISTIC",
        "NEG",
        "RELU",
        "RELU6",
        "RSQRT",
        "SQRT",
    ]
)
_SPATIAL = frozenset(("MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"))
_BINARY = frozenset(("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "PRELU"))


def gathers_into_producers(graph: Graph) -> int:
    """Move every GATHER of channels towards the inputs until a layer absorbs it; how many steps were made."""
    return _repeat(graph, _step_up)


def gathers_into_consumers(graph: Graph) -> int:
    """Let convolutions absorb the GATHER in front of them; how many did."""
    return _repeat(graph, _absorb_down)


def gathers_into_convolutions(graph: Graph) -> int:
    """Make every GATHER of channels that is left a convolution with one-hot weights; how many there were."""
    changed = 0
    for op in graph.operators:
        channels = channels_of(op)
        if channels is None or len(op.output.shape) != 4:
            continue
        weights = np.zeros((channels.size, 1, 1, op.input(0).shape[-1]), np.float32)
        weights[np.arange(channels.size), 0, 0, channels] = 1.0
        options = schema.Conv2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
        bias = np.zeros(channels.size, np.float32)
        op.kind, op.options = "CONV_2D", options
        op.inputs[1:] = [
            Tensor.constant(f"{op.output.name}/weights", weights),
            Tensor.constant(f"{op.output.name}/bias", bias),
        ]
        changed += 1
    return changed


def channels_of(op: Operator) -> Channels | None:
    """The channels that a GATHER on the last axis picks; None for any other operator."""
    if op.kind != "GATHER" or op.options.batchDims or len(op.output.shape) != len(op.input(0).shape):
        return None
    indices = constant_input(op, 1)
    on_last = op.options.axis % len(op.output.shape) == len(op.output.shape) - 1
    return indices.astype(np.int64) if indices is not None and indices.ndim == 1 and on_last else None


def _repeat(graph: Graph, step: Any) -> int:
    done = 0
    while any(step(graph, op, Uses(graph)) for op in list(graph.operators) if op.kind == "GATHER"):
        done += 1
    return done


def _step_up(graph: Graph, op: Operator, uses: Uses) -> bool:
    channels = channels_of(op)
    before = uses.sole_producer(op.input(0)) if channels is not None else None
    if before is None or channels is None:
        return False
    if before.kind in ("CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV") and _pick_outputs(before, channels):
        before.outputs[0] = op.output
        graph.remove([op])
        return True
    if before.kind in _UNARY or before.kind in _SPATIAL:
        _exchange(graph, op, before, channels)
        return True
    if _pick_constants(before, channels):
        _exchange(graph, op, before, channels)
        return True
    return False


def _pick_outputs(before: Operator, channels: Channels) -> bool:
    found = layer(before)
    if found is None or (before.kind == "CONV_2D" and found.groups != 1 and not _ungroup(found)):
        return False
    if found.bias is not None:
        found.set_bias(found.bias[channels])
    found.set_weights(np.take(found.weights, channels, axis=found.out_axis))
    return True


def _ungroup(conv: Layer) -> bool:
    """A grouped convolution as a dense one, if that is cheaper than a one-hot convolution behind it."""
    outputs, height, width, per_group = conv.weights.shape
    inputs = per_group * conv.groups
    if height * width * (inputs - per_group) > outputs:
        return False
    dense = np.zeros((outputs, height, width, inputs), np.float32)
    for index, rows in enumerate(np.split(np.arange(outputs), conv.groups)):
        dense[rows, :, :, index * per_group : (index + 1) * per_group] = conv.weights[rows]
    conv.set_weights(dense)
    return True


def _pick_constants(before: Operator, channels: Channels) -> bool:
    """Adapt what an operator that works channel by channel holds for each channel."""
    if before.kind == "DEPTHWISE_CONV_2D":
        one_each = before.input(0).shape[-1] == before.output.shape[-1]
        if not one_each or not _pick_outputs(before, channels):
            return False
        before.options.depthMultiplier = 1
        return True
    if before.kind not in _BINARY:
        return False
    constants = [i for i in (0, 1) if constant_input(before, i) is not None]
    if len(constants) != 1 or before.input(1 - constants[0]).shape != before.output.shape:
        return False
    old = before.input(constants[0])
    if old.data is not None and old.shape and old.shape[-1] == before.output.shape[-1] != 1:
        before.inputs[constants[0]] = Tensor.constant(old.name, np.take(old.data, channels, axis=-1))
    return True


def _exchange(graph: Graph, op: Operator, before: Operator, channels: Channels) -> None:
    """GATHER(before(x)) -> before(GATHER(x))."""
    index = next(i for i, t in enumerate(before.inputs) if t is not None and not t.is_constant)
    source = before.input(index)
    picked = Tensor(f"{op.output.name}/picked", (*source.shape[:-1], channels.size), source.dtype)
    before.inputs[index] = picked
    before.outputs[0] = op.output
    op.inputs[0], op.outputs[0] = source, picked
    graph.remove([op])
    graph.insert_before(before, op)


def _absorb_down(graph: Graph, op: Operator, uses: Uses) -> bool:
    channels = channels_of(op)
    readers = uses.consumers(op.output)
    if channels is None or uses.is_output(op.output) or np.unique(channels).size != channels.size:
        return False
    source = op.input(0)
    absorbed = False
    for reader in readers:
        found = layer(reader)
        if found is None or reader.kind != "CONV_2D" or found.groups != 1 or reader.input(0) is not op.output:
            continue
        weights = np.zeros((*found.weights.shape[:-1], source.shape[-1]), np.float32)
        weights[..., channels] = found.weights
        found.set_weights(weights)
        reader.inputs[0] = source
        absorbed = True
    graph.drop_dead()
    return absorbed
