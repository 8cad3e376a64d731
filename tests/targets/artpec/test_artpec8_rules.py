"""The limits and advice of ARTPEC-8: what keeps them, and what breaks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv.verification.rule import Severity
from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_targets.artpec import ARTPEC8
from tests.targets.artpec.layers import (
    alternating,
    behind,
    binary,
    depthwise,
    image,
    of,
    own,
    scalar,
    squashed,
)
from tests.verification.tflite_models import conv, file_of, findings, options

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("rule", "sound", "broken"),
    [
        ("A8-KERNEL", conv(image(), "y", 6), conv(image(), "y", 6, (5, 5))),
        ("A8-STRIDE", conv(image(), "y", 6, stride=(2, 2)), conv(image(), "y", 6, stride=(4, 4))),
        ("A8-CHANNELS", conv(image(), "y", 18), conv(image(), "y", 16)),
        ("A8-DEPTHWISE", conv(image(), "y", 6), depthwise()),
        ("A8-LEAKY-RELU", squashed("RELU", 0.05, 0), squashed("LEAKY_RELU", 0.05, 0)),
        ("A8-ACTIVATION", squashed("RELU6", 0.05, 0), squashed("HARD_SWISH", 0.05, 0)),
        ("A8-OP-UNLISTED", squashed("SOFTMAX", 1 / 256, -128), squashed("LOGISTIC", 1 / 256, -128)),
        ("A8-OP-UNKNOWN", squashed("LOGISTIC", 1 / 256, -128), squashed("ROUND", 0.05, 0)),
    ],
)
def test_advice_of_artpec8_warns(rule: str, sound: Operator, broken: Operator) -> None:
    assert rule not in of(sound, ARTPEC8)
    assert rule in of(broken, ARTPEC8)


def test_artpec8_knows_silu_by_its_parts() -> None:
    """x times LOGISTIC of x is SiLU; x times LOGISTIC of something else is a gate."""
    x, z, squeezed, made = image("x"), image("z"), image("squeezed"), image("made")
    product = Operator("MUL", [x, squeezed], [made], options("Mul"))
    silu = file_of([x], [made], Operator("LOGISTIC", [x], [squeezed]), product)
    gate = file_of([x, z], [made], Operator("LOGISTIC", [z], [squeezed]), product)
    (hit,) = findings(silu, ARTPEC8.rules)["A8-ACTIVATION"].hits
    assert (hit.layer, hit.detail) == ("made", "SiLU (MUL by LOGISTIC)")
    assert "A8-ACTIVATION" not in findings(gate, ARTPEC8.rules)


def test_more_than_sixteen_partitions_fail_artpec8() -> None:
    assert "A8-PARTITIONS" not in findings(alternating(7), ARTPEC8.rules)
    found = findings(alternating(8), ARTPEC8.rules)["A8-PARTITIONS"]
    assert found.severity is Severity.FAIL
    assert found.hits[0].detail == "an estimate of 17, cut by ROUND"


def test_a_relu_behind_a_convolution_should_be_part_of_it() -> None:
    first = conv(image(), "first", 6)
    relu = Operator("RELU", [first.output], [image("y", (1, 8, 8, 6))])
    assert "A8-RELU" in own(behind(first, relu), ARTPEC8)
    first.options.fusedActivationFunction = 1
    assert "A8-RELU" not in own(behind(first, relu), ARTPEC8)


def test_batch_normalization_that_was_not_folded_is_told() -> None:
    first = conv(image(), "first", 16)
    scaled, shifted = image("scaled"), image("y")
    times = binary("MUL", first.output, scalar(shape=(16,)), scaled)
    plus = binary("ADD", scaled, scalar(shape=(16,)), shifted)
    assert "A8-BATCH-NORM" in own(behind(first, times, plus), ARTPEC8)
    assert "A8-BATCH-NORM" not in own(behind(first, times), ARTPEC8)


@pytest.mark.parametrize(
    ("shape", "fits"), [((1, 360, 640, 3), True), ((1, 225, 300, 3), False), ((1, 2, 8, 3), False)]
)
def test_images_that_the_scaler_of_artpec8_does_not_make_warn(shape: Sequence[int], fits: bool) -> None:
    assert ("A8-ACE" not in of(conv(image(shape=shape), "y", 6), ARTPEC8)) is fits
