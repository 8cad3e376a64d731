"""The steps from a float module to a prepared one, top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.qat.capture import capture
from dlpuconv.qat.constants import round_constants
from dlpuconv.qat.equivalents import apply_weights
from dlpuconv.qat.learned import learned_of
from dlpuconv.qat.mapping import find_places
from dlpuconv.qat.prepared import Preparation, PreparedModule
from dlpuconv.qat.quantizer import TargetQuantizer
from dlpuconv.qat.start import RANGES_ALONE, find_start
from dlpuconv.qat.structure import with_layers

if TYPE_CHECKING:
    import torch

    from dlpuconv.display.progress import Progress


def build(
    module: torch.nn.Module, target: str, example_inputs: Any, calibration: Any, start: str, progress: Progress | None
) -> PreparedModule:
    """See `preparation.prepare`."""
    captured = capture(module, example_inputs)
    found = find_start(captured.proto, target, calibration, start, progress)
    told = found.left_out
    if found.detours or found.gates or found.groups:
        captured, recipe, missing = with_layers(captured, found)
        found = find_start(captured.proto, target, calibration, recipe, progress)
        told = (*told, *missing, *found.left_out)
    model = captured.graph_module
    try:
        equivalents = apply_weights(found, model)
    except UnsupportedModelError as refusal:
        told = (*told, f"the recipe is left out: {refusal}")
        found = find_start(captured.proto, target, calibration, RANGES_ALONE, progress)
        equivalents = apply_weights(found, model)
    places = find_places(found, equivalents, model)
    preparation = Preparation(
        name=captured.kind,
        target=target,
        positional=captured.positional,
        named=captured.named,
        outputs=captured.outputs,
        unmapped=(*told, *places.unmapped),
        learned=learned_of(equivalents, model),
    )
    graph = prepare_qat_pt2e(model, TargetQuantizer(places, found.scheme))
    round_constants(graph, places.constants, found.scheme.activation_codes)
    return PreparedModule(graph, preparation).train()
