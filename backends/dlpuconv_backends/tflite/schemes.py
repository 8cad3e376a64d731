"""What TFLite's 8-bit specification cannot do of what a chip may want of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8, Numbers, UsageError
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.spell import SPELLINGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin import Scheme, Target


def refuse_scheme(target: Target) -> None:
    """Check that files can be made as a target wants them.

    Raises:
        UsageError: lists all that cannot be.
    """
    scheme = target.scheme
    if scheme.numbers is not Numbers.INT8:
        raise UsageError(
            f"{target.name} takes {scheme.numbers} files; the tflite backend makes int8 ones", id="backend-numbers"
        )
    spelled = target.spelling.out if target.spelling is not None else frozenset()
    wanted = [*_impossible(scheme), *(f"{kind} spelled out" for kind in sorted(spelled - SPELLINGS.keys()))]
    if wanted:
        raise UsageError(
            f"{target.name} wants {', '.join(wanted)}, which the tflite backend cannot make", id="backend-scheme"
        )


def _impossible(scheme: Scheme) -> Iterator[str]:
    activations, weights = scheme.activation_codes, scheme.weight_codes
    if activations.type != INT8:
        yield f"{activations.type.name} activations"
    if activations.symmetric:
        yield "symmetric activations"
    if activations.reduce_range:
        yield "activations of a reduced range"
    if weights.type != INT8:
        yield f"{weights.type.name} weights"
    if not weights.symmetric:
        yield "asymmetric weights"
    for kind, affine in scheme.prescribed.items():
        spec = SPECS.get(kind)
        if spec is None or spec.meaning.fixed not in (None, affine):
            yield f"a scale of {affine.scale:g} behind {kind}"
    for kind in scheme.by_operator:
        if kind not in SPECS or not SPECS[kind].weighted:
            yield f"a granularity of weights of {kind}"
