"""How many scales the weights of each layer have, read from the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.formats.onnx_scales import DEQUANTIZE
from dlpuconv.formats.view import input_at
from dlpuconv.formats.weighted import WEIGHTED
from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.jsonable import plain
from dlpuconv.scheme import Granularity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView, TensorView
    from dlpuconv.formats.weighted import WeightedForm
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedLayer:
    """A layer with constant or computed weights, its parts resolved.

    Attributes:
        layer: the layer.
        form: where its op keeps what.
        activation: what it reads.
        weights: what it multiplies with.
        bias: what it adds, or None.
        output: what it makes.
    """

    layer: LayerView
    form: WeightedForm
    activation: TensorView
    weights: TensorView
    bias: TensorView | None
    output: TensorView


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerGranularity:
    """The weights of one layer.

    Attributes:
        name: of the layer.
        op: of the layer.
        granularity: None where the weights have no scale at all.
        scales: how many there are.
        dtype: of the weights.
    """

    name: str
    op: str
    granularity: Granularity | None
    scales: int
    dtype: str


@dataclass(frozen=True, slots=True)
class GranularitySummary:
    """The weights of every layer of a file, in its order."""

    layers: tuple[LayerGranularity, ...]

    def count(self, granularity: Granularity | None) -> int:
        """How many layers have this granularity (None: no scale)."""
        return sum(layer.granularity is granularity for layer in self.layers)

    @property
    def summary(self) -> str:
        """`per-tensor`, `53 per-channel, 1 per-tensor`, `float32`, or `no weights`."""
        counts = Counter(str(layer.granularity or layer.dtype) for layer in self.layers)
        if len(counts) < 2:
            return next(iter(counts), "no weights")
        return ", ".join(f"{count} {name}" for name, count in counts.most_common())

    def to_json(self) -> Json:
        """Counts and the list of layers."""
        return {
            "summary": self.summary,
            "per_tensor": self.count(Granularity.PER_TENSOR),
            "per_channel": self.count(Granularity.PER_CHANNEL),
            "layers": plain(self.layers),
        }


def weighted_layers(view: FileView) -> Iterator[WeightedLayer]:
    """The TFLite layers with weights whose parts are all there."""
    for layer in view.layers:
        form = WEIGHTED.get(layer.op)
        if form is None or not layer.outputs:
            continue
        activation, weights = input_at(view, layer, form.activation), input_at(view, layer, form.weights)
        if activation is None or weights is None:
            continue
        yield WeightedLayer(
            layer=layer,
            form=form,
            activation=activation,
            weights=weights,
            bias=input_at(view, layer, form.bias),
            output=view.tensors[layer.outputs[0]],
        )


def granularity(view: FileView) -> GranularitySummary:
    """The granularity of every layer's weights."""
    if view.kind.integers:
        return GranularitySummary(tuple(_of_layer(w.layer, w.weights) for w in weighted_layers(view)))
    pairs = [(layer, _constant(view, layer)) for layer in view.layers if layer.op in ONNX_WEIGHTED]
    return GranularitySummary(tuple(_of_layer(layer, weights) for layer, weights in pairs if weights is not None))


def _of_layer(layer: LayerView, weights: TensorView) -> LayerGranularity:
    scales = len(weights.quantization.scales) if weights.quantization else 0
    kind = None
    if scales:
        kind = Granularity.PER_CHANNEL if scales > 1 else Granularity.PER_TENSOR
    return LayerGranularity(name=layer.name, op=layer.op, granularity=kind, scales=scales, dtype=weights.dtype)


def _constant(view: FileView, layer: LayerView) -> TensorView | None:
    """The first constant that an ONNX layer reads, as floats or as codes behind a DequantizeLinear."""
    return next((t for i in layer.inputs if (t := _stored(view, i)) is not None and t.constant), None)


def _stored(view: FileView, index: int) -> TensorView | None:
    made_by = view.producer.get(index)
    decoded = made_by is not None and made_by.op == DEQUANTIZE
    return view.tensor(made_by.inputs[0] if made_by is not None and decoded else index)
