"""The whole list: on real models, after every pass, and again."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir import Model
from dlpuconv.passes import normalize
from dlpuconv.passes.contract import Pass, Rewrite, Sweep
from dlpuconv.passes.editor import Editor
from dlpuconv.passes.normal_form import FIRST, LAST, LEFTOVERS, REPEATED
from tests.passes.rewriting import Array, assert_equal, assert_valid, ints, model, random
from tests.whole_zoo import samples

ZOO = (
    "cifar_efficientnet",
    "cifar_mobilenetv2",
    "cifar_resnet20",
    "det_yolofastestv2",
    "det_yolov5n_axis",
    "face_retinaface_mnet025",
    "imagenet_mnv2_torch",
    "kws_dscnn_mlperf",
    "kws_kwt1",
    "lpr_lprnet",
    "seg_sinet_portrait",
    "sr_fsrcnn_x2",
    "text_ppocrv5_det",
    "vww_mobilenetv1_025",
)
GONE = {
    "BatchNormalization",
    "Cast",
    "Constant",
    "ConstantOfShape",
    "Dropout",
    "Equal",
    "Expand",
    "Flatten",
    "Identity",
} | {
    "Gather",
    "Pad",
    "Shape",
    "Squeeze",
    "Unsqueeze",
    "Upsample",
    "Where",
}
TRANSPOSES = {
    "det_yolofastestv2": 2,
    "det_yolov5n_axis": 3,
    "face_retinaface_mnet025": 9,
    "kws_kwt1": 12,
}


def source_model(zoo: Path, name: str) -> Model:
    """A zoo model as the frontends deliver it."""
    return load(zoo / name / "model.onnx", SourceOptions())


def feed(zoo: Path, name: str, source: Model) -> dict[str, Array]:
    """One real sample."""
    (spec,) = source.signature.inputs
    return {spec.name: samples(zoo, name, 2)[:1]}


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the zoo leaves files open
@pytest.mark.parametrize("name", ZOO)
def test_every_pass_leaves_the_numbers_of_real_models(zoo: Path, name: str) -> None:
    source = source_model(zoo, name)
    sample = feed(zoo, name, source)
    current = source.copy()
    editor = Editor(current.graph)
    for entry in (*FIRST, *REPEATED, *LEFTOVERS, *LAST):
        if entry.run(editor).fired:
            assert_equal(source, current, sample, 100)
    assert_valid(source, current)


@pytest.mark.zoo
@pytest.mark.parametrize("name", ZOO)
def test_real_models_come_to_normal_form_and_stay_there(zoo: Path, name: str) -> None:
    source = source_model(zoo, name)
    before = source.to_bytes()
    normal, report = normalize(source)
    assert source.to_bytes() == before
    assert_valid(source, normal)
    assert report.unshaped == ()
    operators = [node.op_type for node in normal.graph.graph]
    assert not GONE.intersection(operators)
    assert operators.count("Transpose") == TRANSPOSES.get(name, 0)
    again, second = normalize(normal)
    assert [entry.name for entry in second.passes if entry.fired] == []
    assert [node.op_type for node in again.graph.graph] == operators
    assert normalize(source)[0].to_bytes() == normal.to_bytes()


@pytest.mark.zoo
def test_the_report_counts_what_fired(zoo: Path) -> None:
    source = source_model(zoo, "cifar_mobilenetv2")
    normal, report = normalize(source)
    assert report.fired("fold-batch-norm") == 25
    assert report.fired("unify-opset") > 0
    assert [each.graph.graph.num_nodes() for each in (source, normal)] == [72, 48]
    with pytest.raises(KeyError):
        report.fired("no-such-pass")


@pytest.mark.zoo("lpr_lprnet")
def test_the_report_says_why_a_pass_did_not_fire(zoo: Path) -> None:
    _, report = normalize(source_model(zoo, "lpr_lprnet"))
    (entry,) = [e for e in report.passes if e.name == "absorb-channel-gather-backward"]
    assert [d.reason for d in entry.declined] == [
        f"other operators read /backbone.{i}/Relu_output_0, too" for i in (6, 13)
    ]


def test_each_pass_has_a_name_of_its_own() -> None:
    names = [entry.name for entry in REPEATED]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("entry", [*FIRST, *REPEATED, *LEFTOVERS, *LAST], ids=lambda entry: entry.name)
def test_each_pass_states_what_it_needs(entry: Pass) -> None:
    assert isinstance(entry, Rewrite | Sweep)
    work = entry.rewrite if isinstance(entry, Rewrite) else entry.sweep
    module = inspect.getmodule(getattr(work, "func", work))
    assert module is not None
    assert "needs" in (module.__doc__ or "").lower()


def test_the_source_model_is_not_changed() -> None:
    source = model("(float[1,4] x) => (float[4] y) { s = Shape(x)  t = Gather(s, i)  y = Reshape(x, t) }", i=ints(1))
    before = source.to_bytes()
    normal, _ = normalize(source)
    assert source.to_bytes() == before
    assert [n.op_type for n in normal.graph.graph] == ["Reshape"]


def test_a_value_whose_shape_depends_on_data_is_reported() -> None:
    source = model(
        "(float[4] x) => (float[4] y) { n = NonZero(x)  t = ReduceSum<keepdims=0>(x)  y = Add(x, t) z = Neg(n) }"
    )
    source.graph.graph.outputs.append(next(o for n in source.graph.graph for o in n.outputs if o.name == "z"))
    assert normalize(source)[1].unshaped == ("n", "z")


def test_a_channels_last_export_keeps_only_the_transposes_of_its_ends() -> None:
    source = model(
        """(float[1,8,8,3] x) => (float[1,4,4,2] y) {
            t = Transpose<perm=[0,3,1,2]>(x)  c = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(t, w)
            n = Transpose<perm=[0,2,3,1]>(c)  b = Add(n, k)  r = Relu(b)  u = Transpose<perm=[0,3,1,2]>(r)
            d = Conv(u, v)  y = Transpose<perm=[0,2,3,1]>(d)
        }""",
        w=random(4, 3, 3, 3),
        k=random(4),
        v=random(2, 4, 1, 1),
    )
    normal, _ = normalize(source)
    assert [n.op_type for n in normal.graph.graph] == ["Transpose", "Conv", "Relu", "Conv", "Transpose"]
    assert_equal(source, normal, {"x": random(1, 8, 8, 3)}, 110)
