"""A prepared module: the float network with the file's numbers, which trains, is saved, and becomes that file."""

from __future__ import annotations

import copy
import dataclasses
import io
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dlpuconv
from dlpuconv import qat
from dlpuconv.frontends import SourceOptions
from dlpuconv.plugin.tflite import parse_tflite
from tests.error_ids import raises_error
from tests.qat.networks import images, mobile

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

CALIBRATION = images(24)


def prepared_of(net: Any, **options: Any) -> Any:
    wanted = {"target": "artpec8", "example_inputs": torch.zeros(1, 3, 32, 32), "calibration": CALIBRATION, **options}
    return qat.prepare(net, **wanted)


@pytest.fixture(scope="module")
def float_module() -> Any:
    return mobile()


@pytest.fixture(scope="module")
def shared(float_module: Any) -> Any:
    return prepared_of(float_module, start="balanced")


@pytest.fixture
def prepared(shared: Any) -> Any:
    return copy.deepcopy(shared)


def fake_quantizers(prepared: Any) -> list[Any]:
    return [part for part in prepared.modules() if hasattr(part, "fake_quant_enabled")]


def answers(module: Any, batch: Any = CALIBRATION) -> Any:
    with torch.no_grad():
        return module.eval()(torch.from_numpy(batch)).numpy()


def weights_of(conversion: Any) -> dict[Any, int]:
    """How often the file has these codes of weights."""
    view = parse_tflite(conversion["artpec8"].content)
    constants = [t for t in view.tensors if t.data is not None and t.dtype == "int8"]
    return Counter((t.shape, np.asarray(t.data).tobytes()) for t in constants)


def test_everything_of_the_file_has_its_place(prepared: Any) -> None:
    assert prepared.unmapped == ()


def test_without_fake_quantization_the_copy_computes_what_the_module_does(prepared: Any, float_module: Any) -> None:
    for part in fake_quantizers(prepared):
        part.disable_fake_quant()
    wanted = answers(float_module)
    assert np.abs(answers(prepared) - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_equalization_changes_the_copys_weights_and_not_the_modules(shared: Any, float_module: Any) -> None:
    fresh = mobile().state_dict()
    assert all(torch.equal(values, fresh[name]) for name, values in float_module.state_dict().items())
    assert not torch.allclose(shared.graph.get_parameter("gate.weight"), float_module.gate.weight)


def test_it_takes_batches_of_any_size_on_its_own(prepared: Any) -> None:
    one_by_one = np.concatenate([answers(prepared, CALIBRATION[n : n + 1]) for n in range(3)])
    assert np.allclose(one_by_one, answers(prepared, CALIBRATION[:3]), atol=1e-5)


def test_a_tie_of_the_format_is_one_fake_quantizer_and_a_prescribed_scale_is_kept(prepared: Any) -> None:
    readers = {node.args[0].name: node.target for node in prepared.graph.graph.nodes if node.op == "call_module"}
    modules = {name: prepared.graph.get_submodule(target) for name, target in readers.items()}
    assert modules["cat"] is modules["max_pool2d"]
    assert modules["sigmoid"].scale.item() == 1 / 256
    assert modules["sigmoid"].zero_point.item() == -128


@pytest.mark.parametrize("inplace", [False, True])
def test_the_sigmoid_within_a_silu_is_rounded_as_in_the_file(inplace: bool) -> None:
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.SiLU(inplace=inplace), torch.nn.Conv2d(4, 4, 3))
    prepared = prepared_of(net, start="none")
    assert prepared.unmapped == ()
    assert [part.scale.item() for part in fake_quantizers(prepared)].count(1 / 256) == 1


