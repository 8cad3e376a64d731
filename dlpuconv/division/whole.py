"""The source network before it is divided: flat, in float32, of static inputs; what follows may be dynamic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.formats.onnx_shapes import is_static
from dlpuconv.ir.given_scales import NOT_GIVEN, GivenScales
from dlpuconv.ir.signature import LAYOUT, Signature, ValueSpec

if TYPE_CHECKING:
    import onnx

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
        scales: that a quantized network states.
    """

    proto: onnx.ModelProto = field(repr=False)
    source: Source
    inputs: tuple[ValueSpec, ...]
    outputs: tuple[str, ...]
    scales: GivenScales = NOT_GIVEN

    @property
    def signature(self) -> Signature:
        """The inputs, with the outputs whose shapes are known: dynamic ones are left out."""
        return Signature(self.inputs, tuple(spec for value in self.proto.graph.output if (spec := spec_of(value))))


def spec_of(value: onnx.ValueInfoProto) -> ValueSpec | None:
    """What is declared of a value; None where it is no tensor of numbers, or one of unknown shape."""
    import onnx

    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value for dim in tensor.shape.dim)
    if not is_static(value) or min(shape, default=1) < 1 or not tensor.elem_type:
        return None
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    told = next((entry.value for entry in value.metadata_props if entry.key == LAYOUT), "")
    return ValueSpec.of(value.name, shape, str(dtype), told) if dtype.kind in "fiub" else None
