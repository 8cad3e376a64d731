"""Tensors and buffers of a TensorFlow Lite file; see `tflite_file`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.formats import tflite_schema as schema
from dlpuconv.formats.view import TensorView
from dlpuconv.ir import Affine

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.flatbuffer_table import Table

_MOST_AXES = 32  # what numpy can shape; TFLite's kernels stop at 8
_NO_NUMPY_TYPE = frozenset(
    {"string", "resource", "variant", "bfloat16", "int4", "uint4", "int2", "float8_e4m3fn", "float8_e5m2"}
)


class Buffers:
    """The file's data buffers: bytes by number."""

    def __init__(self, root: Table) -> None:
        self._content = root.source.content
        self._tables = root.tables(schema.ModelField.BUFFERS)
        self._external = bool(root.tables(schema.ModelField.EXTERNAL_BUFFERS))

    def __len__(self) -> int:
        return len(self._tables)

    def get(self, number: int) -> memoryview | None:
        """The bytes of a buffer; None where it has none."""
        if not 0 <= number < len(self._tables):
            raise ArtifactError(
                f"the file is damaged: buffer {number} of {len(self._tables)} is referred to", id="artifact-damaged"
            )
        table = self._tables[number]
        offset = table.integer(schema.BufferField.OFFSET, "u64")
        if offset > 1:  # 1 is what writers leave in it before they know
            size = table.integer(schema.BufferField.SIZE, "u64")
            if offset + size > len(self._content):
                raise ArtifactError(
                    f"the file is damaged: buffer {number} lies at bytes {offset} to {offset + size}",
                    id="artifact-damaged",
                )
            return self._content[offset : offset + size]
        raw = table.raw(schema.BufferField.DATA)
        return raw if raw is not None and len(raw) else None


def read_tensor(index: int, table: Table, buffers: Buffers) -> TensorView:
    """One tensor.

    Raises:
        ArtifactError: it is damaged, of an unknown type, or its values are in another file.
    """
    shape = table.integers(schema.TensorField.SHAPE)
    if len(shape) > _MOST_AXES or any(extent < -1 for extent in shape):
        raise ArtifactError(
            f"the file is damaged: tensor {index} has the shape {list(shape[:_MOST_AXES])}", id="artifact-damaged"
        )
    number = table.integer(schema.TensorField.TYPE, "i8")
    if not 0 <= number < len(schema.TENSOR_TYPES):
        raise ArtifactError(
            f"tensor {index} has the type {number}, which the TFLite schema (3c) does not have", id="artifact-damaged"
        )
    if table.integer(schema.TensorField.EXTERNAL_BUFFER, "u32"):
        raise ArtifactError(
            "the file keeps weights in other files, which no camera loads", id="artifact-external-weights"
        )
    dtype = schema.TENSOR_TYPES[number]
    raw = buffers.get(table.integer(schema.TensorField.BUFFER, "u32"))
    dense = table.position(schema.TensorField.SPARSITY) == 0
    return TensorView(
        index=index,
        name=table.text(schema.TensorField.NAME),
        shape=_signature(shape, table.integers(schema.TensorField.SHAPE_SIGNATURE)),
        dtype=dtype,
        quantization=_quantization(index, table.table(schema.TensorField.QUANTIZATION)),
        constant=raw is not None,
        data=_values(index, raw, dtype, shape) if raw is not None and dense else None,
    )


def _signature(shape: tuple[int, ...], signature: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with -1 where the signature says that an extent is dynamic."""
    if len(signature) != len(shape):
        return shape
    return tuple(-1 if dynamic == -1 else extent for extent, dynamic in zip(shape, signature, strict=True))


def _values(index: int, raw: memoryview, dtype: str, shape: tuple[int, ...]) -> npt.NDArray[np.generic] | None:
    if dtype in _NO_NUMPY_TYPE:
        return None
    import numpy as np

    numbers = np.dtype(dtype)
    expected = numbers.itemsize
    for extent in shape:
        expected *= extent
    if expected != len(raw):
        raise ArtifactError(
            f"the file is damaged: tensor {index} is {dtype} {list(shape)} but holds {len(raw)} bytes",
            id="artifact-damaged",
        )
    values: npt.NDArray[np.generic] = np.frombuffer(raw, numbers).reshape(shape)
    return values


def _quantization(index: int, table: Table | None) -> Affine | None:
    if table is None:
        return None
    scale = table.scalars(schema.QuantizationField.SCALE, "f32")
    if not scale:
        return None
    zero_point = table.integers(schema.QuantizationField.ZERO_POINT, "i64") or (0,) * len(scale)
    if len(zero_point) == 1 and len(scale) > 1:
        zero_point *= len(scale)
    if len(zero_point) != len(scale):
        raise ArtifactError(
            f"the file is damaged: tensor {index} has {len(scale)} scales and {len(zero_point)} zero points",
            id="artifact-damaged",
        )
    axis = table.integer(schema.QuantizationField.QUANTIZED_DIMENSION, "i32")
    return Affine(tuple(map(float, scale)), zero_point, axis)
