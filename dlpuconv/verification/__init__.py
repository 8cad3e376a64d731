"""The shared verifier: rules, granularity, parity, verdict, report.

Targets import rules from here, and must cost nothing to import: everything below is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.verification.comparison import Likeness
    from dlpuconv.verification.granularity import GranularitySummary
    from dlpuconv.verification.linking import in_source_names
    from dlpuconv.verification.output_parity import OutputParity, ParityReport
    from dlpuconv.verification.parity import compare, reference_inferences
    from dlpuconv.verification.question import Question, least_db
    from dlpuconv.verification.report import IoTensor, Report, Verdict
    from dlpuconv.verification.report_text import (
        render_advice,
        render_doubts,
        render_parity,
        render_reasons,
        render_report,
        render_verdict,
    )
    from dlpuconv.verification.verifier import verify_file

__all__ = [
    # verify a file
    "Question",
    "least_db",
    "verify_file",
    # what comes of it
    "GranularitySummary",
    "IoTensor",
    "OutputParity",
    "ParityReport",
    "Report",
    "Verdict",
    # compare two runners
    "Likeness",
    "compare",
    "in_source_names",
    "reference_inferences",
    # for the terminal
    "render_advice",
    "render_doubts",
    "render_parity",
    "render_reasons",
    "render_report",
    "render_verdict",
]

_HOMES = {
    "dlpuconv.verification.linking": ("in_source_names",),
    "dlpuconv.verification.granularity": ("GranularitySummary",),
    "dlpuconv.verification.comparison": ("Likeness",),
    "dlpuconv.verification.parity": ("compare", "reference_inferences"),
    "dlpuconv.verification.question": ("Question", "least_db"),
    "dlpuconv.verification.output_parity": ("OutputParity", "ParityReport"),
    "dlpuconv.verification.report": ("IoTensor", "Report", "Verdict"),
    "dlpuconv.verification.report_text": (
        "render_advice",
        "render_doubts",
        "render_parity",
        "render_reasons",
        "render_report",
        "render_verdict",
    ),
    "dlpuconv.verification.verifier": ("verify_file",),
}
_MODULE = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE[name]), name)
