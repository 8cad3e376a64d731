"""The intermediate representation: a typed ONNX graph and its signature.

The graph comes with `onnx` and `onnx_ir`, which take a second, and numbers with numpy: they are loaded when they are
first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dlpuconv.ir.binding import InputBinding, Normalization
from dlpuconv.ir.ports import Links, Part, Port
from dlpuconv.ir.signature import Layout, Signature, ValueSpec

if TYPE_CHECKING:
    from dlpuconv.ir.affine import Affine
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
    home = {"Affine": "affine", "Model": "model", "Source": "model"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"dlpuconv.ir.{home}"), name)
