"""The Python API as a notebook or a script uses it: what it exports, says, shows and survives."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dlpuconv
from dlpuconv.errors import MissingDependencyError
from dlpuconv.verification.report import Report
from tests.e2e.support import IMAGES, MODEL
from tests.error_ids import raises_error
from tests.verification.tflite_models import activation, conv, file_of


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sound file of two convolutions."""
    x = activation("x", (1, 8, 8, 3))
    first = conv(x, "first", 6)
    last = conv(first.output, "last", 6)
    path = tmp_path / "m.tflite"
    path.write_bytes(file_of([x], last.outputs, first, last))
    return path


@pytest.fixture(scope="module")
def conversion() -> dlpuconv.Conversion:
    return dlpuconv.convert(MODEL, target="cv25", calibration=IMAGES, report=True, cache=False)


def test_what_is_exported_is_there_in_a_fresh_process() -> None:
    code = "import dlpuconv; print(*(type(getattr(dlpuconv, name)).__name__ for name in dlpuconv.__all__))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "module" not in done.stdout.split()
    assert {"analyze", "check", "compare", "convert", "inspect", "verify", "DlpuconvError", "Progress"} <= set(
        dir(dlpuconv)
    )


def test_a_file_is_inspected_and_compared(file: Path) -> None:
    found = dlpuconv.inspect(file, layers="first")
    assert [layer.name for layer in found.layers] == ["first"]
    assert len(dlpuconv.inspect(file).layers) == 2
    beside = dlpuconv.compare(file, file, target="artpec8", progress=None)
    assert beside.a.layers == beside.b.layers == 2
    assert beside.a.placement is not None


def test_a_file_is_verified(file: Path) -> None:
    found = dlpuconv.verify(file, target="artpec8")
    assert (found.verdict, found.passed, found.report.file) == ("pass", True, "m.tflite")
    assert found.to_json()["verdict"] == "pass"
    assert "m.tflite" in found.to_html()
    older = dlpuconv.verify(file, target="artpec8", firmware="10.5")
    assert not older.passed
    assert any("10.5" in reason and "(firmware)" in reason for reason in older.report.reasons)
    with raises_error("option-value", "firmware='x'"):
        dlpuconv.verify(file, target="artpec8", firmware="x")


@pytest.mark.parametrize("before", ["", "import dlpuconv.verification.report_text", "import dlpuconv.cli.app"])
def test_every_function_is_one_whatever_was_imported_before(before: str) -> None:
    code = f"import dlpuconv\n{before}\nprint(all(callable(getattr(dlpuconv, n)) for n in dlpuconv.__all__[1:7]))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "True\n"


def test_messages_are_in_python_s_words(file: Path) -> None:
    with raises_error("calibration-needed", "calibration") as caught:
        dlpuconv.convert(MODEL, target="artpec8")
    assert "--" not in str(caught.value)
    with raises_error("option-value", "effort='fastest'", "fast, balanced, best"):
        dlpuconv.convert(MODEL, target="artpec8", calibration="random", effort="fastest")  # type: ignore[arg-type]
    with raises_error("cut-unknown", "cut_at=['258x']"):
        dlpuconv.check(MODEL, target="artpec8", cut_at=["258x"], progress=None)
    with raises_error("option-needs-another", "reference", "data"):
        dlpuconv.compare(file, file, reference=MODEL)


def test_one_name_may_be_given_as_a_plain_text(file: Path) -> None:
    with raises_error("cut-unknown", "cut_at=['no such']"):
        dlpuconv.check(MODEL, target="artpec8", cut_at="no such")
    older = dlpuconv.verify(file, target="artpec8", firmware="10.5")
    (finding,) = [found for found in older.report.findings if found.severity == "fail"]
    assert dlpuconv.verify(file, target="artpec8", firmware="10.5", ignore=finding.rule).passed


def test_numbers_may_be_of_any_library() -> None:
    (plain,) = dlpuconv.check(MODEL, target="artpec8", mean=127.5, std=(64, 64, 64), progress=None)
    of_numpy: Any = {"mean": np.float32(127.5), "std": np.full(3, 64)}
    assert dlpuconv.check(MODEL, target="artpec8", progress=None, **of_numpy) == (plain,)


@pytest.mark.parametrize("mean", ["1,2", "imagenet", (1, None, 2), {}.keys])
def test_what_is_no_number_is_refused_in_a_sentence(mean: Any) -> None:
    with raises_error("argument-type", "mean"):
        dlpuconv.check(MODEL, target="artpec8", mean=mean)


def test_a_type_checker_sees_the_words_of_every_choice() -> None:
    """Each would be an unused `type: ignore` if mypy did not."""
    calls: tuple[Callable[[], object], ...] = (
        lambda: dlpuconv.convert(MODEL, target="cv25", preset="imagnet"),  # type: ignore[arg-type]
        lambda: dlpuconv.convert(MODEL, target="cv25", resize="crop"),  # type: ignore[arg-type]
        lambda: dlpuconv.convert(MODEL, target="cv25", split_outputs="on"),  # type: ignore[arg-type]
        lambda: dlpuconv.convert(MODEL, target="cv25", input_dtype="int16"),  # type: ignore[arg-type]
        lambda: dlpuconv.convert(MODEL, target="cv25", fold_preprocess="no"),  # type: ignore[arg-type]
        lambda: dlpuconv.convert(MODEL, target="cv25", overrides={"x": "auto"}),  # type: ignore[dict-item]
        lambda: dlpuconv.check(MODEL, target="cv25", color="grey"),  # type: ignore[arg-type]
        lambda: dlpuconv.check(MODEL, target="cv25", input_layout="hwc"),  # type: ignore[arg-type]
    )
    for call in calls:
        with raises_error("option-value"):
            call()


