"""What a source model computes: files made from it are compared with that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.formats.ort_runner import OrtRunner

if TYPE_CHECKING:
    from dlpuconv.ir import Model


def as_it_computes(model: Model) -> Model:
    """The model with what it rounds to codes rounded; a float one as it is."""
    if not model.scales:
        return model
    from dlpuconv.ir.fake_quantized import fake_quantized

    return replace(model, graph=fake_quantized(model))


def source_runner(model: Model) -> OrtRunner:
    """Runs a source model, of a quantized one every node by itself: fused ones would round elsewhere."""
    return OrtRunner(as_it_computes(model).split(), model.source.name, optimize=not model.scales)
