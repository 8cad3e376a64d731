"""What a converted file holds, in one typed form for every format: tensors, layers, inputs and outputs.

Readers (one a format) fill it; the verifier's rules, `inspect` and the reports look at nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from dlpuconv.formats.kinds import KINDS, ONNX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.kinds import FileKind
    from dlpuconv.formats.package_view import PackageView
    from dlpuconv.ir import Affine
    from dlpuconv.ir.layer_names import LayerNames

type Option = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorView:
    """One tensor of the file.

    Attributes:
        index: its number in the file.
        name: may be empty or repeated, as files allow.
        shape: extents; -1 for one that is dynamic.
        dtype: lower-case field name: `int8`, `uint8`, `int32`, `float32`, `float16`, `string`, ...
        quantization: None where the file has none.
        constant: True when the file holds its values.
        data: reads the values of a constant, `shape` array of `dtype`; None for activations.
        claimed: the shape is what the file says, and does not follow from its inputs and weights.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Affine | None = None
    constant: bool = False
    data: npt.NDArray[np.generic] | None = field(default=None, repr=False, compare=False)
    claimed: bool = False

    @property
    def is_float(self) -> bool:
        """True for any floating-point type."""
        return self.dtype.startswith(("float", "bfloat", "double"))

    @property
    def size(self) -> int:
        """Number of elements (dynamic extents count 1)."""
        n = 1
        for extent in self.shape:
            n *= max(extent, 1)
        return n


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerView:
    """One operator of the file.

    Attributes:
        index: position in execution order.
        op: upper-case name of a TFLite builtin (`CONV_2D`), a custom op's own name, or the ONNX op type (`Conv`).
        version: of the op (TFLite) or opset (ONNX).
        custom: True for an op outside the format's own set.
        inputs: tensor indices, -1 for an absent optional input.
        outputs: tensor indices.
        options: the op's attributes: `stride_h`, `padding`, `fused_activation_function`, ...
        names: that it may be called by; what the file itself does not tell, `FileView.named` adds.
    """

    index: int
    op: str
    version: int
    custom: bool
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Option]
    names: LayerNames

    @property
    def name(self) -> str:
        """The name under which the layer is shown."""
        return self.names.title


@dataclass(frozen=True, kw_only=True)
class FileView:
    """A whole file.

    Attributes:
        format: name of its kind; see `formats.kinds`.
        tensors: all tensors of the (first) graph, by index.
        layers: operators in execution order.
        inputs: tensor indices, in the file's order.
        outputs: tensor indices, in the file's order.
        subgraphs: how many graphs the file holds.
        metadata: free texts of the file: `min_runtime_version`, `opset`, `ir_version`, description, ...
        package: what lies around the model, in a package folder.
        optimizer: gives the graph that the format's runtime makes of it, where that is another.
    """

    format: str
    tensors: tuple[TensorView, ...]
    layers: tuple[LayerView, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    subgraphs: int = 1
    metadata: Mapping[str, str] = field(default_factory=dict)
    package: PackageView | None = field(default=None, repr=False)
    optimizer: Callable[[], FileView] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def executed(self) -> FileView:
        """The graph as the format's runtime runs it.

        Raises:
            ArtifactError: the runtime refuses the file, or crashes on it.
        """
        return self.optimizer() if self.optimizer else self

    @property
    def kind(self) -> FileKind:
        """What is the same for all files of its format; of one that dlpuconv does not know, ONNX stands for it."""
        return KINDS.get(self.format, ONNX)

    def named(self, layers: Sequence[LayerNames]) -> FileView:
        """This file with the names that are known of its layers.

        Args:
            layers: in the file's order; of another file, to judge by the tensors, they are not used.
        """
        if [names.tensor for names in layers] != [layer.names.tensor for layer in self.layers]:
            return self
        told = tuple(replace(layer, names=names) for layer, names in zip(self.layers, layers, strict=True))
        return replace(self, layers=told)

    def tensor(self, index: int) -> TensorView | None:
        """The tensor of this index, or None for -1."""
        return self.tensors[index] if index >= 0 else None

    @cached_property
    def producer(self) -> dict[int, LayerView]:
        """Which layer makes a tensor, by the tensor's index."""
        return {index: layer for layer in self.layers for index in layer.outputs}

    @cached_property
    def consumers(self) -> dict[int, tuple[LayerView, ...]]:
        """Which layers read a tensor, by the tensor's index; each layer once."""
        readers: dict[int, dict[int, LayerView]] = {}
        for layer in self.layers:
            for index in layer.inputs:
                readers.setdefault(index, {})[layer.index] = layer
        return {index: tuple(found.values()) for index, found in readers.items() if index >= 0}

    @cached_property
    def op_counts(self) -> dict[str, int]:
        """How often each op occurs, most frequent first."""
        counts: dict[str, int] = {}
        for layer in self.layers:
            counts[layer.op] = counts.get(layer.op, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def input_at(view: FileView, layer: LayerView, position: int) -> TensorView | None:
    """The input at this position; None where it is absent."""
    return view.tensor(layer.inputs[position]) if position < len(layer.inputs) else None
