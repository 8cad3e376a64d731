"""Samples with what a front computes of them."""

from __future__ import annotations

import numpy as np
import onnx

from dlpuconv.calibration import PixelSamples, Preprocessing, open_calibration
from dlpuconv.calibration.computed import ComputedSamples, behind_front
from dlpuconv.display.progress import Silent
from dlpuconv.ir import Layout, Signature, ValueSpec

SOUND = ValueSpec(name="sound", shape=(1, 4), dtype="float32", layout=Layout.PLAIN)


def front(constant: float) -> bytes:
    return bytes(
        onnx.parser.parse_model(f"""
        <ir_version: 9, opset_import: ["" : 17]>
        g (float[1, 4] sound) => (float[1, 4] louder) <float k = {{{constant}}}> {{ louder = Mul(sound, k) }}
        """).SerializeToString()
    )


def test_every_pass_holds_the_inputs_and_what_is_made_of_them() -> None:
    sound = np.arange(40, dtype=np.float32).reshape(10, 4)
    given = open_calibration(
        {"sound": sound}, signature=Signature((SOUND,), ()), preprocessing=Preprocessing(), progress=Silent()
    )
    assert given is not None
    made = behind_front(given, front(2.0))
    assert (len(made.fit), len(made.held_out), len(made.given or ())) == (8, 2, 10)
    for samples in (made.fit, made.fit):  # each time anew
        for before, after in zip(given.fit, samples, strict=True):
            np.testing.assert_array_equal(after["sound"], before["sound"])
            np.testing.assert_array_equal(after["louder"], 2 * before["sound"])
    assert not isinstance(made.fit, PixelSamples)
    assert len({made.fit.digest, given.fit.digest, ComputedSamples(given.fit, front(3.0)).digest}) == 3
