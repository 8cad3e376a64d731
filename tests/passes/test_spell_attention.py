"""Attention and rotary embeddings of opset 23, against ONNX Runtime."""

from __future__ import annotations

import pytest

from dlpuconv.passes import unify_opset
from dlpuconv.passes.editor import Editor
from tests.error_ids import raises_error
from tests.passes.rewriting import Array, ints, model, random, rewrite, scalar

BARE = ["Mul", "Transpose", "MatMul", "Softmax", "MatMul"]


@pytest.mark.parametrize(
    ("inputs", "result", "settings", "mask", "operators"),
    [
        ("float[1,2,6,4] q, float[1,2,5,4] k, float[1,2,5,3] v", "1,2,6,3", "", None, BARE),
        ("float[1,2,6,4] q, float[1,2,5,4] k, float[1,2,5,3] v", "1,2,6,3", "scale=0.7, softcap=2.0", None, None),
        ("float[1,2,6,4] q, float[1,2,6,4] k, float[1,2,6,4] v", "1,2,6,4", "is_causal=1", None, None),
        ("float[1,4,6,4] q, float[1,2,6,4] k, float[1,2,6,4] v", "1,4,6,4", "", None, None),
        (
            "float[1,6,8] q, float[1,5,4] k, float[1,5,6] v",
            "1,6,12",
            "q_num_heads=4, kv_num_heads=2",
            None,
            None,
        ),
        ("float[1,2,6,4] q, float[1,2,5,4] k, float[1,2,5,4] v", "1,2,6,4", "", random(6, 5), None),
        ("float[1,2,6,4] q, float[1,2,5,4] k, float[1,2,5,4] v", "1,2,6,4", "", random(6, 5) > -1, None),
    ],
)
def test_an_attention_is_two_products_and_a_softmax(
    inputs: str, result: str, settings: str, mask: Array | None, operators: list[str] | None
) -> None:
    attributes = f"<{settings}>" if settings else ""
    names = "q, k, v" if mask is None else "q, k, v, m"
    source = model(
        f"({inputs}) => (float[{result}] y) {{ y = Attention{attributes}({names}) }}",
        23,
        **({} if mask is None else {"m": mask}),
    )
    found = rewrite(source, decibels=100).operators
    assert found.count("MatMul") == 2
    assert found == operators or operators is None


def test_a_computed_mask_of_booleans_is_chosen_by() -> None:
    source = model(
        "(float[1,2,6,4] q, float[6,6] b) => (float[1,2,6,4] y) { m = Greater(b, z)  y = Attention(q, q, q, m) }",
        23,
        z=scalar(-1),
    )
    assert "Where" in rewrite(source, decibels=100).operators


@pytest.mark.parametrize(
    ("mode", "settings"), [(0, "is_causal=1"), (1, "scale=0.3"), (2, "softcap=2.0"), (3, "is_causal=1")]
)
def test_states_from_the_past_come_first_and_go_on(mode: int, settings: str) -> None:
    source = model(
        "(float[1,2,6,4] q, float[1,2,3,4] p)"
        " => (float[1,2,6,4] y, float[1,2,9,4] a, float[1,2,9,4] b, float[1,2,6,9] s)"
        f" {{ y, a, b, s = Attention<qk_matmul_output_mode={mode}, {settings}>(q, q, q, m, p, p) }}",
        23,
        m=random(6, 9),
    )
    found = rewrite(source, decibels=100).operators
    assert "Attention" not in found
    assert found.count("Concat") == 2


def test_scores_behind_a_causal_mask_are_no_output() -> None:
    source = model(
        "(float[1,2,6,4] q) => (float[1,2,6,4] y, float[1,2,6,6] s)"
        " { y, a, b, s = Attention<is_causal=1, qk_matmul_output_mode=1>(q, q, q) }",
        23,
    )
    with raises_error("opset-too-new", "Attention", "opset 20"):
        rewrite(source)


@pytest.mark.parametrize(
    ("inputs", "call"),
    [
        ("float[1,6,8] x", "Attention<q_num_heads=3, kv_num_heads=3>(x, x, x)"),
        ("float[1,3,6,8] x, float[1,2,6,8] k", "Attention(x, k, k)"),
        ("float[1,6,8] x, float[1,6,4] c", "RotaryEmbedding<num_heads=0>(x, c, c)"),
        ("float[1,2,6,8] x, float[1,6,6] c", "RotaryEmbedding(x, c, c)"),
        ("float[1,2,6,8] x, float[1,6,8] c", "RotaryEmbedding<rotary_embedding_dim=16>(x, c, c)"),
    ],
)
def test_heads_that_do_not_fit_are_refused(inputs: str, call: str) -> None:
    source = model(f"({inputs}) => (float[?] y) {{ y = {call} }}", 23)
    with raises_error("opset-too-new", call[:6]):
        unify_opset.PASS.run(Editor(source.copy().graph))


@pytest.mark.parametrize(
    ("shape", "settings", "half"),
    [
        ("1,2,6,8", "", 4),
        ("1,2,6,8", "interleaved=1", 4),
        ("1,2,6,8", "rotary_embedding_dim=4", 2),
        ("1,6,16", "num_heads=2", 4),
        ("1,6,16", "num_heads=2, interleaved=1, rotary_embedding_dim=4", 2),
    ],
)
@pytest.mark.parametrize("positions", [True, False])
def test_a_rotary_embedding_is_products_of_halves(shape: str, settings: str, half: int, positions: bool) -> None:
    attributes = f"<{settings}>" if settings else ""
    caches = {name: random(*((9, half) if positions else (1, 6, half))) for name in "cs"}
    given = {**caches, "p": ints(3, 1, 4, 0, 5, 8).reshape(1, 6)} if positions else caches
    text = f"(float[{shape}] x) => (float[{shape}] y) {{ y = RotaryEmbedding{attributes}(x, {', '.join(given)}) }}"
    assert rewrite(model(text, 23, **given), decibels=100).operators.count("Mul") == 4


@pytest.mark.parametrize("mode", [-1, 4])
def test_a_mode_that_there_is_not_is_refused(mode: int) -> None:
    text = f"(float[1,2,6,4] q) => (float[1,2,6,4] y) {{ y = Attention<qk_matmul_output_mode={mode}>(q, q, q) }}"
    with raises_error("opset-too-new", "Attention"):
        unify_opset.PASS.run(Editor(model(text, 23).graph))
