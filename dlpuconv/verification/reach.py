"""The interval of real values that an integer file can give at all, whatever its input: interval arithmetic on codes.

Every 8-bit tensor holds what its codes stand for and nothing else, so that a logit whose highest code is 0 makes a
score that never exceeds 0.5. The intervals are walked through what is monotonic and cheap to follow; an operator that
is not listed gives whatever the codes of its output stand for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.formats.names import port_names
from dlpuconv.ir import ActivationKind
from dlpuconv.verification.output_parity import compared_name
from dlpuconv.verification.rules.fixed import MOVERS
from dlpuconv.verification.rules.graph import LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.formats import FileView
    from dlpuconv.formats.view import LayerView, TensorView
    from dlpuconv.ir import Port
    from dlpuconv.verification.output_parity import ParityReport

    type Interval = tuple[float, float]
    """Lowest and highest real value."""

_ANYTHING: Interval = (-math.inf, math.inf)
_LARGEST_EXPONENT = 700.0  # of a double
_PADDING = frozenset({"PAD", "SPACE_TO_BATCH_ND"})
"""Movers that put in zeros."""


def with_reach(parity: ParityReport, view: FileView, outputs: Sequence[Port]) -> ParityReport:
    """The comparison with what each output can reach in the file, where its codes set a limit.

    Args:
        parity: of the file.
        view: the file.
        outputs: the file's, with the names under which `parity` speaks of them.
    """
    found = reaches(view)
    by_name = dict(zip(port_names(view, view.outputs), view.outputs, strict=True))
    limits = {
        compared_name(port): _activated(found[by_name[port.name_in_file]], port)
        for port in outputs
        if port.name_in_file in by_name
    }
    limited = {name: limit for name, limit in limits.items() if limit != _ANYTHING}
    return replace(parity, outputs=tuple(replace(output, reach=limited.get(output.name)) for output in parity.outputs))


def reaches(view: FileView) -> dict[int, Interval]:
    """What each tensor that flows through the file can hold, by the tensor's index.

    Args:
        view: the file; the layers are in execution order.
    """
    found = {index: _held(view.tensors[index]) for index in view.inputs}
    for layer in view.layers:
        made = _made(view, layer, found)
        for index in layer.outputs:
            found[index] = _within(made, _held(view.tensors[index]))
    return found


def _made(view: FileView, layer: LayerView, found: dict[int, Interval]) -> Interval:
    """What a layer makes of what it reads, before that is put into the codes of its output."""
    read = [found.get(i) or _held(view.tensors[i]) for i in layer.inputs if i >= 0 and view.tensors[i].quantization]
    if not read:
        return _ANYTHING
    if layer.op in MOVERS or layer.op in ("QUANTIZE", "DEQUANTIZE"):
        ends = [*read, (0.0, 0.0)] if layer.op in _PADDING else read
        return min(low for low, _ in ends), max(high for _, high in ends)
    if layer.op == "SOFTMAX" and layer.options.get("beta", 1.0) == 1.0:
        return _softmax(*read[0], view.tensors[layer.inputs[0]].shape[-1:])
    if layer.op in _RISING:
        rising = _RISING[layer.op]
        return rising(read[0][0]), rising(read[0][1])
    if layer.op in _OF_TWO and len(read) == 2:
        return _OF_TWO[layer.op](*read)
    return _ANYTHING


def _held(tensor: TensorView) -> Interval:
    """What the codes of a tensor stand for."""
    if tensor.quantization is None or tensor.quantization.per_channel or tensor.dtype not in LIMITS:
        return _ANYTHING
    if not (math.isfinite(tensor.quantization.scale) and tensor.quantization.scale > 0):
        return _ANYTHING
    lowest, highest = LIMITS[tensor.dtype]
    return tensor.quantization.real(lowest), tensor.quantization.real(highest)


def _activated(limit: Interval, port: Port) -> Interval:
    """What is made of the logits that an output gives."""
    if port.activation is None or limit == _ANYTHING:
        return limit
    if port.activation.kind is ActivationKind.SIGMOID:
        return _sigmoid(limit[0]), _sigmoid(limit[1])
    axis = port.activation.axis or 0
    # a part of the logits says nothing of the others
    return (0.0, 1.0) if port.part else _softmax(*limit, port.source_shape[axis : axis + 1])


def _within(made: Interval, held: Interval) -> Interval:
    """What saturates is held at the ends."""
    low, high = (min(max(end, held[0]), held[1]) for end in made)
    return low, high


def _sigmoid(value: float) -> float:
    return 1.0 / (1.0 + math.exp(min(-value, _LARGEST_EXPONENT)))


def _softmax(low: float, high: float, length: tuple[int, ...]) -> Interval:
    """One of a row at one end, all others at the other."""
    others = max(length[0] if length else 1, 1) - 1
    apart = min(high - low, _LARGEST_EXPONENT)
    return 1.0 / (1.0 + others * math.exp(apart)), 1.0 / (1.0 + others * math.exp(-apart))


def _sum(a: Interval, b: Interval) -> Interval:
    return a[0] + b[0], a[1] + b[1]


def _difference(a: Interval, b: Interval) -> Interval:
    return a[0] - b[1], a[1] - b[0]


def _product(a: Interval, b: Interval) -> Interval:
    corners = [x * y for x in a for y in b]
    return _ANYTHING if any(map(math.isnan, corners)) else (min(corners), max(corners))


_RISING: dict[str, Callable[[float], float]] = {
    "LOGISTIC": _sigmoid,
    "TANH": math.tanh,
    "RELU": lambda value: max(value, 0.0),
    "RELU6": lambda value: min(max(value, 0.0), 6.0),
    "EXP": lambda value: math.exp(min(value, _LARGEST_EXPONENT)),
}
_OF_TWO: dict[str, Callable[[Interval, Interval], Interval]] = {"ADD": _sum, "SUB": _difference, "MUL": _product}
