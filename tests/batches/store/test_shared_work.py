"""What jobs of a batch share is done once: its store keeps it in the place of the user's cache."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.batches.store import open_store
from dlpuconv.files.keep import NOTHING
from dlpuconv.quantization import measuring
from dlpuconv.workflow.convert import convert
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.run import Data
from dlpuconv_backends.lowering import raw
from tests.backends.lowering.models import convolution

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.files.keep import Keep


def content(target: str, keep: Keep) -> bytes:
    request = make_request(
        targets=(target,), input_shape={}, cut_at=(), resize="stretch", color="rgb", mean=None, std=None, preset=None,
        effort="fast", min_sqnr=-100.0,
    )  # fmt: skip
    model = convolution().to_proto()
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    samples = np.random.default_rng(0).normal(size=(8, *shape[1:])).astype(np.float32)
    made = convert(model, replace(request, cache=keep, starts_early=False), Data(calibration=samples))
    return made.artifacts[0].content


@pytest.mark.slow
def test_two_jobs_lower_and_measure_once_and_make_what_each_makes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = ("artpec8", "artpec9")
    alone = [content(target, NOTHING) for target in targets]
    done: list[str] = []

    def counted(module: Any, name: str) -> None:
        work = getattr(module, name)

        def count(*given: Any) -> Any:
            done.append(name)
            return work(*given)

        monkeypatch.setattr(module, name, count)

    counted(raw, "_asked")
    counted(measuring, "observe")
    assert [content(target, open_store(tmp_path)) for target in targets] == alone
    assert sorted(done) == ["_asked", "observe"]
