"""Convert ONNX and PyTorch models for the deep-learning processing units of Axis cameras, and prove the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.analysis import Analysis as Analysis
    from dlpuconv.api import analyze as analyze
    from dlpuconv.api import check as check
    from dlpuconv.api import convert as convert
    from dlpuconv.checkup import Checkup as Checkup
    from dlpuconv.conversion import Conversion as Conversion

__version__ = "0.1.0.dev0"
__all__ = ["Analysis", "Checkup", "Conversion", "__version__", "analyze", "check", "convert"]


def __getattr__(name: str) -> object:
    """Import the API when it is first used: `import dlpuconv` alone must cost nothing."""
    from importlib import import_module

    functions = dict.fromkeys(("analyze", "check", "convert"), "api")
    homes = {**functions, "Analysis": "analysis", "Checkup": "checkup", "Conversion": "conversion"}
    if name in homes:
        return getattr(import_module(f"dlpuconv.{homes[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
