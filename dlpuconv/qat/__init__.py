"""Networks as PyTorch modules that are trained with a chip's numbers. Nothing here imports torch until it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.qat.distillation import distil as distil
    from dlpuconv.qat.onnx_module.build import from_onnx as from_onnx
    from dlpuconv.qat.preparation import prepare as prepare
    from dlpuconv.qat.prepared import PreparedModule as PreparedModule
    from dlpuconv.qat.ranges import follow_ranges as follow_ranges
    from dlpuconv.qat.ranges import freeze_ranges as freeze_ranges

__all__ = ["PreparedModule", "distil", "follow_ranges", "freeze_ranges", "from_onnx", "prepare"]

__getattr__ = later(
    __name__,
    {
        "dlpuconv.qat.distillation": ("distil",),
        "dlpuconv.qat.ranges": ("follow_ranges", "freeze_ranges"),
        "dlpuconv.qat.onnx_module.build": ("from_onnx",),
        "dlpuconv.qat.preparation": ("prepare",),
        "dlpuconv.qat.prepared": ("PreparedModule",),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
