"""A target as a .toml file: what it makes of a chip, and what is said of its mistakes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import parser

import dlpuconv
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir.affine import UINT8
from dlpuconv.placement import Processor, forecast
from dlpuconv.plugin import Granularity, Target
from dlpuconv.registry import load_target
from dlpuconv.verification.rule import Severity
from dlpuconv_targets.artpec import ARTPEC9
from tests.error_ids import raises_error
from tests.plugins.support import dlpuconv as command
from tests.targets.artpec.layers import depthwise, image, pool
from tests.verification.tflite_models import activation, conv, file_of

WHOLE = """name = "mychip"
title = "My chip"
base = "artpec9"
source = "My chip's data sheet, table 3"
operators = ["CONV_2D", "ADD"]
without = ["A9-CHANNELS"]
input_dtype = "int8"

[scheme]
weights = "per-channel"
discouraged = ["per-tensor"]

[limits]
kernel = [1, 3]
axes = 3
partitions = 2
parameters_mib = 0.001
port_types = ["int8", "uint8"]
"""
ALONE = 'name = "mychip"\nbackend = "tflite"\nsuffix = ".tflite"\nsource = "s"\n{}[scheme]\nnumbers = "int8"\n{}'


@pytest.fixture
def described(tmp_path: Path) -> Any:
    def load(text: str) -> Target:
        (tmp_path / "mychip.toml").write_text(text)
        return load_target(str(tmp_path / "mychip.toml"))

    return load


def broken(target: Target, content: bytes, own: str = "MYCHIP-") -> dict[str, list[str]]:
    """The places where rules of the file do not hold, by rule."""
    view = parse_tflite(content)
    found = {rule.id: [hit.detail for hit in rule.places(view, target.context)] for rule in target.rules}
    return {name: details for name, details in found.items() if details and name.startswith(own)}


def two_convolutions() -> bytes:
    x = activation("x", (1, 8, 8, 16))
    first = conv(x, "first", 16)
    last = conv(first.output, "last", 16, (5, 5))
    return file_of([x], last.outputs, first, last)


def test_it_differs_from_its_base_in_what_it_says_and_in_nothing_else(described: Any) -> None:
    target = described(WHOLE)
    assert (target.name, target.title, target.backend) == ("mychip", "My chip", "tflite")
    assert target.scheme.weights is Granularity.PER_CHANNEL
    assert target.scheme.discouraged == {Granularity.PER_TENSOR}
    assert (target.input_dtype, target.output_dtype) == ("int8", "uint8")
    assert (target.device, target.suffix, target.min_sqnr) == (ARTPEC9.device, ARTPEC9.suffix, ARTPEC9.min_sqnr)
    ids, of_base = ({rule.id for rule in each.rules} for each in (target, ARTPEC9))
    assert of_base - ids == {"A9-CHANNELS", "A9-OP"}
    assert ids - of_base == {
        "MYCHIP-OP", "MYCHIP-KERNEL", "MYCHIP-AXES", "MYCHIP-PARTITIONS", "MYCHIP-PARAMETERS",
    } | {"MYCHIP-PORTS"}  # fmt: skip


def test_a_base_without_a_device_needs_none(described: Any) -> None:
    assert described('name = "mine"\nbase = "onnxruntime"').device == ""


def test_each_limit_is_a_rule_with_the_file_s_source(described: Any) -> None:
    target = described(WHOLE)
    assert broken(target, two_convolutions()) == {
        "MYCHIP-KERNEL": ["CONV_2D: kernel 5x5"],
        "MYCHIP-AXES": ["the shape is [1, 8, 8, 16]"] * 3,
        "MYCHIP-PARAMETERS": [f"there are {(16 * 16 * (9 + 25) + 4 * 32) / 2**20:.1f} MiB"],
    }
    assert broken(target, file_of([x := activation("x", (1, 8, 8, 16), "int16")], (), conv(x, "c", 16)))[
        "MYCHIP-PORTS"
    ] == ["it is int16"]
    assert {rule.source for rule in target.rules if rule.id.startswith("MYCHIP-")} == {"My chip's data sheet, table 3"}
    sentences = {rule.id: rule.sentence for rule in target.rules}
    assert sentences["MYCHIP-KERNEL"] == "Convolutions must have a kernel of 1 or 3, in each direction."


def test_it_says_how_real_numbers_become_codes(described: Any) -> None:
    scheme = described(
        WHOLE.replace(
            "[limits]",
            """
