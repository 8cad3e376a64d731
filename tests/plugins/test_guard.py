"""A backend of another distribution whose code fails, or gives back what nobody can use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pytest

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.formats import FileView
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.plugin import Artifact, Backend, Draft, Port, Prepared
from dlpuconv.quantization import Recipe
from dlpuconv.registry.guard import guarded
from dlpuconv.scheme import Granularity
from dlpuconv_targets.artpec import ARTPEC9
from dlpuconv_targets.cv25 import CV25
from tests.error_ids import raises_error

EMPTY = FileView(format="tflite", tensors=(), layers=(), inputs=(), outputs=())
CONV = LayerNames(tensor="conv")
CALLED = "the backend 'toy' (distribution toychip)"
RECIPE = Recipe(granularity=Granularity.PER_TENSOR)
PORT = Port(name="x", source_shape=(1, 3), shape=(1, 3), permutation=(0, 1), dtype="int8")
GOOD = Artifact(files={"": b"TFL3"}, inputs=(PORT,), outputs=(), bindings={})


def boom(*_: Any) -> NoReturn:
    raise ValueError("boom")


def toy(**hooks: Any) -> Backend:
    """A guarded backend with hooks of its own."""
    usual: dict[str, Any] = {"prepare": lambda *_: Prepared(), "emit": lambda *_: GOOD}
    return guarded(type("Toy", (Backend,), {"name": "toy", **usual, **hooks}), CALLED)()


def changed(**fields: Any) -> Callable[..., Artifact]:
    return lambda *_: replace(GOOD, **fields)


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("warm_up", ()),
        ("close", ()),
        ("prepare", (None,)),
        ("emit", (None, ARTPEC9, RECIPE)),
        ("blame", (None, None, RECIPE, None)),
        ("draft", (None, [ARTPEC9])),
        ("read", (None,)),
        ("runner", (None,)),
    ],
)
def test_what_any_hook_raises_is_told_under_the_plugin_s_name_and_place(hook: str, arguments: tuple[Any, ...]) -> None:
    with raises_error("plugin-failed") as caught:
        getattr(toy(**{hook: boom}), hook)(*arguments)
    assert str(caught.value).startswith(f"{hook} of {CALLED} failed: ValueError: boom (test_guard.py, line ")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_backend_that_cannot_be_made_is_told_too() -> None:
    with raises_error("plugin-failed", "__init__ of the backend 'toy' (distribution toychip)", "ValueError: boom"):
        toy(__init__=boom)


def test_an_end_of_the_program_is_a_fault_and_an_interruption_is_none() -> None:
    with raises_error("plugin-failed", "SystemExit: 3"):
        toy(prepare=lambda *_: exit(3)).prepare(None)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        toy(prepare=interrupt).prepare(None)  # type: ignore[arg-type]


def interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def test_what_a_backend_refuses_on_purpose_stays_as_it_is() -> None:
    def refuse(*_: Any) -> NoReturn:
        raise UnsupportedModelError("no loops")

    with pytest.raises(UnsupportedModelError, match=r"^no loops$"):
        toy(prepare=refuse).prepare(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("emit", "complaint"),
    [
        (lambda *_: None, "it returned None instead of Artifact"),
        (lambda *_: b"TFL3", "it returned bytes instead of Artifact"),
        (changed(files={"": "text"}), "its files are bytes by path, not str by ''"),
        (changed(files={"model.onnx": b""}), "artpec9 takes one file, .tflite, but the artifact is a folder"),
        (
            changed(files={"": b"", "log.txt": b""}),
            "artpec9 takes one file, .tflite, but the artifact has others: log.txt",
        ),
        (changed(warnings="a text"), "the artifact's warnings are a tuple of texts, not 'a text'"),
        (changed(inputs=({"name": "x"},)), "it returned dict instead of Port"),
        (changed(inputs=(replace(PORT, permutation=(0, 2)),)), r"the permutation (0, 2) of 'x' does not fit its shape"),
        (changed(bindings=None), "it returned None instead of Mapping"),
        (changed(facts={"share": float("nan")}), "not JSON compliant"),
        (changed(facts={"path": object()}), "not JSON serializable"),
    ],
)
def test_an_artifact_that_cannot_be_used_is_told(emit: Callable[..., Any], complaint: str) -> None:
    with raises_error("plugin-failed") as caught:
        toy(emit=emit).emit(Prepared(), ARTPEC9, RECIPE)
    assert str(caught.value).startswith(f"emit of {CALLED} failed: ")
    assert complaint in str(caught.value)


def test_one_file_for_a_chip_that_takes_a_folder_is_told() -> None:
    with raises_error("plugin-failed", "cv25"):
        toy().emit(Prepared(), CV25, RECIPE)


def test_a_good_artifact_passes_as_it_is() -> None:
    assert toy().emit(Prepared(), ARTPEC9, RECIPE) is GOOD


def test_good_drafts_pass_as_they_are() -> None:
    drafts = (Draft(view=EMPTY, layers=()),)
    backend: Any = toy(draft=lambda *_: drafts)
    assert backend.draft(None, [ARTPEC9]) is drafts


@pytest.mark.parametrize(
    ("hooks", "call", "complaint"),
    [
        ({"draft": lambda *_: ()}, lambda b: b.draft(None, [ARTPEC9]), "it returned 0 drafts for 1 targets"),
        ({"draft": lambda *_: [None]}, lambda b: b.draft(None, [ARTPEC9]), "it returned list instead of tuple"),
        (
            {"draft": lambda *_: (Draft(view=EMPTY, layers=(CONV,)),)},
            lambda b: b.draft(None, [ARTPEC9]),
            "names 1 layers",
        ),
        ({"blame": lambda *_: 3}, lambda b: b.blame(None, None, RECIPE, None), "it returned int instead of Blame"),
        ({"read": lambda *_: {}}, lambda b: b.read(None), "it returned dict instead of FileView"),
        ({"runner": lambda *_: print}, lambda b: b.runner(None), "which has no run"),
    ],
)
def test_other_results_that_cannot_be_used_are_told(
    hooks: dict[str, Any], call: Callable[[Any], Any], complaint: str
) -> None:
    with raises_error("plugin-failed", complaint):
        call(toy(**hooks))


def test_what_a_runner_raises_or_returns_is_told() -> None:
    class Runner:
        def __init__(self, run: Callable[[Any], Any]) -> None:
            self.run = run

    for run, complaint in (
        (boom, "ValueError: boom"),
        (lambda _: [1], "it returned a list, not arrays by name"),
        (lambda _: {"y": [1.0]}, "it returned a list as 'y', not an array"),
        (lambda _: {"y": np.array(["x"])}, "it returned 'y' as <U1, not as numbers"),
    ):
        runner = toy(runner=lambda *_, run=run: Runner(run)).runner(None)  # type: ignore[arg-type]
        with raises_error("plugin-failed", "the runner of the backend 'toy'", complaint):
            runner.run({"x": np.zeros(1)})


def test_a_plugin_s_own_calls_of_its_hooks_may_name_arguments() -> None:
    def emit(self: Any, prepared: Any, target: Any, recipe: Any) -> Any:
        return GOOD if prepared is None else self.emit(prepared=None, target=target, recipe=recipe)

    assert toy(emit=emit).emit(Prepared(), ARTPEC9, RECIPE) is GOOD
