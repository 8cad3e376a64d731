"""Convert ONNX and PyTorch models for the deep-learning processing units of Axis cameras, and prove the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.api import convert as convert
    from dlpuconv.conversion import Conversion as Conversion

__version__ = "0.1.0.dev0"
__all__ = ["Conversion", "__version__", "convert"]


def __getattr__(name: str) -> object:
    """Import the API when it is first used: `import dlpuconv` alone must cost nothing."""
    if name == "convert":
        from dlpuconv.api import convert

        return convert
    if name == "Conversion":
        from dlpuconv.conversion import Conversion

        return Conversion
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
