"""Kinds of ONNX operators that converters, passes and chips treat alike."""

from __future__ import annotations

from typing import Final

ONNX_WEIGHTED = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))
"""Operators with trained weights, which are the first constant that they read."""

CONTROL_FLOW: Final = frozenset(("If", "Loop", "Scan", "SequenceMap"))
"""Operators that run other graphs."""

QUANTIZATION: Final = frozenset(
    (
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
        "MatMulInteger",
    )
)  # fmt: skip
"""Operators that a quantizer puts in: a graph with one of them states scales of its own."""

SEQUENCES: Final = frozenset(
    (
        "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength",
        "SplitToSequence", "ConcatFromSequence",
    )
)  # fmt: skip
"""Operators on lists of tensors."""

RANDOM: Final = frozenset(
    ("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli")
)
"""Operators that give something else each time."""
