"""CV25 as data, and its rules on files that break one of them each."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
import pytest
from onnx import helper

from dlpuconv.formats.detect import read
from dlpuconv.formats.package_layout import Encoding
from dlpuconv.formats.package_view import CalibrationList, PackageView, SampleFile
from dlpuconv.formats.view import FileView, LayerView, TensorView
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.registry import load_target
from dlpuconv.scheme import Granularity, Numbers
from dlpuconv.verification.rule import Context, Severity
from dlpuconv_targets.cv25 import CV25, CV75

if TYPE_CHECKING:
    from collections.abc import Mapping


def package(
    *, size: int = 3 * 64 * 96, problem: str = "", file_problem: str = "", faults: tuple[tuple[str, str], ...] = ()
) -> PackageView:
    """100 calibration files, of which the first is as given."""
    first = SampleFile(name="0.bin", path=None if file_problem else Path("0.bin"), size=size, problem=file_problem)
    rest = (SampleFile(name="1.bin", path=Path("1.bin"), size=3 * 64 * 96),) * 99
    listed = CalibrationList(
        input="x",
        shape=(1, 3, 64, 96),
        encoding=Encoding.UINT8,
        list="bins/list.txt",
        files=() if problem else (first, *rest),
        problem=problem,
    )
    return PackageView(lists=(listed,), pictures=100, faults=faults)


CONTEXT = Context(weights=Granularity.PER_TENSOR)
GOOD: dict[str, str] = {"opset": "ai.onnx 13", "dlpuconv.raw_pixels": "x"}


def tensor(index: int, name: str, shape: tuple[int, ...], dtype: str = "float32") -> TensorView:
    return TensorView(index=index, name=name, shape=shape, dtype=dtype)


def layer(op: str = "Relu", *, custom: bool = False) -> LayerView:
    names = LayerNames(tensor="the layer")
    return LayerView(index=0, op=op, version=13, custom=custom, inputs=(0,), outputs=(1,), options={}, names=names)


def view(
    *,
    input_: TensorView | None = None,
    output: TensorView | None = None,
    op: LayerView | None = None,
    metadata: Mapping[str, str] | None = None,
    **more: Any,
) -> FileView:
    """A file that breaks no rule, but for what is given."""
    given: dict[str, Any] = {
        "format": "package",
        "tensors": (input_ or tensor(0, "x", (1, 3, 64, 96)), output or tensor(1, "y", (1, 10))),
        "layers": (op or layer(),),
        "inputs": (0,),
        "outputs": (1,),
        "metadata": GOOD | dict(metadata or {}),
    }
    return FileView(**(given | more))


def broken(file: FileView) -> dict[str, list[str]]:
    """The rules that a file breaks, with what was found."""
    found = {rule.id: [hit.detail for hit in rule.check(file, CONTEXT)] for rule in CV25.rules}
    return {name: details for name, details in found.items() if details}


def test_a_good_file_breaks_no_rule() -> None:
    assert broken(view()) == {}
    assert broken(view(format="onnx")) == {}


@pytest.mark.parametrize(
    ("file", "rule", "detail"),
    [
        (view(format="tflite"), "CV-ONNX", "the file is of the format tflite"),
        (view(layers=()), "CV-EMPTY", "1 inputs, 0 layers, 1 outputs"),
        (view(output=tensor(1, "y", (1, 10), "float16")), "CV-FLOAT32", "it is float16"),
        (view(output=tensor(1, "y", (1, 10), "int8")), "CV-FLOAT32", "it is int8"),
        (view(op=layer("DequantizeLinear")), "CV-QDQ", "DequantizeLinear"),
        (view(op=layer("Loop")), "CV-GRAPH", "Loop is control flow"),
        (view(op=layer("MyOp", custom=True)), "CV-GRAPH", "MyOp is not an operator of ONNX itself"),
        (view(output=tensor(1, "y", (1, -1))), "CV-STATIC", "the shape is [1, -1]"),
        (view(input_=tensor(0, "x", (4, 3, 64, 96))), "CV-BATCH", "the batch is 4"),
        (view(input_=tensor(0, "x", (1, 64, 96, 3))), "CV-PLANAR", "the shape [1, 64, 96, 3] is interleaved"),
        (view(input_=tensor(0, "x", (1, 3, 64, 300))), "CV-WIDTH", "a row has 300 bytes and takes 320"),
        (
            view(input_=tensor(0, "x", (1, 7), "int64"), metadata={"dlpuconv.raw_pixels": ""}),
            "CV-INPUTS",
            "it takes int64; nothing public says how the compiler reads that",
        ),
        (view(metadata={"opset": "ai.onnx 17"}), "CV-OPSET", "it is 17"),
        (view(op=layer("Exp")), "CV-OPS", "Exp is withdrawn from the list"),
        (view(op=layer("Erf")), "CV-OPS", "Erf is not on the list"),
        (view(op=layer("NonMaxSuppression")), "CV-NMS", "NonMaxSuppression"),
        (
            view(metadata={"dlpuconv.raw_pixels": ""}),
            "CV-RANGE",
            "it takes what the source model takes; nothing says that this is 0-255",
        ),
        (view(package=PackageView(pictures=99)), "CV-IMAGES", "there are 99"),
        (view(package=PackageView()), "CV-IMAGES", "there are none: it cannot be compiled as it is"),
        (view(package=package(size=17)), "CV-BINS", "has 17 bytes; one sample of x has 18432"),
        (
            view(package=package(file_problem="is a link to a file outside it")),
            "CV-BINS",
            "is a link to a file outside it",
        ),
        (view(package=package(faults=(("a.bin", "is not there"),))), "CV-FILES", "is not there"),
        (view(output=tensor(1, "a|b:0", (1, 10))), "CV-NAMES", "the name is 'a|b:0'"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("CV-") else None,
)
def test_a_file_that_breaks_one_rule_is_told_that_one(file: FileView, rule: str, detail: str) -> None:
    assert broken(file) == {rule: [detail]}


def test_a_list_that_cannot_be_used_leaves_the_compiler_without_samples() -> None:
    assert broken(view(package=package(problem="is not there"))) == {
        "CV-LISTS": ["bins/list.txt is not there"],
        "CV-IMAGES": ["there are none: it cannot be compiled as it is"],
    }


def test_inputs_that_are_no_images_have_no_rows_and_no_pixels() -> None:
    signal = tensor(0, "signal", (1, 98, 40))
    assert broken(view(input_=signal, metadata={"dlpuconv.raw_pixels": ""})) == {}


def test_a_file_that_dlpuconv_did_not_make_is_not_blamed_for_what_it_cannot_say() -> None:
    assert broken(view(metadata={"opset": "ai.onnx 13"}, format="onnx")) == {}
    plain = view(format="onnx")
    assert broken(FileView(**{f: getattr(plain, f) for f in plain.__dataclass_fields__} | {"metadata": {}})) == {}


def test_what_the_compiler_cannot_take_fails_and_advice_warns() -> None:
    fatal = {rule.id for rule in CV25.rules if rule.severity is Severity.FAIL}
    assert fatal == {
        "CV-ONNX", "CV-EMPTY", "CV-FLOAT32", "CV-QDQ", "CV-GRAPH", "CV-STATIC", "CV-BATCH", "CV-PLANAR", "CV-WEIGHTS",
        "CV-FILES", "CV-LISTS", "CV-BINS",
    }  # fmt: skip
    assert len({rule.id for rule in CV25.rules}) == len(CV25.rules)
    assert all(rule.source and rule.sentence for rule in CV25.rules)


def test_cv75_is_cv25_but_for_its_device_and_names() -> None:
    same = {field.name for field in fields(CV25) if getattr(CV25, field.name) == getattr(CV75, field.name)}
    differs = {field.name for field in fields(CV25)} - same
    assert differs == {"name", "title", "device", "run_on_camera", "packager"}
    assert CV75.device == "cv75-dlpu-native"
    assert load_target("cv75") == CV75


def test_float_files_have_no_excuse_for_less_than_100_db() -> None:
    assert CV25.min_sqnr == CV75.min_sqnr == 100


def test_cv25_is_float_needs_no_calibration_and_makes_a_folder() -> None:
    assert CV25.scheme.numbers is Numbers.FLOAT32
    assert not CV25.calibration_required
    assert (CV25.backend, CV25.suffix, CV25.device) == ("onnx-float", "", "ambarella-cvflow")


def test_the_target_is_imported_without_heavy_libraries() -> None:
    code = (
        "import sys, dlpuconv_targets.cv25 as _;"
        "print(sorted({'onnx', 'onnx_ir', 'numpy', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_images_of_a_package_are_counted_when_it_is_read_back(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, [1, 3, 64, 96])],
        [helper.make_tensor_value_info("y", 1, [1, 3, 64, 96])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), tmp_path / "model.onnx")
    assert broken(read(tmp_path)) == {"CV-IMAGES": ["there are none: it cannot be compiled as it is"]}
    (tmp_path / "representative_images").mkdir()
    for number in range(7):
        (tmp_path / "representative_images" / f"{number}.jpg").touch()
    assert broken(read(tmp_path)) == {"CV-IMAGES": ["there are 7"]}
