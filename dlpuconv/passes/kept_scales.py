"""What a quantized source states of the values and weights that are left after rewrites.

Rewrites may have changed weights, which are then no codes of the stated scale: whoever quantizes them finds that out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.given_scales import GivenScales, StatedScale
from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.ir.source_names import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.ir.model import Model
    from dlpuconv.passes.editor import Editor


def with_kept_scales(model: Model, editor: Editor) -> Model:
    """The model with what it states of the values and weights that an edit has left.

    Args:
        model: whose graph was edited, with what was stated before.
        editor: did it.
    """
    if not model.scales:
        return model
    scales = model.scales
    names = {value.name for node in editor.graph for value in node.outputs}
    names |= {value.name for value in (*editor.graph.inputs, *editor.graph.initializers.values())}
    activations: dict[str, StatedScale] = {}
    for name, stated in sorted(scales.activations.items(), key=lambda item: item[0] in editor.renamed):
        now = _now(name, editor.renamed)
        if now in names:  # what a value states itself comes first, then what others state that became it
            activations.setdefault(now, stated)
    weights = {
        node.name or "": found for node in editor.graph if (found := _stated(node, scales.weights, editor)) is not None
    }
    return replace(model, scales=GivenScales(activations=activations, weights=weights, told=scales.told))


def _now(name: str, renamed: Mapping[str, str]) -> str:
    while name in renamed:
        name = renamed[name]
    return name


def _stated(node: onnx_ir.Node, weights: Mapping[str, StatedScale], editor: Editor) -> StatedScale | None:
    """What is stated of a node's weights, along the axis where they have it now; None of a node that has none."""
    stated = weights.get(node.name or "") or weights.get(node.metadata_props.get(ORIGIN, ""))
    if stated is None or node.op_type not in ONNX_WEIGHTED:
        return None
    values = next((array for value in node.inputs[:2] if (array := editor.array(value)) is not None), None)
    if values is None:
        return None
    axes = range(values.ndim) if stated.affine.per_channel else ()
    moved = (replace(stated, affine=replace(stated.affine, axis=axis)) for axis in axes)
    return next((each for each in (stated, *moved) if _on_grid(values, each)), stated)


def _on_grid(values: npt.NDArray[Any], stated: StatedScale) -> bool:
    """Whether quantizing the weights gives them back, to the last bit."""
    affine = stated.affine
    if affine.per_channel and (affine.axis >= values.ndim or values.shape[affine.axis] != len(affine.scales)):
        return False
    codes = affine.encode(values, stated.codes)
    return bool(np.array_equal(affine.decode(codes).astype(np.float32), values))
