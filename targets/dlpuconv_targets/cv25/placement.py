"""Where CVflow runs what: all of the graph, as far as its operators are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.placement import Placement
from dlpuconv.plugin.rules import Hit, Rule, Severity, advice, at_layers
from dlpuconv.plugin.views import CONTROL_FLOW, ONNX, PACKAGE, QUANTIZATION
from dlpuconv_targets.cv25.operators import KNOWN, WITHDRAWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView, LayerView

_FORMATS = frozenset((ONNX.name, PACKAGE.name))
_SUPPRESSION = "NonMaxSuppression"
_REPORTED_ELSEWHERE = CONTROL_FLOW | QUANTIZATION | {_SUPPRESSION}


def known_operator(_: FileView, layer: LayerView) -> str:
    """Advice: see `operators`."""
    if layer.custom or layer.op in KNOWN | _REPORTED_ELSEWHERE:
        return ""
    return f"{layer.op} is {'withdrawn from' if layer.op in WITHDRAWN else 'not on'} the list"


def suppression(_: FileView, layer: LayerView) -> str:
    """Boxes are decoded and suppressed by the application."""
    return layer.op


def is_onnx(view: FileView, _: Context) -> Iterator[Hit]:
    """A `.bin` or `.tflite` file is something else."""
    if view.format not in _FORMATS:
        yield Hit(f"the file is of the format {view.format}")


CVFLOW_PLACEMENT = Placement(
    accelerator="CVflow",
    demands=(
        Rule(
            id="CV-ONNX",
            severity=Severity.FAIL,
            sentence="The compiler takes an ONNX file.",
            source="Axis: ONNX to CV25 guide",
            check=is_onnx,
            fix="convert the source model with --target cv25",
        ),
    ),
    doubts=(
        advice(
            "CV-OPS",
            "The operators are on the one public list of CVflow operators (of 2021; newer tools take more).",
            "Ambarella-Inc/amba-tvm, cv22.py",
            at_layers(known_operator),
            "ask Ambarella whether your version takes it; if not, express it by others in the source model",
        ),
        advice(
            "CV-NMS",
            "Non-maximum suppression is left to the application.",
            "Axis: object-detection-cv25 example",
            at_layers(suppression, _SUPPRESSION),
            "--cut-at the boxes and scores",
        ),
    ),
    estimate="Ambarella's compiler decides; it takes the whole graph or none of it",
)
