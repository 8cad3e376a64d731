"""What passes did and declined, told by the layers of the source."""

from __future__ import annotations

from dlpuconv.checkup import Explanation
from dlpuconv.passes import PassReport, normalize
from dlpuconv.passes.contract import Declined
from dlpuconv.passes.normal_form import FIRST, LAST, LEFTOVERS, REPEATED
from dlpuconv.workflow.explain import explain, origins
from tests.passes.rewriting import model, positive, random

TWO_READERS = """(float[1,3,8,8] x) => (float[1,4,8,8] y, float[1,4,8,8] z) {
    [first] a = Conv<kernel_shape=[1,1]>(x, w)
    [norm] y = BatchNormalization(a, g, b, m, v)
    [act] z = Relu(a)
}"""
"""Of a convolution that one batch normalization cannot be folded into, for something else reads it, too."""

CONSTANTS = {"w": random(4, 3, 1, 1), "g": positive(4), "b": random(4), "m": random(4), "v": positive(4)}


def explained(text: str) -> Explanation:
    source = model(text, **CONSTANTS)
    return explain(source, normalize(source)[1].passes, {})


def test_a_layer_shows_what_was_done_to_it_and_what_was_not_and_why() -> None:
    found = explained(TWO_READERS)
    norm = next(layer for layer in found.layers if layer.names.title == "norm")
    assert norm.op == "BatchNormalization"
    assert [entry.title for entry in norm.done] == [
        "batch normalization rewritten as a Mul and an Add",
        "Mul and Add rewritten as a depthwise convolution",
    ]
    reasons = {entry.rewrite: entry.reason for entry in norm.declined}
    assert reasons["fold-batch-norm"] == "other operators read a, too"


def test_what_concerns_no_layer_alone_is_told_of_the_network() -> None:
    assert [entry.rewrite for entry in explained(TWO_READERS).network] == ["remove-unused"]


def test_equal_reasons_of_one_layer_are_one_entry() -> None:
    text = "(float[1,4,8] x) => (float[1,4,8] y) { [norm] y = LayerNormalization(x, g, b) }"
    source = model(text, g=positive(8), b=random(8))
    (norm,) = explain(source, normalize(source)[1].passes, {}).layers
    (once,) = [entry for entry in norm.declined if entry.rewrite == "fold-affine-behind" and "channel" in entry.reason]
    assert (once.reason, once.times) == ("the constant has not one value per channel", 2)  # its scale, its shift


def test_nodes_of_a_rewritten_model_are_told_by_the_layers_that_they_are_made_of() -> None:
    source = model(TWO_READERS, **CONSTANTS)
    normal = normalize(source)[0]
    made = tuple(node for node, origin in origins(normal).items() if origin == "norm")
    report = PassReport("p", "it was done", 1, made, (Declined("act", "it is read twice"),))
    norm, act = explain(source, [report], origins(normal)).layers
    assert (norm.names.title, norm.op, norm.done[0].title) == ("norm", "BatchNormalization", "it was done")
    assert (act.names.title, act.op, act.declined[0].reason) == ("act", "Relu", "it is read twice")


def test_every_pass_has_a_title_of_its_own_in_plain_words() -> None:
    passes = {entry.name: entry.title for entry in (*FIRST, *REPEATED, *LEFTOVERS, *LAST)}
    assert len(set(passes.values())) == len(passes)
    for title in passes.values():
        assert " " in title
        assert "-" not in title.replace("1x1", "")
