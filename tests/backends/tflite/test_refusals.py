from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.source_names import SourceNames, SourceNode
from dlpuconv.network import Range
from dlpuconv.quantization.refusals import refuse_too_wide, refuse_undefined
from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.refusals import refuse_unsupported
from tests.backends.tflite.models import Arrays, activation, constant, graph_of, quantized, run_quantized
from tests.error_ids import raises_error, refused_by


def unary(kind: str, x: object, name: str) -> Operator:
    return Operator(kind, [x], [activation(name, 1, 8)], None, f"/{name}")  # type: ignore[list-item]


def test_all_operators_without_an_integer_form_are_listed_with_their_onnx_names_and_what_they_make() -> None:
    x = activation("x", 1, 8)
    a = unary("RELU", x, "features")
    b, c = unary("SIN", a.output, "sin"), unary("FLOOR", a.output, "floor")
    after = unary("RELU", b.output, "after")
    graph = Graph([x], [after.output, c.output], [a, b, c, after])
    with raises_error("operator-no-integer-form") as caught:
        refuse_unsupported(graph)
    told = str(caught.value)
    assert "SIN ('/sin')" in told
    assert "FLOOR ('/floor')" in told
    assert "after" not in told
    assert refused_by(caught) == ("sin", "floor")


def test_a_refused_operator_is_called_by_its_module_where_that_is_known() -> None:
    x = activation("x", 1, 8)
    bad = unary("SIN", x, "sin")
    names = SourceNames(nodes={"/sin": SourceNode(name="/sin", modules=("head.wave",))})
    with raises_error("operator-no-integer-form", "SIN ('head.wave')"):
        refuse_unsupported(Graph([x], [bad.output], [bad]), names)


def test_what_a_pass_made_of_a_node_of_the_source_stands_for_what_that_node_makes() -> None:
    x = activation("x", 1, 8)
    bad = unary("SIN", x, "inner")
    origin = SourceNode(name="/wave", values=("wave", "other"))
    with raises_error("operator-no-integer-form") as caught:
        refuse_unsupported(Graph([x], [bad.output], [bad]), SourceNames(nodes={"/inner": origin}))
    assert refused_by(caught) == ("wave", "other")


def test_of_the_operators_that_one_node_became_the_last_tells_what_it_makes() -> None:
    x = activation("x", 1, 8)
    bad, last = unary("SIGN", x, "inside"), unary("ABS", x, "erf")
    bad.source_name, bad.output.source_names = "", ()
    last.inputs[0] = bad.output
    with raises_error("operator-no-integer-form") as caught:
        refuse_unsupported(Graph([x], [last.output], [bad, last]))
    assert refused_by(caught) == ("erf",)


def test_weights_that_are_computed_are_refused() -> None:
    inputs = [activation("x", 1, 4, 4, 2), activation("w", 2, 1, 1, 2)]
    graph = graph_of("CONV_2D", inputs, [activation("y", 1, 4, 4, 2)], schema.Conv2DOptionsT(), "/conv")
    with raises_error("operator-no-integer-form", "CONV_2D ('/conv')"):
        refuse_unsupported(graph)


def test_infinity_beside_values_is_refused() -> None:
    inputs = [activation("x", 1, 4), constant("c", [np.inf])]
    with raises_error("operator-no-integer-form", "MAXIMUM"):
        refuse_unsupported(graph_of("MAXIMUM", inputs, [activation("y", 1, 4)]))


def test_infinity_that_pads_in_front_of_a_maximum_is_not() -> None:
    inputs = [activation("x", 1, 4, 4, 2), constant("pads", np.zeros((4, 2)), np.int32), constant("c", [-np.inf])]
    refuse_unsupported(graph_of("PADV2", inputs, [activation("y", 1, 4, 4, 2)]))


def test_other_floating_types_are_refused_and_integers_are_not() -> None:
    half = graph_of("RELU", [activation("x", 1, dtype=np.float16)], [activation("y", 1, dtype=np.float16)])
    with raises_error("operator-no-integer-form", "float16"):
        refuse_unsupported(half)
    whole = [activation("a", 1, dtype=np.int32), constant("b", [1], np.int32)]
    refuse_unsupported(graph_of("FLOOR_MOD", whole, [activation("y", 1, dtype=np.int32)]))


def test_a_cast_of_quantized_values_is_refused() -> None:
    graph = graph_of("CAST", [activation("x", 1, 8)], [activation("y", 1, 8, dtype=np.int32)], schema.CastOptionsT())
    with raises_error("operator-no-integer-form", "CAST"):
        refuse_unsupported(graph)


def test_a_root_of_negative_values_is_refused_with_the_value_that_was_seen() -> None:
    x = activation("x", 1, 8)
    network = TFLiteNetwork(graph_of("RSQRT", [x], [activation("y", 1, 8)], None, "/norm"))
    refuse_undefined(network, {"x": Range(0.0, 3.0)})
    with raises_error("operator-values-undefined", "RSQRT ('/norm')", "-2"):
        refuse_undefined(network, {"x": Range(-2.0, 3.0)})


def test_values_that_no_scale_holds_beside_others_are_refused() -> None:
    x = activation("x", 1, 8)
    graph = graph_of("MUL", [x, constant("c", [-1e38])], [activation("y", 1, 8)], None, "/mask")
    network = TFLiteNetwork(graph)
    refuse_too_wide(network, {network.outputs[0]: Range(-1e19, 1.0)})
    with raises_error("operator-range-too-wide", "MUL ('/mask')", "-1e+38 to 1"):
        refuse_too_wide(network, {network.outputs[0]: Range(-1e38, 1.0)})
    with raises_error("operator-range-too-wide"):
        quantized(graph, [{"x": np.ones((1, 8), np.float32)}])


def compared() -> Graph:
    """ABS(x) > 7, and ABS(x) beside ABS(z), which shares its scale."""
    x, z = activation("x", 1, 8), activation("z", 1, 8)
    first, second = (Operator("ABS", [t], [activation(f"abs_{t.name}", 1, 8)]) for t in (x, z))
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    beside = Operator("CONCATENATION", [first.output, second.output], [activation("beside", 1, 16)], options)
    bound = constant("c", [7.0])
    greater = Operator("GREATER", [first.output, bound], [activation("y", 1, 8, dtype=np.bool_)], None, "/cut")
    return Graph([x, z], [beside.output, greater.output], [first, second, beside, greater])


@pytest.mark.parametrize("highest", [254.0, 290.0])
def test_comparisons_in_steps_that_their_kernel_does_not_know_are_refused(highest: float) -> None:
    feed: Arrays = {"x": np.full((1, 8), 200, np.float32), "z": np.full((1, 8), highest, np.float32)}
    if highest < 255:
        assert run_quantized(quantized(compared(), [feed]).graph, feed)["y"].all()
    else:
        with raises_error("operator-steps-too-coarse", "GREATER ('/cut')", "1.14"):
            quantized(compared(), [feed])
