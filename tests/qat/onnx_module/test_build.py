"""A network's normal form as a module that can be trained and exported."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import pytest

from dlpuconv import qat
from dlpuconv.frontends.pytorch import sources
from tests.error_ids import raises_error
from tests.frontends.support import build, chain, node, value
from tests.passes.rewriting import random

if TYPE_CHECKING:
    import onnx

torch = pytest.importorskip("torch")

NAMES = [
    "cifar_efficientnet", "cifar_mobilenetv2", "cifar_resnet20", "det_yolofastestv2", "det_yolov5n_axis",
    "face_retinaface_mnet025", "imagenet_mnv2_torch", "kws_dscnn_mlperf", "kws_kwt1", "lpr_lprnet",
    "seg_sinet_portrait", "sr_fsrcnn_x2", "text_ppocrv5_det", "vww_mobilenetv1_025",
]  # fmt: skip
QUICK = {"kws_dscnn_mlperf", "vww_mobilenetv1_025"}


@pytest.mark.zoo
@pytest.mark.parametrize("name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in NAMES])
def test_a_network_of_the_zoo_trains_on_a_batch_and_computes_what_its_file_does(zoo: Path, name: str) -> None:
    path = zoo / name / "model.onnx"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # old files list weights as inputs
    session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    samples = random(2, *entry.shape[1:])
    module = qat.from_onnx(path)
    made = _values(module(torch.from_numpy(samples)))
    for place, sample in enumerate(samples):
        for got, expected in zip(made, session.run(None, {entry.name: sample[None]}), strict=True):
            size = max(1.0, float(np.abs(expected).max()))
            per_sample = np.split(got.detach().numpy(), 2)[place]
            np.testing.assert_allclose(per_sample.reshape(expected.shape), expected, rtol=0, atol=1e-4 * size)
    torch.stack([value.square().mean() for value in made]).sum().backward()
    assert all(weights.grad is not None and weights.grad.isfinite().all() for weights in module.parameters())


def test_layers_bear_the_names_of_nodes_and_weights_those_of_initializers() -> None:
    module = qat.from_onnx(_network())
    assert [name for name, _ in module.named_children()] == ["stem_conv", "stem_relu", "head", "shift"]
    assert [name for name, _ in module.named_parameters()] == ["stem_conv.stem_weight", "head.head_weight"]
    assert module.stem_conv.initializers == {"stem_weight": "stem.weight"}
    assert (module.stem_conv.op_type, module.stem_conv.node) == ("Conv", "/stem/conv")
    np.testing.assert_array_equal(module.stem_conv.stem_weight.detach().numpy(), random(4, 3, 3, 3))


def test_numbers_of_arithmetic_are_not_trained() -> None:
    assert [name for name, _ in qat.from_onnx(_network()).named_buffers()] == ["shift.offset"]


def test_weights_that_two_layers_read_are_one_parameter() -> None:
    model = chain(
        node("Conv", ["x", "w"], ["a"], name="first"), node("Relu", ["a"], ["b"], name="relu"),
        node("Conv", ["b", "w"], ["y"], name="second"), shape=(1, 4, 6, 6), weights={"w": random(4, 4, 1, 1)},
    )  # fmt: skip
    module = qat.from_onnx(model)
    assert module.first.w is module.second.w


def test_several_outputs_are_told_apart_by_name() -> None:
    model = build(
        [node("Relu", ["x"], ["a/b"], name="relu"), node("Sigmoid", ["x"], ["c"], name="sigmoid")],
        [value("x", (1, 3, 4, 4))],
        [value("c", (1, 3, 4, 4)), value("a/b", (1, 3, 4, 4))],
    )
    x = torch.from_numpy(random(1, 3, 4, 4))
    made = qat.from_onnx(model)(x)
    assert list(made) == ["c", "a/b"]
    assert torch.equal(made["a/b"], x.relu())


def test_a_model_may_end_earlier_and_have_its_shape_told() -> None:
    module = qat.from_onnx(_network(("batch", 3, "h", "w")), input_shape={"x": (1, 3, 8, 8)}, cut_at="b")
    assert module(torch.zeros(5, 3, 8, 8)).shape == (5, 4, 6, 6)
    with raises_error("cut-unknown", "cut_at"):
        qat.from_onnx(_network(), cut_at="nothing")


@pytest.mark.slow
def test_the_module_is_exported_with_its_weights_and_computes_the_same() -> None:
    module = qat.from_onnx(_network())
    x = torch.from_numpy(random(1, 3, 8, 8))
    program = torch.export.export(module, (x,))
    assert dict(program.state_dict).keys() == dict(module.state_dict()).keys()
    assert {str(each.target) for each in program.graph.nodes if each.op == "call_function"} == {
        "aten.conv2d.default", "aten.relu.default", "aten.add.Tensor",
    }  # fmt: skip
    torch.testing.assert_close(program.module()(x), module(x))


def test_without_torch_it_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "find_spec", lambda _: None)
    with raises_error("library-missing", "dlpuconv[torch]"):
        qat.from_onnx(_network())


def test_a_step_of_training_changes_the_module_alone() -> None:
    source = _network()
    before = source.SerializeToString()
    module = qat.from_onnx(source)
    twin = copy.deepcopy(module)
    x = torch.from_numpy(random(2, 3, 8, 8))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    module(x).square().mean().backward()
    optimizer.step()
    assert not torch.allclose(module(x), twin(x))
    module.load_state_dict(twin.state_dict())
    assert torch.equal(module(x), twin(x))
    assert source.SerializeToString() == before


def _network(shape: tuple[int | str, ...] = (1, 3, 8, 8)) -> onnx.ModelProto:
    """x -> Conv -> Relu -> b -> Conv -> Add -> y."""
    return chain(
        node("Conv", ["x", "stem.weight"], ["a"], name="/stem/conv"), node("Relu", ["a"], ["b"], name="/stem/relu"),
        node("Conv", ["b", "head.weight"], ["c"], name="head"), node("Add", ["c", "offset"], ["y"], name="shift"),
        shape=shape,
        weights={
            "stem.weight": random(4, 3, 3, 3), "head.weight": random(2, 4, 1, 1), "offset": random(1, 2, 6, 6),
        },
    )  # fmt: skip


def _values(made: Any) -> list[Any]:
    return list(made.values()) if isinstance(made, dict) else [made]
