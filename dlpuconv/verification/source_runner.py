"""What a source model computes: files made from it are compared with that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.verification.original_runner import OriginalRunner, stands_for_file

if TYPE_CHECKING:
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Model


def as_it_computes(model: Model) -> Model:
    """The model with what it rounds to codes rounded; a float one as it is."""
    if not model.scales:
        return model
    from dlpuconv.ir.fake_quantized import fake_quantized

    return replace(model, graph=fake_quantized(model))


def source_runner(model: Model) -> Runner:
    """Runs a source model: a file that has a runtime of its own in that, others in ONNX Runtime.

    Of a quantized ONNX model every node runs by itself: fused ones would round elsewhere.
    """
    if model.original is not None and stands_for_file(model):
        return OriginalRunner(model, model.original)
    return OrtRunner(as_it_computes(model).split(), model.source.name, optimize=not model.scales)


def float_runner(model: Model) -> Runner:
    """Runs the real numbers that a source model stands for."""
    if not model.scales:
        return source_runner(model)
    return OrtRunner(model.split(), model.source.name)
