"""Rewrites that bring a model to normal form."""

from dlpuconv.passes.normal_form import normalize
from dlpuconv.passes.report import NormalFormReport, PassReport

__all__ = ["NormalFormReport", "PassReport", "normalize"]
