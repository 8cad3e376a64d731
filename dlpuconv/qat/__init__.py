"""Training with the target's numbers: a module that computes in floats what the chip will compute in integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.qat.distil import distil as distil
    from dlpuconv.qat.freeze import freeze_ranges as freeze_ranges
    from dlpuconv.qat.freeze import unfreeze_ranges as unfreeze_ranges
    from dlpuconv.qat.prepare import prepare as prepare
    from dlpuconv.qat.prepared import PreparedModule as PreparedModule

__all__ = ["PreparedModule", "distil", "freeze_ranges", "prepare", "unfreeze_ranges"]

# Imported when it is first used, as it needs torch.
__getattr__ = later(
    __name__,
    {
        "dlpuconv.qat.distil": ("distil",),
        "dlpuconv.qat.freeze": ("freeze_ranges", "unfreeze_ranges"),
        "dlpuconv.qat.prepare": ("prepare",),
        "dlpuconv.qat.prepared": ("PreparedModule",),
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
