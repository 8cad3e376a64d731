"""The user's own metric: what is taken for one, and what of it is refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.errors import ShapeError
from dlpuconv.ir import Affine, Layout, Links, Signature, ValueSpec
from dlpuconv.plugin import Port
from dlpuconv.verification.linking import network_of
from dlpuconv.workflow.metric import Metric, Yardstick, make_metric
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SPECS = tuple(ValueSpec(name=n, shape=(1, 2), dtype="float32", layout=Layout.PLAIN) for n in "xy")
SIGNATURE = Signature(SPECS[:1], SPECS[1:])


class Scaling:
    """A model or a file: y = factor * x."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": inputs["x"] * np.asarray(self.factor, inputs["x"].dtype)}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Writes a module into the current folder, which is not on the path; gives its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))

    def written(code: str) -> str:
        name = f"metric_of_{request.node.name.partition('[')[0]}"
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return written


def test_a_function_is_imported_from_the_current_folder(write: Callable[[str], str]) -> None:
    name = write("def score(predict):\n    return 0.5\n")
    metric = make_metric(f"{name}:score", 0.25)
    assert metric is not None
    assert (metric.name, metric.max_drop) == (f"{name}:score", 0.25)
    assert metric.score(lambda _: {}) == 0.5


def test_a_module_of_the_current_folder_hides_none_that_is_installed(
    write: Callable[[str], str], tmp_path: Path
) -> None:
    for name in ("json", "numpy", "this"):  # the last is one that nobody has imported yet
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a stranger ran')\n")
    sys.modules.pop("this", None)
    name = write(
        "import contextlib, io, json, numpy\nwith contextlib.redirect_stdout(io.StringIO()):\n    import this\n"
        "def score(predict):\n    return float(numpy.sum(json.loads('[1, 2]')))\n"
    )
    metric = make_metric(f"{name}:score", None)
    assert metric is not None
    assert metric.score(lambda _: {}) == 3
    assert sys.path[-1] == str(tmp_path)


@pytest.mark.parametrize("name", ["colorsys.py", "sys.py", "wave/__init__.py"])
def test_a_metric_that_an_installed_module_hides_is_named(
    write: Callable[[str], str], tmp_path: Path, name: str
) -> None:
    write("")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("def score(predict):\n    return 1\n")
    module = name.partition("/")[0].removesuffix(".py")
    with raises_error("function-hidden", name, f"module {module}"):
        make_metric(f"{module}:score", None)


@pytest.mark.parametrize(
    ("text", "cause", "fact"),
    [
        ("score", "function-form", "'score'"),
        (":score", "function-form", "':score'"),
        ("{module}:", "function-form", "MODULE:FUNCTION"),
        ("no_such_module_here:score", "function-not-found", "'no_such_module_here'"),
        ("{module}:scores", "function-not-found", "'scores' (did you mean 'score'?)"),
        ("{module}:number", "function-not-found", "another value 'number'"),
    ],
)
def test_what_names_no_function_is_a_usage_error(text: str, cause: str, fact: str, write: Callable[[str], str]) -> None:
    module = write("number = 1\n\ndef score(predict):\n    return 0.5\n")
    with raises_error(cause, fact):
        make_metric(text.format(module=module), None)


@pytest.mark.parametrize(
    ("code", "facts"),
    [
        ("def score(:", ["SyntaxError: ", "line 1"]),
        ("import no_such_library_here", ["ModuleNotFoundError: ", "no_such_library_here"]),
        ("\n1 / 0", [".py:2): ZeroDivisionError: division by zero"]),
        ("raise SystemExit", [".py:1): SystemExit"]),
    ],
)
def test_a_module_that_fails_says_what_and_where(code: str, facts: list[str], write: Callable[[str], str]) -> None:
    module = write(code)
    with raises_error("metric-failed", *facts):
        make_metric(f"{module}:score", None)


