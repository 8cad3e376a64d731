"""Which inputs have no batch on their first axis: states of recurrent networks, pictures, tables beside a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.error_ids import raises_error
from tests.frontends.support import build, chain, node, operators, read, run, value

if TYPE_CHECKING:
    import onnx

    from dlpuconv.ir import Model


def shapes(model: Model) -> dict[str, tuple[int, ...]]:
    return {spec.name: spec.shape for spec in model.signature.inputs}


def picture(*shape: int | str) -> onnx.ModelProto:
    """x -> (x - 0.5) / 0.25 -> with a batch -> Relu, as torchvision's detectors begin."""
    nodes = [
        node("Sub", ["x", "half"], ["a"]),
        node("Div", ["a", "quarter"], ["b"]),
        node("Unsqueeze", ["b", "zero"], ["u"]),
        node("Relu", ["u"], ["y"]),
    ]
    arrays = {"half": np.float32(0.5), "quarter": np.float32(0.25), "zero": np.array([0])}
    return chain(*nodes, shape=shape, weights=arrays)


def test_a_recurrent_state_is_taken_as_it_is() -> None:
    proto = chain(node("Squeeze", ["x", "axis"], ["y"]), shape=(2, 1, 128), weights={"axis": np.array([1])})
    assert shapes(read(proto)) == {"x": (2, 1, 128)}


@pytest.mark.parametrize("batch", ["batch", "batch_size", "N"])
def test_the_batch_of_a_recurrent_state_lies_behind_its_layers(batch: str) -> None:
    proto = chain(node("Squeeze", ["x", "axis"], ["y"]), shape=(2, batch, 128), weights={"axis": np.array([1])})
    assert shapes(read(proto)) == {"x": (2, 1, 128)}


@pytest.mark.parametrize("state", [(2, 1, 8), (6, 3, 8), (4, 8), (2, 6, 5, 7)])
def test_beside_an_input_with_a_batch_of_one_another_first_extent_is_none(state: tuple[int, ...]) -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Relu", ["state"], ["z"])]
    proto = build(nodes, [value("x", ("N", 512)), value("state", state)], [value("y", None), value("z", None)])
    assert shapes(read(proto)) == {"x": (1, 512), "state": state}


def test_pictures_beside_a_batch_of_one_are_still_a_batch() -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Relu", ["frames"], ["z"])]
    inputs = [value("x", (1, 512)), value("frames", (8, 3, 16, 16))]
    with raises_error("shape-batch-fixed", "'frames'", "batch 8"):
        read(build(nodes, inputs, [value("y", None), value("z", None)]))


@pytest.mark.parametrize("shape", [(3, 16, 24), (16, 24, 3), (4, 16, 24)])
def test_a_picture_without_a_batch_gets_one_and_the_model_computes_the_same(shape: tuple[int, int, int]) -> None:
    model = read(picture(*shape))
    assert shapes(model) == {"x": (1, *shape)}
    assert model.signature.inputs[0].is_image
    x = np.random.default_rng(0).random(shape, np.float32)
    (found,) = run(model, x=x[None])
    np.testing.assert_allclose(found, np.maximum((x - 0.5) / 0.25, 0)[None], rtol=1e-6)


def test_the_size_of_a_picture_without_a_batch_is_asked_for_and_given_in_its_own_axes() -> None:
    with raises_error("shape-unknown", "--input-shape x=3,H,W"):
        read(picture(3, "height", "width"))
    assert shapes(read(picture(3, "height", "width"), x=(3, 16, 24))) == {"x": (1, 3, 16, 24)}


@pytest.mark.parametrize(
    ("first", "arrays"),
    [
        (node("Conv", ["x", "w"], ["y"]), {"w": np.ones((2, 16, 3), np.float32)}),
        (node("MatMul", ["x", "w"], ["y"]), {"w": np.ones((24, 2), np.float32)}),
    ],
)
def test_signals_that_a_layer_takes_in_batches_are_no_picture(first: Any, arrays: Any) -> None:
    with raises_error("shape-batch-fixed", "batch 3"):
        read(chain(first, shape=(3, 16, 24), weights=arrays))


def test_what_is_asked_for_by_name_gets_no_batch_where_it_is_no_picture() -> None:
    model = read(chain(node("Relu", ["x"], ["y"]), shape=("N", 2, 3)), x=(5, 2, 3))
    assert shapes(model) == {"x": (5, 2, 3)}
    assert operators(model) == ["Relu"]
