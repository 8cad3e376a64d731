"""What the batch normalizations of a network tell of its activations, before the passes fold them away.

y = gamma (x - mu) / sqrt(var + epsilon) + beta, with mu and var the moments of x in training: so y had the mean beta
and the deviation |gamma| sqrt(var / (var + epsilon)), channel by channel (Nagel et al. 2019, "Data-Free Quantization
Through Weight Equalization and Bias Correction", section 4.2.1; Haroush et al. 2020, "The Knowledge Within", arXiv
1912.01274). The layer that a normalization is folded into takes over the name of y.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.formats.ort_runner import OrtRunner, with_outputs
from dlpuconv.ir.batch_norm import read_batch_norm
from dlpuconv.ir.moments import Moments
from dlpuconv.ir.operators import ONNX_WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.calibration import Sample
    from dlpuconv.ir import Model

_SAME = 1e-3
"""Relative difference of two values that are the same but for rounding."""


def known_moments(source: Model, normal: Model, sample: Sample) -> dict[str, Moments]:
    """Moments of the values that layers of the normal form make.

    A name alone proves nothing: passes may have turned channels around. So both networks are run on one sample, and
    only values that agree are told of.

    Args:
        source: as it was read.
        normal: the same in normal form, with the source's inputs.
        sample: one, in the source's domain.

    Returns:
        By value name; empty for networks without batch normalizations, such as most exporters write.
    """
    told = {node.outputs[0].name: moments for node in source.graph.graph if (moments := _moments(node)) is not None}
    made = {node.outputs[0].name for node in normal.graph.graph if node.op_type in ONNX_WEIGHTED}
    names = [name for name in told if name in made and name is not None]
    if not names:
        return {}
    before, after = _values(source, names, sample), _values(normal, names, sample)
    return {name: told[name] for name in names if _agree(before[name], after[name])}


def _moments(node: onnx_ir.Node) -> Moments | None:
    """Moments of the output of a BatchNormalization; None for other nodes, and if its parameters are computed."""
    norm = read_batch_norm(node)
    if norm is None:
        return None
    kept = np.sqrt(norm.variance / (norm.variance + norm.epsilon))
    return Moments(mean=norm.beta, deviation=np.abs(norm.gamma) * kept)


def _values(model: Model, names: Iterable[str], sample: Sample) -> dict[str, npt.NDArray[np.generic]]:
    return OrtRunner(with_outputs(model.split(), names), model.source.name).run(sample)


def _agree(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    if one.shape != other.shape:
        return False
    scale = float(np.abs(one).max(initial=0.0))
    return bool(np.allclose(one, other, rtol=0.0, atol=_SAME * scale))