def test_what_a_function_raises_is_told_with_its_place(write: Callable[[str], str]) -> None:
    metric = make_metric(write("def score(predict):\n    return [][1]\n") + ":score", None)
    assert metric is not None
    with raises_error("metric-failed", ".py:2", "IndexError: list index out of range"):
        metric.score(lambda _: {})


@pytest.mark.parametrize(
    ("value", "fact"),
    [
        (float("nan"), "returned nan"),
        (float("-inf"), "returned -inf"),
        (None, "returned a NoneType"),
        ("0.5", "returned a str"),
        (np.zeros(2), "returned a ndarray"),
        (1j, "returned a complex"),
    ],
)
def test_what_is_no_finite_number_is_refused(value: object, fact: str) -> None:
    with raises_error("metric-not-a-number", fact):
        Metric(name="m:f", function=lambda _: value).score(lambda _: {})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array([0.5]), np.array(0.5)])
def test_numpy_s_numbers_are_numbers(value: Any) -> None:
    assert Metric(name="m:f", function=lambda _: value).score(lambda _: {}) == 0.5


def test_what_predict_refuses_keeps_its_own_sentence() -> None:
    def predict(_: object) -> Any:
        raise ShapeError("of another shape")

    with pytest.raises(ShapeError, match="of another shape"):
        Metric(name="m:f", function=lambda run: run({})["y"][0]).score(predict)


def test_a_callable_object_is_a_metric_under_its_class_s_name() -> None:
    class Top1:
        def __call__(self, _: object) -> float:
            return 1.0

    metric = make_metric(Top1(), None)
    assert metric is not None
    assert metric.name.endswith("Top1")
    with raises_error("argument-type", "int"):
        make_metric(3, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [-0.1, float("nan"), float("inf")])
def test_a_limit_is_a_number_from_zero_on_and_needs_a_metric(limit: float) -> None:
    with raises_error("option-value", "--max-drop"):
        make_metric(lambda _: 1.0, limit)
    with raises_error("option-needs-another", "--metric"):
        make_metric(None, 0.1)


def test_what_a_metric_prints_stays_out_of_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    def talkative(_: object) -> float:
        sys.stdout.write("halfway\n")
        return 1.0

    Metric(name="m:f", function=talkative).score(lambda _: {})
    assert capsys.readouterr() == ("", "halfway\n")


def test_a_file_is_scored_in_the_source_model_s_numbers_beside_the_float_model() -> None:
    def mean(predict: Any) -> float:
        return float(predict({"x": [[1.0, 3.0]]})["y"].mean())

    steps: list[int] = []
    metric = Metric(name="m:mean", function=mean, max_drop=0.5)
    yardstick = Yardstick.take(metric, Scaling(2.0), SIGNATURE, lambda: steps.append(1))
    assert (yardstick.source, yardstick.calls, len(steps)) == (4.0, 1, 1)
    # codes 12 and 16 of x at scale .5, zero point 10; y = 2 x codes, 24 and 32, at scale .25, zero point 10: 3.5, 5.5
    ports = [
        Port(
            name=n, source_shape=(1, 2), shape=(1, 2), permutation=(0, 1), dtype="uint8", quantization=Affine.of(s, 10)
        )
        for n, s in (("x", 0.5), ("y", 0.25))
    ]
    links = Links(inputs=(ports[0],), outputs=(ports[1],))
    value = yardstick(network_of(Scaling(2), links))
    assert value == 4.5
    assert yardstick.enough(4.0)
    assert yardstick.enough(3.5)
    assert not yardstick.enough(3.25)
    reason = yardstick.judged(3.25).reason
    assert reason == "m:mean falls from 4 to 3.25, 0.75 lower, where --max-drop allows 0.5"


def test_a_limit_reached_but_for_the_last_bits_is_kept() -> None:
    yardstick = Yardstick(
        metric=Metric(name="m:f", function=lambda _: 0.9, max_drop=0.01), source=0.9, calls=1, signature=SIGNATURE
    )
    assert 0.9 - 0.89 > 0.01
    assert yardstick.enough(0.89)
    assert not yardstick.enough(0.8899)
