"""DFT -> MatMul with cosines and sines; STFT -> Conv with them: what audio networks begin with.

Needs static shapes, constants folded. Source: https://onnx.ai/onnx/operators/onnx__DFT.html and onnx__STFT.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

_LONGEST = 4096
"""Samples of a frame, of which the matrix has the square."""


def transform(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one DFT of [.., n, .., 1 or 2]: real values, or real and imaginary parts."""
    shape, given = static_shape(node.inputs[0]), optional_input(node, 2)
    axis, length = editor.integers(given) if given is not None else [-2], _length(editor, node)
    inverse, half = attrs.integer(node, "inverse", 0), attrs.integer(node, "onesided", 0)
    if shape is None or axis is None or length is None or shape[-1] > 2:
        return "its shape, its axis or its length is unknown, or it has more than two parts"
    if max(length, shape[axis[0]]) > _LONGEST or (inverse and half):
        return "it is too long, or the inverse of half a spectrum"
    place, last = axis[0] % len(shape), len(shape) - 2
    order = list(range(len(shape)))
    order[place], order[last] = last, place
    matrix = _waves(length, length // 2 + 1 if half else length, inverse=bool(inverse))
    used = np.zeros((shape[place], *matrix.shape[1:]), np.float32)
    used[:length] = matrix[: shape[place]]  # of a signal that is cut off, or goes on with zeros
    used = used[:, : shape[-1]]
    outer = [shape[axis] for axis in order[:-2]]
    x = editor.reshape(
        node, editor.add(node, "Transpose", [node.inputs[0]], {"perm": order}), [*outer, used[..., 0, 0].size]
    )
    weights = editor.constant(used.reshape(used[..., 0, 0].size, -1), f"{node.name}_waves")
    y = editor.reshape(node, editor.add(node, "MatMul", [x, weights]), [*outer, used.shape[2], 2])
    editor.substitute(node, editor.add(node, "Transpose", [y], {"perm": order}))
    return FIRED


def _length(editor: Editor, node: onnx_ir.Node) -> int | None:
    """Samples of a DFT: those that are asked for, or all of the axis."""
    shape, asked, axis = static_shape(node.inputs[0]), optional_input(node, 1), optional_input(node, 2)
    if asked is not None:
        wanted = editor.integers(asked)
        return wanted[0] if wanted else None
    place = editor.integers(axis) if axis is not None else [-2]
    return shape[place[0]] if shape is not None and place else None


def transform_frames(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one STFT of real values, [N, L, 1] or [N, L]."""
    shape, step, window = static_shape(node.inputs[0]), editor.integers(node.inputs[1]), optional_input(node, 2)
    asked = optional_input(node, 3)
    shades, length = editor.array(window), editor.integers(asked) if asked is not None else None
    if shape is None or step is None or (window is not None and shades is None) or shape[2:] not in ((), (1,)):
        return "its signal is complex, or its shape, its step or its window is unknown"
    size = length[0] if length else len(shades) if shades is not None else 0
    if not 0 < size <= _LONGEST or (shades is not None and len(shades) != size):
        return "its frames are of no length, or too long"
    half = attrs.integer(node, "onesided", 1)
    waves = _waves(size, size // 2 + 1 if half else size)[:, 0].reshape(size, -1).T  # [2 * bins, size]
    weights = (waves * (1.0 if shades is None else shades)).astype(np.float32)[:, None]
    geometry = {"kernel_shape": [size], "strides": step[:1], "pads": [0, 0], "dilations": [1], "group": 1}
    x = editor.reshape(node, node.inputs[0], [shape[0], 1, shape[1]])
    spectrum = editor.add(node, "Conv", [x, editor.constant(weights, f"{node.name}_waves")], geometry)
    turned = editor.add(node, "Transpose", [spectrum], {"perm": [0, 2, 1]})
    frames = (static_shape(turned) or ())[1]
    editor.substitute(node, editor.reshape(node, turned, [shape[0], frames, len(weights) // 2, 2]))
    return FIRED


def _waves(length: int, bins: int, *, inverse: bool = False) -> npt.NDArray[np.float32]:
    """What sample t of real or imaginary part adds to both parts of a bin: [length, 2, bins, 2]."""
    turns = np.outer(np.arange(length), np.arange(bins)) % length / length * (1 if inverse else -1)
    cosine, sine = np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)
    both = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], 1)
    return np.asarray(both / (length if inverse else 1), np.float32)


DFT = Rewrite("spell-dft", "rewritten as a product with cosines and sines", ("DFT",), transform)
STFT = Rewrite("spell-stft", "rewritten as a convolution with cosines and sines", ("STFT",), transform_frames)
