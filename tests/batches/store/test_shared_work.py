"""What jobs of a batch share is done once: its store keeps it in the place of the user's cache."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.batches.store import open_store
from dlpuconv.files.keep import NOTHING
from dlpuconv.quantization import measuring
from dlpuconv.verification import kept_answers
from dlpuconv.workflow.convert import convert
from dlpuconv.workflow.option_values import make_request
from dlpuconv.workflow.run import Data
from dlpuconv_backends.lowering import raw
from tests.backends.lowering.models import convolution

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.files.keep import Keep


def made(target: str, keep: Keep) -> tuple[bytes, Any]:
    """The file, and how it compares with its source."""
    request = make_request(
        targets=(target,), input_shape={}, cut_at=(), resize="stretch", color="rgb", mean=None, std=None, preset=None,
        effort="fast", min_sqnr=-100.0,
    )  # fmt: skip
    model = convolution().to_proto()
    shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    samples = np.random.default_rng(0).normal(size=(8, *shape[1:])).astype(np.float32)
    (one,) = convert(model, replace(request, cache=keep, starts_early=False), Data(calibration=samples)).artifacts
    return one.content, one.report.parity


@pytest.mark.slow
def test_two_jobs_lower_measure_and_ask_the_source_once_and_make_what_each_makes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets = ("artpec8", "artpec9")
    alone = [made(target, NOTHING) for target in targets]
    done: list[str] = []

    def counted(module: Any, name: str) -> None:
        work = getattr(module, name)

        def count(*given: Any) -> Any:
            done.append(name)
            return work(*given)

        monkeypatch.setattr(module, name, count)

    counted(raw, "_asked")
    counted(measuring, "observe")
    counted(kept_answers, "_answered")
    assert [made(target, open_store(tmp_path)) for target in targets] == alone
    assert sorted(done) == ["_answered", "_asked", "observe"]
