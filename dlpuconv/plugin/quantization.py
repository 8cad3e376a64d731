"""What a backend that follows recipes needs: recipes, the network that techniques work on, what its layers lose."""

from __future__ import annotations

from dlpuconv.analysis import Blame, LayerError, LayerFacts
from dlpuconv.ir.strides import Stride
from dlpuconv.network import (
    ALL,
    Activation,
    CannotError,
    Constants,
    Curve,
    Feed,
    Geometry,
    Layer,
    Meaning,
    Network,
    Node,
    Order,
    OutputPiece,
    Range,
    Scales,
    Tie,
    Value,
    detour_name,
    part_name,
)
from dlpuconv.network.network import Array
from dlpuconv.network.ties import Ties, active, alike, by_channel, constants, laid_out, tied
from dlpuconv.plugin.given import given_of
from dlpuconv.quantization import BiasCorrection, Observer, Override, Recipe, Rounding, ScaleOrigin, WeightScale
from dlpuconv.quantization.draft import quantize_blindly
from dlpuconv.quantization.given import Given
from dlpuconv.quantization.inputs import clipped_inputs, feeds, prescribed_inputs
from dlpuconv.quantization.naming import names_of
from dlpuconv.quantization.plans import usual as usual_recipe
from dlpuconv.quantization.quantize import Quantized
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.refusals import refuse
from dlpuconv.quantization.scales.choice import covering, range_of
from dlpuconv.quantization.sites import Proposal

__all__ = [
    # a recipe
    "BiasCorrection", "Observer", "Override", "Recipe", "Rounding", "ScaleOrigin", "WeightScale", "usual_recipe",
    # a network, which a backend makes of its own float graph
    "Activation", "Array", "Constants", "Curve", "Feed", "Geometry", "Layer", "Meaning", "Network", "Node", "Order",
    "OutputPiece", "Stride", "Value",
    # an edit that a format does not have
    "CannotError", "detour_name", "part_name",
    # its scales
    "ALL", "Range", "Scales", "Tie", "Ties", "active", "alike", "by_channel", "constants", "covering", "laid_out",
    "range_of", "tied",
    # what the quantizer is given, and gives
    "Given", "Proposal", "Quantized", "Quantizer", "clipped_inputs", "feeds", "given_of", "names_of",
    "prescribed_inputs", "quantize_blindly", "refuse",
    # what layers lose
    "Blame", "LayerError", "LayerFacts",
]  # fmt: skip
