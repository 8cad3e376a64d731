"""What users do with PyTorch modules: containers, names, wrappers, parts that change, modules that cannot be used."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, override

import numpy as np
import pytest

from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error
from tests.frontends.support import chain, node, operators, run

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model

pytestmark = pytest.mark.slow

IMAGE = torch.zeros(1, 3, 8, 8)
Found = namedtuple("Found", "boxes scores")  # noqa: PYI024 - the kind without types


@dataclass
class Detections:
    """As detectors return them."""

    boxes: Any
    count: int
    scores: Any = None


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution, and a last step."""

    def __init__(self, last: Callable[[Any], Any] = lambda y: y) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 1)
        self.norm = torch.nn.BatchNorm2d(2)
        self.drop = torch.nn.Dropout(0.5)
        self.last = last

    def forward(self, image: Any) -> Any:
        return self.last(self.drop(self.norm(self.conv(image))))


def convert(source: Any, example_inputs: Any = IMAGE, **names: Any) -> Model:
    return load(source, SourceOptions(**names), example_inputs=example_inputs)


def inputs(model: Model) -> list[str]:
    return [value.name for value in model.signature.inputs]


def outputs(model: Model) -> list[str]:
    return [value.name for value in model.signature.outputs]


def computed(model: Model, module: Any) -> None:
    """Check the numbers of a model of one input and one output against the module's in evaluation mode."""
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(run(model, **{inputs(model)[0]: x})[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("last", "names"),
    [
        (lambda y: {"mask": y.relu(), "logits": y}, ["mask", "logits"]),
        (lambda y: Found(y.relu(), y), ["boxes", "scores"]),
        (lambda y: Detections(boxes=y.relu(), count=3, scores=y), ["boxes", "scores"]),
        (lambda y: {"levels": [y.relu(), None, {"last": y}], "none": None}, ["levels.0", "levels.2.last"]),
        (lambda y: {"twice": y, "same": y}, ["twice", "same"]),
        (lambda y: {"image": y}, ["image_output"]),
        (lambda y: {"conv.weight": y.relu(), "clone": y}, ["conv.weight", "clone"]),
        (lambda y: (y.relu(), None), ["relu"]),
    ],
)
def test_outputs_are_named_by_their_keys_and_what_is_no_tensor_is_left_out(last: Any, names: list[str]) -> None:
    model = convert(Net(last))
    assert outputs(model) == names
    assert inputs(model) == ["image"]


def test_outputs_of_an_exported_program_keep_their_keys_too() -> None:
    program = torch.export.export(Net(lambda y: {"mask": y.relu(), "none": None, "logits": y}).eval(), (IMAGE,))
    assert outputs(convert(program, None)) == ["mask", "logits"]


def test_names_that_the_user_gives_replace_those_of_the_module() -> None:
    model = convert(Net(lambda y: (y.relu(), y)), input_names=("pixels",), output_names=("mask", "conv.weight"))
    assert (inputs(model), outputs(model)) == (["pixels"], ["mask", "conv.weight"])


@pytest.mark.parametrize(
    ("names", "facts"),
    [
        ({"output_names": ("a", "b")}, ["output_names", "2", "1 output ("]),
        ({"input_names": ("",)}, ["input_names", "''"]),
        ({"input_names": ("a",), "output_names": ("a",)}, ["both", "'a'"]),
    ],
)
def test_names_that_do_not_fit_are_refused(names: Any, facts: list[str]) -> None:
    with raises_error("pytorch-names", *facts):
        convert(Net(), **names)


def test_names_are_not_for_onnx_models() -> None:
    with raises_error("option-not-for-source", "input_names and output_names"):
        convert(chain(node("Relu", ["x"], ["y"])), None, input_names=("a",))


def test_an_input_that_is_returned_as_it_is_keeps_its_name() -> None:
    class Both(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, image: Any) -> Any:
            return image.relu(), image

    assert inputs(convert(Both())) == ["image"]


class Masked(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Takes arguments in every way."""

    def forward(self, image: Any, scale: Any = None, *, mask: Any = None, flag: bool = False) -> Any:
        scaled = image if scale is None else image * scale
        masked = scaled if mask is None else scaled + mask
        return masked.relu() if flag else masked.sigmoid()


MASK = torch.ones(1, 3, 8, 8)


@pytest.mark.parametrize(
    ("given", "names", "last"),
    [
        (IMAGE, ["image"], "Sigmoid"),
        ([IMAGE, MASK], ["image", "scale"], "Sigmoid"),
        ({"image": IMAGE, "mask": MASK}, ["image", "mask"], "Sigmoid"),
        ((IMAGE, None, {"mask": MASK, "flag": True}), ["image", "mask"], "Relu"),
    ],
)
def test_arguments_may_be_a_tensor_or_positional_or_by_name(given: Any, names: list[str], last: str) -> None:
    model = convert(Masked(), given)
    assert inputs(model) == names
    assert operators(model)[-1] == last


def test_a_dict_may_be_an_argument_itself() -> None:
    class OfDict(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, batch: Any) -> Any:
            return batch["image"].relu()

    assert inputs(convert(OfDict(), ({"image": IMAGE},))) == ["batch_image"]


@pytest.mark.parametrize("given", [np.zeros((1, 3, 8, 8), np.float32), (np.zeros((1, 3, 8, 8), np.float32),), 7])
def test_arguments_that_are_no_tensors_are_refused(given: Any) -> None:
    with raises_error("pytorch-needs-inputs", "example_inputs"):
        convert(Net(), given)


@pytest.mark.parametrize(
    "wrap",
    [
        torch.nn.DataParallel,
        lambda module: torch.compile(module, backend="eager"),
        torch.optim.swa_utils.AveragedModel,
        lambda module: torch.nn.Sequential(torch.compile(module, backend="eager")),
        lambda module: torch.export.export(module.eval(), (IMAGE,)).module(),
        lambda module: torch.fx.symbolic_trace(module.eval()),
    ],
    ids=["DataParallel", "compile", "AveragedModel", "compiled part", "module of a program", "fx"],
)
def test_wrapped_and_captured_modules_are_converted(wrap: Any) -> None:
    module = Net(torch.relu)
    model = convert(wrap(module))
    computed(model, module)
    assert all("_orig_mod" not in str(n.metadata_props) for n in model.graph.graph)


def test_a_forward_put_in_place_of_the_modules_own_is_what_is_converted() -> None:
    """Such a forward holds the module itself, whose parts are in training mode."""
    by_closure, by_partial = Net().train(), Net().train()
    old = by_closure.forward
    by_closure.forward = lambda image: old(image) * 2
    by_partial.forward = functools.partial(lambda module, image: Net.forward(module, image) * 2, by_partial)
    for module in (by_closure, by_partial):
        model = convert(module)
        assert module.norm.num_batches_tracked == 0
        assert all(part.training for part in module.modules())
        computed(model, module)


class Changing(Net):
    """Changes what it can while it runs."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(1))
        self.calls: list[int] = []

    @override
    def forward(self, image: Any) -> Any:
        self.count += 1
        self.calls.append(1)
        self.seen = image
        return super().forward(image) * self.count

    def eval(self) -> Any:
        raise AssertionError("merges weights, in some libraries")


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_module_changes_that_changes_itself(fails: bool) -> None:
    module = Changing().train()
    module.norm.eval()
    module.conv.bias.requires_grad_(False)
    module.conv.register_forward_hook(lambda part, _, output: setattr(part, "hooked", output))
    before = [dict(vars(part)) for part in module.modules()]
    tensors = {name: (value, value.clone()) for name, value in module.state_dict(keep_vars=True).items()}
    random = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]["key"].copy()  # noqa: NPY002 - what a forward may use
    module.last = (lambda _: 1 / 0) if fails else (lambda y: y * float(np.random.rand()))  # noqa: NPY002
    before[0]["last"] = module.last
    if fails:
        with raises_error("pytorch-export-failed", "Changing", "ZeroDivisionError: division by zero"):
            convert(module)
    else:
        convert(module)
    assert [vars(part) for part in module.modules()] == before
    assert module.calls == []
    for name, value in module.state_dict(keep_vars=True).items():
        assert value is tensors[name][0]
        assert torch.equal(value, tensors[name][1])
    assert [p.requires_grad for p in module.parameters()] == [True, False, True, True]
    assert torch.equal(torch.get_rng_state(), random[0])
    assert np.array_equal(np.random.get_state(legacy=False)["state"]["key"], random[1])  # noqa: NPY002


def test_a_recurrent_module_can_be_trained_after_its_conversion() -> None:
    """It keeps a list of its weights, in which the exporter puts its stand-ins."""

    class Last(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(4, 3, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.rnn(x)[0]

    module = Last()
    convert(module, torch.zeros(1, 5, 4))
    module(torch.zeros(1, 5, 4)).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_modules_of_other_types_become_float32(dtype: Any) -> None:
    model = convert(Net().to(dtype), IMAGE.to(dtype))
    assert {v.dtype for v in (*model.signature.inputs, *model.signature.outputs)} == {"float32"}


def test_a_module_is_converted_where_no_gradients_are_kept() -> None:
    module = Net()
    with torch.inference_mode():
        model = convert(module)
    computed(model, module)


class ObserverBase(torch.ao.quantization.ObserverBase):  # type: ignore[misc, name-defined]
    """As prepare_fx, prepare_pt2e and prepare put them between the layers."""

    def __init__(self) -> None:
        super().__init__(torch.quint8)

    def forward(self, x: Any) -> Any:
        return x

    def calculate_qparams(self) -> Any:
        raise NotImplementedError


def scripted() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(torch.nn.ReLU())


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (scripted, ("pytorch-torchscript", "torch.nn.Module")),
        (lambda: torch.nn.Sequential(scripted()), ("pytorch-torchscript", "Sequential holds '0'")),
        (lambda: torch.nn.Sequential(ObserverBase()), ("pytorch-quantized",)),
        (lambda: torch.nn.Sequential(torch.ao.nn.quantized.Quantize(1.0, 0, torch.quint8)), ("pytorch-quantized",)),
        (lambda: torch.nn.Sequential(torch.nn.LazyConv2d(4, 1)), ("pytorch-lazy",)),
        (lambda: Net(lambda _: None), ("pytorch-outputs",)),
        (lambda: Net(lambda _: {"found": object()}), ("pytorch-outputs", "Net", "object")),
        (
            lambda: torch.export.export(torch.nn.Dropout(0.5).train(), (IMAGE,)).module(),
            ("model-in-training", "model.eval()"),
        ),
    ],
)
def test_modules_that_cannot_be_converted_are_refused_with_what_to_give(make: Any, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        convert(make())


def test_a_program_that_returns_a_number_is_refused() -> None:
    program = torch.export.export(Net(lambda y: (y, 3)).eval(), (IMAGE,))
    with raises_error("pytorch-outputs", "3"):
        convert(program, None)


def test_a_function_is_refused_with_what_to_give() -> None:
    with raises_error("argument-type", "not function", "torch.nn.Module"):
        convert(lambda x: x)
