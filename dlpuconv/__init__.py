"""Convert ONNX, PyTorch, Keras and TFLite models for the DLPUs of Axis cameras, and prove the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.analysis import Analysis as Analysis
    from dlpuconv.api import analyze as analyze
    from dlpuconv.api import batch as batch
    from dlpuconv.api import check as check
    from dlpuconv.api import compare as compare
    from dlpuconv.api import convert as convert
    from dlpuconv.api import evaluate as evaluate
    from dlpuconv.api import inspect as inspect
    from dlpuconv.api import load as load
    from dlpuconv.api import verify as verify
    from dlpuconv.batches import Batch as Batch
    from dlpuconv.checkup import Checkup as Checkup
    from dlpuconv.contrast import Contrast as Contrast
    from dlpuconv.display.progress import Progress as Progress
    from dlpuconv.errors import DlpuconvError as DlpuconvError
    from dlpuconv.quantization import Recipe as Recipe
    from dlpuconv.workflow.conversion import Conversion as Conversion
    from dlpuconv.workflow.inspect import Inspection as Inspection
    from dlpuconv.workflow.loaded import LoadedNetwork as LoadedNetwork
    from dlpuconv.workflow.verify import Verification as Verification

__version__ = "0.1.0"
__all__ = [
    "__version__",
    # what there is to do
    "analyze", "batch", "check", "compare", "convert", "evaluate", "inspect", "load", "verify",
    # what comes of it
    "Analysis", "Batch", "Checkup", "Contrast", "Conversion", "Inspection", "LoadedNetwork", "Verification",
    # what it takes
    "DlpuconvError", "Progress", "Recipe",
]  # fmt: skip

# Imported when it is first used: `import dlpuconv` alone must cost nothing.
__getattr__ = later(
    __name__,
    {
        "dlpuconv.analysis": ("Analysis",),
        "dlpuconv.api": ("analyze", "batch", "check", "compare", "convert", "evaluate", "inspect", "load", "verify"),
        "dlpuconv.batches": ("Batch",),
        "dlpuconv.checkup": ("Checkup",),
        "dlpuconv.contrast": ("Contrast",),
        "dlpuconv.workflow.conversion": ("Conversion",),
        "dlpuconv.errors": ("DlpuconvError",),
        "dlpuconv.display.progress": ("Progress",),
        "dlpuconv.quantization": ("Recipe",),
        "dlpuconv.workflow.inspect": ("Inspection",),
        "dlpuconv.workflow.loaded": ("LoadedNetwork",),
        "dlpuconv.workflow.verify": ("Verification",),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
