"""The target for ONNX Runtime: integer ONNX files in QDQ form, which compilers of other vendors read as well."""

from __future__ import annotations

from dlpuconv.plugin import UINT8, Coding, Granularity, Numbers, Scheme, Target
from dlpuconv_targets.onnxruntime.rules import ONNXRUNTIME_RULES

ONNXRUNTIME = Target(
    name="onnxruntime",
    title="ONNX Runtime (QDQ)",
    backend="onnx-qdq",
    scheme=Scheme(numbers=Numbers.INT8, weights=Granularity.PER_CHANNEL, activation_codes=Coding(type=UINT8)),
    device="",
    suffix=".onnx",
    rules=ONNXRUNTIME_RULES,
    run_on_camera="",
    input_dtype="float32",
    output_dtype="float32",
)

__all__ = ["ONNXRUNTIME"]
