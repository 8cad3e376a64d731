"""What people bring, made with TensorFlow or edited: each fails by the rule that is meant, on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.cli import main
from tests.targets.artpec.layers import alternating
from tests.verification.test_common_rules import detector
from tests.verification.test_verify_file import converted, manifest, source, written
from tests.verification.tflite_models import edited, tensor_named

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of TensorFlow's files."""
    folder = tmp_path_factory.mktemp("tensorflow")
    program = Path(__file__).with_name("tensorflow_models.py")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    subprocess.run([sys.executable, program, folder], check=True, capture_output=True, env=environment)
    return folder


def verified(path: Path, capture: Capture, *arguments: str, target: str = "artpec8") -> tuple[int, dict[str, str]]:
    """Exit status, and the severity of each broken rule; a rule that fails in one place counts as failed."""
    capture.readouterr()
    status = main(["verify", str(path), "--target", target, "--json", *arguments])
    found = json.loads(capture.readouterr().out)["findings"]
    return status, {finding["rule"]: finding["severity"] for finding in reversed(found)}


def fatal(found: dict[str, str]) -> set[str]:
    return {rule for rule, severity in found.items() if severity == "fail"}


@pytest.mark.slow
@pytest.mark.parametrize("target", ["artpec7", "artpec8", "artpec9"])
def test_full_integer_per_tensor_passes(made: Path, target: str, capsys: Capture) -> None:
    status, found = verified(made / "sound.tflite", capsys, target=target)
    assert (status, fatal(found)) == (0, set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("float", {"TFL-FLOAT", "TFL-IO"}),
        ("dynamic_range", {"TFL-FLOAT", "TFL-HYBRID", "TFL-IO"}),
        ("float16", {"TFL-FLOAT", "TFL-DEQUANTIZE", "TFL-IO"}),
        ("int16", {"TFL-INT16", "TFL-INT64", "TFL-IO"}),
        ("hidden_float", {"TFL-FLOAT", "TFL-DEQUANTIZE", "TFL-QUANTIZE"}),
        ("flex", {"TFL-FLEX", "TFL-FLOAT", "TFL-IO"}),
        ("custom", {"TFL-CUSTOM", "TFL-FLOAT", "TFL-IO"}),
        ("batch_of_two", {"TFL-BATCH"}),
        ("dynamic", {"TFL-SHAPE"}),
    ],
)
def test_what_is_not_full_integer_fails_every_chip_by_its_rules(
    made: Path, name: str, rules: set[str], capsys: Capture
) -> None:
    for target in ("artpec7", "artpec8", "artpec9"):
        status, found = verified(made / f"{name}.tflite", capsys, target=target)
        own = {rule for rule in fatal(found) if not rule.startswith("TFL-")}
        assert (status, fatal(found) - own) == (1, rules), target


@pytest.mark.slow
def test_the_float_op_that_hides_behind_quantize_is_named(made: Path, capsys: Capture) -> None:
    assert main(["verify", str(made / "hidden_float.tflite"), "--target", "artpec8", "--json"]) == 1
    found = {f["rule"]: f["hits"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert any(hit["detail"].startswith("SIN works on float32") for hit in found["TFL-FLOAT"])


@pytest.mark.slow
def test_per_channel_weights_fail_artpec8_alone(made: Path, capsys: Capture) -> None:
    assert verified(made / "per_channel.tflite", capsys)[1]["A8-PER-CHANNEL"] == "fail"
    for other in ("artpec7", "artpec9"):
        assert verified(made / "per_channel.tflite", capsys, target=other)[0] == 0


def test_per_channel_weights_only_warn_where_the_manifest_says_that_they_were_asked_for(
    tmp_path: Path, capsys: Capture
) -> None:
    content = converted(per_channel=True)
    alone = written(tmp_path, content)
    assert verified(alone, capsys) == (1, verified(alone, capsys)[1] | {"A8-PER-CHANNEL": "fail"})
    status, found = verified(written(tmp_path, content, manifest(content, target="artpec8")), capsys)
    assert (status, found["A8-PER-CHANNEL"]) == (0, "warn")
    assert verified(alone, capsys, "--strict")[0] == 1


def wrong_bias_scale(model: Any) -> None:
    tensor_named(model, "b").quantization.scale = np.array([0.5], np.float32)


def dead(model: Any) -> None:
    buffer = model.buffers[tensor_named(model, "W").buffer]
    buffer.data = np.zeros_like(buffer.data)


@pytest.mark.parametrize(("change", "rule"), [(wrong_bias_scale, "TFL-BIAS-SCALE"), (dead, "TFL-DEAD")])
def test_an_edited_file_fails_by_its_rule(
    change: Callable[[Any], None], rule: str, tmp_path: Path, capsys: Capture
) -> None:
    sound = written(tmp_path, converted())
    assert fatal(verified(sound, capsys)[1]) == set()
    status, found = verified(written(tmp_path, edited(converted(), change)), capsys)
    assert (status, fatal(found)) == (1, {rule})
    assert verified(sound, capsys, "--ignore", rule)[0] == 0


def test_seventeen_partitions_fail_artpec8(tmp_path: Path, capsys: Capture) -> None:
    assert verified(written(tmp_path, alternating(7)), capsys)[0] == 0
    status, found = verified(written(tmp_path, alternating(8)), capsys)
    assert (status, fatal(found)) == (1, {"A8-PARTITIONS"})


def test_a_compiled_file_passes_artpec7_alone(tmp_path: Path, capsys: Capture) -> None:
    def compiled(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "edgetpu-custom-op"

    path = tmp_path / "m_edgetpu.tflite"
    path.write_bytes(edited(converted(), compiled))
    status, found = verified(path, capsys, target="artpec7")
    assert (status, found["TFL-CUSTOM"]) == (0, "warn")
    assert verified(path, capsys, "--strict", target="artpec7")[0] == 1
    for other in ("artpec8", "artpec9"):
        assert fatal(verified(path, capsys, target=other)[1]) == {"TFL-CUSTOM"}


@pytest.mark.parametrize("target", ["artpec7", "artpec8", "artpec9"])
def test_a_published_detectors_post_processing_only_warns(target: str, tmp_path: Path, capsys: Capture) -> None:
    status, found = verified(written(tmp_path, detector()), capsys, target=target)
    assert (status, fatal(found)) == (0, set())
    assert {"TFL-CUSTOM", "TFL-DEQUANTIZE", "TFL-WHOLE", "TFL-POST-PROCESSING"} <= set(found)


def test_an_onnx_file_is_nothing_that_an_artpec_chip_runs(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(source().to_bytes())
    assert verified(path, capsys) == (1, {"TFL-FORMAT": "fail"})
