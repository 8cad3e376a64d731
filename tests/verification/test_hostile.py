"""Whatever a file holds: one sentence, soon, in little memory; what can be read is judged, and nothing else happens."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest

from dlpuconv.cli import main
from dlpuconv.errors import ArtifactError
from dlpuconv.formats import onnx_graph
from dlpuconv.formats.detect import read, runner
from dlpuconv.formats.onnx_graph import read_onnx
from dlpuconv.formats.onnx_shapes import ValueTypes
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.inspection.serialize import inspection_json
from dlpuconv.placement import forecast
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check
from dlpuconv.verification.question import Question
from dlpuconv.verification.rule import Context
from dlpuconv.verification.rules import UNIVERSAL_RULES
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from dlpuconv_targets.cv25 import CV25
from tests.allocation import allocated_at_most
from tests.error_ids import raises_error
from tests.formats.test_tflite_file import mutate
from tests.frontends.support import chain, conv, node
from tests.frontends.test_functions import calls, function
from tests.frontends.test_hostile import ones
from tests.targets.artpec.layers import alternating, compiled
from tests.verification.test_advice_rules import error_function, gelu, joined
from tests.verification.test_common_rules import detector
from tests.verification.test_verify_file import Rows, source, written
from tests.verification.tflite_models import healthy

CONTEXT = Context(weights=Granularity.PER_TENSOR, firmware=(10, 6))
MAKERS: tuple[Callable[[], bytes], ...] = (
    healthy, detector, compiled, gelu, error_function, lambda: alternating(3),
    lambda: joined("LOGISTIC", 2.5, requantized=True),
)  # fmt: skip
TFLITE_CHIPS = (ARTPEC7, ARTPEC8, ARTPEC9)
MEGABYTE = 1 << 20


def judged(content: bytes) -> bool:
    """Whether the file could be read; then all rules were asked, and what its layers hold and where they run."""
    try:
        view = parse_tflite(content)
    except ArtifactError:
        return False
    json.dumps(inspection_json(view, view.layers), allow_nan=False)
    for chip in TFLITE_CHIPS:
        check(view, (*chip.rules, *UNIVERSAL_RULES), CONTEXT)
        assert chip.placement is not None
        json.dumps(forecast(view, chip.placement, CONTEXT).to_json(), allow_nan=False)
    return True


def damaged(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        mutate(data, rng)
    return bytes(data)


def fuzz(contents: tuple[bytes, ...], rounds: int, seed: int) -> int:
    """How many of the damaged files could still be read."""
    rng = random.Random(seed)
    return sum(judged(damaged(contents[index % len(contents)], rng)) for index in range(rounds))


def test_hundreds_of_damaged_files_are_refused_or_judged() -> None:
    assert 50 < fuzz(tuple(make() for make in MAKERS), 700, seed=4) < 650


def test_damaged_files_take_little_memory() -> None:
    with allocated_at_most(16 * MEGABYTE):
        assert 5 < fuzz(tuple(make() for make in MAKERS), 70, seed=7) < 65


@pytest.mark.slow
def test_ten_thousand_damaged_files_are_refused_or_judged() -> None:
    assert 1000 < fuzz(tuple(make() for make in MAKERS), 10_000, seed=5) < 9000


@pytest.mark.zoo("axis")
@pytest.mark.slow
def test_damaged_files_of_axis_are_refused_or_judged(zoo: Path) -> None:
    fuzz(tuple(path.read_bytes() for path in sorted((zoo / "axis").glob("*.tflite"))), 90, seed=6)


def test_every_truncation_of_a_detector_is_refused_or_judged() -> None:
    content = detector()
    for length in range(0, len(content), 11):
        judged(content[:length])


def test_a_file_that_ends_the_process_that_runs_it_is_refused(tmp_path: Path) -> None:
    """This detector's custom op lacks its options, which its kernel reads all the same."""
    path = written(tmp_path, detector())
    with raises_error("artifact-run-crash", "m.tflite"):
        verify_file(path, ARTPEC8, Question(reference=source(), samples=Rows()))


def test_a_model_that_asks_onnx_runtime_for_all_memory_is_refused_before_it_is_run_here(tmp_path: Path) -> None:
    """Eight terabytes of zeros."""
    path = tmp_path / "m.onnx"
    sizes = {"n": np.array([2**21, 2**20])}
    zeros = chain(node("ConstantOfShape", ["n"], ["z"]), node("Add", ["x", "z"], ["y"]), shape=(1,), weights=sizes)
    path.write_bytes(zeros.SerializeToString())
    with allocated_at_most(64 * MEGABYTE), raises_error("artifact-run-limit"):
        runner(path).run({"x": np.zeros(1, np.float32)})


