"""Defaults of attributes that ONNX's inference mistakes."""

from __future__ import annotations

import numpy as np

from tests.frontends.support import chain, node, read


def test_frames_have_half_a_spectrum_unless_a_model_says_otherwise() -> None:
    weights = {"step": np.array(8), "length": np.array(16)}
    frames = node("STFT", ["x", "step", "", "length"], ["y"])
    assert read(chain(frames, shape=(1, 128, 1), weights=weights)).signature.outputs[0].shape == (1, 15, 9, 2)
    frames = node("STFT", ["x", "step", "", "length"], ["y"], onesided=0)
    assert read(chain(frames, shape=(1, 128, 1), weights=weights)).signature.outputs[0].shape == (1, 15, 16, 2)
