"""The intermediate representation: a typed ONNX graph and its signature.

The graph comes with `onnx` and `onnx_ir`, which take a second: they are loaded when it is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir.activation import ActivationKind, FinalActivation
from dlpuconv.ir.affine import Affine
from dlpuconv.ir.binding import InputBinding, Normalization
from dlpuconv.ir.ports import Links, Part, Port
from dlpuconv.ir.signature import Layout, Signature, ValueSpec
from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.ir.model import Model, Original, Source

__all__ = [
    "ActivationKind", "Affine", "FinalActivation", "InputBinding", "Layout", "Links", "Model", "Normalization",
    "Original", "Part", "Port", "Signature", "Source", "ValueSpec",
]  # fmt: skip

__getattr__ = later(__name__, {"dlpuconv.ir.model": ("Model", "Original", "Source")})
