"""The worst layers, each with its figures, its likely cause, and histograms of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.inspection.roles import weights_of
from dlpuconv.reporting.histograms import activation_histogram, channel_chart, channel_peaks, weight_histogram
from dlpuconv.reporting.layer_table import anchor, blame_of, parity_of
from dlpuconv.reporting.page import CloseUp, Fact
from dlpuconv.reporting.wording import decibels, number, percent, short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.analysis import BlamedLayer
    from dlpuconv.formats import LayerView
    from dlpuconv.reporting.drawings import Histogram
    from dlpuconv.reporting.material import Material
    from dlpuconv.verification.layer_parity import LayerParity

_SHOWN = 8


def close_ups(material: Material) -> tuple[str, tuple[CloseUp, ...]]:
    """Which layers are the worst, and how they look."""
    note, indices = _worst(material)
    parities, blamed = parity_of(material), blame_of(material)
    shown = (material.view.layers[index] for index in indices[:_SHOWN])
    return note, tuple(
        _close_up(layer, material, parities.get(layer.index), blamed.get(layer.index)) for layer in shown
    )


def _worst(material: Material) -> tuple[str, list[int]]:
    """By the best measure that there is: the outputs' loss, the own error, or how the weights use their range."""
    costs = {index: db for index, b in blame_of(material).items() if (db := b.error.alone_db) is not None}
    if costs:
        return "Those that cost the outputs most when they alone compute in integers.", sorted(
            costs, key=costs.__getitem__
        )
    layers = material.report.layers
    if layers is not None and layers.worst and material.view.kind.integers:
        return "Those whose outputs agree least with the source.", list(dict.fromkeys(w.index for w in layers.worst))
    waste = dict(_unused_range(material))
    note = (
        "Those whose weights use their integer range least: one scale serves all channels, and most need little of it."
    )
    return (note, sorted(waste, key=waste.__getitem__)) if waste else ("", [])


def _unused_range(material: Material) -> Iterator[tuple[int, float]]:
    """For layers with one scale: the largest code of the median channel."""
    for layer in material.view.layers:
        form, weights = WEIGHTED.get(layer.op), weights_of(material.view, layer)
        peaks = channel_peaks(weights, form.axis) if form and weights is not None else None
        if peaks is not None:
            yield layer.index, float(np.median(peaks))


def _close_up(layer: LayerView, material: Material, parity: LayerParity | None, blamed: BlamedLayer | None) -> CloseUp:
    return CloseUp(
        anchor=anchor(layer.index),
        number=layer.index,
        op=layer.op,
        name=short(layer.name),
        figures=tuple(_figures(parity, blamed)),
        why=blamed.explanation if blamed else "",
        advice=blamed.advice if blamed else "",
        histograms=tuple(_histograms(layer, material)),
    )


def _figures(parity: LayerParity | None, blamed: BlamedLayer | None) -> Iterator[Fact]:
    if blamed is not None and blamed.error.alone_db is not None:
        yield Fact("alone", f"{decibels(blamed.error.alone_db)} dB", "at the outputs")
    if parity is not None:
        if parity.sqnr_db is not None:
            yield Fact("so far", f"{decibels(parity.sqnr_db)} dB", "of its own output")
        if parity.cosine is not None:
            yield Fact("cosine", f"{parity.cosine:.4f}")
        yield Fact("largest error", number(parity.max_error), f"values reach {number(parity.peak)}")
    if blamed is not None and blamed.error.weights_share is not None:
        yield Fact("by its weights", percent(blamed.error.weights_share), "of its own error")


def _histograms(layer: LayerView, material: Material) -> Iterator[Histogram]:
    form, weights = WEIGHTED.get(layer.op), weights_of(material.view, layer)
    if weights is not None:
        drawn = (weight_histogram(weights), channel_chart(weights, form.axis) if form else None)
        yield from (histogram for histogram in drawn if histogram is not None)
    codes = material.report.layers.codes if material.report.layers else {}
    for index in layer.outputs[:1]:
        histogram = activation_histogram(material.view.tensors[index], codes[index]) if index in codes else None
        if histogram is not None:
            yield histogram
