"""The steps from a float module to a prepared one, top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.qat.capture import capture
from dlpuconv.qat.equivalents import apply_weights
from dlpuconv.qat.mapping import find_places
from dlpuconv.qat.prepared import Preparation, PreparedModule
from dlpuconv.qat.quantizer import TargetQuantizer
from dlpuconv.qat.start import RANGES_ALONE, find_start

if TYPE_CHECKING:
    import torch

    from dlpuconv.display.progress import Progress


def build(
    module: torch.nn.Module, target: str, example_inputs: Any, calibration: Any, start: str, progress: Progress | None
) -> PreparedModule:
    """See `preparation.prepare`."""
    captured = capture(module, example_inputs)
    model = captured.graph_module
    found = find_start(captured.proto, target, calibration, start, progress)
    told = found.left_out
    try:
        equivalents = apply_weights(found, model)
    except UnsupportedModelError as refusal:
        told = (*told, f"the recipe is left out: {refusal}")
        found = find_start(captured.proto, target, calibration, RANGES_ALONE, progress)
        equivalents = apply_weights(found, model)
    places = find_places(found, equivalents, model)
    preparation = Preparation(
        name=type(module).__name__,
        target=target,
        positional=captured.positional,
        named=captured.named,
        outputs=captured.outputs,
        unmapped=(*told, *places.unmapped),
    )
    return PreparedModule(prepare_qat_pt2e(model, TargetQuantizer(places, found.scheme)), preparation).train()
