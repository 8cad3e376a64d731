"""The list of layers: one row a layer, in the file's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.decibel import FAIR_DB, GOOD_DB
from dlpuconv.inspection.roles import weights_of
from dlpuconv.language.brief import more
from dlpuconv.placement import Processor
from dlpuconv.placement.macs import macs
from dlpuconv.reporting.layer_cells import LayerList, LayerRow
from dlpuconv.reporting.wording import decibels, number, quantity, shape, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.placement import LayerPlacement
    from dlpuconv.reporting.material import Material
    from dlpuconv.verification.layer_parity import LayerParity

_SHOWN_OPTIONS = ("padding", "fused_activation_function", "kernel_shape", "strides", "dilations", "group", "axis")
_MOST_ROWS = 5000  # the largest real networks have a fifth of that
_UNSORTED = 1e9  # dB of a layer that was not compared: behind all others


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of layers, by their index."""

    material: Material
    parities: Mapping[int, LayerParity]
    blamed: Mapping[int, BlamedLayer]
    places: Mapping[int, LayerPlacement]


def layer_list(material: Material) -> LayerList:
    """Every layer with all that is known of it."""
    places = {layer.index: layer for layer in material.forecast.layers} if material.forecast else {}
    known = _Known(material, parity_of(material), blame_of(material), places)
    rows = tuple(_row(layer, known) for layer in material.view.layers[:_MOST_ROWS])
    return LayerList(
        rows=rows,
        more=more(len(material.view.layers) - _MOST_ROWS),
        ops=tuple(material.view.op_counts.items()),
        granularities=tuple(sorted({row.granularity for row in rows if row.granularity})),
        processors=tuple(sorted({row.processor for row in rows if row.processor})),
        compared=any(row.band for row in rows),
        alone=any(row.alone for row in rows),
    )


def anchor(index: int) -> str:
    """Id of a layer's row; of the list itself for a layer whose row is left out."""
    return f"layer-{index}" if index < _MOST_ROWS else "layers"


def parity_of(material: Material) -> dict[int, LayerParity]:
    """What was compared, by the layer's index; of several outputs the first."""
    layers = material.report.layers
    return {layer.index: layer for layer in reversed(layers.layers)} if layers else {}


def blame_of(material: Material) -> dict[int, BlamedLayer]:
    """What a layer costs alone, by its index in the file."""
    by_tensor = {blamed.error.names.tensor: blamed for blamed in material.blamed}
    layers = ((layer.index, by_tensor.get(layer.names.tensor)) for layer in material.view.layers)
    return {index: blamed for index, blamed in layers if blamed is not None}


def _row(layer: LayerView, known: _Known) -> LayerRow:
    view = known.material.view
    made = view.tensors[layer.outputs[0]] if layer.outputs else None
    scale, zero_point = _affine(made)
    weights, weight_scale, granularity = _weights(weights_of(view, layer))
    at = layer.index
    placed, parity, blamed = known.places.get(at), known.parities.get(at), known.blamed.get(at)
    count = placed.macs if placed else macs(view, layer)
    return LayerRow(
        anchor=anchor(layer.index),
        number=layer.index,
        op=layer.op,
        options=_options(layer),
        name=short(layer.name),
        context=layer.names.context,
        others=tuple(map(short, _others(layer.names))),
        reads=_reads(view, layer),
        shape=shape(made.shape) if made else "",
        dtype=made.dtype if made else "",
        scale=scale,
        zero_point=zero_point,
        weights=weights,
        weight_scale=weight_scale,
        granularity=granularity,
        macs=quantity(count) if count else "",
        mac_count=count,
        processor=_processor(placed, known.material),
        why=placed.why if placed else "",
        certain=placed.certain if placed else True,
        so_far=_so_far(parity),
        alone=decibels(blamed.error.alone_db) if blamed else "",
        cosine="" if parity is None or parity.cosine is None else f"{parity.cosine:.4f}",
        max_error="" if parity is None else number(parity.max_error),
        band=_band(parity),
        db=_UNSORTED if parity is None or parity.sqnr_db is None else round(parity.sqnr_db, 3),
    )


def _others(names: LayerNames) -> Iterator[str]:
    """What else it may be called, as far as the row does not say so already."""
    shown = (names.title, names.context)
    yield from (name for name in names.each if name not in shown)


def _processor(placed: LayerPlacement | None, material: Material) -> str:
    if placed is None or material.forecast is None:
        return ""
    return material.forecast.accelerator if placed.processor is Processor.DLPU else "CPU"


def _affine(made: TensorView | None) -> tuple[str, str]:
    if made is None or made.quantization is None:
        return "", ""
    return number(made.quantization.scale, 5), number(made.quantization.zero_point, 6)


def _weights(weights: TensorView | None) -> tuple[str, str, str]:
    """In words, their scales, and the filter's value."""
    if weights is None:
        return "", "", ""
    affine = weights.quantization
    if affine is None:
        return f"{weights.dtype} {shape(weights.shape)}", "", weights.dtype
    low, high = min(affine.scales), max(affine.scales)
    scale = f"scales {number(low)} to {number(high)}" if affine.per_channel else f"scale {number(low)}"
    kind = "per channel" if affine.per_channel else "per tensor"
    return f"{kind}, {weights.dtype} {shape(weights.shape)}", scale, kind


def _options(layer: LayerView) -> str:
    """What tells layers of the same op apart, in few words."""
    told = []
    strides = [layer.options.get(f"stride_{side}") for side in "hw"]
    if all(isinstance(stride, int) for stride in strides):
        told.append(f"stride {'x'.join(map(str, dict.fromkeys(strides)))}")
    for key in _SHOWN_OPTIONS:
        value = layer.options.get(key)
        if value in (None, "", "NONE"):
            continue
        words = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
        told.append(words if key in ("padding", "fused_activation_function") else f"{key} {words}")
    return ", ".join(told)


def _reads(view: FileView, layer: LayerView) -> tuple[int, ...]:
    makers = (view.producer[index].index for index in layer.inputs if index in view.producer)
    return tuple(dict.fromkeys(makers))


def _so_far(parity: LayerParity | None) -> str:
    if parity is None:
        return ""
    return "exact" if parity.exact else decibels(parity.sqnr_db)


def _band(parity: LayerParity | None) -> str:
    if parity is None or (parity.sqnr_db is None and not parity.exact):
        return ""
    if parity.sqnr_db is None or parity.sqnr_db >= GOOD_DB:
        return "good"
    return "fair" if parity.sqnr_db >= FAIR_DB else "poor"
