"""Blame: which layers of a quantized network lose the signal, why, and what helps."""

from dlpuconv.analysis.result import Analysis, BlamedLayer, judge_layers
from dlpuconv.quantization.blame.result import Blame, LayerError, LayerFacts

__all__ = ["Analysis", "Blame", "BlamedLayer", "LayerError", "LayerFacts", "judge_layers"]
