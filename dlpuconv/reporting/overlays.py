"""Material -> overlays: what a report tells of layers, as Model Explorer colours them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.analysis import overlay as of
from dlpuconv.analysis.overlay import EXACT, FAIR, GOOD, POOR, QUANTITIES
from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.inspection.roles import weights_of
from dlpuconv.placement import Processor
from dlpuconv.placement.macs import macs
from dlpuconv.reporting.files import OVERLAY, check_report, remove_report, write_report
from dlpuconv.reporting.layer_table import blame_of, parity_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.analysis.overlay import Overlay
    from dlpuconv.formats import FileView, LayerView, TensorView
    from dlpuconv.placement import Forecast, LayerPlacement
    from dlpuconv.reporting.material import Material
    from dlpuconv.verification.layer_parity import LayerParity

_ONNX_AXES = {"Conv": 0, "ConvTranspose": 1, "MatMul": -1}
"""Which axis of the weights is that of the output channels, where the op alone tells."""


def overlays_of(material: Material) -> tuple[Overlay, ...]:
    """Every quantity that anything is known of."""
    view, keys = material.view, _keys(material.view)
    parities, blamed = parity_of(material), blame_of(material)
    layers = [(keys[layer.index], layer) for layer in view.layers if layer.index in keys]
    return of.made(
        of.error_alone({key: blamed[layer.index].error.alone_db for key, layer in layers if layer.index in blamed}),
        of.error_so_far({key: _so_far(parities[layer.index]) for key, layer in layers if layer.index in parities}),
        of.range_spread({key: _spread(view, layer) for key, layer in layers}),
        _placement(keys, material.forecast),
        of.work({key: macs(view, layer) for key, layer in layers}),
    )


def check_overlays(folder: Path, stem: str, results: Iterable[Path] = ()) -> None:
    """Refuse early, before long work, what `write_overlays` would refuse at the end.

    Args:
        folder: made if it is missing.
        stem: what all names of the file that is looked at begin with.
        results: other files that the same run writes.

    Raises:
        OutputError: there are other files of these names, or will be; or none can be written there.
    """
    results = list(results)
    for quantity in QUANTITIES:
        check_report(_place(folder, stem, quantity), results, OVERLAY)


def write_overlays(folder: Path, stem: str, overlays: Iterable[Overlay]) -> None:
    """Write each quantity to a file of its own; one of an earlier file that this one has no figures of goes.

    Raises:
        OutputError: something else is there, or the folder cannot be written.
    """
    overlays = tuple(overlays)
    for quantity in set(QUANTITIES) - {overlay.quantity for overlay in overlays}:
        remove_report(_place(folder, stem, quantity), OVERLAY)
    told = {_place(folder, stem, overlay.quantity): overlay.to_json() for overlay in overlays}
    texts = {path: json.dumps(content, indent=1, allow_nan=False) + "\n" for path, content in told.items()}
    write_report(texts, OVERLAY)


def _place(folder: Path, stem: str, quantity: str) -> Path:
    return folder / f"{stem}.{quantity}.json"


def _keys(view: FileView) -> dict[int, str]:
    """What Model Explorer knows a layer by: the first tensor that it makes whose name no other tensor has."""
    counts = Counter(tensor.name for tensor in view.tensors)
    found: dict[int, str] = {}
    for layer in view.layers:
        names = (view.tensors[index].name for index in layer.outputs)
        name = next((name for name in names if name and counts[name] == 1), None)
        if name is not None:
            found[layer.index] = name
    return found


def _so_far(parity: LayerParity) -> float | str | None:
    return EXACT if parity.exact else parity.sqnr_db


def _spread(view: FileView, layer: LayerView) -> float | None:
    """Largest over median weight range of the output channels that are not dead; None where that is not known."""
    real, axis = _real(weights_of(view, layer)), _channels(layer)
    if real is None or axis is None or not -real.ndim <= axis < real.ndim:
        return None
    peaks = np.abs(np.moveaxis(real, axis, 0).reshape(real.shape[axis], -1)).max(axis=1, initial=0.0)
    alive = peaks[np.isfinite(peaks) & (peaks > 0)]
    return float(alive.max() / np.median(alive)) if alive.size else None


def _channels(layer: LayerView) -> int | None:
    if layer.op == "Gemm":
        return 0 if layer.options.get("transB") else 1
    form = WEIGHTED.get(layer.op)
    return form.axis if form else _ONNX_AXES.get(layer.op)


def _real(weights: TensorView | None) -> npt.NDArray[np.float64] | None:
    """Real values of weights; None where the file has none, or scales that are not theirs."""
    if weights is None or weights.data is None or weights.data.dtype.kind not in "iuf":
        return None
    affine, shape = weights.quantization, weights.data.shape
    if affine is None:
        return weights.data.astype(np.float64)
    if affine.per_channel and shape[affine.axis : affine.axis + 1] != (len(affine.scales),):
        return None
    return affine.decode(weights.data)


def _placement(keys: Mapping[int, str], forecast: Forecast | None) -> Overlay:
    if forecast is None:
        return of.placement({}, {})
    chip = forecast.accelerator
    words = {keys[layer.index]: _where(layer, chip) for layer in forecast.layers if layer.index in keys}
    return of.placement(words, {chip: GOOD, f"{chip}, likely": FAIR, "CPU": POOR})


def _where(layer: LayerPlacement, accelerator: str) -> str:
    if layer.processor is Processor.CPU:
        return "CPU"
    return accelerator if layer.certain else f"{accelerator}, likely"
