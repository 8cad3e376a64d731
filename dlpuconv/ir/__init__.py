"""The intermediate representation: a typed ONNX graph and its signature.

The graph comes with `onnx` and `onnx_ir`, which take a second: they are loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dlpuconv.ir.affine import Affine
from dlpuconv.ir.binding import InputBinding, Normalization
from dlpuconv.ir.ports import Links, Part, Port
from dlpuconv.ir.signature import Layout, Signature, ValueSpec

if TYPE_CHECKING:
    from dlpuconv.ir.model import Model, Source

__all__ = [
    "Affine",
    "InputBinding",
    "Layout",
    "Links",
    "Model",
    "Normalization",
    "Part",
    "Port",
    "Signature",
    "Source",
    "ValueSpec",
]


def __getattr__(name: str) -> object:
    if name not in ("Model", "Source"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("dlpuconv.ir.model"), name)