class Scores(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Whether there is something at a place, as detectors tell: next to never, where steps of 1/256 tie scores."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 1))
        self.body[2].weight.data *= torch.tensor([0.0, 3.0]).reshape(2, 1, 1, 1)
        self.body[2].bias.data = torch.tensor([3.0, -3.0])

    def forward(self, image: Any) -> Any:
        return self.body(image).permute(0, 2, 3, 1).flatten(1, 2).softmax(-1)


def test_a_softmax_that_the_file_leaves_to_the_application_is_not_rounded(tmp_path: Path) -> None:
    net = Scores().eval()
    prepared = prepared_of(net, start="fast")
    qat.freeze_ranges(prepared)
    converted = dlpuconv.convert(prepared, target="artpec8", calibration=CALIBRATION)
    (port,) = converted["artpec8"].artifact.links.outputs
    assert port.activation is not None
    assert 1 / 256 not in [part.scale.item() for part in fake_quantizers(prepared)]
    converted.save(tmp_path)
    with dlpuconv.load(next(tmp_path.glob("*.tflite"))) as file:
        found = np.concatenate([next(iter(file(image[None]).values())) for image in CALIBRATION])
    wanted = answers(prepared)
    assert np.abs(found - wanted).max() < 0.1
    assert np.abs(found - wanted).mean() < 1 / 1024, "less than the rounding of a softmax would add"


def test_it_trains_in_any_loop(prepared: Any) -> None:
    batch, labels = torch.from_numpy(CALIBRATION), torch.arange(len(CALIBRATION)) % 5
    optimizer = torch.optim.SGD(prepared.parameters(), lr=0.05)
    losses = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(prepared.train()(batch), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_it_trains_with_mixed_precision(prepared: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = prepared.train()(torch.from_numpy(CALIBRATION)).square().mean()
    loss.backward()
    assert all(torch.isfinite(values.grad).all() for values in prepared.parameters())


@dataclasses.dataclass
class Found:
    """What a forward may return."""

    scores: Any
    stride: int


class Positions(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Takes its input by name, makes a tensor where that is, is frozen in part, and returns more than tensors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 2, 1)
        self.first.requires_grad_(False)

    def forward(self, *, image: Any) -> Any:
        x = torch.relu(self.first(image))
        return Found(self.last(x * torch.arange(x.shape[-1], device=x.device)), 8)


@pytest.fixture(scope="module")
def positions() -> Any:
    example = {"image": torch.zeros(1, 3, 32, 32)}
    return qat.prepare(
        Positions().eval(),
        target="artpec8",
        example_inputs=example,
        calibration=[{"image": image[None]} for image in CALIBRATION],
        start="none",
    )


def test_a_prepared_module_returns_its_tensors_by_name(positions: Any) -> None:
    with torch.no_grad():
        found = positions.eval()(image=torch.from_numpy(CALIBRATION))
    assert found["scores"].shape == (24, 2, 30, 30)
    assert found["stride"] is None


def test_what_forward_makes_moves_to_another_device_with_the_module(positions: Any) -> None:
    """The device `meta` has shapes alone, and tells tensors of other devices apart as a GPU does."""
    moved = copy.deepcopy(positions).eval().to("meta")
    named = [node.kwargs["device"].type for node in moved.graph.graph.nodes if "device" in node.kwargs]
    assert named
    assert set(named) == {"meta"}
    for part in fake_quantizers(moved):
        part.forward = lambda values: values  # which ask for the value of a flag
    assert moved(image=torch.zeros(2, 3, 32, 32, device="meta"))["scores"].device.type == "meta"
    assert {node.kwargs["device"].type for node in positions.graph.graph.nodes if "device" in node.kwargs} == {"cpu"}


def test_frozen_parameters_stay_frozen(positions: Any) -> None:
    prepared = copy.deepcopy(positions)
    assert {name for name, values in prepared.graph.named_parameters() if not values.requires_grad} == {
        "first.weight",
        "first.bias",
    }
    qat.distil(prepared, Positions().eval(), [CALIBRATION], epochs=1)
    assert prepared.graph.get_parameter("first.weight").grad is None


def test_an_optimizer_has_its_rates_afterwards(prepared: Any, float_module: Any) -> None:
    optimizer = torch.optim.SGD(prepared.parameters(), lr=1e-6)
    qat.distil(prepared, float_module, CALIBRATION, epochs=1, optimizer=optimizer)
    assert [group["lr"] for group in optimizer.param_groups] == [1e-6]


def test_evaluation_and_frozen_ranges_leave_scales_as_they_are(prepared: Any) -> None:
    def ranges() -> list[float]:
        return [part.scale.item() for part in fake_quantizers(prepared)]

    with torch.no_grad():
        prepared.graph.get_parameter("head.weight").mul_(0.5)
    before = ranges()
    prepared.eval()(torch.from_numpy(CALIBRATION * 3))
    qat.freeze_ranges(prepared)
    prepared.train()(torch.from_numpy(CALIBRATION * 3))
    assert ranges() == before
    qat.follow_ranges(prepared)
    prepared.train()(torch.from_numpy(CALIBRATION * 3))
    assert ranges() != before


def test_a_state_dict_saves_and_loads(prepared: Any, shared: Any) -> None:
    qat.distil(prepared, mobile(), CALIBRATION, epochs=1)
    stored = io.BytesIO()
    torch.save(prepared.state_dict(), stored)
    stored.seek(0)
    other = copy.deepcopy(shared)
    other.load_state_dict(torch.load(stored, weights_only=True))
    assert np.array_equal(answers(other), answers(prepared))


def test_distillation_begins_with_the_integers_of_the_recipes_own_file(prepared: Any, float_module: Any) -> None:
    qat.distil(prepared, float_module, CALIBRATION, epochs=0)
    by_recipe = dlpuconv.convert(
        float_module, target="artpec8", example_inputs=torch.zeros(1, 3, 32, 32), calibration=CALIBRATION
    )
    learned = dlpuconv.convert(prepared, target="artpec8", calibration=CALIBRATION)
    assert weights_of(learned) == weights_of(by_recipe)


def test_distillation_brings_answers_closer_and_needs_no_labels(prepared: Any, float_module: Any) -> None:
    with torch.no_grad():
        prepared.graph.get_parameter("head.weight").mul_(0.8)
    wanted = answers(float_module)
    before = np.square(answers(prepared) - wanted).mean()
    loader = torch.utils.data.DataLoader([(image, 0) for image in CALIBRATION], batch_size=8)
    qat.distil(prepared, float_module, loader, epochs=4)
    assert np.square(answers(prepared) - wanted).mean() < before
    assert not prepared.training


def test_training_that_does_harm_leaves_the_module_as_it_was(prepared: Any, float_module: Any) -> None:
    qat.distil(prepared, float_module, CALIBRATION, epochs=0)
    before = copy.deepcopy(prepared.state_dict())
    ruinous = torch.optim.SGD(prepared.parameters(), lr=1e3)
    qat.distil(prepared, float_module, CALIBRATION[:10], epochs=1, optimizer=ruinous, held_out=[CALIBRATION[10:]])
    after = prepared.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(values, after[name]) for name, values in before.items())


@pytest.mark.parametrize("target", ["artpec8", "artpec7"])
def test_the_file_has_the_scales_of_the_module_and_computes_what_it_does(
    target: str, float_module: Any, tmp_path: Path
) -> None:
    prepared = prepared_of(float_module, target=target, start="fast")
    qat.distil(prepared, float_module, CALIBRATION, epochs=1)
    converted = dlpuconv.convert(
        prepared, target=target, calibration=CALIBRATION, input_dtype="int8", output_dtype="int8"
    )
    view = parse_tflite(converted[target].content)
    stored = {
        (scale, zero)
        for t in view.tensors
        if (q := t.quantization)
        for scale, zero in zip(q.scales, q.zero_points, strict=True)
    }
    trained = {
        pair
        for part in fake_quantizers(prepared)
        for pair in zip(part.scale.tolist(), part.zero_point.tolist(), strict=True)
    }
    assert trained <= stored
    converted.save(tmp_path)
    file = dlpuconv.load(next(tmp_path.glob("*.tflite")))
    wanted = answers(prepared)
    found = np.concatenate([file(image[None])["linear"] for image in CALIBRATION])
    step = max(t.quantization.scale for t in view.tensors if t.index in view.outputs and t.quantization)
    assert np.abs(found - wanted).max() <= 1.01 * step


def test_what_torch_says_of_itself_on_the_way_to_a_file_is_not_heard(
    prepared: Any, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    prepared.quantized_onnx(SourceOptions())
    assert [str(each.message) for each in recwarn] == []
    assert "".join(capfd.readouterr()) == ""


def test_a_target_that_computes_in_floats_has_nothing_to_train_for(float_module: Any) -> None:
    with raises_error("training-not-quantized"):
        prepared_of(float_module, target="cv25")
