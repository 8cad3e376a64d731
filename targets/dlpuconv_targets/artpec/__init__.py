"""Axis' own chips. All facts about them, with their sources, are in the rules beside this file."""

from __future__ import annotations

from dataclasses import replace

from dlpuconv.plugin import ExternalCompiler, Granularity, Numbers, Scheme, Spelling, Target
from dlpuconv_targets.artpec.artpec7_placement import ARTPEC7_PLACEMENT
from dlpuconv_targets.artpec.artpec7_rules import ARTPEC7_RULES
from dlpuconv_targets.artpec.artpec8_placement import ARTPEC8_PLACEMENT
from dlpuconv_targets.artpec.artpec8_rules import ARTPEC8_RULES
from dlpuconv_targets.artpec.artpec9_placement import ARTPEC9_PLACEMENT
from dlpuconv_targets.artpec.artpec9_rules import ARTPEC9_RULES
from dlpuconv_targets.artpec.operators import EDGE_TPU, SPELLED_FOR_EDGE_TPU

ARTPEC8 = Target(
    name="artpec8",
    title="ARTPEC-8 (Axis DLPU)",
    backend="tflite",
    scheme=Scheme(
        numbers=Numbers.INT8,
        weights=Granularity.PER_TENSOR,
        discouraged=frozenset({Granularity.PER_CHANNEL}),
    ),
    device="axis-a8-dlpu-tflite",
    suffix=".tflite",
    rules=ARTPEC8_RULES,
    placement=ARTPEC8_PLACEMENT,
)

ARTPEC9 = replace(
    ARTPEC8,
    name="artpec9",
    title="ARTPEC-9 (Axis DLPU)",
    scheme=replace(ARTPEC8.scheme, discouraged=frozenset()),
    device="a9-dlpu-tflite",
    rules=ARTPEC9_RULES,
    placement=ARTPEC9_PLACEMENT,
)

ARTPEC7 = replace(
    ARTPEC8,
    name="artpec7",
    title="ARTPEC-7 (Google Edge TPU)",
    scheme=Scheme(numbers=Numbers.INT8, weights=Granularity.PER_CHANNEL),
    device="google-edge-tpu-tflite",
    spelling=Spelling(out=SPELLED_FOR_EDGE_TPU, taken=EDGE_TPU | {"RELU_0_TO_1"}),  # which becomes a QUANTIZE
    rules=ARTPEC7_RULES,
    placement=ARTPEC7_PLACEMENT,
    compiler=ExternalCompiler(
        executable="edgetpu_compiler",
        arguments=("-s", "-o", "{folder}", "{file}"),
        produces="{stem}_edgetpu.tflite",
    ),
)

__all__ = ["ARTPEC7", "ARTPEC8", "ARTPEC9"]
