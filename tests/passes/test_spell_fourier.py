"""DFT and STFT as products and convolutions, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import spell_fourier
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import model, random, rewrite, scalar

PRODUCT = ["Transpose", "Reshape", "MatMul", "Reshape", "Transpose"]


@pytest.mark.parametrize(
    ("graph", "axis", "opset"),
    [
        ("(float[2,10,3,1] x) => (float[2,6,3,2] y) { y = DFT<onesided=1>(x, , a) }", 1, 20),
        ("(float[2,10,3,2] x) => (float[2,10,3,2] y) { y = DFT<inverse=1>(x, , a) }", -3, 20),
        ("(float[2,10,3,2] x) => (float[2,10,8,2] y) { y = DFT(x, l, a) }", 2, 20),  # goes on with zeros
        ("(float[2,10,3,1] x) => (float[2,8,3,2] y) { y = DFT(x, l, a) }", 1, 20),  # is cut off
        ("(float[2,10,3,2] x) => (float[2,10,3,2] y) { y = DFT(x) }", -2, 20),
        ("(float[2,10,1] x) => (float[2,10,2] y) { y = DFT<axis=1>(x) }", 1, 17),
    ],
)
def test_a_transform_is_a_product(graph: str, axis: int, opset: int) -> None:
    constants = {"a": np.asarray(axis), "l": np.asarray(8)}
    used = {name: value for name, value in constants.items() if f", {name}" in graph}
    assert rewrite(model(graph, opset, **used), spell_fourier.DFT).operators == PRODUCT


@pytest.mark.parametrize(
    ("signal", "shape", "sides", "window"),
    [
        ("2,20,1", "2,5,5,2", 1, random(8)),
        ("2,20", "2,5,8,2", 0, None),
        ("1,21,1", "1,5,5,2", 1, scalar(0.5) * np.ones(8, np.float32)),
    ],
)
def test_a_transform_of_frames_is_a_convolution(
    signal: str, shape: str, sides: int, window: np.ndarray[tuple[int], np.dtype[np.float32]] | None
) -> None:
    constants = {"s": np.asarray(3), "l": np.asarray(8)} | ({} if window is None else {"w": window})
    call = f"STFT<onesided={sides}>(x, s, {'' if window is None else 'w'}, l)"
    source = model(f"(float[{signal}] x) => (float[{shape}] y) {{ y = {call} }}", **constants)
    assert rewrite(source, spell_fourier.STFT).operators == ["Reshape", "Conv", "Transpose", "Reshape"]


@pytest.mark.parametrize(
    ("signal", "reason"),
    [("1,16,3", "it has more than two parts"), ("1,5000,1", "it is too long")],
)
def test_a_signal_of_other_parts_or_without_end_is_left(signal: str, reason: str) -> None:
    """ONNX Runtime refuses the first; the second's matrix would have a row for each sample that is cut off."""
    source = model(f"(float[{signal}] x) => (float[1,8,2] y) {{ y = DFT(x, l) }}", l=np.asarray(8))
    (declined,) = spell_fourier.DFT.run(Editor(source.graph)).declined
    assert reason in declined.reason


def test_a_complex_signal_keeps_its_frames() -> None:
    """ONNX Runtime gives other numbers each time, so that none can be compared."""
    source = model(
        "(float[1,20,2] x) => (float[1,5,8,2] y) { y = STFT<onesided=0>(x, s, , l) }", s=np.asarray(3), l=np.asarray(8)
    )
    (declined,) = spell_fourier.STFT.run(Editor(source.graph)).declined
    assert declined.reason.startswith("its signal is complex")
