"""The TFLite schema as data: what `schema.fbs` (version 3c) numbers, for a reader that shares no code with a writer.

Field numbers are those of the schema's declarations (a union counts twice: its type, then its value).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

IDENTIFIER = b"TFL3"
CUSTOM = "CUSTOM"
DELEGATE = "DELEGATE"

_OPERATORS = """
ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE EMBEDDING_LOOKUP FLOOR
FULLY_CONNECTED HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOGISTIC
LSH_PROJECTION LSTM MAX_POOL_2D MUL RELU RELU_N1_TO_1 RELU6 RESHAPE RESIZE_BILINEAR RNN SOFTMAX
SPACE_TO_DEPTH SVDF TANH CONCAT_EMBEDDINGS SKIP_GRAM CALL CUSTOM EMBEDDING_LOOKUP_SPARSE PAD
UNIDIRECTIONAL_SEQUENCE_RNN GATHER BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND TRANSPOSE MEAN SUB DIV SQUEEZE
UNIDIRECTIONAL_SEQUENCE_LSTM STRIDED_SLICE BIDIRECTIONAL_SEQUENCE_RNN EXP TOPK_V2 SPLIT LOG_SOFTMAX DELEGATE
BIDIRECTIONAL_SEQUENCE_LSTM CAST PRELU MAXIMUM ARG_MAX MINIMUM LESS NEG PADV2 GREATER GREATER_EQUAL
LESS_EQUAL SELECT SLICE SIN TRANSPOSE_CONV SPARSE_TO_DENSE TILE EXPAND_DIMS EQUAL NOT_EQUAL LOG SUM SQRT
RSQRT SHAPE POW ARG_MIN FAKE_QUANT REDUCE_PROD REDUCE_MAX PACK LOGICAL_OR ONE_HOT LOGICAL_AND LOGICAL_NOT
UNPACK REDUCE_MIN FLOOR_DIV REDUCE_ANY SQUARE ZEROS_LIKE FILL FLOOR_MOD RANGE RESIZE_NEAREST_NEIGHBOR
LEAKY_RELU SQUARED_DIFFERENCE MIRROR_PAD ABS SPLIT_V UNIQUE CEIL REVERSE_V2 ADD_N GATHER_ND COS WHERE RANK
ELU REVERSE_SEQUENCE MATRIX_DIAG QUANTIZE MATRIX_SET_DIAG ROUND HARD_SWISH IF WHILE NON_MAX_SUPPRESSION_V4
NON_MAX_SUPPRESSION_V5 SCATTER_ND SELECT_V2 DENSIFY SEGMENT_SUM BATCH_MATMUL
PLACEHOLDER_FOR_GREATER_OP_CODES CUMSUM CALL_ONCE BROADCAST_TO RFFT2D CONV_3D IMAG REAL COMPLEX_ABS
HASHTABLE HASHTABLE_FIND HASHTABLE_IMPORT HASHTABLE_SIZE REDUCE_ALL CONV_3D_TRANSPOSE VAR_HANDLE
READ_VARIABLE ASSIGN_VARIABLE BROADCAST_ARGS RANDOM_STANDARD_NORMAL BUCKETIZE RANDOM_UNIFORM MULTINOMIAL
GELU DYNAMIC_UPDATE_SLICE RELU_0_TO_1 UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_SUM ATAN2
UNSORTED_SEGMENT_MIN SIGN BITCAST BITWISE_XOR RIGHT_SHIFT STABLEHLO_LOGISTIC STABLEHLO_ADD STABLEHLO_DIVIDE
STABLEHLO_MULTIPLY STABLEHLO_MAXIMUM STABLEHLO_RESHAPE STABLEHLO_CLAMP STABLEHLO_CONCATENATE
STABLEHLO_BROADCAST_IN_DIM STABLEHLO_CONVOLUTION STABLEHLO_SLICE STABLEHLO_CUSTOM_CALL STABLEHLO_REDUCE
STABLEHLO_ABS STABLEHLO_AND STABLEHLO_COSINE STABLEHLO_EXPONENTIAL STABLEHLO_FLOOR STABLEHLO_LOG
STABLEHLO_MINIMUM STABLEHLO_NEGATE STABLEHLO_OR STABLEHLO_POWER STABLEHLO_REMAINDER STABLEHLO_RSQRT
STABLEHLO_SELECT STABLEHLO_SUBTRACT STABLEHLO_TANH STABLEHLO_SCATTER STABLEHLO_COMPARE STABLEHLO_CONVERT
STABLEHLO_DYNAMIC_SLICE STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_IOTA STABLEHLO_DOT_GENERAL
STABLEHLO_REDUCE_WINDOW STABLEHLO_SORT STABLEHLO_WHILE STABLEHLO_GATHER STABLEHLO_TRANSPOSE DILATE
STABLEHLO_RNG_BIT_GENERATOR REDUCE_WINDOW STABLEHLO_COMPOSITE STABLEHLO_SHIFT_LEFT STABLEHLO_CBRT
STABLEHLO_CASE
"""
OPERATORS: tuple[str, ...] = tuple(_OPERATORS.split())
"""Builtin operators by code."""

TENSOR_TYPES: tuple[str, ...] = (
    "float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16", "int2", "uint4",
    "float8_e4m3fn", "float8_e5m2",  # of 2026: no camera has them, but a reader knows what they are
)  # fmt: skip
"""Tensor types by number."""

ENUMS: dict[str, tuple[str, ...]] = {
    "padding": ("SAME", "VALID"),
    "activation": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT"),
    "mirror": ("REFLECT", "SYMMETRIC"),
    "weights": ("DEFAULT", "SHUFFLED4x16INT8"),
    "lstm": ("FULL", "BASIC"),
    "type": TENSOR_TYPES,
}
"""Names of the enumerations that options use; each is one byte in the file."""

# Number in the BuiltinOptions union, then `field:name:type[=default]`.
# Options without fields, and those of ops that no 8-bit file holds, are left out.
_OPTIONS = """
1 0:padding:padding 1:stride_w:i32 2:stride_h:i32 3:fused_activation_function:activation 4:dilation_w_factor:i32=1
 5:dilation_h_factor:i32=1 6:quantized_bias_type:type
