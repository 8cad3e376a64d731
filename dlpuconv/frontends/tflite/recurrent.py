"""UNIDIRECTIONAL_SEQUENCE_LSTM -> ONNX LSTM, which starts from zeros: what a file keeps between two runs is reset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.frontends.tflite.graph import UnreadError
from dlpuconv.frontends.tflite.step import static

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.frontends.tflite.graph import Array
    from dlpuconv.frontends.tflite.step import Step

_ONNX_ORDER: Final = (0, 3, 1, 2)
"""The order of TFLite's gates input, forget, cell, output."""
_WEIGHTS, _RECURRENT, _PEEPHOLES, _BIASES, _PROJECTION, _NORMS = range(1, 5), range(5, 9), 9, 12, 16, 20
"""Where the operands begin, one for each gate; source: lstm_shared.h of TensorFlow Lite."""
_AXES: Final = 3
_TIME_FIRST: Final = (1, 0, 2)


def unidirectional_sequence_lstm(step: Step) -> None:
    """[batch, steps, I] -> [batch, steps, H], or with steps first; gates in a row become one matrix."""
    _refuse_variants(step)
    if step.rank(0) != _AXES or min(static(step.tensor(0))) < 1:
        raise UnreadError(f"its input would have to have {_AXES} axes")
    weights, recurrent = _gates(step, _WEIGHTS, "weights"), _gates(step, _RECURRENT, "weights")
    bias = _gates(step, range(_BIASES, _BIASES + 4), "biases")
    size = weights.shape[0] // len(_ONNX_ORDER)
    if recurrent.shape != (weights.shape[0], size) or bias.shape != (weights.shape[0],):
        raise UnreadError("its weights and biases are not of one size")
    constants = (weights, recurrent, np.concatenate([bias, np.zeros_like(bias)]))
    time_first = bool(step.option("time_major", False))
    given = step.last(0) if time_first else step.permuted(0, *_TIME_FIRST)
    made = step.node("LSTM", [given, *(step.constant(each[None]) for each in constants)], hidden_size=size)
    joined = made if time_first else step.node("Transpose", [made], perm=[2, 0, 1, 3])
    step.graph.node(
        "Squeeze",
        [joined, step.constant([1 if time_first else 2])],
        step.graph.made(step.output().index, first=False),
    )


def _refuse_variants(step: Step) -> None:
    """Check that it computes what ONNX's operator does by itself.

    Raises:
        UnreadError: it does not.
    """
    variants = {
        "couples its gates": not step.has(_WEIGHTS[0]),
        "has peepholes": any(map(step.has, range(_PEEPHOLES, _BIASES))),
        "has a projection": step.has(_PROJECTION),
        "normalizes its gates": any(map(step.has, range(_NORMS, _NORMS + 4))),
        "clips its state": bool(step.option("cell_clip", 0.0) or step.option("proj_clip", 0.0)),
        "has another activation than tanh": step.option("fused_activation_function", "NONE") != "TANH",
        "has diagonal weights": bool(step.option("diagonal_recurrent_tensors", False)),
    }
    found = [what for what, there in variants.items() if there]
    if found:
        raise UnreadError(f"it {found[0]}, and only the plain LSTM can be converted")


def _gates(step: Step, positions: Sequence[int], what: str) -> Array:
    """Constants of four gates, one below the other, in ONNX's order."""
    found = [step.array(position) for position in positions]
    held = [each for each in found if each is not None]
    if len(held) < len(found) or len({each.shape for each in held}) > 1:
        raise UnreadError(f"its {what} would have to be constants, of one shape for all gates")
    return np.concatenate([held[gate] for gate in _ONNX_ORDER])
