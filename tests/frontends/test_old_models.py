"""Opset 7 onwards, and weights that old files list as inputs."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from tests.frontends.support import build, chain, conv, node, operators, read, run, value


def old() -> onnx.ModelProto:
    """Conv, BatchNormalization, Upsample, Dropout and Reshape as of opset 7, IR version 3."""
    rng = np.random.default_rng(0)
    weights = {"w": rng.standard_normal((4, 3, 1, 1)).astype(np.float32), "s": np.array([0, -1])}
    weights |= {name: rng.uniform(0.5, 1.5, 4).astype(np.float32) for name in ("g", "b", "m", "v")}
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("BatchNormalization", ["c", "g", "b", "m", "v"], ["n"]),
        node("Upsample", ["n"], ["u"], scales=[1.0, 1.0, 2.0, 2.0], mode="nearest"),
        node("Dropout", ["u"], ["d"], ratio=0.5),
        node("Reshape", ["d", "s"], ["y"]),
    ]
    inputs = [value("x", (1, 3, 4, 4))]
    inputs += [value(name, array.shape, 7 if name == "s" else 1) for name, array in weights.items()]
    return build(nodes, inputs, [value("y", None)], weights, opset=7, ir=3)


def test_opset_seven_is_read_as_it_is() -> None:
    model = read(old())
    assert model.opset == 7
    assert operators(model) == ["Conv", "BatchNormalization", "Upsample", "Dropout", "Reshape"]
    assert model.signature.outputs[0].shape == (1, 4 * 8 * 8)


def test_weights_that_are_listed_as_inputs_are_no_inputs() -> None:
    assert [v.name for v in read(old()).signature.inputs] == ["x"]


def test_an_old_model_computes_what_it_did() -> None:
    proto = old()
    x = np.random.default_rng(1).standard_normal((1, 3, 4, 4)).astype(np.float32)
    del proto.graph.input[1:]
    proto.ir_version = 8
    np.testing.assert_allclose(run(read(old()), x=x)[0], run(proto.SerializeToString(), x=x)[0], rtol=1e-6)


@pytest.mark.parametrize("opset", range(7, onnx.defs.onnx_opset_version() + 1))
def test_every_opset_is_read(opset: int) -> None:
    proto = conv()
    proto.opset_import[0].version = opset
    assert read(proto).opset == opset


def test_every_form_of_constant_becomes_an_initializer() -> None:
    nodes = [
        node("Constant", [], ["a"], value=onnx.numpy_helper.from_array(np.array([1.0, 2, 3, 4], np.float32))),
        node("Constant", [], ["b"], value_float=0.5),
        node("Constant", [], ["c"], value_floats=[1.0, 1.0, 2.0, 2.0]),
        node("Constant", [], ["s"], value_ints=[2, 2]),
        node("Add", ["x", "a"], ["p"]),
        node("Mul", ["p", "b"], ["q"]),
        node("Sub", ["q", "c"], ["r"]),
        node("Reshape", ["r", "s"], ["y"]),
    ]
    model = read(chain(*nodes))
    assert operators(model) == ["Add", "Mul", "Sub", "Reshape"]
    got = run(model, x=np.zeros((1, 4), np.float32))[0]
    np.testing.assert_array_equal(got, [[-0.5, 0.0], [-0.5, 0.0]])


@pytest.mark.parametrize("opset", [11, 12, 13, 17])
def test_shape_arithmetic_is_followed_in_the_form_of_every_opset(opset: int) -> None:
    """Reshape(x, [Shape(x)[0], Shape(x)[1] * Shape(x)[2]]), as older exporters flatten: Unsqueeze changed with 13."""

    def unsqueezed(name: str, result: str) -> onnx.NodeProto:
        return (
            node("Unsqueeze", [name], [result], axes=[0]) if opset < 13 else node("Unsqueeze", [name, "zero"], [result])
        )

    nodes = [node("Shape", ["x"], ["s"])]
    nodes += [node("Gather", ["s", f"i{axis}"], [f"d{axis}"], axis=0) for axis in range(3)]
    nodes += [node("Mul", ["d1", "d2"], ["m"]), unsqueezed("d0", "u0"), unsqueezed("m", "u1")]
    nodes += [node("Concat", ["u0", "u1"], ["t"], axis=0), node("Reshape", ["x", "t"], ["y"])]
    indices = {f"i{axis}": np.asarray(axis) for axis in range(3)} | {"zero": np.asarray([0])}
    model = read(build(nodes, [value("x", (1, 3, 4))], [value("y", None)], indices, opset=opset))
    assert model.signature.outputs[0].shape == (1, 12)
