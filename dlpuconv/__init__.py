"""Convert ONNX and PyTorch models for the deep-learning processing units of Axis cameras, and prove the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.analysis import Analysis as Analysis
    from dlpuconv.api import analyze as analyze
    from dlpuconv.api import check as check
    from dlpuconv.api import compare as compare
    from dlpuconv.api import convert as convert
    from dlpuconv.api import inspect as inspect
    from dlpuconv.api import verify as verify
    from dlpuconv.checkup import Checkup as Checkup
    from dlpuconv.contrast import Contrast as Contrast
    from dlpuconv.display.progress import Progress as Progress
    from dlpuconv.errors import DlpuconvError as DlpuconvError
    from dlpuconv.quantization import Recipe as Recipe
    from dlpuconv.workflow.conversion import Conversion as Conversion
    from dlpuconv.workflow.inspect import Inspection as Inspection
    from dlpuconv.workflow.verify import Verification as Verification

__version__ = "0.1.0.dev0"
__all__ = [
    "__version__",
    # what there is to do
    "analyze",
    "check",
    "compare",
    "convert",
    "inspect",
    "verify",
    # what comes of it
    "Analysis",
    "Checkup",
    "Contrast",
    "Conversion",
    "Inspection",
    "Verification",
    # what it takes
    "DlpuconvError",
    "Progress",
    "Recipe",
]

_HOMES = {
    "analysis": ("Analysis",),
    "api": ("analyze", "check", "compare", "convert", "inspect", "verify"),
    "checkup": ("Checkup",),
    "contrast": ("Contrast",),
    "workflow.conversion": ("Conversion",),
    "errors": ("DlpuconvError",),
    "display.progress": ("Progress",),
    "quantization": ("Recipe",),
    "workflow.inspect": ("Inspection",),
    "workflow.verify": ("Verification",),
}
_MODULE = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import the API when it is first used: `import dlpuconv` alone must cost nothing."""
    from importlib import import_module

    if name in _MODULE:
        return getattr(import_module(f"dlpuconv.{_MODULE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
