"""Advice on models that are larger than what was tried on a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from tests.targets.artpec.layers import (
    image,
    of,
)
from tests.verification.tflite_models import conv

if TYPE_CHECKING:
    from dlpuconv.plugin import Target


@pytest.mark.parametrize(
    ("rule", "target", "most", "too_many"),
    [
        ("A7-RAM", ARTPEC7, 7000, 7100),
        ("A8-MEMORY", ARTPEC8, 21000, 22000),
        ("A9-MEMORY", ARTPEC9, 21000, 22000),
        ("A8-CACHE", ARTPEC8, 65000, 66000),
    ],
)
@pytest.mark.slow
def test_models_beyond_what_was_tried_warn(rule: str, target: Target, most: int, too_many: int) -> None:
    """1024 weights and a bias of four bytes for each channel."""
    x = image(shape=(1, 1, 1, 1024))
    assert rule not in of(conv(x, "y", most, (1, 1)), target)
    assert rule in of(conv(x, "y", too_many, (1, 1)), target)
