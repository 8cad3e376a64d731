"""Rules for every chip that runs TensorFlow Lite files, and makers of those that each chip states its own way."""

from dlpuconv.verify.rules.datatypes import TYPE_RULES
from dlpuconv.verify.rules.discouraged import discouraged_granularity
from dlpuconv.verify.rules.layerwise import advice, at_layers
from dlpuconv.verify.rules.scales import SCALE_RULES
from dlpuconv.verify.rules.structure import STRUCTURE_RULES

TFLITE_RULES = (*STRUCTURE_RULES, *TYPE_RULES, *SCALE_RULES)
"""What must hold of every full-integer TensorFlow Lite file."""

__all__ = ["TFLITE_RULES", "advice", "at_layers", "discouraged_granularity"]
