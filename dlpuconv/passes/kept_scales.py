"""What a quantized source states and still holds after rewrites: of values, and of weights that kept their codes.

One question serves every pass: whether quantizing the weights with the stated scale gives them back, to the last bit.
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
    """The model with those of its stated scales that hold after an edit.

    Args:
        model: whose graph was edited, with the scales that held before.
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
        node.name or "": held for node in editor.graph if (held := _held(node, scales.weights, editor)) is not None
    }
    return replace(model, scales=GivenScales(activations=activations, weights=weights, told=scales.told))


def _now(name: str, renamed: Mapping[str, str]) -> str:
    while name in renamed:
        name = renamed[name]
    return name


def _held(node: onnx_ir.Node, weights: Mapping[str, StatedScale], editor: Editor) -> StatedScale | None:
    """What is stated of a node's weights, along the axis where they have it now; None where it does not hold."""
    stated = weights.get(node.name or "") or weights.get(node.metadata_props.get(ORIGIN, ""))
    if stated is None or node.op_type not in ONNX_WEIGHTED:
        return None
    values = next((array for value in node.inputs[:2] if (array := editor.array(value)) is not None), None)
    if values is None:
        return None
    affine = stated.affine
    axes = range(values.ndim) if affine.per_channel else (0,)
    for axis in sorted(axes, key=lambda each: each != affine.axis):
        moved = replace(stated, affine=replace(affine, axis=axis))
        if (not affine.per_channel or values.shape[axis] == len(affine.scales)) and _on_grid(values, moved):
            return moved
    return None


def _on_grid(values: npt.NDArray[Any], stated: StatedScale) -> bool:
    codes = stated.affine.encode(values, stated.codes)
    return bool(np.array_equal(stated.affine.decode(codes).astype(np.float32), values))
