"""What ONNX Runtime's kernels cannot do of what a chip may want of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8, UINT8, Granularity, Numbers, UsageError
from dlpuconv.plugin.quantization import Scales
from dlpuconv_backends.onnx_qdq.groups import LAYERS
from dlpuconv_backends.onnx_qdq.operators import FORMS, score_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin import Affine, Scheme, Target
    from dlpuconv.plugin.quantization import Quantized

_ZERO_POINTS = "weights with a zero point for each channel"


def refuse_scheme(target: Target) -> None:
    """Check that files can be made as a target wants them.

    Raises:
        UsageError: lists all that cannot be.
    """
    scheme = target.scheme
    if scheme.numbers is not Numbers.INT8:
        raise UsageError(
            f"{target.name} takes {scheme.numbers} files; the onnx-qdq backend makes integers", id="backend-numbers"
        )
    wanted = list(_impossible(scheme))
    if wanted:
        raise UsageError(
            f"{target.name} wants {', '.join(wanted)}, which the onnx-qdq backend cannot make", id="backend-scheme"
        )


def refuse_layers(quantized: Quantized, target: Target) -> None:
    """Check what a recipe made of the weights.

    Raises:
        UsageError: channels of one layer have different zero points; kernel qlinearconv.cc wants one.
    """
    named = [quantized.names[n].title for n, made in quantized.layers.items() if len(set(made.affine.zero_points)) > 1]
    if named:
        raise UsageError(
            f"{target.name} gets {_ZERO_POINTS} in {named[0]}, which ONNX Runtime has no kernel for",
            id="backend-scheme",
        )


def _impossible(scheme: Scheme) -> Iterator[str]:
    activations, weights = scheme.activation_codes, scheme.weight_codes
    if weights.type not in (INT8, UINT8):
        yield f"{weights.type.name} weights"
    elif activations.type == INT8 and weights.type == UINT8:
        yield "uint8 weights beside int8 activations"
    if not weights.symmetric and Granularity.PER_CHANNEL in (scheme.weights, *scheme.by_operator.values()):
        yield _ZERO_POINTS
    for kind, affine in scheme.prescribed.items():
        if not _may_be_prescribed(kind, affine, scheme):
            yield f"a scale of {affine.scale:g} behind {kind}"
    for kind in scheme.by_operator:
        if kind not in LAYERS:
            yield f"a granularity of weights of {kind}"


def _may_be_prescribed(kind: str, affine: Affine, scheme: Scheme) -> bool:
    form, coding = FORMS.get(kind), scheme.activation_codes
    if form is None or not coding.type.lowest <= affine.zero_point <= coding.type.highest:
        return False
    return affine == score_scale(coding) if form.score else form.meaning.scales is Scales.FREE