2 0:padding:padding 1:stride_w:i32 2:stride_h:i32 3:depth_multiplier:i32 4:fused_activation_function:activation
 5:dilation_w_factor:i32=1 6:dilation_h_factor:i32=1
5 0:padding:padding 1:stride_w:i32 2:stride_h:i32 3:filter_width:i32 4:filter_height:i32
 5:fused_activation_function:activation
6 0:rank:i32 1:fused_activation_function:activation 2:asymmetric_quantize_inputs:bool
7 0:fused_activation_function:activation 1:asymmetric_quantize_inputs:bool
8 0:fused_activation_function:activation 1:weights_format:weights 2:keep_num_dims:bool
 3:asymmetric_quantize_inputs:bool 4:quantized_bias_type:type
9 0:beta:f32
10 0:axis:i32 1:fused_activation_function:activation
11 0:fused_activation_function:activation 1:pot_scale_int16:bool=1
12 0:fused_activation_function:activation
13 0:radius:i32 1:bias:f32 2:alpha:f32 3:beta:f32
14 0:fused_activation_function:activation 1:cell_clip:f32 2:proj_clip:f32 3:kernel_type:lstm
 4:asymmetric_quantize_inputs:bool
15 2:align_corners:bool 3:half_pixel_centers:bool
16 0:subgraph:u32
17 0:new_shape:i32[]
19 0:block_size:i32
21 0:fused_activation_function:activation
23 0:axis:i32 1:batch_dims:i32
27 0:keep_dims:bool
28 0:fused_activation_function:activation 1:pot_scale_int16:bool=1
29 0:fused_activation_function:activation
30 0:squeeze_dims:i32[]
31 0:time_major:bool 1:fused_activation_function:activation 2:asymmetric_quantize_inputs:bool
32 0:begin_mask:i32 1:end_mask:i32 2:ellipsis_mask:i32 3:new_axis_mask:i32 4:shrink_axis_mask:i32 5:offset:bool
35 0:num_splits:i32
37 0:in_data_type:type 1:out_data_type:type
40 0:output_type:type
49 0:padding:padding 1:stride_w:i32 2:stride_h:i32 3:fused_activation_function:activation 4:quantized_bias_type:type
50 0:validate_indices:bool
55 0:out_type:type
57 0:output_type:type
58 0:min:f32 1:max:f32 2:num_bits:i32 3:narrow_range:bool
59 0:values_count:i32 1:axis:i32
61 0:axis:i32
64 0:num:i32 1:axis:i32
69 0:fused_activation_function:activation 1:cell_clip:f32 2:proj_clip:f32 3:merge_outputs:bool 4:time_major:bool=1
 5:asymmetric_quantize_inputs:bool
