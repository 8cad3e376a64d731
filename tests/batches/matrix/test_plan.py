"""`jobs.toml`: what a matrix multiplies to, and what is said of a mistyped one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.batches.matrix import BatchPlan, read_plan
from dlpuconv.errors import UsageError
from tests.error_ids import raises_error

BATCH = """
[batch]
store = "results"
models = "models/*.onnx"
targets = ["artpec8", "cv25"]
calibration = "images"
effort = "fast"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    for name in ("a", "b"):
        (tmp_path / "models" / f"{name}.onnx").write_bytes(b"")
    for name in ("images", "chips"):
        (tmp_path / name).mkdir()
    for name in ("others.npz", "chips/mine.toml"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def plan(folder: Path, text: str) -> BatchPlan:
    file = folder / "jobs.toml"
    file.write_text(text)
    return read_plan(file)


def names(found: BatchPlan) -> list[str]:
    return [job.name for job in found.jobs]


def test_every_model_meets_every_target_and_paths_are_the_files(folder: Path) -> None:
    found = plan(folder, BATCH)
    assert names(found) == ["a.artpec8", "a.cv25", "b.artpec8", "b.cv25"]
    first = found.jobs[0]
    assert (first.model, first.calibration) == (str(folder / "models" / "a.onnx"), str(folder / "images"))
    assert first.options == {"effort": "fast"}
    assert first.axes == {"model": "a", "target": "artpec8"}
    assert found.store == str(folder / "results")


def test_each_list_of_the_matrix_is_an_axis(folder: Path) -> None:
    found = plan(folder, BATCH + '[matrix]\ngranularity = ["per-tensor", "per-channel"]\nmean = [0, [1, 2, 3]]\n')
    assert len(found.jobs) == 16
    assert names(found)[:3] == ["a.artpec8.per-tensor.mean-0", "a.artpec8.per-tensor.mean-1-2-3", "a.artpec8.per-channel.mean-0"]  # fmt: skip  # noqa: E501
    assert found.jobs[1].options == {"effort": "fast", "granularity": "per-tensor", "mean": [1, 2, 3]}
    assert found.jobs[1].axes["mean"] == "[1, 2, 3]"


def test_what_is_excluded_is_left_out_and_what_is_included_comes_beside(folder: Path) -> None:
    text = (
        BATCH
        + """
[matrix]
granularity = ["per-tensor", "per-channel"]
[[exclude]]
target = "cv25"
granularity = "per-channel"
[[exclude]]
model = "b*"
[[include]]
model = "models/b.onnx"
target = "artpec9"
effort = "best"
"""
    )
    assert names(plan(folder, text)) == [
        "a.artpec8.per-tensor",
        "a.artpec8.per-channel",
        "a.cv25.per-tensor",
        "b.artpec9.fast".replace("fast", "best"),
    ]


def test_a_model_of_its_own_table_keeps_its_own_settings(folder: Path) -> None:
    text = (
        BATCH
        + """
[matrix]
granularity = ["per-tensor", "per-channel"]
[[models]]
model = "models/b.onnx"
targets = "artpec9"
calibration = "others.npz"
granularity = "auto"
"""
    )
    found = plan(folder, text)
    assert names(found)[-1] == "b.artpec9.auto"
    assert len(found.jobs) == 5
    assert found.jobs[-1].calibration == str(folder / "others.npz")


def test_the_last_override_that_fits_counts(folder: Path) -> None:
    text = (
        BATCH
        + """
[[override]]
when = {model = "b.onnx"}
min_sqnr = 20
[[override]]
when = {model = "b*", target = ["cv25", "cv75"]}
min_sqnr = 60
"""
    )
    found = plan(folder, text.replace(', "cv75"]', ', "cv*"]'))
    assert [job.options.get("min_sqnr") for job in found.jobs] == [None, None, 20, 60]


def test_targets_may_be_globs_and_files(folder: Path) -> None:
    found = plan(folder, BATCH.replace('["artpec8", "cv25"]', '["artpec*", "chips/mine.toml"]'))
    assert [job.target for job in found.jobs][:4] == ["artpec7", "artpec8", "artpec9", str(folder / "chips/mine.toml")]
    assert names(found)[3] == "a.mine"


def test_models_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.onnx").write_bytes(b"")
    text = '[batch]\nmodels = ["*/model.onnx"]\ntargets = "cv25"\n'
    assert names(plan(tmp_path, text)) == ["x-model.cv25", "y-model.cv25"]


def test_a_dict_of_the_same_form_is_relative_to_the_current_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    found = read_plan({"batch": {"models": ["models/a.onnx"], "targets": ["cv25"], "memory_gib": 2, "minutes": 3}})
    assert found.jobs[0].model == str(folder / "models" / "a.onnx")
    assert (found.limits.memory, found.limits.seconds) == (2 << 30, 180)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[batch]", "[matrix]\ntargets = ['cv25']\n[batch]", "line 3: [matrix] has no key 'targets', which belongs"),
        ("[batch]", "[matrix]\nmodel = ['a.onnx']\n[batch]", "[matrix] has no key 'model', which belongs into [batch]"),
        ("[batch]", "[matrix]\nminutes = [3]\n[batch]", "[matrix] has no key 'minutes', which belongs into [batch]"),
        ("[batch]", "effort = 'fast'\n[batch]", "a file of jobs has no key 'effort', which belongs into [batch], "),
        ("[batch]", "[batch]\nwhen = {}", "[batch] has no key 'when', which belongs into [[override]]"),
        ("[batch]", "[[exclude]]\ntargets = 'cv25'\n[batch]", "[[exclude]] has no key 'targets' (did you mean"),
        ("[batch]", "[[exclude]]\nzzz = 'cv25'\n[batch]", "has no key 'zzz'; possible keys: "),
        ("[batch]", "[batsh]", "line 2: a file of jobs has no key 'batsh' (did you mean 'batch'?)"),
        ("effort", "efort", "line 7: [batch] has no key 'efort' (did you mean 'effort'?)"),
        ('"fast"', '"fats"', "line 7: effort='fats' is not one of fast, balanced, best (did you mean 'fast'?)"),
        ('"cv25"', '"cv255"', "which is not one of the possible values (did you mean 'cv25'?)"),
        ("models/*", "modles/*", "(did you mean 'models'?)"),
        ("models/*.onnx", "models/c.onnx", "line 4: there is no model"),
        ('"images"', '"imgaes"', "line 6: there is no calibration"),
        ('"images"', '"imgaes"', "/imgaes' (did you mean 'images'?)"),
        ("[batch]", "[batch]\nrecipe = 'best.toml'", "line 3: there is no recipe"),
        ('"cv25"', '"chips/mime.toml"', "line 5: there is no target"),
        ('"cv25"', '"chips/mime.toml"', "/chips/mime.toml' (did you mean 'mine.toml'?)"),
        ("[batch]", "[matrix]\neffort = 'best'\n[batch]", "effort is 'best', where a matrix has a list of values"),
        ("[batch]", "[[exclude]]\ntarget = 'cv52'\n[batch]", "no job has target 'cv52' (did you mean 'cv25'?)"),
        ("[batch]", "[[override]]\nwhen = {taget = 'cv25'}\nopset = 13\n[batch]", "(did you mean 'target'?)"),
        ("[batch]", "[[override]]\nwhen = {target = 'cv25'}\n[batch]", "states no option"),
        ("[batch]", "[[models]]\nopset = 13\n[batch]", 'names none: give model = "..."'),
        ("[batch]", "[batch]\nopset = 'x'", "line 3: opset is 'x', not a whole number"),
        ("[batch]", "[batch]\npreset = 'imagenet'\nmean = 3", "a.artpec8: preset='imagenet' already sets mean and std"),
        ("[batch]", "[batch]\nmax_drop = 1", "max_drop=1 is in the unit of a metric"),
        ("[batch]", "[batch]\nminutes = 0", "minutes is 0, not above zero"),
        ("[batch]", "[batch]\nmemory_gib = 'much'", "memory_gib is 'much', not a finite number"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_answered_with_its_line(folder: Path, old: str, new: str, said: str) -> None:
    with raises_error("toml-value", said):
        plan(folder, BATCH.replace(old, new, 1))


def test_a_sentence_names_its_table_once(folder: Path) -> None:
    with pytest.raises(UsageError) as refused:
        plan(folder, BATCH.replace("effort", "efort"))
    assert str(refused.value) == "jobs.toml, line 7: [batch] has no key 'efort' (did you mean 'effort'?)"


def test_a_second_table_is_told_by_its_own_line(folder: Path) -> None:
    text = (
        BATCH
        + '[[override]]\nwhen = {target = "cv25"}\nopset = 13\n\n[[override]]\nwhen = {target = "cv25"}\nopset = "x"\n'
    )
    with raises_error("toml-value", "line 14", "opset is 'x'"):
        plan(folder, text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    ["models", "model", "targets", "target", "when", "store", "minutes", "effort", "mean", "input_shape", "overrides"]
)


_TABLES = st.dictionaries(_KEYS, _VALUES, max_size=4)
_PARTS = st.sampled_from(["batch", "matrix", "models", "include", "exclude", "override"])


@given(st.dictionaries(_PARTS, _VALUES | _TABLES | st.lists(_TABLES, max_size=2)))
def test_whatever_the_values_are_there_is_a_plan_or_one_sentence(values: dict[str, object]) -> None:
    with suppress(UsageError):
        assert read_plan(values).jobs
