"""Rules: what a chip demands of a file, each with the sentence that a user reads and its source."""

from __future__ import annotations

from dlpuconv.formats.view import input_at
from dlpuconv.verification.rule import Context, Hit, Rule, Severity
from dlpuconv.verification.rules import (
    INPUT_RULES,
    TFLITE_RULES,
    UNIVERSAL_RULES,
    Carried,
    advice,
    at_layers,
    custom_ops,
    discouraged_granularity,
    firmware_rule,
)
from dlpuconv.verification.rules.fixed import FIXED, MOVERS
from dlpuconv.verification.rules.graph import (
    EIGHT_BIT,
    LIMITS,
    POST_PROCESS,
    activations,
    detection_tail,
    image_inputs,
    index_tensors,
    inputs_of,
    outputs_of,
)
from dlpuconv.verification.rules.layer_facts import (
    constant_values,
    feeds_only,
    filter_of,
    height_width,
    kernel_of,
    long_axes,
    nearest_multiples,
    number,
    output_channels,
    output_of,
    real_value,
    scale_of,
    stride_of,
)
from dlpuconv.verification.rules.layerwise import LayerCheck
from dlpuconv.verification.rules.limits import (
    layer_extents,
    most_axes,
    most_parameters,
    most_pieces,
    only_operators,
    port_types,
)

__all__ = [
    # a rule
    "Context", "Hit", "Rule", "Severity",
    # ready
    "INPUT_RULES", "TFLITE_RULES", "UNIVERSAL_RULES",
    # makers
    "Carried", "LayerCheck", "advice", "at_layers", "custom_ops", "discouraged_granularity", "firmware_rule",
    "layer_extents", "most_axes", "most_parameters", "most_pieces", "only_operators", "port_types",
    # what a check asks of a graph
    "POST_PROCESS", "activations", "detection_tail", "image_inputs", "index_tensors",
    # of a layer
    "constant_values", "feeds_only", "filter_of", "input_at", "inputs_of", "kernel_of", "number", "output_channels",
    "output_of", "outputs_of", "stride_of",
    # of a tensor
    "EIGHT_BIT", "FIXED", "LIMITS", "MOVERS", "height_width", "long_axes", "real_value", "scale_of",
    # for its words
    "nearest_multiples",
]  # fmt: skip
