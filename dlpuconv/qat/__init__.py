"""Networks as PyTorch modules that are trained with a chip's numbers. Nothing here imports torch until it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.qat.distil import distil as distil
    from dlpuconv.qat.freeze import follow_ranges as follow_ranges
    from dlpuconv.qat.freeze import freeze_ranges as freeze_ranges
    from dlpuconv.qat.modules import from_onnx as from_onnx
    from dlpuconv.qat.prepare import prepare as prepare
    from dlpuconv.qat.prepared import PreparedModule as PreparedModule

__all__ = ["PreparedModule", "distil", "follow_ranges", "freeze_ranges", "from_onnx", "prepare"]

__getattr__ = later(
    __name__,
    {
        "dlpuconv.qat.distil": ("distil",),
        "dlpuconv.qat.freeze": ("follow_ranges", "freeze_ranges"),
        "dlpuconv.qat.modules": ("from_onnx",),
        "dlpuconv.qat.prepare": ("prepare",),
        "dlpuconv.qat.prepared": ("PreparedModule",),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
