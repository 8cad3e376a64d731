"""How the inputs and outputs of a converted file correspond to the source model's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.ir.strides import Stride

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.ir.activation import FinalActivation
    from dlpuconv.ir.affine import Affine
    from dlpuconv.ir.binding import InputBinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The slice of a source model's output or input that one of the artifact's is: `source[..., start:stop:step, ...]`.

    Attributes:
        output: name in the source model, of the output, or of the input; of logits, the name that they would have as a
            whole.
        axis: of the source model's.
        start: first index along that axis.
        stop: index after the last one.
        step: from the beginning of a run of indices to that of the next.
        run: how many indices lie side by side, where `step` is not 1: those i for which `(i - start) % step < run`.
    """

    output: str
    axis: int
    start: int
    stop: int
    step: int = 1
    run: int = 1

    @property
    def stride(self) -> Stride:
        """Its indices along the axis."""
        return Stride(self.start, self.stop, self.step, self.run)

    @property
    def index(self) -> tuple[Any, ...]:
        """What to put in brackets behind the source's array."""
        return self.stride.index(self.axis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An input or output of an artifact, beside the one of the source model that it stands for.

    Attributes:
        name: in the source model, and in the artifact unless `file_name` says otherwise; a part has a new one.
        source_shape: in the source model; the slice's, for a part.
        shape: in the artifact.
        permutation: artifact axis i is source axis permutation[i] (`numpy.transpose` argument from source to artifact).
        dtype: in the artifact.
        quantization: what its codes stand for; None for float, and for integers that are what they say.
        file_name: in the artifact, where the source's name does not suit the chip's tools; empty: the same.
        part: which slice of one of the source model's this is, or of its logits; None for a whole one.
        activation: makes the source model's output of this one, whose values are logits; None where they are equal.
    """

    name: str
    source_shape: tuple[int, ...]
    shape: tuple[int, ...]
    permutation: tuple[int, ...]
    dtype: str
    quantization: Affine | None = None
    file_name: str = ""
    part: Part | None = None
    activation: FinalActivation | None = None

    @property
    def name_in_file(self) -> str:
        """Name in the artifact."""
        return self.file_name or self.name

    @property
    def source_name(self) -> str:
        """Name in the source model of the input or output that this is, or is a part of."""
        if self.activation:
            return self.activation.output
        return self.part.output if self.part else self.name


def source_shapes(ports: Iterable[Port]) -> dict[str, tuple[int, ...]]:
    """Shapes of the source model's values by name; the parts of one are one again."""
    found: dict[str, tuple[int, ...]] = {}
    for port in ports:
        shape = port.source_shape
        if port.part is not None:
            axis, before = port.part.axis, found.get(port.source_name)
            stop = max(port.part.stop, before[axis] if before else 0)
            shape = (*shape[:axis], stop, *shape[axis + 1 :])
        found[port.source_name] = shape
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """How the two models correspond.

    Attributes:
        inputs: the artifact's inputs.
        outputs: the artifact's outputs.
        bindings: by input name, how source values become the artifact's.
    """

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    bindings: Mapping[str, InputBinding] = field(default_factory=dict)
