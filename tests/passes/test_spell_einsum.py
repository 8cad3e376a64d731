"""Einsum written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dlpuconv.passes import spell_einsum
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import Array, model, random, rewrite, run, samples, signal_to_noise

PASS = spell_einsum.PASS


def einsum(equation: str, *shapes: tuple[int, ...], constants: tuple[str, ...] = ()) -> tuple[str, dict[str, Array]]:
    """A graph of one Einsum whose operands are called a, b, c; those that are named are constants."""
    names = "abcd"[: len(shapes)]
    result = np.einsum(equation, *(np.zeros(shape) for shape in shapes)).shape
    given = ", ".join(
        f"float[{','.join(map(str, shape))}] {name}"
        for name, shape in zip(names, shapes, strict=True)
        if name not in constants
    )
    text = (
        f"({given}) => (float[{','.join(map(str, result))}] y)"
        f' {{ y = Einsum<equation="{equation}">({", ".join(names)}) }}'
    )
    return text, {name: random(*shape) for name, shape in zip(names, shapes, strict=True) if name in constants}


CASES: list[tuple[str, tuple[tuple[int, ...], ...], list[str]]] = [
    ("bchw->bhwc", ((1, 2, 3, 4),), ["Transpose"]),
    ("bchw->bc", ((1, 2, 3, 4),), ["ReduceSum", "Reshape"]),
    ("ij", ((2, 3),), ["Identity"]),
    ("ji", ((2, 3),), ["Transpose"]),
    ("ii->i", ((3, 3),), ["Reshape", "Gather"]),
    ("...ij,jk->...ik", ((2, 2, 3, 4), (4, 5)), ["MatMul"]),
    ("bhid,bhjd->bhij", ((1, 2, 3, 4), (1, 2, 5, 4)), ["Transpose", "MatMul"]),
    ("bchw,wk,kl->bchl", ((1, 2, 3, 4), (4, 5), (5, 6)), ["MatMul", "MatMul"]),
    ("i,j->ij", ((3,), (4,)), ["Reshape", "Reshape", "Mul"]),
    ("bc,bchw->bchw", ((1, 3), (1, 3, 2, 2)), ["Reshape", "Mul"]),
]


@pytest.mark.parametrize(("equation", "shapes", "operators"), CASES, ids=[case[0] for case in CASES])
def test_it_is_written_out(equation: str, shapes: tuple[tuple[int, ...], ...], operators: list[str]) -> None:
    text, _ = einsum(equation, *shapes)
    assert rewrite(model(text), PASS).operators == operators


def test_a_constant_in_front_becomes_weights() -> None:
    text, constants = einsum("oc,bcn->bon", (5, 3), (1, 3, 4), constants=("a",))
    product = rewrite(model(text, **constants), PASS).node("MatMul")
    assert product.inputs[1] is not None
    assert [use.op_type for use in [product.inputs[1].producer()] if use] in ([], ["Transpose"])


@pytest.mark.parametrize(
    ("equation", "reason"),
    [
        ("ij,jk->ik", "its equation is not about its inputs"),
        ("i->i", "its equation is not about its inputs"),
        ("ij->ik", "its result has other indices than its inputs"),
        ("ii->i", "the extents of its inputs do not fit together"),
    ],
)
def test_an_equation_about_other_inputs_stays(equation: str, reason: str) -> None:
    text = f'(float[2,3] a) => (float[2,3] y) {{ y = Einsum<equation="{equation}">(a) }}'
    assert PASS.run(Editor(model(text).graph)).declined[0].reason == reason


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """An equation of one to four operands with shapes that fit, some of them with an ellipsis or broadcast axes."""
    extents = {label: draw(st.integers(1, 3)) for label in "ijklm"}
    dots = draw(st.lists(st.integers(1, 3), max_size=2))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 4))):
        once = draw(st.booleans())
        labels = draw(st.lists(st.sampled_from("ijklm"), max_size=4, unique=once))
        place = draw(st.integers(0, len(labels))) if len(dots) and draw(st.booleans()) else None
        first = draw(st.integers(0, len(dots)))
        own = dots[first:] if place is not None else []
        shape = [extents[label] for label in labels]
        if place is not None:
            labels[place:place] = ["..."]
            ones = draw(st.lists(st.booleans(), min_size=len(own), max_size=len(own)))
            shape[place:place] = [1 if one else extent for one, extent in zip(ones, own, strict=True)]
        terms.append("".join(labels))
        shapes.append(tuple(shape))
    used = sorted({label for term in terms for label in term if label != "."})
    result = draw(st.permutations(used).map(lambda order: order[: max(0, len(order) - 1)]))
    assume(all(shapes))
    dotted = any("..." in term for term in terms)
    arrow = "->" + ("..." if dotted else "") + "".join(result) if draw(st.booleans()) or dotted else ""
    return ",".join(terms) + arrow, shapes


@pytest.mark.slow
@given(equations())
@settings(max_examples=150, deadline=None)
def test_any_equation_gives_what_numpy_gives(case: tuple[str, list[tuple[int, ...]]]) -> None:
    equation, shapes = case
    assume(np.einsum(equation, *map(np.zeros, shapes)).ndim)  # ONNX's text form has no scalars
    text, _ = einsum(equation, *shapes)
    source = model(text)
    feed = samples(source)
    wanted = np.einsum(equation, *feed.values())
    copy = source.copy()
    editor = Editor(copy.graph)
    assert PASS.run(editor).fired == 1
    editor.graph.sort()
    (found,) = run(copy, feed)
    assert found.shape == wanted.shape
    assert signal_to_noise(wanted, found) > 100
