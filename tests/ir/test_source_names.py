"""From the nodes of a source model to the names of the layers that are made from them."""

from __future__ import annotations

import onnx_ir

from dlpuconv.ir.layer_names import tell_apart
from dlpuconv.ir.source_names import ORIGIN, UNKNOWN, UNNAMED, SourceNames, source_names

SCOPES = "pkg.torch.onnx.name_scopes"


def chain(*nodes: tuple[str, str, str]) -> onnx_ir.Graph:
    """Nodes behind one another: (name, module, value that it makes)."""
    made: list[onnx_ir.Node] = []
    value = onnx_ir.val("x")
    for name, module, output in nodes:
        node = onnx_ir.node("Relu", [value], name=name)
        value = node.outputs[0]
        value.name = output
        if module:
            node.metadata_props[SCOPES] = repr(["", module, name])
        made.append(node)
    return onnx_ir.Graph([], [value], nodes=made)


NAMES = source_names(chain(("conv", "stem.0", "c"), ("norm", "stem.1", "n"), ("act", "stem.2", "a"), ("fc", "fc", "f")))


def test_a_layer_is_called_by_its_node_and_by_all_that_was_fused_into_it() -> None:
    found = NAMES.layer("a_in_file", "conv", ("a",))
    assert found.tensor == "a_in_file"
    assert found.nodes == ("conv", "norm", "act")
    assert found.modules == ("stem.0", "stem.1", "stem.2")
    assert set(found.values) >= {"a", "c", "n"}


def test_a_layer_whose_node_is_not_known_is_called_by_the_maker_of_its_value() -> None:
    assert NAMES.layer("f").nodes == ("fc",)
    assert NAMES.layer("file", values=("f",)).modules == ("fc",)
    assert NAMES.layer("file", "made-up", ("f",)).match("made-up")


def test_a_layer_that_nothing_in_the_source_stands_for_has_the_names_that_it_came_with() -> None:
    found = NAMES.layer("new", "pass_made")
    assert (found.title, found.module) == ("pass_made", "")
    assert UNKNOWN.layer("new").title == "new"


def test_a_node_that_a_pass_made_is_known_by_the_one_that_it_was_made_for() -> None:
    source, rewritten = chain(("norm", "block.norm", "n")), chain(("norm_1", "", "mean"), ("norm", "", "n"))
    rewritten[0].metadata_props[ORIGIN] = "norm"
    found = source_names(source, rewritten).layer("mean", "norm_1", ("mean",))
    assert (found.node, found.module) == ("norm", "block.norm")


def test_nodes_that_a_pass_made_for_one_are_told_apart_and_each_is_meant_by_its_name_and_its_module() -> None:
    source = chain(("lstm", "rnn", "h"))
    rewritten = chain(("lstm_1", "", "first"), ("lstm_2", "", "second"))
    for node in rewritten:
        node.metadata_props[ORIGIN] = "lstm"
    names = source_names(source, rewritten)
    one, two = tell_apart([names.layer("first", "lstm_1", ("first",)), names.layer("second", "lstm_2", ("second",))])
    assert (one.label, two.label) == ("first in rnn", "second in rnn")
    for pattern, meant in (("rnn", (True, True)), ("lstm", (True, True)), ("lstm_2", (False, True))):
        assert (one.match(pattern), two.match(pattern)) == meant


def test_a_name_that_was_made_up_is_accepted_and_not_shown() -> None:
    graph = chain(("Conv_0", "", "c"))
    graph[0].metadata_props[UNNAMED] = "1"
    found = source_names(graph).layer("c", "Conv_0", ("c",))
    assert (found.title, found.node) == ("c", "")
    assert found.match("Conv_0")


def test_a_model_whose_nodes_have_no_names_has_layers_all_the_same() -> None:
    assert source_names(chain(("", "", "c"), ("", "", "d"))).layer("d", values=("d",)).title == "d"


def test_a_layer_with_weights_that_makes_an_activation_s_value_is_the_node_with_weights_in_front_of_it() -> None:
    graph = chain(("conv", "stem.0", "c"), ("act", "stem.1", "a"), ("fc", "fc", "f"))
    graph[0].op_type = "Conv"
    found = source_names(graph).weighted_layer("a", ("a",))
    assert (found.title, found.nodes) == ("stem.0", ("conv", "act"))


def test_nothing_is_known_of_no_model() -> None:
    assert SourceNames() == UNKNOWN
