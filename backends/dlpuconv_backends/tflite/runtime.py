"""`min_runtime_version`: the first TensorFlow Lite that runs a file, as its metadata tells tools and people.

Source: tensorflow/lite/tools/versioning/runtime_version.cc, for what this backend writes; a version that is missing
there as well is missing here, and does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

METADATA_NAME = "min_runtime_version"
_FIELD_BYTES = 16  # runtime_version.cc: the metadata buffer has 16 bytes, zero padded

_FIRST_RUNTIME: dict[str, dict[int, str]] = {
    "ABS": {2: "2.4.0"},
    "ADD": {2: "1.14.0"},
    "ARG_MAX": {1: "1.9.0", 2: "1.14.0"},
    "ARG_MIN": {1: "1.9.0", 2: "1.14.0"},
    "AVERAGE_POOL_2D": {2: "1.14.0"},
    "BATCH_MATMUL": {2: "2.3.0"},
    "BATCH_TO_SPACE_ND": {2: "1.14.0", 3: "2.3.0"},
    "BROADCAST_TO": {2: "2.5.0", 3: "2.5.0"},
    "CAST": {1: "1.5.0"},
    "CONCATENATION": {1: "1.5.0", 2: "1.14.0"},
    "CONV_2D": {3: "1.14.0", 6: "2.9.0"},
    "DEPTHWISE_CONV_2D": {3: "1.14.0"},
    "DEPTH_TO_SPACE": {1: "2.1.0", 2: "2.5.0"},
    "DIV": {1: "1.6.0", 2: "2.3.0"},
    "DYNAMIC_UPDATE_SLICE": {1: "2.9.0"},
    "ELU": {1: "1.14.0"},
    "EQUAL": {1: "1.14.0", 2: "1.14.0"},
    "EXP": {1: "1.7.0"},
    "EXPAND_DIMS": {1: "1.10.0"},
    "FILL": {1: "1.13.0", 3: "2.5.0"},
    "FULLY_CONNECTED": {4: "1.14.0", 5: "2.0.0", 6: "2.1.0"},
    "GATHER": {1: "1.6.0", 2: "1.14.0", 3: "1.15.0", 5: "2.5.0"},
    "GATHER_ND": {1: "1.14.0"},
    "GELU": {2: "2.9.0"},
    "GREATER": {1: "1.14.0", 2: "1.14.0"},
    "GREATER_EQUAL": {1: "1.14.0", 2: "1.14.0"},
    "HARD_SWISH": {1: "1.15.0"},
    "L2_NORMALIZATION": {2: "1.14.0"},
    "LEAKY_RELU": {1: "1.13.1"},
    "LESS": {1: "1.14.0", 2: "1.14.0"},
    "LESS_EQUAL": {1: "1.14.0", 2: "1.14.0"},
    "LOG": {1: "1.14.0"},
    "LOGICAL_AND": {1: "1.11.0"},
    "LOGICAL_NOT": {1: "1.11.0"},
    "LOGICAL_OR": {1: "1.11.0"},
    "LOGISTIC": {2: "1.14.0"},
    "LOG_SOFTMAX": {2: "1.14.0"},
    "MAXIMUM": {1: "1.14.0", 2: "1.14.0", 3: "2.3.0"},
    "MAX_POOL_2D": {2: "1.14.0"},
    "MEAN": {2: "1.14.0"},
    "MINIMUM": {1: "1.14.0", 2: "1.14.0", 3: "2.3.0"},
    "MIRROR_PAD": {2: "2.3.0"},
    "MUL": {2: "1.14.0", 3: "1.15.0"},
    "NOT_EQUAL": {1: "1.14.0", 2: "1.14.0"},
    "ONE_HOT": {1: "1.11.0"},
    "PACK": {2: "1.14.0"},
    "PAD": {2: "1.14.0", 4: "2.6.0"},
    "PADV2": {2: "1.14.0", 4: "2.6.0"},
    "PRELU": {1: "1.8.0"},
    "QUANTIZE": {1: "1.14.0"},
    "REDUCE_ALL": {1: "2.6.0"},
    "REDUCE_ANY": {1: "1.11.0"},
    "REDUCE_MAX": {2: "1.14.0"},
    "REDUCE_MIN": {2: "1.14.0"},
    "RELU": {2: "2.1.0"},
    "RELU6": {2: "1.14.0"},
    "RELU_0_TO_1": {1: "2.10.0"},
    "RELU_N1_TO_1": {1: "1.5.0"},
    "RESHAPE": {1: "1.5.0"},
    "RESIZE_BILINEAR": {2: "1.14.0", 3: "2.2.0"},
    "RESIZE_NEAREST_NEIGHBOR": {2: "1.14.0", 3: "2.3.0"},
    "REVERSE_V2": {1: "1.14.0", 3: "2.5.0"},
    "RSQRT": {2: "2.5.0"},
    "SELECT": {1: "1.14.0"},
    "SELECT_V2": {1: "2.2.0"},
    "SLICE": {1: "1.14.0", 2: "1.14.0", 5: "2.5.0"},
    "SOFTMAX": {2: "1.14.0"},
    "SPACE_TO_BATCH_ND": {2: "1.14.0", 3: "2.3.0"},
    "SPACE_TO_DEPTH": {2: "1.14.0"},
    "SPLIT": {2: "1.14.0"},
    "SPLIT_V": {1: "1.13.1", 2: "2.3.0"},
    "SQRT": {1: "1.10.0"},
    "SQUARED_DIFFERENCE": {2: "2.5.0"},
    "SQUEEZE": {1: "1.6.0"},
    "STRIDED_SLICE": {1: "1.6.0", 2: "1.14.0", 4: "2.2.0", 6: "2.6.0"},
    "SUB": {2: "1.14.0", 3: "2.3.0"},
    "SUM": {2: "1.15.0"},
    "TANH": {2: "1.14.0"},
    "TILE": {1: "1.10.1", 3: "2.8.0"},
    "TOPK_V2": {2: "1.14.0"},
    "TRANSPOSE": {1: "1.6.0", 2: "1.14.0", 3: "1.15.0", 4: "2.3.0"},
    "TRANSPOSE_CONV": {2: "2.2.0", 3: "2.3.0"},
    "UNPACK": {1: "1.11.0", 2: "1.14.0"},
}


def min_runtime_version(versions: Iterable[tuple[str, int]]) -> str:
    """The first runtime that has all these builtins, such as `2.3.0`.

    Args:
        versions: builtin and version of every operator.
    """
    known = [_FIRST_RUNTIME.get(kind, {}).get(version, "1.5.0") for kind, version in versions]
    return max(known, key=lambda text: tuple(map(int, text.split("."))), default="1.5.0")


def metadata(version: str) -> bytes:
    """The metadata buffer that TensorFlow's own converter writes."""
    return version.encode("ascii").ljust(_FIELD_BYTES, b"\0")