70 0:time_major:bool 1:fused_activation_function:activation 2:merge_outputs:bool 3:asymmetric_quantize_inputs:bool
71 0:fused_activation_function:activation 1:cell_clip:f32 2:proj_clip:f32 3:time_major:bool
 4:asymmetric_quantize_inputs:bool 5:diagonal_recurrent_tensors:bool
74 0:align_corners:bool 1:half_pixel_centers:bool
75 0:alpha:f32
77 0:mode:mirror
79 0:num_splits:i32
80 0:idx_out_type:type=2
87 0:seq_dim:i32 1:batch_dim:i32
92 0:then_subgraph_index:i32 1:else_subgraph_index:i32
93 0:cond_subgraph_index:i32 1:body_subgraph_index:i32
94 0:block_size:i32
101 0:adj_x:bool 1:adj_y:bool 2:asymmetric_quantize_inputs:bool
102 0:exclusive:bool 1:reverse:bool
106 0:padding:padding 1:stride_d:i32 2:stride_w:i32 3:stride_h:i32 4:fused_activation_function:activation
 5:dilation_d_factor:i32=1 6:dilation_w_factor:i32=1 7:dilation_h_factor:i32=1
116 0:approximate:bool
"""


@dataclass(frozen=True, slots=True)
class OptionField:
    """One field of an operator's options: `kind` is a scalar type, an enumeration's name, or `i32[]`."""

    number: int
    name: str
    kind: str
    default: int


@cache
def option_fields() -> dict[int, tuple[OptionField, ...]]:
    """The fields of each table of the BuiltinOptions union, by its number there."""
    fields: dict[int, tuple[OptionField, ...]] = {}
    for line in _OPTIONS.replace("\n ", " ").split("\n"):
        if line:
            number, *texts = line.split()
            fields[int(number)] = tuple(map(_option_field, texts))
    return fields


def _option_field(text: str) -> OptionField:
    number, name, kind = text.split(":")
    kind, _, default = kind.partition("=")
    return OptionField(int(number), name, kind, int(default or 0))


class ModelField(IntEnum):
    """Fields of the root table."""

    VERSION = 0
    OPERATOR_CODES = 1
    SUBGRAPHS = 2
    DESCRIPTION = 3
    BUFFERS = 4
    METADATA = 6
    EXTERNAL_BUFFERS = 9


class CodeField(IntEnum):
    """Fields of an operator code; codes above 127 are only in the wider, newer field."""

    DEPRECATED_BUILTIN_CODE = 0
    CUSTOM_CODE = 1
    VERSION = 2
    BUILTIN_CODE = 3


class GraphField(IntEnum):
    """Fields of a subgraph."""

    TENSORS = 0
    INPUTS = 1
    OUTPUTS = 2
    OPERATORS = 3
    NAME = 4


class TensorField(IntEnum):
    """Fields of a tensor."""

    SHAPE = 0
    TYPE = 1
    BUFFER = 2
    NAME = 3
    QUANTIZATION = 4
    SPARSITY = 6
    SHAPE_SIGNATURE = 7
    EXTERNAL_BUFFER = 10


class QuantizationField(IntEnum):
    """Fields of quantization parameters."""

    SCALE = 2
    ZERO_POINT = 3
    QUANTIZED_DIMENSION = 6


class OperatorField(IntEnum):
    """Fields of an operator."""

    OPCODE_INDEX = 0
    INPUTS = 1
    OUTPUTS = 2
    OPTIONS_TYPE = 3
    OPTIONS = 4


class BufferField(IntEnum):
    """Fields of a buffer; offset and size point behind the flatbuffer, in files above 2 GiB."""

    DATA = 0
    OFFSET = 1
    SIZE = 2


class MetadataField(IntEnum):
    """Fields of a metadata entry."""

    NAME = 0
    BUFFER = 1
