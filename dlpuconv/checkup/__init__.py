"""What a chip would make of a model, before it is converted: placement, what fails, what would help."""

from dlpuconv.checkup.explanation import ExplainedLayer, Explanation, Rewriting
from dlpuconv.checkup.judge import judge_draft, refused
from dlpuconv.checkup.result import CheckedLayer, CheckOutcome, Checkup, Place, Suggestion

__all__ = [
    "CheckedLayer", "Checkup", "ExplainedLayer", "Explanation", "CheckOutcome", "Place", "Rewriting", "Suggestion",
    "judge_draft", "refused",
]  # fmt: skip
