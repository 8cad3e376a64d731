"""The limits and advice of ARTPEC-7: what keeps them, and what breaks them."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.verification.rule import Severity
from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from tests.targets.artpec.layers import (
    SIDES,
    by_computed_weights,
    compiled,
    concat,
    concat_with,
    fully_connected,
    image,
    mean,
    of,
    padded,
    pool,
    resized,
    split,
    squashed,
    with_uneven_dilation,
)
from tests.verification.tflite_models import activation, constant, conv, edited, file_of, findings, one_op, options


@pytest.mark.parametrize(
    ("rule", "sound", "broken"),
    [
        ("A7-SOFTMAX", squashed_vector := Operator("SOFTMAX", [activation("x", (1, 10))], [activation("y", (1, 10))]),
         Operator("SOFTMAX", [activation("x", (1, 16001))], [activation("y", (1, 16001))])),
        ("A7-SOFTMAX", squashed_vector, squashed("SOFTMAX", 1 / 256, -128)),
        ("A7-FUSED", pool("MAX_POOL_2D", 2, 2), pool("MAX_POOL_2D", 2, 2, fused=1)),
        ("A7-FUSED", concat(8, 8), concat(8, 8, fused=1)),
        ("A7-BATCH-AXIS", mean(7, [1, 2]), mean(7, [0])),
        ("A7-BATCH-AXIS", padded(SIDES), padded([[0, 1], [0, 0], [0, 0], [0, 0]])),
        ("A7-CUT", conv(image(), "y", 8), squashed("LEAKY_RELU", 0.05, 0)),
        ("A7-BATCH-AXIS", split(1, 2), split(0, 1)),
        ("A7-CONCAT", concat(8, 8), concat_with(5)),
        ("A7-CONCAT", concat_with(0), concat_with(0, 3)),
        ("A7-MEAN", mean(8, [3]), Operator("MEAN", [image(shape=(1, 8, 8, 6)), constant("axes", [3])],
                                           [image("y", (1, 8, 8))], options("Reducer"))),
        ("A7-CONSTANT", fully_connected((1, 4)), by_computed_weights()),
        ("A7-FULLY-CONNECTED", fully_connected((1, 4)), fully_connected((2, 4))),
        ("A7-DILATION", conv(image(), "y", 8, dilation=2), with_uneven_dilation()),
        ("A7-INPUT-SIZE", conv(image(shape=(1, 300, 300, 3)), "y", 3), conv(image(shape=(1, 340, 340, 3)), "y", 3)),
        ("A7-RUNTIME", squashed("RELU", 0.05, 0), squashed("RSQRT", 0.05, 0)),
    ],
)  # fmt: skip
def test_limits_of_artpec7_warn(rule: str, sound: Operator, broken: Operator) -> None:
    assert rule not in of(sound, ARTPEC7)
    assert rule in of(broken, ARTPEC7)
    assert findings(one_op(broken), ARTPEC7.rules)[rule].severity is Severity.WARN


def test_the_cut_of_artpec7_tells_the_share_of_work_behind_it() -> None:
    """Two equal convolutions, the cut between them."""
    x = image()
    first = conv(x, "first", 16)
    leak = image("leak")
    second = conv(leak, "second", 16)
    content = file_of([x], second.outputs, first, Operator("LEAKY_RELU", [first.output], [leak]), second)
    (hit,) = findings(content, ARTPEC7.rules)["A7-CUT"].hits
    assert hit.layer == "leak"
    assert "50% of the multiplications" in hit.detail


def test_artpec7_takes_three_long_axes_up_to_its_cut() -> None:
    shape = (1, 2, 4, 8, 16)
    five = Operator("RESHAPE", [image()], [image("five", shape)], options("Reshape", newShape=np.array(shape)))
    assert findings(one_op(five), ARTPEC7.rules)["A7-RANK"].severity is Severity.FAIL
    x, leak = image(), image("leak")
    behind = Operator("RESHAPE", [leak], [image("five", shape)], options("Reshape", newShape=np.array(shape)))
    content = file_of([x], behind.outputs, Operator("LEAKY_RELU", [x], [leak]), behind)
    assert "A7-RANK" not in findings(content, ARTPEC7.rules)


def test_artpec7_takes_any_shape_in_front_of_a_cut_that_no_work_comes_before() -> None:
    """A picture's QUANTIZE, or the moves of a tail: the compiler may as well cut in front of them."""
    shape = (1, 2, 4, 8, 16)
    five, made, leak = image("five", shape), image("made", shape), image("leak", shape)
    first, refused = Operator("QUANTIZE", [five], [made]), Operator("LEAKY_RELU", [made], [leak])
    assert "A7-RANK" not in findings(file_of([five], [leak], first, refused), ARTPEC7.rules)
    x = image()
    work = conv(x, "work", 16)
    folded = Operator("RESHAPE", [work.output], [made], options("Reshape", newShape=np.array(shape)))
    assert "A7-RANK" not in findings(file_of([x], [leak], work, folded, refused), ARTPEC7.rules)
    plain = image("plain")
    back = Operator("RESHAPE", [made], [plain], options("Reshape", newShape=np.array(plain.shape)))
    again = conv(plain, "again", 16)
    end = Operator("LEAKY_RELU", [again.output], [image("end")])
    (hit,) = findings(file_of([x], end.outputs, work, folded, back, again, end), ARTPEC7.rules)["A7-RANK"].hits
    assert hit.layer == "made"


