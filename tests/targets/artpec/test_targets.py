"""The ARTPEC targets as data, and Axis' own published files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dlpuconv.scheme import Granularity
from dlpuconv.verification.rule import Severity
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from tests.verification.tflite_models import activation, conv, findings, one_op

ALL = (ARTPEC7, ARTPEC8, ARTPEC9)


def test_the_chips_are_what_axis_says_they_are() -> None:
    assert [(t.name, t.device) for t in ALL] == [
        ("artpec7", "google-edge-tpu-tflite"),
        ("artpec8", "axis-a8-dlpu-tflite"),
        ("artpec9", "a9-dlpu-tflite"),
    ]
    assert [t.scheme.weights for t in ALL] == [
        Granularity.PER_CHANNEL,
        Granularity.PER_TENSOR,
        Granularity.PER_TENSOR,
    ]
    assert [t.scheme.discouraged for t in ALL] == [frozenset(), {Granularity.PER_CHANNEL}, frozenset()]
    assert all(t.backend == "tflite" and t.suffix == ".tflite" and t.calibration_required for t in ALL)


def test_the_command_for_the_camera_names_file_and_device() -> None:
    command = ARTPEC9.run_on_camera.format(file="m.tflite", device=ARTPEC9.device)
    assert command.startswith("larod-client -g m.tflite -c a9-dlpu-tflite")


def test_the_edge_tpu_needs_its_compiler() -> None:
    assert ARTPEC8.compiler is None
    assert ARTPEC7.compiler is not None
    arguments = [a.format(file="in/m.tflite", folder="out") for a in ARTPEC7.compiler.arguments]
    assert [ARTPEC7.compiler.executable, *arguments] == ["edgetpu_compiler", "-s", "-o", "out", "in/m.tflite"]
    assert ARTPEC7.compiler.produces.format(stem="m") == "m_edgetpu.tflite"


@pytest.mark.parametrize("target", ALL, ids=lambda t: t.name)
def test_every_rule_is_documented_once(target: object) -> None:
    rules = target.rules  # type: ignore[attr-defined]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.sentence.endswith((".", ":")) or rule.sentence for rule in rules)
    assert all(rule.source for rule in rules)


def test_importing_the_targets_costs_nothing(repository: Path) -> None:
    code = (
        "import sys; import dlpuconv_targets.artpec;"
        "print([m for m in ('numpy', 'onnx', 'onnxruntime', 'onnx_ir', 'rich') if m in sys.modules])"
    )
    path = [str(repository), str(repository / "targets")]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_per_channel_fails_artpec8_only_and_warns_where_asked_for() -> None:
    content = one_op(conv(activation("x", (1, 8, 8, 6)), "y", 6, scale=[0.01] * 5 + [0.02]))
    discouraged = [Granularity.PER_CHANNEL]
    (found,) = findings(content, ARTPEC8.rules, discouraged=discouraged).values()
    assert (found.rule, found.severity) == ("A8-PER-CHANNEL", Severity.FAIL)
    (found,) = findings(content, ARTPEC8.rules, discouraged=discouraged, asked=discouraged).values()
    assert (found.rule, found.severity) == ("A8-PER-CHANNEL", Severity.WARN)
    assert "A8-PER-CHANNEL" not in findings(content, ARTPEC9.rules)


@pytest.mark.zoo("axis")
@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("mobilenet_v2_1.0_224_quant", ARTPEC8),
        ("mobilenet_v2_1.0_224_quant", ARTPEC9),
        ("mobilenet_v2_1.0_224_quant", ARTPEC7),
        ("yolov5n", ARTPEC8),
        ("A9-yolov5n", ARTPEC9),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_axis_own_files_pass_for_their_chips(zoo: Path, name: str, target: object) -> None:
    report = verify_file(zoo / "axis" / f"{name}.tflite", target)  # type: ignore[arg-type]
    assert report.passed, report.reasons
    assert report.granularity.summary == "per-tensor"


@pytest.mark.zoo("axis")
def test_the_limits_of_artpec9_meet_its_published_yolov5n_in_the_detection_tail_only(zoo: Path) -> None:
    """Backbone and neck were made for these limits; the tail runs on the CPU."""
    report = verify_file(zoo / "axis" / "A9-yolov5n.tflite", ARTPEC9)
    found = {f.rule: f.hits for f in report.findings}
    counts = {rule: len(found[rule]) for rule in ("A9-OP", "A9-MUL", "A9-CONCAT")}
    assert counts == {"A9-OP": 9, "A9-MUL": 9, "A9-CONCAT": 3}
    hits = [hit for rule in counts for hit in found[rule]]
    assert all("tf_detect" in hit.layer for hit in hits)
    assert not {"A9-KERNEL", "A9-STRIDE", "A9-POOL", "A9-RESIZE", "A9-PAD", "A9-SIGMOID"} & set(found)


@pytest.mark.zoo("axis")
def test_the_yolov5n_of_artpec8_breaks_the_limits_of_artpec9_as_measured(zoo: Path) -> None:
    report = verify_file(zoo / "axis" / "yolov5n.tflite", ARTPEC9)
    found = {f.rule: f.hits for f in report.findings}
    assert [hit.detail for hit in found["A9-KERNEL"]] == ["CONV_2D of 6x6"]
    assert len(found["A9-CONCAT"]) == 13 + 3


@pytest.mark.zoo("axis")
def test_the_published_yolov5n_has_one_partition_by_the_delegates_list(zoo: Path) -> None:
    report = verify_file(zoo / "axis" / "yolov5n.tflite", ARTPEC8)
    found = {f.rule: len(f.hits) for f in report.findings}
    assert found["A8-OP-UNLISTED"] == 5 + 7 + 9
    assert not {"A8-PARTITIONS", "A8-OP-UNKNOWN"} & set(found)
