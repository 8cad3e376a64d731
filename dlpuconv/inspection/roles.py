"""What each input of a layer is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.ir.operators import ONNX_WEIGHTED

if TYPE_CHECKING:
    from dlpuconv.formats import FileView, LayerView, TensorView


def roles(view: FileView, layer: LayerView) -> tuple[str, ...]:
    """`input`, `weights` or `bias` for each input of a layer."""
    form = WEIGHTED.get(layer.op)
    if form is not None:
        named = {form.weights: "weights", form.bias: "bias"}
    elif layer.op in ONNX_WEIGHTED and not layer.custom:
        constants = [p for p, index in enumerate(layer.inputs) if index >= 0 and view.tensors[index].constant]
        named = dict(zip(constants, ("weights", "bias"), strict=False))
    else:
        named = {}
    return tuple(named.get(position, "input") for position in range(len(layer.inputs)))


def weights_of(view: FileView, layer: LayerView) -> TensorView | None:
    """The layer's weights; None where it has none."""
    return next(
        (view.tensor(index) for index, role in zip(layer.inputs, roles(view, layer), strict=True) if role == "weights"),
        None,
    )
