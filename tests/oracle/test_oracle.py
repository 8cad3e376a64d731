"""Our files beside TFLiteConverter's, of Keras layers, ONNX nodes and the zoo: they differ as is known, and no more.

`differences.toml` holds them, grouped by why they are so. A new one is a fault of ours, or gets its reason there; one
that has vanished is taken out.
"""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING

import pytest

from tests.once import once
from tests.oracle.found import compared, known, reasons

if TYPE_CHECKING:
    from pathlib import Path

    from tests.oracle.compare import Difference

NAMES = ("keras/*", "onnx/*", *(f"zoo/{name}" for name in (
    "cifar_efficientnet", "cifar_mobilenetv2", "cifar_resnet20", "det_yolofastestv2", "kws_dscnn_mlperf", "lpr_lprnet",
    "vww_mobilenetv1_025",
)))  # fmt: skip
"""Of the zoo, residuals, gates, shortcuts, shuffles, normalizations that onnx2tf takes seconds for; `scripts/oracle.py`
compares all of it."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.zoo,
    pytest.mark.long,  # one test has the work of all
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]


@pytest.fixture(scope="module")
def found(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Difference]]:
    """Every difference there is, by the model's name."""
    return once("oracle", tmp_path_factory, lambda: dict(compared(zoo, tmp_path_factory.mktemp("oracle"), NAMES)))


def test_each_known_difference_has_one_reason() -> None:
    assert [reason for reason in reasons() if len(reason.split()) < 5] == []
    assert [each for each, count in Counter(known()).items() if count > 1] == []


def test_our_files_differ_from_the_converters_in_nothing_that_is_not_known(found: dict[str, list[Difference]]) -> None:
    new = sorted(set(chain(*found.values())) - set(known()))
    assert not new, "\n".join(f'["{d.model}", "{d.what}", "{d.ours}", "{d.theirs}"],' for d in new)


def test_no_known_difference_has_vanished(found: dict[str, list[Difference]]) -> None:
    vanished = set(known()).difference(chain(*found.values()))
    assert sorted(each for each in vanished if each.model in found) == []


def test_no_operator_of_ours_has_a_newer_version_than_the_converters(found: dict[str, list[Difference]]) -> None:
    assert [each for each in chain(*found.values()) if each.what.endswith(": version")] == []
