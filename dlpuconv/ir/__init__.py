"""The intermediate representation: a typed ONNX graph and its signature."""

from dlpuconv.ir.binding import FixedQuantization, InputBinding
from dlpuconv.ir.model import Model, Source
from dlpuconv.ir.signature import Layout, Signature, ValueSpec

__all__ = ["FixedQuantization", "InputBinding", "Layout", "Model", "Signature", "Source", "ValueSpec"]
