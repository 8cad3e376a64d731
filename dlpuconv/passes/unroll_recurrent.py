"""LSTM, GRU and RNN -> their equations, written out for every step of a sequence of known length.

    LSTM  c' = sigmoid(f) * c + sigmoid(i) * tanh(g);  h' = sigmoid(o) * tanh(c')
    GRU   h' = (1 - sigmoid(z)) * tanh(n) + sigmoid(z) * h
    RNN   h' = tanh(x W + h R + b)

Needs static shapes and constant weights; leaves none of these operators where they are. Source: the operators LSTM, GRU
and RNN in https://onnx.ai/onnx/operators. Kernels for whole sequences in 8 bits keep their state in 16, which no chip
here has; these pieces have 8-bit kernels and are quantized each by itself. What the input contributes is one Gemm for
all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, optional_input, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    type Array = npt.NDArray[np.float32]
    type State = tuple[onnx_ir.Value | None, ...]

LONGEST = 128
"""Steps: a dozen operators each; beyond this the graph is no longer one that a camera runs."""

_USUAL = {"RNN": ["tanh"], "GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}
_DIRECTIONS = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}
_WEIGHTS, _RECURRENT, _BIAS, _LENGTHS, _STATE, _MEMORY, _PEEPHOLES = range(1, 8)


def unroll(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Write one recurrent layer out."""
    shape = static_shape(node.inputs[0])
    if shape is None:
        return "the shape of its input is unknown"
    if (reason := _unusual(editor, node, shape[0])) is not None:
        return reason
    turned = _DIRECTIONS[attrs.text(node, "direction", "forward")]
    runs = [_run(_Cell.of(editor, node, index), shape, backwards) for index, backwards in enumerate(turned)]
    wholes = [_concat(editor, node, [run[0] for run in runs], 1)]
    wholes += [_concat(editor, node, [run[position] for run in runs], 0) for position in range(1, len(runs[0]))]
    for old, new in zip(node.outputs, wholes, strict=False):
        if old.uses() or old.is_graph_output():
            editor.replace(old, new, adopt_name=True)
    return FIRED


def _unusual(editor: Editor, node: onnx_ir.Node, steps: int) -> str | None:
    """Why a layer is left as it is; None for what PyTorch, Keras and Paddle export."""
    activations = node.attributes.get("activations")
    named = [text.lower() for text in activations.as_strings()] if activations is not None else []
    usual = _USUAL[node.op_type] * len(_DIRECTIONS[attrs.text(node, "direction", "forward")])
    lengths = optional_input(node, _LENGTHS)
    if steps > LONGEST:
        return f"it runs over {steps} steps"
    if named not in ([], usual):
        return "its activation functions are not the default ones"
    if "clip" in node.attributes or attrs.integer(node, "input_forget", 0) or attrs.integer(node, "layout", 0):
        return "it clips, couples gates or has another layout"
    if optional_input(node, _PEEPHOLES) is not None:
        return "it has peepholes"
    if lengths is not None and set(editor.integers(lengths) or [0]) != {steps}:
        return "its input sequence_lens is given"
    if any(editor.array(given) is None for given in node.inputs[_WEIGHTS : _BIAS + 1] if given is not None):
        return "its weights are computed"
    return None


@dataclass(frozen=True, slots=True)
class _Cell:
    """One direction of a layer; H is the size of its state, gates come in ONNX's order.

    Attributes:
        editor: of the graph.
        node: the layer.
        direction: 0 or 1.
        weights: of the input, [gates * H, I].
        recurrent: of the state, [gates * H, H].
        bias: of both, [2, gates * H].
    """

    editor: Editor
    node: onnx_ir.Node
    direction: int
    weights: Array
    recurrent: Array
    bias: Array

    @staticmethod
    def of(editor: Editor, node: onnx_ir.Node, direction: int) -> _Cell:
        weights, recurrent, bias = (editor.array(optional_input(node, i)) for i in (_WEIGHTS, _RECURRENT, _BIAS))
        assert weights is not None
        assert recurrent is not None
        both = np.zeros((len(weights), 2 * weights.shape[1]), np.float32) if bias is None else bias
        return _Cell(editor, node, direction, weights[direction], recurrent[direction], both[direction].reshape(2, -1))

    @property
    def size(self) -> int:
        return int(self.recurrent.shape[1])

    def add(self, operator: str, *inputs: onnx_ir.Value, **attributes: int) -> onnx_ir.Value:
        return self.editor.add(self.node, operator, inputs, attributes)

    def constant(self, values: npt.ArrayLike, what: str) -> onnx_ir.Value:
        return self.editor.constant(values, f"{self.node.name}_{what}")

    def reshape(self, x: onnx_ir.Value, *shape: int) -> onnx_ir.Value:
        return self.add("Reshape", x, self.constant(np.asarray(shape, np.int64), "shape"))

    def split(self, x: onnx_ir.Value, parts: int, axis: int) -> list[onnx_ir.Value]:
        if parts == 1:
            return [x]
        split = self.editor.insert(self.node, "Split", [x], {"axis": axis, "num_outputs": parts}, outputs=parts)
        return list(split.outputs)

    def before(self, position: int, batch: int) -> onnx_ir.Value | None:
        """A state before the first step, [B, H]; None for zero."""
        given = optional_input(self.node, position)
        known = self.editor.array(given)
        if given is None or (known is not None and not known.any()):
            return None
        shape = static_shape(given)
        return self.reshape(self.split(given, shape[0] if shape else 1, 0)[self.direction], batch, self.size)


