"""What a verifier must check of each chip, and the rule that does: nothing is missing, and nothing is undocumented.

The lists are in the order of the chips' fact sheet: what must fail, what must warn, and the limits of operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv.verification.rule import Severity
from dlpuconv.verification.rules import UNIVERSAL_RULES
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from dlpuconv_targets.cv25 import CV25
from dlpuconv_targets.onnxruntime import ONNXRUNTIME

if TYPE_CHECKING:
    from dlpuconv.plugin import Target

FAIL, WARN = Severity.FAIL, Severity.WARN
Required = tuple[tuple[str, Severity, str], ...]

EVERY_FILE: Required = (
    ("IN-NORMALIZATION", WARN, "the network is fed what it was trained on"),
    ("IO-CONTRACT", FAIL, "inputs and outputs are what was said of them"),
    ("OUT-DEAD", FAIL, "dead output, beside the float model"),
    ("OUT-SQNR", FAIL, "correlation or SQNR below a threshold"),
    ("OUT-SCORES", FAIL, "what passes a threshold, and ranking, of an output that is known to hold scores"),
    ("OUT-CLASSES", FAIL, "the highest class of one that is known to hold those of classes"),
    ("OUT-BOXES", FAIL, "overlap of boxes"),
    ("OUT-MASKS", FAIL, "overlap of areas"),
    ("OUT-EMBEDDINGS", FAIL, "direction of vectors"),
    ("OUT-FAULT", FAIL, "NaN, and noise where the source is silent"),
    ("OUT-REACH", FAIL, "an output whose codes end far short of the source's lowest or highest values"),
    ("OUT-RANGES", WARN, "final output scale coarse relative to the ranges of its columns (YOLOv8 trap)"),
    ("IO-SIDECAR", WARN, "output order and names recorded in a side-car"),
    ("METRIC-DROP", FAIL, "the user's own metric"),
)
EVERY_TFLITE: Required = (
    ("TFL-FORMAT", FAIL, "no ARTPEC chip reads ONNX or PyTorch files"),
    ("TFL-SUBGRAPHS", FAIL, "one subgraph"),
    ("TFL-EMPTY", FAIL, "a network at all"),
    ("TFL-FLOAT", FAIL, "no FLOAT32, 16 or 64 on compute ops"),
    ("TFL-INT16", FAIL, "no INT16"),
    ("TFL-INT64", FAIL, "no INT64"),
    ("TFL-DTYPE", FAIL, "no resource or string tensors"),
    ("TFL-INT32", FAIL, "INT32 only for bias, shape and index"),
    ("TFL-HYBRID", FAIL, "no hybrid op: float activation, int8 weight"),
    ("TFL-CUSTOM", FAIL, "no custom op"),
    ("TFL-FLEX", FAIL, "no Flex op"),
    ("TFL-LSTM", FAIL, "LSTM is refused: its int8 form needs an int16 cell state"),
    ("TFL-DEQUANTIZE", FAIL, "no DEQUANTIZE"),
    ("TFL-QUANTIZE", FAIL, "QUANTIZE only at the ends or as requantization"),
    ("TFL-IO", FAIL, "inputs and outputs int8 or uint8 with scale and zero point"),
    ("TFL-WHOLE", WARN, "labels, positions and detections have no codes, and need none"),
    ("TFL-UNQUANTIZED", FAIL, "every 8-bit tensor has quantization"),
    ("TFL-SCALE", FAIL, "scales that mean something"),
    ("TFL-WEIGHT-ZP", FAIL, "int8 weights have zero point 0; uint8 weights may be asymmetric"),
    ("TFL-BIAS", FAIL, "bias INT32, zero point 0"),
    ("TFL-BIAS-SCALE", FAIL, "bias scale = input x weight within 1e-3"),
    ("TFL-SHAPE", FAIL, "all dims above 0, no -1 in the signature"),
    ("TFL-BATCH", FAIL, "batch 1"),
    ("TFL-CHANNELS", FAIL, "per channel only on weights and bias, along the output channels"),
    ("TFL-DEAD", FAIL, "dead output: constant, as the file alone tells"),
    ("TFL-CONCAT-RANGE", WARN, "concatenation of very different ranges in a shared scale"),
    ("TFL-FIXED-SCALE", WARN, "LOGISTIC output not 1/256"),
    ("TFL-SAME-SCALE", WARN, "ops that only move values keep the scale"),
    ("TFL-POST-PROCESSING", WARN, "FLOAT-only post-processing left in the graph"),
    ("TFL-GELU", WARN, "GELU and erf decompositions"),
    ("TFL-ATTENTION", WARN, "vision transformers are discouraged"),
    ("TFL-FIRMWARE", FAIL, "op versions matter on old firmware"),
    ("TFL-INPUTS", WARN, "larod's examples take one 4-D input"),
    ("TFL-LAYOUT", WARN, "NHWC, RGB interleaved"),
    ("TFL-EVEN", WARN, "cpu-proc wants even dimensions"),
)
ONLY_ARTPEC7: Required = (
    ("A7-RANK", FAIL, "only the innermost 3 dims above 1, before the cut"),
    ("A7-COMPILED", FAIL, "when a compiled file is given: no edgetpu-custom-op"),
    ("A7-CUT", WARN, "the first op outside the list, and the share of MACs after it"),
    ("A7-OP", WARN, "op outside section 3"),
    ("A7-MEMORY", WARN, "parameters above 7.7 MiB"),
    ("A7-RAM", WARN, "YOLOv5s failed on 1 GB"),
    ("A7-SOFTMAX", WARN, "Softmax one-dimensional, up to 16000"),
    ("A7-PER-TENSOR", WARN, "per-tensor where per-channel is possible"),
    ("A7-FUSED", WARN, "fused activation on pool or concat"),
    ("A7-RUNTIME", WARN, "runtime-14 ops"),
    ("A7-CONSTANT", WARN, "constants (weights, biases) known at compile time"),
    ("A7-INPUT-SIZE", WARN, "sizes at which the compiler failed"),
    ("A7-CONCAT", WARN, "concat with a constant: exactly 2 inputs, all zeros"),
    ("A7-DILATION", WARN, "same dilation in x and y"),
    ("A7-WEIGHTS", WARN, "FullyConnected: default weight format"),
    ("A7-FULLY-CONNECTED", WARN, "FullyConnected: output one-dimensional"),
    ("A7-MEAN", WARN, "z-reduction needs z a multiple of 4"),
    ("A7-BATCH-AXIS", WARN, "Mean, Pack, Pad, ReduceMax, ReduceMin, Split, Sum: not on batch"),
    ("A7-PRELU", WARN, "PReLU: alpha one-dimensional"),
    ("A7-RESIZE", WARN, "resizes: newer op versions refused, some sizes left on the CPU"),
    ("A7-SLICE", WARN, "StridedSlice: strides 1, ellipsis and new-axis masks 0"),
)
ONLY_ARTPEC8: Required = (
    ("A8-PER-CHANNEL", FAIL, "per-channel weights, downgraded where asked for"),
    ("A8-PARTITIONS", FAIL, "estimated partitions above 16"),
    ("A8-OP-UNLISTED", WARN, "op not in Axis' list but in the delegate's"),
    ("A8-OP-UNKNOWN", WARN, "op in neither"),
    ("A8-KERNEL", WARN, "kernel neither 3x3 nor 1x1"),
    ("A8-STRIDE", WARN, "stride neither 1 nor 2"),
    ("A8-CHANNELS", WARN, "channels no multiple of 6"),
    ("A8-DEPTHWISE", WARN, "depthwise"),
    ("A8-LEAKY-RELU", WARN, "LeakyReLU"),
    ("A8-ACTIVATION", WARN, "conv + ReLU fuse: other activations do not"),
    ("A8-MEMORY", WARN, "big file beside the camera's RAM"),
    ("A8-CACHE", WARN, "compile cache of 64 MiB"),
    ("A8-RELU", WARN, "convolution and ReLU fuse"),
    ("A8-BATCH-NORM", WARN, "batch normalization must fold"),
    ("A8-ACE", WARN, "ACE: width % 8, height 4, fewer than 4194304 pixels"),
)
ONLY_ARTPEC9: Required = (
    ("A9-RANK", FAIL, "rank above 4"),
    ("A9-BATCH", FAIL, "batch above 1"),
    ("TFL-CHANNELS", FAIL, "per-channel activations"),
    ("A9-OP", WARN, "ops that are not listed"),
    ("A9-ADD", WARN, "Add element-wise; a scalar as re-interpretation"),
    ("A9-POOL", WARN, "average 3x3 stride 1 SAME, or 7 or 8 over all; the set of MaxPool"),
    ("A9-CONCAT", WARN, "depths multiple of 16; output scale not below input / 128"),
    ("A9-KERNEL", WARN, "kernels of 1, 2, 3, 5, 7, 9; above 7 with stride 1"),
    ("A9-STRIDE", WARN, "strides equal, 1 or 2; TransposeConv 2; no strided 1x1 depthwise"),
    ("A9-DILATION", WARN, "no dilation"),
    ("A9-SCALE", WARN, "in x w / out within (0, 65536)"),
    ("A9-DEPTH-MULTIPLIER", WARN, "multiplier 1 only"),
    ("A9-DEPTH-TO-SPACE", WARN, "block 2"),
    ("A9-LEAKY-RELU", WARN, "0 < alpha < 1"),
    ("A9-MEAN", WARN, "H and W only, 7x7 or 8x8"),
    ("A9-MUL", WARN, "by a constant 1x1x1xC or a re-interpreted scalar; not tensor x tensor"),
    ("A9-PAD", WARN, "H and W, up to 7 a side, same quantization"),
    ("A9-REQUANTIZE", WARN, "output scale not below input / 128"),
    ("A9-RESIZE", WARN, "output 2n or 2n-1"),
    ("A9-RESIZE-EXACT", WARN, "some set-ups inexact"),
    ("A9-SIGMOID", WARN, "output 1/256, zero point the type's minimum"),
    ("A9-TANH", WARN, "output 1/128, zero point the middle"),
    ("A9-SPLIT", WARN, "outputs multiple of 16 on the channel axis"),
    ("A9-TRANSPOSE", WARN, "only among H, W, C"),
    ("A9-CHANNELS", WARN, "channels no multiple of 16"),
    ("A9-EXPLICIT-PAD", WARN, "explicit PAD"),
    ("A9-ACTIVATION", WARN, "prefer ReLU6"),
    ("A9-RESIDUAL", WARN, "ADD -> CONV_2D residual, with the extra-output work-around"),
    ("A9-MEMORY", WARN, "tested with 4 GB"),
)
ONLY_CV25: Required = (
    ("CV-ONNX", FAIL, "not ONNX"),
    ("CV-EMPTY", FAIL, "a network at all"),
    ("CV-FLOAT32", FAIL, "not fp32"),
    ("CV-QDQ", FAIL, "Q/DQ nodes"),
    ("CV-GRAPH", FAIL, "custom ops and control flow"),
    ("CV-STATIC", FAIL, "dynamic dims"),
    ("CV-BATCH", FAIL, "batch not 1"),
    ("CV-PLANAR", FAIL, "NHWC input"),
    ("CV-WIDTH", WARN, "W % 32 not 0"),
    ("CV-OPSET", WARN, "opset outside 11 to 16"),
    ("CV-OPS", WARN, "ops outside the list"),
    ("CV-NMS", WARN, "NMS"),
    ("CV-RANGE", WARN, "input range not 0 to 255"),
    ("CV-IMAGES", WARN, "image count below 100"),
    ("CV-NAMES", WARN, "names that can stand on a command line"),
)
ONLY_ONNXRUNTIME: Required = (
    ("ORT-LOADS", FAIL, "the runtime takes it"),
    ("ORT-OPSET", FAIL, "opset 13 or newer"),
    ("ORT-FLOAT-LAYERS", FAIL, "no float Conv, ConvTranspose, MatMul or Gemm"),
    ("ORT-PAIRS", FAIL, "no Q/DQ pair around nothing"),
    ("ORT-FLOAT-OPS", WARN, "other float operators, with their share"),
)
REQUIRED = (
    (ARTPEC7, EVERY_TFLITE + ONLY_ARTPEC7),
    (ARTPEC8, EVERY_TFLITE + ONLY_ARTPEC8),
    (ARTPEC9, EVERY_TFLITE + ONLY_ARTPEC9),
    (CV25, ONLY_CV25),
    (ONNXRUNTIME, ONLY_ONNXRUNTIME),
)
COMPLETE = tuple((target, required) for target, required in REQUIRED if target is not CV25)
"""Of which all rules are listed above."""


@pytest.mark.parametrize(("target", "required"), REQUIRED, ids=lambda value: getattr(value, "name", ""))
def test_every_required_check_has_its_rule_and_severity(target: Target, required: Required) -> None:
    severities = {rule.id: rule.severity for rule in target.rules}
    missing = [(rule, what) for rule, severity, what in required if severities.get(rule) is not severity]
    assert missing == []


def test_what_must_hold_of_every_file_has_its_rule_and_severity() -> None:
    assert {rule.id: rule.severity for rule in UNIVERSAL_RULES} == {rule: severity for rule, severity, _ in EVERY_FILE}


@pytest.mark.parametrize(("target", "required"), COMPLETE, ids=lambda value: getattr(value, "name", ""))
def test_no_rule_of_an_artpec_chip_or_onnx_runtime_is_without_its_reason_here(
    target: Target, required: Required
) -> None:
    assert {rule.id for rule in target.rules} == {rule for rule, _, _ in required}


@pytest.mark.parametrize("target", [target for target, _ in COMPLETE], ids=lambda target: target.name)
def test_every_rule_says_what_must_hold_where_that_is_from_and_what_to_do(target: Target) -> None:
    for rule in (*target.rules, *UNIVERSAL_RULES):
        assert rule.sentence.endswith("."), rule.id
        assert rule.source, rule.id
        assert rule.advise(target.context).endswith("."), rule.id
    ids = [rule.id for rule in (*target.rules, *UNIVERSAL_RULES)]
    assert len(set(ids)) == len(ids)
