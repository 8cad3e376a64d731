"""Builds in-memory networks, one operator after the other; each method gives the value that it makes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.network import Activation, Curve, Geometry, Layer, Meaning, Node, Order, Range, Scales, Tie, Value
from tests.network.numpy_kinds import FUNCTIONS, LayerCompute, max_pooled, multiplied, softmax
from tests.network.numpy_network import NumpyNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tests.network.numpy_kinds import Compute

FLOAT = np.dtype(np.float32)
EDGE = math.log(4 * 256 - 1)  # sigmoid(-EDGE) is a quarter of a step of 1 / 256
ACTIVATIONS = {
    "none": Activation(),
    "relu": Activation(rectifies=True),
    "relu6": Activation(rectifies=True, clip=6.0),
    "hard-swish": Activation(is_homogeneous=False),
    "sigmoid": Activation(is_homogeneous=False),
}
_PLAIN: dict[str, Any] = {"scales": Scales.FREE, "order": Order.KEPT}
CURVES: dict[str, dict[str, Any]] = {
    "relu": {**_PLAIN, "clamp": Range(0.0, math.inf), "sees": Range(0.0, math.inf)},
    "relu6": {**_PLAIN, "clamp": Range(0.0, 6.0), "sees": Range(0.0, 6.0), "clip": 6.0},
    "hard-swish": {"scales": Scales.FREE, "sees": Range(-3.0, math.inf), "curve": Curve.HARD_SWISH},
    "sigmoid": {
        "scales": Scales.FIXED,
        "fixed": Affine.of(1 / 256, -128),
        "sees": Range(-EDGE, EDGE),
        "curve": Curve.SIGMOID,
        "order": Order.KEPT,
        "is_score": True,
    },
    "tanh": {"scales": Scales.FIXED, "fixed": Affine.of(1 / 128, 0), "order": Order.KEPT},
}
_MOVES: dict[str, Any] = {"scales": Scales.SAME, "moves": True, "order": Order.KEPT}
_REORDERS: dict[str, Any] = {**_MOVES, "reorders": True}


class Builder:
    """A network in the making."""

    def __init__(self) -> None:
        self._inputs: list[Value] = []
        self._nodes: list[Node] = []

    def network(self, *outputs: Value) -> NumpyNetwork:
        """What was built."""
        return NumpyNetwork(self._inputs, outputs, self._nodes)

    def input(self, name: str, *shape: int) -> Value:
        """Real values from outside."""
        self._inputs.append(_activation(name, shape))
        return self._inputs[-1]

    def conv(
        self,
        name: str,
        x: Value,
        weights: Any,
        bias: Any = None,
        *,
        function: str = "none",
        stride: int = 1,
        dilation: int = 1,
        padded: bool = True,
        transposed: bool = False,
    ) -> Value:
        """[O, taps..., I] weights; groups are as many as the channels of x hold I. Half of the padding is in front."""
        data = np.asarray(weights, np.float32)
        taps, extent = data.shape[1:-1], x.shape[1:-1]
        reach = [(k - 1) * dilation + 1 for k in taps]
        if transposed:
            out = [n * stride if padded else (n - 1) * stride + r for n, r in zip(extent, reach, strict=True)]
            missing = [(n - 1) * stride + r - o for n, r, o in zip(extent, reach, out, strict=True)]
        else:
            out = [-(-n // stride) if padded else (n - r) // stride + 1 for n, r in zip(extent, reach, strict=True)]
            missing = [(o - 1) * stride + r - n for n, r, o in zip(extent, reach, out, strict=True)]
        geometry = Geometry(
            stride=(stride,) * len(taps),
            dilation=(dilation,) * len(taps),
            before=tuple(max(m, 0) // 2 for m in missing),
            extent=extent,
            out=tuple(out),
            transposed=transposed,
        )
        groups = x.shape[-1] // data.shape[-1]
        made = _activation(name, (x.shape[0], *out, data.shape[0]))
        return self._layer(x, made, (data, bias), geometry, groups, function)

    def dense(self, name: str, x: Value, weights: Any, bias: Any = None, function: str = "none") -> Value:
        """[O, I] weights; where I is a multiple of the channels of x, it is flattened."""
        data = np.asarray(weights, np.float32)
        rows = (*x.shape[:-1],) if data.shape[1] == x.shape[-1] else (math.prod(x.shape) // data.shape[1],)
        return self._layer(x, _activation(name, (*rows, data.shape[0])), (data, bias), None, 1, function)

    def curve(self, name: str, x: Value, function: str) -> Value:
        """A function of single values."""
        made, curve = _activation(name, x.shape), FUNCTIONS[function]
        homogeneous = "clamp" in CURVES[function]
        ties = _same(x, made) if homogeneous else None
        return self._add(
            function, [x], made, Meaning(**CURVES[function], keeps_channels=True, ties=ties), lambda v, _: [curve(v[0])]
        )

    def softmax(self, name: str, x: Value) -> Value:
        """Over the last axis."""
        fixed = Affine.of(1 / 256, -128)
        meaning = Meaning(scales=Scales.FIXED, fixed=fixed, rows=True, order=Order.KEPT, is_score=True)
        return self._add("softmax", [x], _activation(name, x.shape), meaning, lambda v, _: [softmax(v[0])])

    def sum(self, name: str, one: Value, other: Value | Any, sign: int = 1) -> Value:
        """`one + sign * other`; what is no value is a constant."""
        operands = [one, other if isinstance(other, Value) else _constant(f"{name}.c", other)]
        made = _activation(name, np.broadcast_shapes(*(v.shape for v in operands)))
        fits = all(v.shape[-1:] == made.shape[-1:] for v in operands if not v.is_constant)
        ties = tuple(tie for v in operands if not v.is_constant for tie in _same(v, made)) if fits else None
        told: dict[str, Any] = {"order": Order.WITH_CONSTANT, "headroom": 2.0**-17, "keeps_channels": True}
        meaning = Meaning(scales=Scales.FREE, signs=(1, sign), ties=ties, **told)
        return self._add("add" if sign > 0 else "sub", operands, made, meaning, lambda v, _: [v[0] + sign * v[1]])

    def product(self, name: str, one: Value, other: Value | Any) -> Value:
        """`one * other`; what is no value is a constant."""
        operands = [one, other if isinstance(other, Value) else _constant(f"{name}.c", other)]
        made = _activation(name, np.broadcast_shapes(*(v.shape for v in operands)))
        ties = _same(one, made) if operands[1].is_constant else None
        product = not operands[1].is_constant
        meaning = Meaning(scales=Scales.FREE, order=Order.PRODUCT, keeps_channels=True, ties=ties, product=product)
        return self._add("mul", operands, made, meaning, multiplied)

    def concat(self, name: str, parts: Sequence[Value], axis: int) -> Value:
        """One behind the other."""
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        made = _activation(name, shape)
        if axis == len(shape) - 1:
            ends = np.cumsum([0, *(part.shape[axis] for part in parts)])
            spans = [np.arange(begin, end) for begin, end in pairwise(ends)]
            ties = tuple(Tie(p, np.arange(s.size), made, s) for p, s in zip(parts, spans, strict=True))
        else:
            ties = tuple(tie for part in parts for tie in _same(part, made))
        meaning = Meaning(**_REORDERS, joins=axis, ties=ties)
        return self._add("concat", parts, made, meaning, lambda v, _: [np.concatenate(v, axis)])

    def reshape(self, name: str, x: Value, *shape: int) -> Value:
        """The same values in the same order."""
        carries = tuple(_kept(x.shape, shape, axis) for axis in range(len(shape)))
        longer, shorter = (x.shape[-1], shape[-1]) if x.shape[-1] >= shape[-1] else (shape[-1], x.shape[-1])
        made, long = _activation(name, shape), np.arange(longer)
        ties = None
        if longer % shorter == 0:
            folded = long % shorter
            ends = (long, folded) if x.shape[-1] >= shape[-1] else (folded, long)
            ties = (Tie(x, ends[0], made, ends[1]),)
        meaning = Meaning(**_REORDERS, reshapes=True, carries=carries, ties=ties)
        return self._add("reshape", [x], made, meaning, lambda v, _: [v[0].reshape(shape)])

    def transpose(self, name: str, x: Value, *order: int) -> Value:
        """Axis i of what is made is axis order[i] of x."""
        meaning = Meaning(**_REORDERS, carries=tuple((axis,) for axis in order))
        made = _activation(name, [x.shape[axis] for axis in order])
        return self._add("transpose", [x], made, meaning, lambda v, _: [v[0].transpose(order)])

    def max_pool(self, name: str, x: Value, size: int) -> Value:
        """Over squares side by side."""
        made = _activation(name, (x.shape[0], x.shape[1] // size, x.shape[2] // size, x.shape[3]))
        meaning = Meaning(**_MOVES, ties=_same(x, made))
        return self._add("max-pool", [x], made, meaning, lambda v, _: [max_pooled(v[0], size)])

    def mean(self, name: str, x: Value) -> Value:
        """Over all positions: [N, C] of [N, ..., C]."""
        axes = tuple(range(1, len(x.shape) - 1))
        made = _activation(name, (x.shape[0], x.shape[-1]))
        meaning = Meaning(scales=Scales.FREE, ties=_same(x, made))
        return self._add("mean", [x], made, meaning, lambda v, _: [v[0].mean(axis=axes)])

    def label(self, name: str, x: Value) -> Value:
        """The channel of the highest value."""
        made = Value(name=name, shape=x.shape[:-1], dtype=np.dtype(np.int64))
        meaning = Meaning(scales=Scales.READS)
        return self._add("arg-max", [x], made, meaning, lambda v, _: [v[0].argmax(axis=-1)])

    def _layer(
        self,
        x: Value,
        made: Value,
        constants: tuple[npt.NDArray[np.float32], Any],
        geometry: Geometry | None,
        groups: int,
        function: str,
    ) -> Value:
        weights = _constant(f"{made.name}.w", constants[0])
        bias = None if constants[1] is None else _constant(f"{made.name}.b", constants[1])
        activation = ACTIVATIONS[function]
        layer = Layer(
            data=0,
            weights=weights.data,
            bias=None if bias is None else bias.data,
            groups=groups,
            geometry=geometry,
            activation=activation,
        )
        meaning = Meaning(scales=Scales.FREE, ties=() if activation.is_homogeneous else None)
        kind = "dense" if geometry is None else "transposed-conv" if geometry.transposed else "conv"
        inputs = [x, weights] if bias is None else [x, weights, bias]
        return self._add(kind, inputs, made, meaning, LayerCompute(layer, made.shape, function), layer)

    def _add(
        self,
        kind: str,
        inputs: Sequence[Value],
        made: Value,
        meaning: Meaning,
        compute: Compute,
        layer: Layer | None = None,
    ) -> Value:
        self._nodes.append(
            Node(
                kind=kind,
                inputs=tuple(inputs),
                outputs=(made,),
                meaning=meaning,
                layer=layer,
                source_name=made.name,
                handle=compute,
            )
        )
        return made


def _activation(name: str, shape: Sequence[int]) -> Value:
    return Value(name=name, shape=tuple(shape), dtype=FLOAT, source_names=(name,))


def _constant(name: str, values: Any) -> Value:
    data = np.asarray(values, np.float32)
    return Value(name=name, shape=data.shape, dtype=FLOAT, data=data)


def _same(one: Value, made: Value) -> tuple[Tie, ...]:
    channels = np.arange(made.shape[-1])
    return (Tie(one, channels, made, channels),)


def _kept(before: Sequence[int], after: Sequence[int], axis: int) -> tuple[int, ...]:
    """The axes that lie behind one another along an axis of what is reshaped."""
    behind = math.prod(after[axis + 1 :])
    ends = [math.prod(before[i:]) for i in range(len(before) + 1)]
    if after[axis] == 1 or not {behind, behind * after[axis]} <= set(ends):
        return ()
    inside = range(ends.index(behind * after[axis]), ends.index(behind))
    return tuple(i for i in inside if before[i] > 1)
