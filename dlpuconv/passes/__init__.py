"""Rewrites that bring a model to normal form."""

from dlpuconv.passes.fold_preprocessing import FoldResult, fold_preprocessing
from dlpuconv.passes.normal_form import normalize
from dlpuconv.passes.report import NormalFormReport, PassReport

__all__ = ["FoldResult", "NormalFormReport", "PassReport", "fold_preprocessing", "normalize"]
