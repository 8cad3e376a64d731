"""A module becomes one that trains with the target's numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import torch
from torchao.quantization.pt2e.quantize_pt2e import prepare_qat_pt2e

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.qat.capture import capture
from dlpuconv.qat.equivalents import apply_weights, find_equivalents
from dlpuconv.qat.mapping import find_places
from dlpuconv.qat.prepared import Preparation, PreparedModule
from dlpuconv.qat.quantizer import TargetQuantizer
from dlpuconv.qat.start import RANGES_ALONE, find_start

if TYPE_CHECKING:
    from dlpuconv.display.progress import Progress


def prepare(
    module: torch.nn.Module,
    *,
    target: str,
    example_inputs: Any,
    calibration: Any,
    start: Literal["none", "fast", "balanced", "best"] = "balanced",
    progress: Progress | None = None,
) -> PreparedModule:
    """A new module that trains in any loop, and computes in floats what the target's file will compute in integers.

    It starts from the recipe that `convert` would choose: what changes the weights and keeps the function is done to
    the copy's weights, and its ranges are where those of activations begin. Batch normalizations are folded: the file
    has none. What the recipe would do about rounding is left to training.

    Args:
        module: trained in floats; it is only read.
        target: see `dlpuconv.convert`; one whose files hold integers.
        example_inputs: see `dlpuconv.convert`.
        calibration: see `dlpuconv.convert`; samples as the module takes them.
        start: how hard to look for the recipe, or `none` for ranges alone.
        progress: where long work reports.

    Returns:
        The module, in training mode, on the CPU; give it to `dlpuconv.convert` when it is trained.

    Raises:
        DlpuconvError: the module, the data or an option cannot be used, or a tool failed.
    """
    captured = capture(module, example_inputs)
    model = captured.graph_module
    found = find_start(captured.proto, target, calibration, start, progress)
    told = found.left_out
    try:
        equivalents = find_equivalents(found, model)
        apply_weights(found, equivalents, model)
    except UnsupportedModelError as refusal:
        if start == RANGES_ALONE:
            raise
        told = (*told, f"the recipe is left out: {refusal}")
        found = find_start(captured.proto, target, calibration, RANGES_ALONE, progress)
        equivalents = find_equivalents(found, model)
    places = find_places(found, equivalents, model)
    preparation = Preparation(
        target=target,
        positional=captured.positional,
        named=captured.named,
        unmapped=(*told, *places.unmapped),
    )
    graph = prepare_qat_pt2e(model, TargetQuantizer(replace(places), found.scheme))
    return PreparedModule(graph, preparation).train()
