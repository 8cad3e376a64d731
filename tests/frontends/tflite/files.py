"""TFLite files of a few float operators, and what they compute in LiteRT and, imported, in ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.frontends import SourceOptions, load
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.verification.tflite_models import options, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.ir import Model


def real(name: str, *shape: int, seed: int = 0) -> Tensor:
    """Float constants."""
    return Tensor.constant(name, np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def behind_convolution(operator: Operator) -> list[Operator]:
    """The operator with a 1 x 1 convolution in front of its first input, whose value is at home channels first."""
    x = next(tensor for tensor in operator.inputs if tensor is not None and not tensor.is_constant)
    made = plain("made", x.shape)
    channels = x.shape[-1]
    chosen = options("Conv2D", strideH=1, strideW=1)
    layer = Operator("CONV_2D", [x, real("k", channels, 1, 1, channels), real("b", channels)], [made], chosen)
    operator.inputs = [made if t is x else t for t in operator.inputs]
    return [layer, operator]


def imported(content: bytes, **given: Any) -> Model:
    """The model that is made of a file."""
    return load(content, SourceOptions(**given))


def both(content: bytes) -> tuple[Sequence[npt.NDArray[Any]], Sequence[npt.NDArray[Any]]]:
    """Outputs of a file in LiteRT, and of its import in ONNX Runtime, on the same numbers."""
    model, view = imported(content), parse_tflite(content)
    rng = np.random.default_rng(1)
    feeds = [_numbers(rng, view.tensors[index].dtype, view.tensors[index].shape) for index in view.inputs]
    file = LiteRtRunner(content)
    expected = file.run(dict(zip(file.inputs, feeds, strict=True)))
    assert model.original is not None
    graph = OrtRunner(model.split(), optimize=False)
    got = graph.run(dict(zip(model.original.inputs, feeds, strict=True)))
    return list(expected.values()), list(got.values())


def _numbers(rng: np.random.Generator, dtype: str, shape: Sequence[int]) -> npt.NDArray[Any]:
    if dtype == "float32":
        return rng.standard_normal(shape).astype(np.float32)
    return rng.integers(0, 2 if dtype == "bool" else 3, shape).astype(dtype)
