"""Conversions of PyTorch modules in threads: beside one another, a training loop, and whatever else is printed."""

from __future__ import annotations

import copy
import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model

pytestmark = pytest.mark.slow

IMAGE = torch.zeros(1, 3, 8, 8)
LONG = 60  # seconds in which a thread surely gets its turn


class Net(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A convolution that is used twice, as tracers need care with, and a pause while it is traced."""

    def __init__(self, pause: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 3, 1)
        self.norm = torch.nn.BatchNorm2d(3)
        self.pause = pause

    def forward(self, image: Any) -> Any:
        self.pause()
        return self.norm(self.conv(self.conv(image).relu()).relu())


def convert(module: Any) -> Model:
    return load(module, SourceOptions(), example_inputs=IMAGE)


def beside(work: Callable[[], None], module: Any | None = None) -> None:
    """Let another thread work while a module is traced; what it raises is raised here."""
    begin, end = threading.Event(), threading.Event()
    failures: list[BaseException] = []

    def other() -> None:
        assert begin.wait(LONG)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
        finally:
            end.set()

    def pause() -> None:
        if isinstance(threading.current_thread(), type(thread)) and threading.current_thread() is not thread:
            begin.set()
            assert end.wait(LONG)

    thread = threading.Thread(target=other)
    thread.start()
    net = module or Net()
    net.pause = pause
    convert(net)
    thread.join()
    if failures:
        raise failures[0]


def test_modules_are_converted_in_several_threads_and_torch_works_afterwards() -> None:
    found: list[bytes | Exception] = []
    module = Net()

    def work() -> None:
        try:
            found.append(convert(module).to_bytes())
        except Exception as error:  # noqa: BLE001 - compared below
            found.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [convert(module).to_bytes()] * 4
    module(IMAGE).sum().backward()


def test_what_other_threads_print_warn_and_log_meanwhile_is_seen(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    def work() -> None:
        sys.stdout.write("printed\n")
        sys.stderr.write("an error\n")
        logging.getLogger("mine").warning("logged")
        with pytest.warns(UserWarning, match="warned"):
            warnings.warn("warned", stacklevel=1)
        warnings.filterwarnings("ignore", message="added by another thread")

    with warnings.catch_warnings():
        beside(work)
        assert any(item[1] and item[1].pattern == "added by another thread" for item in warnings.filters)
    assert capfd.readouterr() == ("printed\n", "an error\n")
    assert caplog.messages == ["logged"]


def test_nothing_of_the_process_stays_changed_also_after_a_failure() -> None:
    def fail() -> None:
        raise KeyError("no")

    def state() -> Any:
        levels = [logging.root.manager.disable, logging.getLogger("torch").level]
        filters = [len(handler.filters) for handler in logging.root.handlers]
        method = torch.nn.Module.__call__, torch.nn.Module.__getattr__, torch.compiler.is_exporting
        return sys.stdout, sys.stderr, list(warnings.filters), levels, filters, method

    before = state()
    convert(Net())
    assert state() == before
    for _ in range(2):
        with raises_error("pytorch-export-failed", "Net", "KeyError"):
            convert(Net(fail))
    assert state() == before


def train(module: Any, steps: int) -> None:
    """A few steps as usual; nothing of the exporter's may show."""
    optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
    numbers = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = module(torch.randn(4, 3, 8, 8, generator=numbers)).square().mean()
        loss.backward()
        optimizer.step()
        assert type(loss) is torch.Tensor
        assert all(part.training for part in module.modules())
        assert all(type(parameter) is torch.nn.Parameter for parameter in module.parameters())
    assert module.norm.num_batches_tracked == steps


@pytest.mark.parametrize("same", [False, True], ids=["another module", "the same module"])
def test_a_training_loop_goes_on_beside_a_conversion(same: bool) -> None:
    """Without care, its modules call the tracer's, and its optimizer marks the graph that is being traced."""
    trained = Net()
    alone = copy.deepcopy(trained)
    train(alone, 10)
    beside(lambda: train(trained, 10), trained if same else None)
    for name, value in trained.state_dict().items():
        torch.testing.assert_close(value, alone.state_dict()[name], rtol=1e-2, atol=1e-3)


def test_a_training_loop_and_conversions_run_freely() -> None:
    stop = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stop.is_set():
                train(Net(), 3)
        except BaseException as error:  # noqa: BLE001 - looked at below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(2):
            convert(Net())
    finally:
        stop.set()
        thread.join()
    assert failures == []
