"""What distillation minimizes, and how far its steps go."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dlpuconv import qat
from tests.error_ids import raises_error

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")


def taken(data: Any) -> list[Any]:
    """Every batch that a module of one input gets."""
    from dlpuconv.qat.batches import Call, batches

    call = Call(positional=1, named=(), known=frozenset(("x",)))
    return list(batches(data, call, torch.device("cpu")))


def test_an_error_counts_in_shares_of_the_outputs_variance() -> None:
    from dlpuconv.qat.distillation import distance

    wanted = {"small": torch.tensor([1.0, 3.0]), "large": torch.tensor([100.0, 300.0])}
    answers = {"small": torch.tensor([2.0, 3.0]), "large": torch.tensor([100.0, 400.0])}
    assert distance(answers, wanted).item() == pytest.approx(1 / 2 + 10000 / 2 / 10000)  # of variances 1 and 10000


@pytest.mark.parametrize("wanted", [[[2.0]], [[2.0], [2.0], [2.0]]], ids=["one number", "one that does not change"])
def test_what_has_no_variance_counts_in_shares_of_its_size(wanted: Any) -> None:
    from dlpuconv.qat.distillation import distance

    answers = torch.full((len(wanted), 1), 3.0, requires_grad=True)
    loss = distance(answers, torch.tensor(wanted))
    assert loss.item() == pytest.approx(1 / 4)
    loss.backward()
    assert torch.isfinite(answers.grad).all()


def test_a_bias_of_zeros_is_trained_as_the_others_are() -> None:
    from dlpuconv.qat.rates import in_steps

    dense = torch.nn.Linear(2, 1)
    with torch.no_grad():
        dense.weight.fill_(1.27)
        dense.bias.zero_()
    graph: Any = torch.fx.symbolic_trace(dense)
    prepared: Any = SimpleNamespace(graph=graph)
    assert [group["lr"] for group in in_steps(prepared, 0.1)] == pytest.approx([0.001, 0.001])


def test_data_that_is_used_up_is_told_and_not_trained_on() -> None:
    once = (batch for batch in [torch.zeros(2, 3)])
    assert len(taken(once)) == 1
    with raises_error("training-no-batch"):
        taken(once)
    with raises_error("training-no-batch"):  # a batch of nothing would make every parameter NaN
        taken(np.zeros((0, 3)))


def test_arrays_of_numpys_own_precision_become_torchs() -> None:
    ((_, ((values,), _)),) = taken([np.ones((1, 2))])
    assert values.dtype == torch.float32


class Stream(torch.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
    """Pairs of a sample and a label, of which nobody knows how many there are."""

    def __iter__(self) -> Any:
        return iter([(torch.full((3,), float(number)), number) for number in range(5)])


def test_a_loader_over_a_stream_is_read_to_its_end() -> None:
    found = taken(torch.utils.data.DataLoader(Stream(), batch_size=2))
    assert [len(positional[0]) for _, (positional, _) in found] == [2, 2, 1]
    assert [share for share, _ in found] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "batch",
    [
        (torch.ones(1, 3), torch.zeros(1, 2), "label"),
        {"image": torch.ones(1, 3), "mask": torch.zeros(1, 2), "label": torch.tensor([7])},
    ],
    ids=["tuple", "dict"],
)
@pytest.mark.parametrize("by_position", [0, 1, 2])
def test_labels_are_left_alone_however_a_module_takes_its_inputs(batch: Any, by_position: int) -> None:
    from dlpuconv.qat.batches import Call

    named = ("image", "mask")[by_position:]
    call = Call(positional=by_position, named=named, known=frozenset(("image", "mask")))
    positional, by_name = call.arguments(batch, torch.device("cpu"))
    given = dict(zip(("image", "mask"), positional, strict=False)) | by_name
    assert given.keys() == {"image", "mask"}
    assert given["image"].tolist() == [[1.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("batch", "facts"),
    [
        ({"picture": torch.ones(1, 3), "label": 7}, ("'picture', 'label'", "2 inputs", "'image', 'mask'")),
        ((torch.ones(1, 3),), ("1 element,", "2 inputs")),
        (torch.ones(1, 3), ("1 element,", "2 inputs")),
    ],
)
def test_a_batch_that_lacks_an_input_is_refused_with_what_the_module_takes(batch: Any, facts: tuple[str, ...]) -> None:
    from dlpuconv.qat.batches import Call

    call = Call(positional=1, named=("mask",), known=frozenset(("image", "mask")))
    with raises_error("training-inputs", *facts):
        call.arguments(batch, torch.device("cpu"))


def test_only_parameters_that_are_not_frozen_are_trained() -> None:
    from dlpuconv.qat.rates import in_steps

    dense = torch.nn.Linear(2, 1)
    dense.weight.requires_grad_(False)
    prepared: Any = SimpleNamespace(graph=torch.fx.symbolic_trace(dense))
    assert [group["params"] for group in in_steps(prepared, 0.1)] == [[prepared.graph.bias]]


def test_what_cannot_be_prepared_is_told_before_any_work() -> None:
    module: Any = torch.nn.Linear(2, 1)
    wanted: Any = {"target": "artpec8", "example_inputs": torch.zeros(1, 2), "calibration": np.zeros((4, 2))}
    with raises_error("argument-type", "str", "dlpuconv.qat.from_onnx"):
        qat.prepare("net.onnx", **wanted)
    with raises_error("option-value", "start='swift'", "none, fast, balanced, best"):
        qat.prepare(module, **wanted, start="swift")  # type: ignore[arg-type]
    with raises_error("argument-type", "target=['artpec8']"):
        qat.prepare(module, **{**wanted, "target": ["artpec8"]})