[scheme.by_operator]
FULLY_CONNECTED = "per-tensor"
[scheme.activation_codes]
type = "uint8"
power_of_two = true
[limits]""",
        )
    ).scheme
    assert scheme.by_operator == {"FULLY_CONNECTED": Granularity.PER_TENSOR}
    assert (scheme.activation_codes.type, scheme.activation_codes.power_of_two) == (UINT8, True)
    assert scheme.weight_codes == ARTPEC9.scheme.weight_codes


def test_layers_that_break_its_limits_run_on_the_cpu_or_keep_the_file_from_running(described: Any) -> None:
    view = parse_tflite(two_convolutions())
    for fallback, severity, cpu in (("cpu", Severity.WARN, ["CONV_2D"]), ("none", Severity.FAIL, [])):
        target = described(
            ALONE.format(f'fallback = "{fallback}"\noperators = ["CONV_2D"]\n', "[limits]\nkernel = [3]\n")
        )
        rules = {rule.id: rule for rule in target.rules}
        assert rules["MYCHIP-KERNEL"].severity is rules["MYCHIP-OP"].severity is severity
        found = target.placement and forecast(view, target.placement, target.context)
        assert [layer.op for layer in (found.on(Processor.CPU) if found else ())] == cpu


def test_without_a_cpu_what_the_base_leaves_to_one_is_refused(described: Any) -> None:
    target = described('name = "mychip"\nbase = "artpec9"\nfallback = "none"\n')
    of_base = {rule.id: rule.severity for rule in ARTPEC9.rules}
    told = {rule.id: rule.severity for rule in target.rules}
    assert ARTPEC9.placement is not None
    limits = {rule.id for rule in ARTPEC9.placement.limits}
    assert {name for name in told if told[name] is not of_base[name]} == limits
    assert {told[name] for name in limits} == {Severity.FAIL}
    assert target.placement is None  # a layer that breaks them runs nowhere


@pytest.mark.parametrize("base", ['base = "cv25"\n', 'base = "artpec9"\nwithout = [{}]\n', ""])
def test_a_file_without_a_cpu_says_what_the_accelerator_does_not_take(described: Any, base: str) -> None:
    assert ARTPEC9.placement is not None
    limits = ", ".join(f'"{rule.id}"' for rule in ARTPEC9.placement.limits)
    alone = "" if base else 'backend = "tflite"\nsuffix = ".tflite"\n[scheme]\nnumbers = "int8"\n'
    with raises_error("toml-value", "mychip.toml, line 2", "fallback is 'none'"):
        described(f'name = "mychip"\nfallback = "none"\n{base.format(limits)}{alone}')


def test_without_a_base_it_has_the_rules_of_every_integer_file(described: Any) -> None:
    target = described(
        ALONE.format('operators = ["CONV_2D", "MAX_POOL_2D"]\n', "[limits]\nstride = [1]\ndilation = [1]\n")
    )
    assert {"TFL-FLOAT", "TFL-SCALE"} <= {rule.id for rule in target.rules}
    assert (target.device, target.calibration_required) == ("mychip", True)
    x = activation("x", (1, 8, 8, 16))
    strided = depthwise(stride=2)
    assert broken(target, file_of([image()], strided.outputs, strided)) == {
        "MYCHIP-OP": ["DEPTHWISE_CONV_2D"],
        "MYCHIP-STRIDE": ["DEPTHWISE_CONV_2D: stride 2x2"],
    }
    taken = pool("MAX_POOL_2D", 2, 2)
    assert broken(target, file_of([image()], taken.outputs, taken)) == {}
    assert broken(target, file_of([x], (), conv(x, "c", 16))) == {}


@pytest.mark.parametrize(
    ("wrong", "right", "facts"),
    [
        ("oprators =", "operators =", ["line 5", "'oprators'", "'operators'"]),
        ('"CONV2D"', '"CONV_2D"', ["line 5", "'CONV2D'"]),
        ('"A9-CHANEL"', '"A9-CHANNELS"', ["line 6", "'A9-CHANEL'"]),
        ('"artpec99"', '"artpec9"', ["line 3", "'artpec99'"]),
        ('"perchannel"', '"per-channel"', ["line 10", "'perchannel'"]),
        ("axis = 3", "axes = 3", ["line 15", "'axis'", "'axes'", "(in [limits])"]),
        ("[1, 0]", "[1, 3]", ["line 14", "0", "(in [limits])"]),
        ('name = "artpec8"', 'name = "mychip"', ["line 1", "'artpec8'"]),
        ('name = "../x"', 'name = "mychip"', ["line 1", "name is '../x'"]),
        ("", 'source = "My chip\'s data sheet, table 3"', ["mychip.toml:", "source"]),
        ("title = 3", 'title = "My chip"', ["line 2", "title is 3"]),
        ('backend = "tflite"', 'title = "My chip"', ["line 2"]),
        (
            'input_dtype = "float64"',
            'input_dtype = "int8"',
            ["line 7", "'float64'"],
        ),
        (
            'title = "\\u001b[2J"',
            'title = "My chip"',
            ["line 2", "'\\x1b[2J'"],
        ),
        (
            'discouraged = ["per-tensor"]\n[scheme.weight_codes]\nsymmetric = 1',
            'discouraged = ["per-tensor"]',
            ["line 13", "symmetric is 1", "(in [scheme.weight_codes])"],
        ),
        (
            'weights = "per-channel"\nby_operator = {CONV2D = "per-tensor"}',
            'weights = "per-channel"',
            ["'CONV2D'", "'CONV_2D'", "(in [scheme.by_operator])"],
        ),
        ('device = "a; rm -r x"', 'title = "My chip"', ["line 2", "device is 'a; rm -r x'"]),
        ("parameters_mib = nan", "parameters_mib = 0.001", ["line 17", "parameters_mib is nan"]),
        ("parameters_mib = -1", "parameters_mib = 0.001", ["line 17", "(in [limits])"]),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line(described: Any, wrong: str, right: str, facts: list[str]) -> None:
    assert right in WHOLE
    with raises_error("toml-value", *facts) as told:
        described(WHOLE.replace(right, wrong, 1))
    assert "\n" not in str(told.value)


def test_a_mistake_in_the_syntax_is_told_with_its_line(described: Any) -> None:
    with raises_error("toml-syntax", "mychip.toml", "line 9"):
        described(WHOLE.replace("[scheme]", "[scheme", 1))


@pytest.mark.parametrize("key", ["packager", "rules", "import", "compiler", "run_on_camera", "path", "placement"])
def test_nothing_in_it_is_imported_opened_or_run(
    described: Any, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with raises_error("toml-value", repr(key)):
        described(f'{key} = "os:abort"\n{WHOLE}')
    monkeypatch.chdir(tmp_path)
    Path("other.toml").write_text(WHOLE)
    with raises_error("toml-value", "'./other.toml'"):
        described(WHOLE.replace('"artpec9"', '"./other.toml"'))


def test_a_file_of_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "mychip.toml"
    with path.open("wb") as stream:
        stream.truncate(2**34)
    with raises_error("toml-unreadable", "1 MiB"):
        load_target(str(path))


def test_what_is_no_text_is_refused_as_such(tmp_path: Path) -> None:
    (tmp_path / "mychip.toml").write_bytes(b'name = "\xff"\n')
    with raises_error("toml-unreadable", "mychip.toml'", "UTF-8"):
        load_target(str(tmp_path / "mychip.toml"))


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mychip.toml")
    with raises_error("toml-unreadable", "a pipe"):
        load_target(str(tmp_path / "mychip.toml"))


def test_it_goes_to_another_process_as_its_text(described: Any, tmp_path: Path) -> None:
    target = described(WHOLE)
    content = pickle.dumps(target)
    (tmp_path / "mychip.toml").unlink()
    again = pickle.loads(content)
    assert [rule.sentence for rule in again.rules] == [rule.sentence for rule in target.rules]
    assert again.called == "the target 'mychip'"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    text = '<ir_version: 8, opset_import: ["" : 13]> g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) { y = Relu (x) }'
    path = tmp_path / "m.onnx"
    onnx.save(parser.parse_model(text), path)
    return path


@pytest.mark.slow
def test_a_model_is_checked_converted_and_verified_for_it(model: Path) -> None:
    chip = model.parent / "mychip.toml"
    chip.write_text(ALONE.format('operators = ["RELU"]\noutput_dtype = "int8"\nmin_sqnr = 30\n', ""))
    checked = command(model.parent, "check", str(model), "--target", str(chip), "--json")
    assert checked.returncode == 0, checked.stderr
    made = dlpuconv.convert(model, target=[str(chip), "artpec9"], calibration="random", effort="fast", progress=None)
    assert [artifact.target for artifact in made.artifacts] == ["mychip", "artpec9"]
    ports = [made[name].report.outputs[0].dtype for name in ("mychip", "artpec9")]
    assert ports == ["int8", "uint8"]
    made.save(model.parent)
    judged = dlpuconv.verify(model.parent / "m.mychip.tflite", target=str(chip))
    assert [finding.rule for finding in judged.report.findings if finding.rule.startswith("MYCHIP")] == ["MYCHIP-OP"]


def test_two_files_of_one_name_are_told_apart_by_nobody(model: Path) -> None:
    for name in ("a.toml", "b.toml"):
        (model.parent / name).write_text(ALONE.format("", ""))
    with raises_error("target-twice", "b.toml", "'mychip'"):
        dlpuconv.check(model, target=[str(model.parent / "a.toml"), str(model.parent / "b.toml")])
