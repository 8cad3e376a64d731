"""`dlpuconv.convert` as a PyTorch project uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import dlpuconv
from tests.e2e.support import IMAGES, MODEL
from tests.error_ids import raises_error
from tests.models.cifar import MEAN, STD, calibration

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_a_module_gives_the_same_file_as_its_onnx_export_and_the_project_s_dataloader_calibrates(
    tmp_path: Path,
) -> None:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from tests.models.cifar_mobilenetv2.network import trained

    network = trained()
    x = torch.from_numpy(calibration())
    loader = DataLoader(TensorDataset(x, torch.zeros(len(x), dtype=torch.int64)), batch_size=32)
    torch.onnx.export(network, (x[:1],), dynamo=True, verbose=False).save(tmp_path / "exported.onnx")

    network.train()
    from_module = dlpuconv.convert(
        network, target="artpec9", granularity="per-channel", calibration=loader, example_inputs=(x[:1],), cache=False
    )
    assert network.training, "the user's module must come back as it was"
    from_file = dlpuconv.convert(
        tmp_path / "exported.onnx", target="artpec9", granularity="per-channel", calibration=x.numpy(), cache=False
    )
    assert from_module.report.passed, from_module.report.reasons
    assert from_module["artpec9"].content == from_file["artpec9"].content


def test_one_call_serves_several_targets_and_saves_their_files(tmp_path: Path) -> None:
    done = dlpuconv.convert(
        MODEL, target=["artpec7", "cv25"], calibration=IMAGES, mean=MEAN, std=STD, resize="stretch", cache=False
    )
    assert done.verdict == "pass"
    assert [a.target for a in done.artifacts] == ["artpec7", "cv25"]
    paths = done.save(tmp_path)
    assert paths == [tmp_path / "cifar_mobilenetv2.artpec7.tflite", tmp_path / "cifar_mobilenetv2.cv25"]
    assert all(path.exists() for path in paths)
    with pytest.raises(ValueError, match="2 reports"):
        _ = done.report


def test_an_override_makes_one_layer_per_channel() -> None:
    done = dlpuconv.convert(
        MODEL.read_bytes(),
        target="artpec8",
        calibration=IMAGES,
        mean=MEAN,
        std=STD,
        overrides={"*/features.1/conv/conv.0/*": "per-channel"},
        min_sqnr=-100,
        cache=False,
    )
    listed = {layer["name"]: layer["granularity"] for layer in done.artifacts[0].artifact.facts["layers"]}  # type: ignore[index, call-overload, union-attr]
    assert [name for name, kind in listed.items() if kind == "per-channel"] == ["features.1.conv.0.0"]
    assert done.verdict == "pass", "the user asked for it: a warning"
    assert any(f.rule.startswith("A8") and "per-channel" in str(f).lower() for f in done.report.findings)


def test_int8_ends_and_a_kept_layout_are_honoured() -> None:
    done = dlpuconv.convert(
        MODEL, target="artpec9", calibration="random", input_dtype="int8", output_dtype="int8", input_layout="nchw",
        min_sqnr=-100, cache=False,
    )  # fmt: skip
    (x,), (y,) = done.artifacts[0].artifact.inputs, done.artifacts[0].artifact.outputs
    assert (x.dtype, x.shape, x.permutation) == ("int8", (1, 3, 32, 32), (0, 1, 2, 3))
    assert y.dtype == "int8"


def test_a_wrong_option_is_a_usage_error_before_any_work() -> None:
    with raises_error("option-value", "'per-channel'"):
        dlpuconv.convert(MODEL, target="artpec8", granularity="perchannel")  # type: ignore[arg-type]
