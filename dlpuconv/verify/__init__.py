"""The shared verifier: rules, granularity, parity, verdict, report.

Targets import rules from here, and must cost nothing to import: everything below is loaded when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.verify.comparison import in_source_names
    from dlpuconv.verify.granularity import GranularitySummary
    from dlpuconv.verify.likeness import Likeness
    from dlpuconv.verify.output_parity import OutputParity, ParityReport
    from dlpuconv.verify.parity import Links, compare, reference_inferences
    from dlpuconv.verify.question import Question, least_db
    from dlpuconv.verify.report import IoTensor, Report, Verdict
    from dlpuconv.verify.text import render_advice, render_parity, render_reasons, render_report, render_verdict
    from dlpuconv.verify.verifier import verify_file

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
    "Links",
    "compare",
    "in_source_names",
    "reference_inferences",
    # for the terminal
    "render_advice",
    "render_parity",
    "render_reasons",
    "render_report",
    "render_verdict",
]

_HOMES = {
    "dlpuconv.verify.comparison": ("in_source_names",),
    "dlpuconv.verify.granularity": ("GranularitySummary",),
    "dlpuconv.verify.likeness": ("Likeness",),
    "dlpuconv.verify.parity": ("Links", "compare", "reference_inferences"),
    "dlpuconv.verify.question": ("Question", "least_db"),
    "dlpuconv.verify.output_parity": ("OutputParity", "ParityReport"),
    "dlpuconv.verify.report": ("IoTensor", "Report", "Verdict"),
    "dlpuconv.verify.text": ("render_advice", "render_parity", "render_reasons", "render_report", "render_verdict"),
    "dlpuconv.verify.verifier": ("verify_file",),
}
_MODULE = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE[name]), name)
