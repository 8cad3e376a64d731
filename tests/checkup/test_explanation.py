"""An explanation as people and programs read it."""

from __future__ import annotations

import io

from rich.console import Console

from dlpuconv.checkup import ExplainedLayer, Explanation, Rewriting
from dlpuconv.checkup.explanation_text import explanation_text
from dlpuconv.ir.layer_names import LayerNames

PADDING = Rewriting(rewrite="fold-pads", title="Pad folded into the layer's padding")
SUMMAND = Rewriting(rewrite="behind", title="summand folded in front", reason="it is not constant", times=3)
FACTOR = Rewriting(rewrite="merge", title="factors merged", reason="it is not constant")


def explanation(layers: int, *declined: Rewriting) -> Explanation:
    return Explanation(
        layers=tuple(
            ExplainedLayer(names=LayerNames(tensor=f"t{i}", nodes=(f"conv{i}",)), op="Conv", done=(PADDING,),
                           declined=declined)
            for i in range(layers)
        ),
        network=(Rewriting(rewrite="unused", title="unused operators and weights removed", times=7),),
    )  # fmt: skip


def told(found: Explanation, top: int) -> str:
    stream = io.StringIO()
    Console(file=stream, width=160).print(*explanation_text(found, top), sep="\n")
    return stream.getvalue()


def test_a_row_tells_what_was_done_to_a_layer_and_equal_reasons_once() -> None:
    text = told(explanation(1, SUMMAND, FACTOR), 0)
    assert "unused operators and weights removed (7 times)" in text
    row = next(line for line in text.splitlines() if "conv0" in line)
    assert row.split("  ")[0] == "Conv"
    assert "Pad folded into the layer's padding" in row
    assert row.endswith("summand folded in front (3 times), factors merged: it is not constant")


def test_a_long_model_and_a_layer_of_many_reasons_stay_readable() -> None:
    many = [Rewriting(rewrite="r", title="merged", reason=f"reason {i}") for i in range(9)]
    text = told(explanation(5, *many), 2)
    assert "conv1" in text
    assert "conv2" not in text
    assert "and 3 more with --top 0 or --json" in text
    assert "reason 3" in text
    assert "reason 4" not in text
    assert "and 5 more" in text


def test_json_holds_all_of_it() -> None:
    found = explanation(1, SUMMAND).to_json()
    assert found == {
        "network": [{"rewrite": "unused", "title": "unused operators and weights removed", "times": 7}],
        "layers": [
            {
                "name": "conv0", "module": None, "node": "conv0", "tensor": "t0", "op": "Conv",
                "done": [{"rewrite": "fold-pads", "title": "Pad folded into the layer's padding", "times": 1}],
                "declined": [
                    {"rewrite": "behind", "title": "summand folded in front", "reason": "it is not constant",
                     "times": 3}
                ],
            }
        ],
    }  # fmt: skip
