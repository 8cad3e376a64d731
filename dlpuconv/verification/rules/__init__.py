"""Rules for every file, for every chip that runs TensorFlow Lite files, and makers of those that differ by chip."""

from dlpuconv.verification.rules.application import APPLICATION_RULES
from dlpuconv.verification.rules.contract import CONTRACT_RULES
from dlpuconv.verification.rules.datatypes import TYPE_RULES
from dlpuconv.verification.rules.dead import DEAD_RULES
from dlpuconv.verification.rules.discouraged import discouraged_granularity
from dlpuconv.verification.rules.fed import INPUT_RULES
from dlpuconv.verification.rules.firmware import Carried, firmware_rule
from dlpuconv.verification.rules.joined import JOINED_RULES
from dlpuconv.verification.rules.layerwise import advice, at_layers
from dlpuconv.verification.rules.measured import MEASURED_RULES
from dlpuconv.verification.rules.scales import SCALE_RULES
from dlpuconv.verification.rules.structure import STRUCTURE_RULES, custom_ops
from dlpuconv.verification.rules.written_out import WRITTEN_OUT_RULES

TFLITE_RULES = (
    *STRUCTURE_RULES,
    *TYPE_RULES,
    *SCALE_RULES,
    *DEAD_RULES,
    *JOINED_RULES,
    *WRITTEN_OUT_RULES,
    *APPLICATION_RULES,
)
"""What must hold of every full-integer TensorFlow Lite file."""

UNIVERSAL_RULES = (*INPUT_RULES, *CONTRACT_RULES, *MEASURED_RULES)
"""What must hold of every file, whatever its format and chip."""

__all__ = [
    # ready
    "INPUT_RULES", "TFLITE_RULES", "UNIVERSAL_RULES",
    # makers
    "Carried", "advice", "at_layers", "custom_ops", "discouraged_granularity", "firmware_rule",
]  # fmt: skip