def test_sound_files_are_survived(tmp_path: Path) -> None:
    assert runner(written(tmp_path, healthy())).run({"x": np.zeros((1, 8, 8, 3), np.uint8)})
    path = tmp_path / "m.onnx"
    path.write_bytes(conv().SerializeToString())
    assert OrtRunner(path).run({"x": np.zeros((1, 3, 8, 8), np.float32)})


HOSTILE = {
    "divides by zero": chain(node("Conv", ["x", "w"], ["y"], strides=[0, 0]), shape=(1, 1, 4, 4),
                             weights={"w": ones(1, 1, 1, 1)}),
    "reads past the end": chain(node("OneHot", ["x", "w", "x"], ["y"]), weights={"w": ones(0)}),
    "calls itself": chain(*calls("D"), functions=[function("D", node("D", ["a"], ["b"], domain="mine"))],
                          domains={"mine": 1}),
    "a billion outputs": chain(node("Split", ["x"], ["y"], num_outputs=2**30), opset=18),
    "a billion numbers": chain(
        node("ConstantOfShape", ["n"], ["s"], value=onnx.numpy_helper.from_array(np.array([1]))),
        node("Reshape", ["x", "s"], ["y"]), weights={"n": np.array([10**9])},
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_an_onnx_file_that_ends_or_fills_onnxs_own_inference_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(HOSTILE[name].SerializeToString())
    with allocated_at_most(16 * MEGABYTE), raises_error("artifact-damaged", "m.onnx"):
        read_onnx(path)


def test_hostile_onnx_is_one_sentence_and_a_status_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(HOSTILE["divides by zero"].SerializeToString())
    assert main(["verify", str(path), "--target", "cv25"]) == 11
    assert capsys.readouterr().err.count("\n") == 1


def changed(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at = rng.randrange(len(data))
        if rng.random() < 0.8:
            data[at] = rng.randrange(256)
        else:
            del data[at : at + rng.randrange(1, 8)]
    return bytes(data)


def test_damaged_onnx_files_are_refused_or_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the inference itself does is another process' business: see the tests above."""
    monkeypatch.setattr(
        onnx_graph, "value_types", lambda model: ValueTypes({value.name: value for value in model.graph.input})
    )
    rng, path, content = random.Random(8), tmp_path / "m.onnx", conv().SerializeToString()
    alive = 0
    for _ in range(1000):
        path.write_bytes(changed(content, rng))
        try:
            view = read(path)
        except ArtifactError:
            continue
        alive += 1
        check(view, (*CV25.rules, *UNIVERSAL_RULES), CONTEXT)
    assert 100 < alive < 1000


@pytest.mark.slow
def test_damaged_onnx_files_do_not_end_the_process(tmp_path: Path) -> None:
    rng, path, content = random.Random(9), tmp_path / "m.onnx", conv().SerializeToString()
    for _ in range(15):
        path.write_bytes(changed(content, rng))
        try:
            check(read(path), (*CV25.rules, *UNIVERSAL_RULES), CONTEXT)
        except ArtifactError:
            continue


@pytest.fixture(params=["m.tflite", "m.onnx", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """What is verified, and the file in it that is not what it should be."""
    if request.param == "folder":
        (tmp_path / "package").mkdir()
        yield tmp_path / "package", tmp_path / "package" / "model.onnx"
    else:
        yield tmp_path / request.param, tmp_path / request.param


def refused(verified: Path, capture: pytest.CaptureFixture[str]) -> str:
    assert main(["verify", str(verified), "--target", "artpec8"]) == 11
    message = capture.readouterr().err
    assert message.count("\n") == 1
    return message


def test_a_pipe_is_refused_and_not_waited_for(place: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(place[1])
    assert "a pipe" in refused(place[0], capsys)


def test_an_endless_device_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("m.tflite", "m.onnx"):
        (tmp_path / name).symlink_to("/dev/zero")
        assert "it is a device" in refused(tmp_path / name, capsys)


def test_a_file_of_gigabytes_is_refused_unread(place: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """Three of them, with nothing written in them."""
    with place[1].open("wb") as stream:
        stream.write(b"\0\0\0\0TFL3" if place[1].suffix == ".tflite" else b"\x08\x08")
        stream.truncate(3 << 30)
    with allocated_at_most(64 * MEGABYTE):
        assert "has 3221225472 bytes; such a file has 2147483647 at most" in refused(place[0], capsys)


def test_a_package_whose_model_lies_elsewhere_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (tmp_path / "secret.onnx").write_bytes(conv().SerializeToString())
    (package / "model.onnx").symlink_to(tmp_path / "secret.onnx")
    assert "is a link to a file outside it" in refused(package, capsys)
