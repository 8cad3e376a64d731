"""A captured module returns what the user's own does, as far as torch can capture it."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.error_ids import raises_error

torch = pytest.importorskip("torch")
pytest.importorskip("torchao")

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

Found = namedtuple("Found", "boxes scores")  # noqa: PYI024 - the kind without types
IMAGE = torch.ones(1, 3, 4, 4)


@dataclass
class Detections:
    """As detectors return them."""

    boxes: Any
    count: int


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution, and a last step."""

    def __init__(self, last: Callable[[Any], Any]) -> None:
        super().__init__()
        self.conv, self.last = torch.nn.Conv2d(3, 2, 1), last

    def forward(self, image: Any) -> Any:
        return self.last(self.conv(image))


@pytest.mark.parametrize(
    "last",
    [
        lambda y: (y, None, y + 1),
        lambda y: [y, {"more": y + 1}],
        lambda y: Found(y, y + 1),
        lambda y: OrderedDict(b=y, a=y + 1),
    ],
    ids=["tuple", "list", "namedtuple", "mapping"],
)
def test_containers_that_torch_knows_stay(last: Any) -> None:
    from dlpuconv.qat.capture import capture

    module = Net(last).eval()
    with torch.no_grad():
        found, wanted = capture(module, IMAGE).graph_module(IMAGE), module(IMAGE)
    assert type(found) is type(wanted)
    assert str(found) == str(wanted)


def test_what_torch_does_not_know_becomes_dicts_and_what_is_no_tensor_nothing() -> None:
    from dlpuconv.qat.capture import capture

    module = Net(lambda y: (Detections(y, 3), "text", 8)).eval()
    with torch.no_grad():
        found, text, number = capture(module, IMAGE).graph_module(IMAGE)
        (wanted, *_) = module(IMAGE)
    assert found.keys() == {"boxes", "count"}
    assert torch.equal(found["boxes"], wanted.boxes)
    assert (found["count"], text, number) == (None, None, None)


def test_a_module_that_returns_something_else_is_refused() -> None:
    from dlpuconv.qat.capture import capture

    with raises_error("pytorch-outputs", "SimpleNamespace"):
        capture(Net(lambda y: SimpleNamespace(y=y)).eval(), IMAGE)
