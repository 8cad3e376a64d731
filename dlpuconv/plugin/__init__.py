"""What a plugin is: a Target (frozen data: a chip) or a Backend (code: a way to make a file for it).

A distribution registers targets under the entry-point group `dlpuconv.targets` (a `Target` value) and backends
under `dlpuconv.backends` (a `Backend` subclass). The built-in ones are registered in the same way.

Both are checked when they are loaded (`dlpuconv.registry.promises`), and what their code raises, `DlpuconvError` apart,
is told as the plugin's fault, under its name; DLPUCONV_TRACEBACK=1 shows where it came from.
"""

from __future__ import annotations

from dlpuconv.ir import Normalization, Part, Port
from dlpuconv.plugin.artifact import Artifact, Draft
from dlpuconv.plugin.backend import Backend, Prepared
from dlpuconv.plugin.job import InterfaceOptions, Job, OutputSplitting
from dlpuconv.plugin.target import ExternalCompiler, Target
from dlpuconv.scheme import Granularity, Scheme

__all__ = [
    "Artifact",
    "Backend",
    "Draft",
    "ExternalCompiler",
    "Granularity",
    "InterfaceOptions",
    "Job",
    "Normalization",
    "OutputSplitting",
    "Part",
    "Port",
    "Prepared",
    "Scheme",
    "Target",
]
