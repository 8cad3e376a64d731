"""A TFLite graph in memory: operators that point at tensors, constants as arrays. The codec reads and writes it.

Rewrites edit a `Graph` in place; it is owned by one stage at a time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from dlpuconv.plugin import Affine

_SHORT = 32  # bytes: of a digest


def content_key(data: npt.NDArray[Any]) -> bytes:
    """What is equal for arrays of equal bytes, and short: to find the same constant again without a copy of each."""
    if data.nbytes <= _SHORT:
        return data.tobytes()
    return hashlib.sha256(np.ascontiguousarray(data).reshape(-1).view(np.uint8)).digest()


@dataclass(slots=True, eq=False)
class Tensor:
    """A value of the graph; identity, not name, makes two tensors the same.

    Attributes:
        name: in the file.
        shape: static extents.
        dtype: of the values.
        data: the values of a constant, or None for an activation.
        quantization: None for float and index tensors.
        source_names: ONNX values that this tensor stands for, as far as lowering told; empty if unknown.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: npt.NDArray[Any] | None = None
    quantization: Affine | None = None
    source_names: tuple[str, ...] = ()

    @property
    def is_constant(self) -> bool:
        """True when the file holds the values."""
        return self.data is not None

    @classmethod
    def constant(cls, name: str, data: npt.NDArray[Any]) -> Tensor:
        """A constant with the shape and dtype of its values."""
        return cls(name, tuple(data.shape), data.dtype, data)


@dataclass(slots=True, eq=False)
class Operator:
    """One builtin operator.

    Attributes:
        kind: name of the builtin, such as `CONV_2D`.
        inputs: None stands for an absent optional input.
        outputs: at least one.
        options: the schema's `...OptionsT` object, or None.
        source_name: ONNX node, as far as lowering told; empty if unknown.
    """

    kind: str
    inputs: list[Tensor | None]
    outputs: list[Tensor]
    options: Any = None
    source_name: str = ""

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def input(self, index: int) -> Tensor:
        """The input at this position, which must be there.

        Raises:
            IndexError: it is absent.
        """
        tensor = self.inputs[index] if index < len(self.inputs) else None
        if tensor is None:
            raise IndexError(f"{self.kind} has no input {index}")
        return tensor


@dataclass(slots=True, eq=False)
class Graph:
    """One subgraph: operators in execution order.

    Attributes:
        inputs: in the source model's order.
        outputs: in the source model's order.
        operators: topologically sorted.
        metadata: further named buffers of the file.
    """

    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: list[Operator]
    description: str = "dlpuconv"
    metadata: dict[str, bytes] = field(default_factory=dict)

    def producers(self) -> dict[Tensor, Operator]:
        """Who makes each activation, as of now."""
        return {out: op for op in self.operators for out in op.outputs}

    def consumers(self) -> dict[Tensor, list[Operator]]:
        """Who reads each tensor, as of now (an operator that reads it twice is listed once)."""
        readers: dict[Tensor, list[Operator]] = {}
        for op in self.operators:
            for tensor in dict.fromkeys(t for t in op.inputs if t is not None):
                readers.setdefault(tensor, []).append(op)
        return readers

    def tensors(self) -> list[Tensor]:
        """Every tensor once: inputs first, then in order of first use."""
        found: dict[Tensor, None] = dict.fromkeys(self.inputs)
        for op in self.operators:
            found.update(dict.fromkeys(t for t in op.inputs if t is not None))
            found.update(dict.fromkeys(op.outputs))
        found.update(dict.fromkeys(self.outputs))
        return list(found)

    def replace_uses(self, old: Tensor, new: Tensor) -> None:
        """Let every reader of `old`, and the graph's outputs, use `new`."""
        for op in self.operators:
            op.inputs = [new if t is old else t for t in op.inputs]
        self.outputs = [new if t is old else t for t in self.outputs]

    def remove(self, operators: Iterable[Operator]) -> None:
        """Take operators out; nobody may read their outputs any more."""
        gone = set(operators)
        self.operators = [op for op in self.operators if op not in gone]

    def insert_before(self, anchor: Operator, *new: Operator) -> None:
        """Put operators in front of one that is in the graph."""
        at = self.operators.index(anchor)
        self.operators[at:at] = new

    def insert_after(self, anchor: Operator, *new: Operator) -> None:
        """Put operators behind one that is in the graph."""
        at = self.operators.index(anchor) + 1
        self.operators[at:at] = new

    def drop_dead(self, keep: Callable[[Operator], bool] = lambda _: False) -> None:
        """Remove operators that no output depends on."""
        needed = set(self.outputs)
        alive: list[Operator] = []
        for op in reversed(self.operators):
            if keep(op) or any(out in needed for out in op.outputs):
                alive.append(op)
                needed.update(t for t in op.inputs if t is not None)
        self.operators = alive[::-1]
