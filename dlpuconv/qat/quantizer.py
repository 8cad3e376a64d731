"""A torchao quantizer for the places and the number format of a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, override

import numpy as np
import torch
from torchao.quantization.pt2e.quantizer import (
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
    SharedQuantizationSpec,
)
from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize
from dlpuconv.qat.layers import weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine
    from dlpuconv.qat.places import ActivationPlace, QuantizedPlaces, WeightPlace
    from dlpuconv.scheme import Coding, Scheme

    type Spec = FixedQParamsQuantizationSpec | QuantizationSpec | SharedQuantizationSpec

_QSCHEMES: Final = {
    (False, False): torch.per_tensor_affine,
    (False, True): torch.per_tensor_symmetric,
    (True, False): torch.per_channel_affine,
    (True, True): torch.per_channel_symmetric,
}
"""By whether there is a scale for each channel, and whether zero has the middle code."""

_PACE = 0.01
"""Of the ranges of activations: the usual averaging constant of moving averages."""


class TargetQuantizer(Quantizer):  # type: ignore[misc] # torchao has no types
    """Annotates what the target's file will quantize.

    Biases stay float: their int32 codes cost less than one step of an accumulator, far below that of a layer's output.
    """

    def __init__(self, places: QuantizedPlaces, scheme: Scheme) -> None:
        """Generate it.

        Args:
            places: of the module that will be annotated.
            scheme: of the target.
        """
        self._places, self._scheme = places, scheme

    @override
    def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        """See `Quantizer`."""
        nodes = {node.name: node for node in model.graph.nodes}
        inputs = {place.node: self._weights(place, nodes[place.node]) for place in self._places.weights}
        outputs = self._outputs(nodes)
        for name in dict.fromkeys((*inputs, *outputs)):
            nodes[name].meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(
                input_qspec_map=inputs.get(name, {}), output_qspec=outputs.get(name), _annotated=True
            )
        return model

    @override
    def validate(self, model: torch.fx.GraphModule) -> None:
        """See `Quantizer`: places are of the module that they were found in."""

    @override
    def prepare_obs_or_fq_callback(
        self, model: torch.fx.GraphModule, edge_or_node_to_obs_or_fq: Mapping[Any, Any]
    ) -> None:
        """See `Quantizer`: start from the places' scales."""
        made = {}
        for at, module in edge_or_node_to_obs_or_fq.items():
            made["weights of " + at[1].name if isinstance(at, tuple) else at.name] = module
        starts: dict[str, Affine] = {place.group: place.affine for place in self._places.activations}
        starts |= {f"weights of {place.node}": place.affine for place in self._places.weights}
        for name, affine in starts.items():
            if isinstance(made[name], PerTensorOrPerChannelFakeQuantize):
                made[name].begin(affine)
        for place in self._places.activations:
            made[place.node].widens = place.node != place.group or getattr(made[place.node], "widens", False)

    def _outputs(self, nodes: Mapping[str, torch.fx.Node]) -> dict[str, Spec]:
        prescribed = {place.group for place in self._places.activations if place.prescribed}
        return {
            place.node: SharedQuantizationSpec(nodes[place.group])
            if place.node != place.group
            else self._activation(place, prescribed=place.group in prescribed)
            for place in self._places.activations
        }

    def _activation(self, place: ActivationPlace, *, prescribed: bool) -> Spec:
        coding = self._scheme.activation_codes
        if not prescribed:
            return _specification(coding, _PACE)
        return FixedQParamsQuantizationSpec(
            dtype=dtype_of(coding),
            scale=place.affine.scale,
            zero_point=place.affine.zero_point,
            quant_min=coding.lowest,
            quant_max=coding.highest,
            qscheme=torch.per_tensor_affine,
        )

    def _weights(self, place: WeightPlace, node: torch.fx.Node) -> dict[torch.fx.Node, Spec]:
        axis = place.affine.axis if place.affine.per_channel else None
        return {weight_of(node): _specification(self._scheme.weight_codes, 1.0, axis)}


def _specification(coding: Coding, pace: float, axis: int | None = None) -> QuantizationSpec:
    return QuantizationSpec(
        dtype=dtype_of(coding),
        observer_or_fake_quant_ctr=PerTensorOrPerChannelFakeQuantize.with_args(pace=pace),
        quant_min=coding.lowest,
        quant_max=coding.highest,
        qscheme=_QSCHEMES[axis is not None, coding.symmetric],
        ch_axis=axis,
    )


def dtype_of(coding: Coding) -> torch.dtype:
    """What torch calls the type of codes."""
    return torch.from_numpy(np.empty(0, coding.type.dtype)).dtype
