"""Nobody sees what libraries say of themselves."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

PREPARES = """
import logging, warnings
from dlpuconv import qat
qat.freeze_ranges
import torch
net, images = torch.nn.Conv2d(3, 4, 3), torch.rand(4, 3, 8, 8)
qat.prepare(net, target="artpec8", example_inputs=images[:1], calibration=images, start="none")
assert not logging.getLogger("torch.utils._pytree").filters
assert not [each for each in warnings.filters if each[2] is SyntaxWarning]
"""


@pytest.mark.slow
@pytest.mark.parametrize("asked_first", ["qat.freeze_ranges", ""])
def test_nothing_is_printed_where_a_module_is_prepared(asked_first: str) -> None:
    code = PREPARES.replace("qat.freeze_ranges", asked_first)
    ended = subprocess.run([sys.executable, "-B", "-c", code], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
