"""Every zoo model: float TFLite against ONNX Runtime on real data, and a graph as clean as its network."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.measure import run_graph, sqnr_db
from tests.whole_zoo import samples

if TYPE_CHECKING:
    from pathlib import Path

# Most TRANSPOSEs and PADs: the networks' own Transposes, and stride 2 on even maps.
LIMITS = {
    "cifar_efficientnet": (0, 3),
    "cifar_mobilenetv2": (0, 3),
    "cifar_resnet20": (0, 2),
    "det_yolofastestv2": (0, 8),
    "det_yolov5n_axis": (0, 6),
    "face_retinaface_mnet025": (0, 5),
    "imagenet_mnv2_torch": (0, 5),
    "kws_dscnn_mlperf": (0, 0),
    "kws_kwt1": (0, 0),
    "lpr_lprnet": (0, 0),
    "seg_sinet_portrait": (1, 3),  # takes a maximum over channels by a pool, behind its own reshape
    "sr_fsrcnn_x2": (0, 0),
    "text_ppocrv5_det": (0, 5),
    "vww_mobilenetv1_025": (0, 0),
}
NEVER = {"SHAPE", "EQUAL", "SELECT", "SELECT_V2", "FILL", "CAST", "RANGE", "GATHER", "GATHER_ND", "SQUEEZE", "PADV2"}
ACTIVATIONS = {"RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"}


@pytest.mark.zoo
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LIMITS))
def test_the_float_graph_computes_what_the_model_computes(zoo: Path, name: str) -> None:
    source = load(zoo / name / "model.onnx", SourceOptions())
    content = source.to_bytes()
    result = lower(normalize(source)[0], layouts={})
    (given,) = source.signature.inputs
    for sample in samples(zoo, name, 2)[:, None]:
        want = OrtRunner(content, optimize=False).run({given.name: sample})
        have = run_graph(result.graph, {given.name: sample.transpose(result.input_permutations[given.name])})
        for spec in source.signature.outputs:
            expected = want[spec.name].transpose(result.output_permutations[spec.name])
            assert sqnr_db(expected, have[spec.name]) >= 90, spec.name

    counts = Counter(op.kind for op in result.graph.operators)
    transposes, pads = LIMITS[name]
    assert counts["TRANSPOSE"] <= transposes
    assert counts["PAD"] <= pads
    assert not NEVER & set(counts)
    assert not ACTIVATIONS & set(counts)
    assert all(op.source_name for op in result.graph.operators)
