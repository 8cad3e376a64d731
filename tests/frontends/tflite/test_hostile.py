"""Damaged TFLite files as sources: a model or one of our own errors, never anything else."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.errors import DlpuconvError
from tests.error_ids import raises_error
from tests.frontends.tflite.files import imported
from tests.frontends.tflite.test_source import dilated, network
from tests.verification.tflite_models import edited, tensor_named

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("seed", range(60))
def test_changed_bytes_of_a_source_raise_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray(network() if seed % 2 else dilated())
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(8, len(content))] = rng.choice((0, 1, 127, 128, 255))
    try:
        model = imported(bytes(content))
    except DlpuconvError:
        return
    assert model.signature.outputs


def claim_pixels(model: Any) -> None:
    tensor_named(model, "x").shape = np.array([1, 1 << 30, 1 << 30, 4], np.int32)


def exchange(model: Any) -> None:
    model.subgraphs[0].operators[0], model.subgraphs[0].operators[1] = model.subgraphs[0].operators[1::-1]


def step_nowhere(model: Any) -> None:
    model.subgraphs[0].operators[0].builtinOptions.strideH = 0


def pad_strangely(model: Any) -> None:
    model.subgraphs[0].operators[0].builtinOptions.padding = 9


def make_text(model: Any) -> None:
    tensor_named(model, "x").type = 5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (exchange, ("tflite-unreadable", "loop")),
        (step_nowhere, ("attribute-invalid", "strides [0, 1]")),
        (claim_pixels, ("shape-too-large",)),
        (pad_strangely, ("operator-no-conversion", "padding")),
        (make_text, ("tensor-type-unsupported", "string")),
    ],
)
def test_what_cannot_be_is_one_sentence(change: Callable[[Any], None], told: tuple[str, ...]) -> None:
    with raises_error(*told) as caught:
        imported(edited(network(), change))
    assert "\n" not in str(caught.value)
