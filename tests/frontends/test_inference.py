"""Types and shapes of what each operator makes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.backend.test
import pytest

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.inference import infer
from dlpuconv.frontends.operators import screen_operators
from tests.frontends.support import chain, node, read

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_VALUE = {"Compress", "MaxUnpool", "NonMaxSuppression", "NonZero", "Range", "Unique"}
"""Operators of which the shape may be known only when the model runs."""

WINDOWS = {"BlackmanWindow", "ConstantOfShape", "HammingWindow", "HannWindow", "MelWeightMatrix"}
"""Operators that make values of nothing but sizes, which are constants."""


def single_operators() -> Iterator[tuple[str, onnx.ModelProto]]:
    """ONNX's own examples of one operator on tensors, all inputs but the first constant, its outputs not declared."""
    for folder in sorted((Path(onnx.backend.test.__file__).parent / "data" / "node").iterdir()):
        model = onnx.load(folder / "model.onnx")
        values = [*model.graph.input, *model.graph.output]
        tensors = all(value.type.HasField("tensor_type") for value in values)
        if len(model.graph.node) > 1 or any(imported.domain for imported in model.opset_import) or not tensors:
            continue
        first = 0 if model.graph.node[0].op_type in WINDOWS else 1
        for index, value in enumerate(list(model.graph.input)[first:], first):
            tensor = onnx.TensorProto.FromString((folder / "test_data_set_0" / f"input_{index}.pb").read_bytes())
            tensor.name = value.name
            model.graph.initializer.append(tensor)
        model.ir_version = max(model.ir_version, 4)  # from here on, a constant need not be an input
        del model.graph.input[first:], model.graph.output[:]
        yield folder.name, model


@pytest.mark.slow
def test_every_operator_that_can_be_converted_is_typed() -> None:
    untyped = []
    for name, model in single_operators():
        try:
            screen_operators(model)
        except UnsupportedModelError:
            continue
        if model.graph.node[0].op_type not in BY_VALUE and not infer(model).is_complete(model.graph):
            untyped.append(name)
    assert untyped == [], ", ".join(untyped)


def test_a_group_normalization_of_opset_21_is_of_its_inputs_shape() -> None:
    proto = chain(
        node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=2),
        weights={"s": np.ones(4, np.float32), "b": np.zeros(4, np.float32)},
        opset=21,
        shape=(1, 4, 6, 6),
    )
    assert read(proto).signature.outputs[0].shape == (1, 4, 6, 6)
