"""The source network before it is divided: flat, in float32, of static inputs; what follows may be dynamic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

    from dlpuconv.ir import Signature, ValueSpec
    from dlpuconv.ir.model import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A source network of which some operators may have no form on the chip.

    Attributes:
        proto: one flat graph in running order: functions inlined, constants lifted into initializers, float32, every
            node named, inputs of static shape; `value_info` tells every type and static shape that inference found.
            Operators of foreign domains and outputs of dynamic shape are left as they are. Nobody edits it.
        source: where it came from.
        inputs: of the whole network.
        outputs: their names, in order.
    """

    proto: onnx.ModelProto = field(repr=False)
    source: Source
    inputs: tuple[ValueSpec, ...]
    outputs: tuple[str, ...]

    @property
    def signature(self) -> Signature:
        """The inputs, with the outputs whose shapes are known: dynamic ones are left out."""
        raise NotImplementedError