def test_artpec7_advises_per_channel_weights_and_counts_parameters() -> None:
    x = image(shape=(1, 1, 1, 1024))
    first = conv(x, "first", 6, (1, 1))
    second = conv(first.output, "second", 6, (1, 1))
    found = findings(file_of([x], second.outputs, first, second), ARTPEC7.rules)
    assert len(found["A7-PER-TENSOR"].hits) == 2
    assert "A7-MEMORY" not in found
    large = conv(x, "large", 8192, (1, 1))
    assert findings(one_op(large), ARTPEC7.rules)["A7-MEMORY"].hits[0].detail == "there are 8.0 MiB"


def test_the_newest_runtime_of_the_edge_tpu_is_known_to_be_in_newer_firmware() -> None:
    content = one_op(squashed("RSQRT", 0.05, 0))
    assert "A7-RUNTIME" in findings(content, ARTPEC7.rules, firmware=(10, 6))
    assert "A7-RUNTIME" not in findings(content, ARTPEC7.rules, firmware=(10, 8, 1))


def test_resizes_of_half_pixel_centres_are_of_a_version_that_the_edge_tpu_compiler_refused() -> None:
    layer = resized("RESIZE_BILINEAR", 16, 16)
    content = file_of([layer.input(0)], layer.outputs, layer)
    assert "A7-RESIZE" not in findings(content, ARTPEC7.rules)
    newer = edited(content, lambda model: setattr(model.operatorCodes[0], "version", 3))
    assert findings(newer, ARTPEC7.rules)["A7-RESIZE"].hits[0].detail == "RESIZE_BILINEAR of version 3"


def test_a_compiled_file_warns_for_artpec7_and_fails_for_other_chips() -> None:
    assert {rule: found.severity for rule, found in findings(compiled(), ARTPEC7.rules).items()} == {
        "TFL-CUSTOM": Severity.WARN
    }
    for other in (ARTPEC8, ARTPEC9):
        assert findings(compiled(), other.rules)["TFL-CUSTOM"].severity is Severity.FAIL


def test_what_the_edge_tpu_compiler_left_to_the_cpu_is_told() -> None:
    (hit,) = findings(compiled(after=True), ARTPEC7.rules)["A7-CUT"].hits
    assert hit.detail == "the compiler left 1 ops to the CPU, LEAKY_RELU first"


def test_a_file_that_is_called_compiled_must_hold_the_compiled_op() -> None:
    plain = one_op(squashed("RELU", 0.05, 0))
    assert findings(plain, ARTPEC7.rules, file="m_edgetpu.tflite")["A7-COMPILED"].severity is Severity.FAIL
    assert "A7-COMPILED" not in findings(plain, ARTPEC7.rules, file="m.tflite")
    assert "A7-COMPILED" not in findings(compiled(), ARTPEC7.rules, file="m_edgetpu.tflite")
