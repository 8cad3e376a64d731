"""A rule about tensors that are joined, and share one scale: what their own ranges are, as far as the file tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.advice import split_or_cut
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.graph import inputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, TensorView
    from dlpuconv.verification.rule import Context

_JOINS = ("CONCATENATION", "PACK")
_BOUNDED = {"LOGISTIC": 1.0, "SOFTMAX": 1.0, "TANH": 2.0, "RELU6": 6.0, "RELU_N1_TO_1": 2.0, "RELU_0_TO_1": 1.0}
"""Width of what an op, or a fused activation, can give, in real units."""
_ONLY_MOVES = frozenset({
    "RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "STRIDED_SLICE", "SLICE", "PAD", "MAX_POOL_2D",
    "RESIZE_NEAREST_NEIGHBOR", "SPLIT", "SPLIT_V", "UNPACK",
})  # fmt: skip
_STEPS = 256
_FEWEST_STEPS = 8.0
_FURTHEST = 16  # ops back


def joined_ranges(view: FileView, _: Context) -> Iterator[Hit]:
    """A branch of small values whose scale is that of a large one: the YOLOv8 trap."""
    for layer in view.layers:
        for tensor in inputs_of(view, layer) if layer.op in _JOINS else ():
            origin, width = own_range(view, tensor)
            if tensor.quantization is None or not tensor.quantization.scale > 0:
                continue
            steps = width / tensor.quantization.scale
            if steps < _FEWEST_STEPS:
                yield Hit(
                    f"{origin.name or origin.index} keeps {max(1, round(steps))} of its {_STEPS} steps", layer.name
                )


def own_range(view: FileView, tensor: TensorView) -> tuple[TensorView, float]:
    """The narrowest tensor that the values of this one come from, and its width in real units.

    Requantization keeps values, so that what they were before tells what they can be.
    """
    narrowest, width = tensor, _width(view, tensor)
    for _ in range(_FURTHEST):
        before = view.producer.get(tensor.index)
        if before is None or before.op not in {"QUANTIZE"} | _ONLY_MOVES:
            break
        computed = [t for t in inputs_of(view, before) if not t.constant]
        if len(computed) != 1:
            break
        (tensor,) = computed
        if _width(view, tensor) < width:
            narrowest, width = tensor, _width(view, tensor)
    return narrowest, width


def _width(view: FileView, tensor: TensorView) -> float:
    """What a tensor can span: by its scale, and by what makes it."""
    scale = tensor.quantization.scale if tensor.quantization is not None else float("inf")
    scaled = _STEPS * scale if scale > 0 else float("inf")  # of one that cannot be, another rule tells
    made_by = view.producer.get(tensor.index)
    if made_by is None:
        return scaled
    fused = str(made_by.options.get("fused_activation_function", "NONE"))
    return min(scaled, _BOUNDED.get(made_by.op, scaled), _BOUNDED.get(fused, scaled))


JOINED_RULES: tuple[Rule, ...] = (
    Rule(
        id="TFL-CONCAT-RANGE",
        severity=Severity.WARN,
        sentence="The inputs of a concatenation should have similar ranges, since they share one scale.",
        source="community reports on YOLOv8: scores of zero behind one concatenation with boxes in pixels",
        check=joined_ranges,
        fix=split_or_cut,
    ),
)