class Told:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        self.stages.append(f"{title}, {total}")
        yield lambda: None

    def message(self, text: str) -> None:
        self.stages.append(text)


def test_progress_is_given_and_silent_off_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    told = Told()
    progress: dlpuconv.Progress = told
    dlpuconv.check(MODEL, target="cv25", progress=progress)
    assert told.stages == ["reading the model, None"]
    dlpuconv.check(MODEL, target="cv25")
    dlpuconv.check(MODEL, target="cv25", progress=None)
    assert capfd.readouterr() == ("", "")


def test_progress_that_is_no_progress_is_refused_in_a_sentence() -> None:
    with raises_error("argument-type", '"auto"', "'off'"):
        dlpuconv.check(MODEL, target="cv25", progress="off")  # type: ignore[arg-type]


def test_progress_is_drawn_on_a_terminal_by_default_and_not_with_none(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    dlpuconv.check(MODEL, target="cv25", progress=None)
    assert capfd.readouterr().err == ""
    dlpuconv.check(MODEL, target="cv25")
    assert "reading the model" in capfd.readouterr().err


def test_results_are_one_line_and_a_table_in_a_notebook_and_survive_pickling(file: Path) -> None:
    results = (
        dlpuconv.inspect(file),
        dlpuconv.inspect(file, layers="first"),
        dlpuconv.compare(file, file, progress=None),
        dlpuconv.verify(file, target="artpec8"),
        dlpuconv.verify(file, target="artpec8").report,
        *dlpuconv.check(MODEL, target=["artpec8", "cv25"], progress=None),
    )
    for found in results:
        assert isinstance(
            found, dlpuconv.Inspection | dlpuconv.Contrast | dlpuconv.Checkup | dlpuconv.Verification | Report
        )
        assert "\n" not in repr(found)
        assert len(repr(found)) < 120
        assert found._repr_html_().startswith("<pre")
        assert repr(pickle.loads(pickle.dumps(found))) == repr(found)


def test_a_loaded_network_shows_its_ends_in_a_notebook_and_that_it_was_closed(tmp_path: Path) -> None:
    x = activation("<img src=x>\u202e", (1, 8, 8, 3))
    layer = conv(x, "y", 6)
    path = tmp_path / "m.tflite"
    path.write_bytes(file_of([x], layer.outputs, layer))
    with dlpuconv.load(path) as network:
        shown = network._repr_html_()
        assert network.kernels in shown
        assert "closed" not in shown
    assert shown.startswith("<pre")
    for told in ("m.tflite", "input", "&lt;img src=x&gt;\\u202e", "1x8x8x3", "output", "y", "1x8x8x6"):
        assert told in shown, told
    assert "<img" not in shown
    assert "closed" in network._repr_html_()


def test_what_a_stranger_s_file_holds_is_no_markup_in_a_notebook(tmp_path: Path) -> None:
    x = activation("<script>alert(1)</script>", (1, 8, 8, 3))
    layer = conv(x, "[bold]<img src=x>", 6)
    path = tmp_path / "m.tflite"
    path.write_bytes(file_of([x], layer.outputs, layer))
    shown = dlpuconv.inspect(path)._repr_html_()
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "[bold]&lt;img" in shown


@pytest.mark.slow
def test_a_conversion_is_one_line_and_a_table_and_survives_pickling(
    conversion: dlpuconv.Conversion, tmp_path: Path
) -> None:
    assert repr(conversion) == "<Conversion cifar_mobilenetv2.cv25: pass>"
    assert repr(conversion.report).startswith("<Report cifar_mobilenetv2.cv25 for cv25: pass, ")
    assert "cifar_mobilenetv2.cv25" in conversion._repr_html_()
    assert conversion["cv25"]._repr_html_() == conversion._repr_html_()
    again = pickle.loads(pickle.dumps(conversion))
    assert repr(again) == repr(conversion)
    said = again["cv25"].provenance.calibration.warnings
    assert any("no mean, std or preset was given" in text for text in said)
    assert "--" not in " ".join(said)
    assert again["cv25"].provenance.target == conversion["cv25"].provenance.target
    assert again["cv25"].to_html() == conversion["cv25"].to_html()
    (path,) = again.save(tmp_path / "again")
    (before,) = conversion.save(tmp_path / "before")
    files = sorted(p.relative_to(before) for p in before.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(path) for p in path.rglob("*") if p.is_file())
    assert all((path / name).read_bytes() == (before / name).read_bytes() for name in files)


@pytest.mark.slow
def test_saving_over_files_is_refused_in_python_s_words(conversion: dlpuconv.Conversion, tmp_path: Path) -> None:
    conversion.save(tmp_path)
    with raises_error("output-exists", "force=True", "another folder"):
        conversion.save(tmp_path)
    (mine := tmp_path / "cifar_mobilenetv2.cv25" / "build.log").write_text("mine")
    with raises_error("output-foreign", "force=True", "force='all'"):
        conversion.save(tmp_path, force=True)
    assert mine.exists()
    conversion.save(tmp_path, force="all")
    assert not mine.exists()
    conversion.save(tmp_path, force=True)


@pytest.mark.slow
def test_saving_never_replaces_what_the_conversion_has_read(tmp_path: Path) -> None:
    (model := tmp_path / "m.cv25" / "m.onnx").parent.mkdir()
    model.write_bytes(MODEL.read_bytes())
    conversion = dlpuconv.convert(model, target="cv25", progress=None)
    with raises_error("output-is-read"):
        conversion.save(tmp_path, force="all")
    assert model.read_bytes() == MODEL.read_bytes()


def test_an_error_survives_a_pool_of_processes() -> None:
    error = MissingDependencyError("torch", "torch", "a module")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
