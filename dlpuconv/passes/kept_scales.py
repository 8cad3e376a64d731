"""What a quantized source states of the values and weights that are left after rewrites.

A layer that took over a factor for each channel, as of a normalization behind it, has the same codes with a scale for
each channel: that factor times the stated one. So has a value that holds another one's numbers times a factor. A layer
that makes its channels in another order, or some of them, has their scales in that order. Rewrites may have changed
weights in other ways, which are then no codes of the stated scale: whoever quantizes them finds that out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.affine import Affine
from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.ir.source_names import ORIGIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.ir.given_scales import StatedScale
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
        now, factor = _now(name, editor)
        if now in names:  # what a value states itself comes first, then what others state that became it
            activations.setdefault(now, _multiplied(stated, np.array([factor])))
    weights = {
        node.name or "": found for node in editor.graph if (found := _stated(node, scales.weights, editor)) is not None
    }
    several = frozenset(_now(name, editor)[0] for name in scales.several) & activations.keys()
    return replace(model, scales=replace(scales, activations=activations, weights=weights, several=several))


def _now(name: str, editor: Editor) -> tuple[str, float]:
    """What a value is called now, and what its numbers were multiplied by."""
    factor = 1.0
    while name in editor.renamed:
        factor *= editor.scaled.get(name, 1.0)
        name = editor.renamed[name]
    return name, factor


def _stated(node: onnx_ir.Node, weights: Mapping[str, StatedScale], editor: Editor) -> StatedScale | None:
    """What is stated of a node's weights, along the axis where they have it now; None of a node that has none."""
    stated = weights.get(node.name or "") or weights.get(node.metadata_props.get(ORIGIN, ""))
    if stated is None or node.op_type not in ONNX_WEIGHTED:
        return None
    known = tuple(dict.fromkeys((node.name or "", node.metadata_props.get(ORIGIN, ""))))
    for order in (editor.orders[name] for name in known if name in editor.orders):
        stated = _in_order(stated, order)
    for factors in (editor.factors[name] for name in known if name in editor.factors):
        stated = _multiplied(stated, factors)
    values = next((array for value in node.inputs[:2] if (array := editor.array(value)) is not None), None)
    if values is None:
        return None
    axes = range(values.ndim) if stated.affine.per_channel else ()
    moved = (replace(stated, affine=replace(stated.affine, axis=axis)) for axis in axes)
    return next((each for each in (stated, *moved) if _on_grid(values, each)), stated)


def _in_order(stated: StatedScale, order: npt.NDArray[np.int64]) -> StatedScale:
    """With the scales of some channels, in some order; as it was where it has not so many."""
    affine = stated.affine
    if not affine.per_channel or order.max(initial=0) >= len(affine.scales):
        return stated
    scales, points = np.asarray(affine.scales)[order], np.asarray(affine.zero_points)[order]
    return replace(stated, affine=Affine.along(affine.axis, scales, points))


def _multiplied(stated: StatedScale, factors: npt.NDArray[np.float64]) -> StatedScale:
    """With the scales of the same codes multiplied; a channel of zeros, which has any scale, keeps its own.

    A transposed convolution may have one scale for a channel of every group: then each group gets its own. Scales of
    something else than output channels stay.
    """
    affine = stated.affine
    groups, rest = divmod(factors.size, len(affine.scales)) if factors.size > 1 else (1, 0)
    if (factors == 1.0).all() or rest:
        return stated
    times = np.where(factors == 0.0, 1.0, np.abs(factors))
    scales, points = np.tile(affine.scales, groups) * times, np.tile(affine.zero_points, groups)
    return replace(stated, affine=Affine.along(affine.axis, scales, points))


def _on_grid(values: npt.NDArray[Any], stated: StatedScale) -> bool:
    """Whether quantizing the weights gives them back, to the last bit."""
    affine = stated.affine
    if affine.per_channel and (affine.axis >= values.ndim or values.shape[affine.axis] != len(affine.scales)):
        return False
    codes = affine.encode(values, stated.codes)
    return bool(np.array_equal(affine.decode(codes).astype(np.float32), values))