def _run(cell: _Cell, shape: tuple[int, ...], backwards: bool) -> list[onnx_ir.Value]:
    """All steps of one direction: the sequence [S, 1, B, H], then each last state [1, B, H]."""
    steps, batch, width = shape
    form = _FORMS[cell.node.op_type](cell)
    flat = cell.reshape(cell.node.inputs[0], steps * batch, width)  # type: ignore[arg-type] # a layer has an input
    constants = cell.constant(cell.weights, "weights"), cell.constant(form.bias, "bias")
    inputs = cell.split(cell.add("Gemm", flat, *constants, transB=1), steps, 0)
    positions = [_STATE, _MEMORY] if cell.node.op_type == "LSTM" else [_STATE]
    state: State = tuple(cell.before(position, batch) for position in positions)
    sequence: list[onnx_ir.Value] = []
    for x in reversed(inputs) if backwards else inputs:
        state = form.step(x, state)
        sequence.append(cell.reshape(state[0], 1, 1, batch, cell.size))
    whole = _concat(cell.editor, cell.node, sequence[::-1] if backwards else sequence, 0)
    return [whole, *(cell.reshape(last, 1, batch, cell.size) for last in state if last is not None)]


class _Rnn:
    """Equations: `bias` [gates * H] is added to every step's input; `step` takes what comes of one, [B, gates * H]."""

    def __init__(self, cell: _Cell) -> None:
        self._cell, self.bias = cell, cell.bias.sum(axis=0)
        self._recurrent = _Recurrent(cell, slice(None))

    def step(self, x: onnx_ir.Value, state: State) -> tuple[onnx_ir.Value, ...]:
        return (self._cell.add("Tanh", self._recurrent.added(x, state[0])),)


class _Lstm(_Rnn):
    @override
    def step(self, x: onnx_ir.Value, state: State) -> tuple[onnx_ir.Value, ...]:
        add = self._cell.add
        hidden, memory = state
        i, o, f, g = self._cell.split(self._recurrent.added(x, hidden), 4, 1)
        fresh = add("Mul", add("Sigmoid", i), add("Tanh", g))
        kept = fresh if memory is None else add("Add", add("Mul", add("Sigmoid", f), memory), fresh)
        return add("Mul", add("Sigmoid", o), add("Tanh", kept)), kept


class _Gru:
    """`linear_before_reset` (PyTorch, cuDNN) multiplies r with R h + b, else R takes r * h."""

    def __init__(self, cell: _Cell) -> None:
        size = cell.size
        self._cell, self._after = cell, bool(attrs.integer(cell.node, "linear_before_reset", 0))
        self.bias = cell.bias.sum(axis=0)
        self._gates, self._new = _Recurrent(cell, slice(0, 2 * size)), _Recurrent(cell, slice(2 * size, None))
        if self._after:
            self.bias[2 * size :] = cell.bias[0, 2 * size :]
            self._inner = cell.constant(cell.bias[1, 2 * size :], "bias")

    def step(self, x: onnx_ir.Value, state: State) -> tuple[onnx_ir.Value, ...]:
        cell, add, hidden = self._cell, self._cell.add, state[0]
        z, r, n = cell.split(x, 3, 1)
        if hidden is not None:
            of_z, of_r = cell.split(self._gates.of(hidden), 2, 1)
            z, r = add("Add", z, of_z), add("Add", r, of_r)
        z, r = add("Sigmoid", z), add("Sigmoid", r)
        if self._after:
            inner = self._inner if hidden is None else add("Add", self._new.of(hidden), self._inner)
            n = add("Add", n, add("Mul", r, inner))
        elif hidden is not None:
            n = add("Add", n, self._new.of(add("Mul", r, hidden)))
        n = add("Tanh", n)
        if hidden is None:
            return (add("Sub", n, add("Mul", z, n)),)
        return (add("Add", n, add("Mul", z, add("Sub", hidden, n))),)


class _Recurrent:
    """R h for some of the gates; one constant serves all steps."""

    def __init__(self, cell: _Cell, gates: slice) -> None:
        self._cell = cell
        self._weights = cell.constant(cell.recurrent[gates], "recurrent")

    def of(self, hidden: onnx_ir.Value) -> onnx_ir.Value:
        return self._cell.add("Gemm", hidden, self._weights, transB=1)

    def added(self, x: onnx_ir.Value, hidden: onnx_ir.Value | None) -> onnx_ir.Value:
        return x if hidden is None else self._cell.add("Add", x, self.of(hidden))


_FORMS: dict[str, type[_Rnn | _Gru]] = {"RNN": _Rnn, "LSTM": _Lstm, "GRU": _Gru}


def _concat(editor: Editor, node: onnx_ir.Node, values: list[onnx_ir.Value], axis: int) -> onnx_ir.Value:
    return values[0] if len(values) == 1 else editor.add(node, "Concat", values, {"axis": axis})


PASS = Rewrite("unroll-recurrent", "recurrent layer unrolled, step by step", tuple(_USUAL), unroll)
