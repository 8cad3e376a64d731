from __future__ import annotations

from dataclasses import replace

from dlpuconv.formats import FileView, TensorView
from dlpuconv.ir import Affine
from dlpuconv.plugin import Port
from dlpuconv.scheme import Granularity
from dlpuconv.verification.engine import check
from dlpuconv.verification.rule import Context, Severity
from dlpuconv.verification.rules.contract import CONTRACT_RULES

SAID = Port(
    name="scores:0",
    file_name="scores_0",
    source_shape=(1, 2),
    shape=(1, 2),
    permutation=(0, 1),
    dtype="int8",
    quantization=Affine.of(0.5, 3),
)


def view(name: str = "scores_0", dtype: str = "int8", scale: float = 0.5) -> FileView:
    quantization = Affine.of(scale, 3)
    tensor = TensorView(index=0, name=name, shape=(1, 2), dtype=dtype, quantization=quantization)
    return FileView(format="tflite", tensors=(tensor,), layers=(), inputs=(), outputs=(0,))


def details(file: FileView, said: Port = SAID) -> list[str]:
    context = Context(weights=Granularity.PER_TENSOR, outputs=(said,))
    return [hit.detail for finding in check(file, CONTRACT_RULES, context) for hit in finding.hits]


def test_an_output_is_looked_for_under_the_name_that_it_has_in_the_file() -> None:
    assert details(view()) == []
    assert details(view("scores:0"), replace(SAID, file_name="")) == []


def test_a_missing_output_and_one_that_nobody_spoke_of_are_both_told() -> None:
    assert details(view("other")) == [
        "there is no such output; the file has other",
        "nothing was said of this output",
    ]


def test_another_type_or_scale_breaks_the_contract() -> None:
    assert "int8 [1, 2] was said, the file has uint8 [1, 2]" in details(view(dtype="uint8"))
    assert "scale 0.5 and zero point 3 were said, the file has 0.25 and 3" in details(view(scale=0.25))


def test_several_outputs_whose_order_nobody_wrote_down_warn() -> None:
    one, nothing_said = view(), Context(weights=Granularity.PER_TENSOR)
    two = replace(one, tensors=(*one.tensors, replace(one.tensors[0], index=1, name="boxes")), outputs=(0, 1))
    assert check(one, CONTRACT_RULES, nothing_said) == ()
    (found,) = check(two, CONTRACT_RULES, nothing_said)
    assert (found.rule, found.severity) == ("IO-SIDECAR", Severity.WARN)
    assert found.hits[0].detail == "there are 2 outputs (scores_0, boxes), and no manifest beside the file"
    said = replace(nothing_said, outputs=(SAID, replace(SAID, name="boxes", file_name="boxes")))
    assert check(two, CONTRACT_RULES, said) == ()
