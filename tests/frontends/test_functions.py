"""Local functions and branches whose condition is constant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import helper
from packaging.version import Version

from tests.error_ids import raises_error, refused_by
from tests.frontends.support import Shape, chain, node, operators, read, run

if TYPE_CHECKING:
    from collections.abc import Sequence

MINE = {"mine": 1}


def function(name: str, *nodes: onnx.NodeProto, opset: int = 17) -> onnx.FunctionProto:
    """A function of the domain `mine` from a to b."""
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("mine", 1)]
    return helper.make_function("mine", name, ["a"], ["b"], list(nodes), imports)


def swish(opset: int = 17) -> onnx.FunctionProto:
    return function("Swish", node("Sigmoid", ["a"], ["s"]), node("Mul", ["a", "s"], ["b"]), opset=opset)


def calls(*names: str) -> list[onnx.NodeProto]:
    values = ["x", *(f"v{i}" for i in range(len(names) - 1)), "y"]
    return [node(name, [values[i]], [values[i + 1]], domain="mine") for i, name in enumerate(names)]


@pytest.mark.parametrize("opset", [17, 13])
def test_a_function_is_inlined_wherever_it_is_called(opset: int) -> None:
    proto = chain(*calls("Swish", "Swish"), functions=[swish(opset)], domains=MINE)
    model = read(proto)
    assert operators(model) == ["Sigmoid", "Mul", "Sigmoid", "Mul"]
    np.testing.assert_allclose(run(model)[0], run(proto.SerializeToString())[0], rtol=1e-6)


def test_a_function_of_functions_is_inlined() -> None:
    outer = function("Outer", node("Swish", ["a"], ["m"], domain="mine"), node("Neg", ["m"], ["b"]))
    assert operators(read(chain(*calls("Outer"), functions=[outer, swish()], domains=MINE))) == [
        "Sigmoid",
        "Mul",
        "Neg",
    ]


def test_a_function_that_nobody_calls_is_dropped() -> None:
    model = read(chain(node("Relu", ["x"], ["y"]), functions=[swish()], domains=MINE))
    assert not model.graph.functions


def test_a_function_that_calls_itself_is_refused() -> None:
    circle = [function("A", *_call("B")), function("B", *_call("A"))]
    with raises_error("function-recursive", "'A'"):
        read(chain(*calls("A"), functions=circle, domains=MINE))


def test_functions_that_double_forty_times_are_refused_before_they_grow() -> None:
    doubling = [function("L0", node("Neg", ["a"], ["b"]))]
    doubling += [function(f"L{i}", *_call(f"L{i - 1}", "a", "m"), *_call(f"L{i - 1}", "m", "b")) for i in range(1, 40)]
    with raises_error("model-too-large", "50000"):
        read(chain(*calls("L39"), functions=doubling, domains=MINE))


def test_a_function_that_reads_what_nothing_makes_is_refused() -> None:
    broken = function("Broken", node("Add", ["a", "zz"], ["b"], name="add"))
    with raises_error("graph-inconsistent", "'Broken'", "Add 'add'", "'zz'"):
        read(chain(*calls("Broken"), functions=[broken], domains=MINE))


def test_an_unknown_operator_inside_a_function_is_named() -> None:
    odd = function("Odd", node("Reluu", ["a"], ["b"], name="inner"))
    with raises_error("operator-unknown", "Reluu 'inner'"):
        read(chain(*calls("Odd"), functions=[odd], domains=MINE))


def branch(name: str, *nodes: onnx.NodeProto, result: str = "b", weights: Sequence[Any] = ()) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), name, [], [helper.make_tensor_value_info(result, 1, None)], list(weights))


def squeezing(shape: Shape) -> onnx.ModelProto:
    """As exporters write squeeze(1) of an unknown extent: If(shape[1] == 1) Squeeze else Identity, then Neg."""
    then = branch("then", node("Squeeze", ["x", "one"], ["b"]))
    other = branch("else", node("Identity", ["x"], ["b"]))
    return chain(
        node("Shape", ["x"], ["sh"]),
        node("Gather", ["sh", "one"], ["extent"]),
        node("Equal", ["extent", "one"], ["condition"]),
        node("If", ["condition"], ["z"], name="if", then_branch=then, else_branch=other),
        node("Neg", ["z"], ["y"]),
        shape=shape,
        weights={"one": np.array([1])},
    )


@pytest.mark.parametrize(("shape", "found"), [((1, 1, 4), (1, 4)), ((1, 3, 4), (1, 3, 4))])
def test_a_branch_on_a_shape_is_taken(shape: tuple[int, ...], found: tuple[int, ...]) -> None:
    model = read(squeezing(shape))
    assert "If" not in operators(model)
    assert model.signature.outputs[0].shape == found
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    np.testing.assert_array_equal(run(model, x=x)[0], -x.reshape(found))


def test_branches_within_branches_and_their_own_constants_are_taken() -> None:
    two = onnx.numpy_helper.from_array(np.array(2.0, np.float32), "k")
    inner = node("If", ["no"], ["b"], then_branch=branch("t2", node("Neg", ["x"], ["b"])),
                 else_branch=branch("e2", node("Mul", ["x", "k"], ["b"]), weights=[two]))  # fmt: skip
    other = branch("else", node("Abs", ["x"], ["b"]))
    proto = chain(
        node("If", ["yes"], ["z"], then_branch=branch("then", inner), else_branch=other),
        node("Relu", ["z"], ["y"]),
        weights={"yes": np.array(True), "no": np.array(False)},
    )
    x = np.array([[-1.0, 1.0, 2.0, -3.0]], np.float32)
    np.testing.assert_array_equal(run(read(proto), x=x)[0], [[0.0, 2.0, 4.0, 0.0]])


def test_a_branch_on_the_input_is_control_flow_and_tells_what_it_makes() -> None:
    then, other = branch("t", node("Relu", ["r"], ["b"])), branch("e", node("Neg", ["r"], ["b"]))
    proto = chain(
        node("Exp", ["x"], ["r"]),
        node("ReduceMax", ["x"], ["m"], keepdims=0),
        node("Greater", ["m", "zero"], ["condition"]),
        node("If", ["condition"], ["y"], name="if", then_branch=then, else_branch=other),
        weights={"zero": np.array(0, np.float32)},
    )
    with raises_error("operator-control-flow", "If 'if'") as caught:
        read(proto)
    assert refused_by(caught) == ("y",)


def _call(name: str, start: str = "a", end: str = "b") -> list[onnx.NodeProto]:
    return [node(name, [start], [end], domain="mine")]


@pytest.mark.skipif(Version(onnx.__version__) >= Version("1.23"), reason="from 1.23 on, ONNX survives it")
def test_a_function_that_ends_onnxs_own_inference_is_one_sentence() -> None:
    """This inference divides by strides that it reads from beyond the end of a shape of one axis."""
    weight = node("Constant", [], ["w"], value=helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], [1.0]))
    transposed = function("T", weight, node("ConvTranspose", ["a", "w"], ["b"]), opset=16)
    with raises_error("function-not-inlined", "killed"):
        read(chain(*calls("T"), functions=[transposed], domains=MINE, shape=(1, 1, 4, 4)))


def test_a_function_whose_operators_cannot_be_converted_to_the_models_is_refused() -> None:
    double = function("D", node("Add", ["a", "a"], ["b"]))
    double.opset_import[1].version = -(2**63)
    with raises_error("function-not-inlined", "'D'"):
        read(chain(*calls("D", "D"), functions=[double], domains=MINE))


def test_an_attribute_of_a_function_means_nothing_outside_of_one() -> None:
    pool = node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2])
    pool.attribute.add(name="pads", ref_attr_name="p", type=onnx.AttributeProto.INTS)
    with raises_error("attribute-invalid", "pads"):
        read(chain(pool, shape=(1, 3, 8, 8)))
