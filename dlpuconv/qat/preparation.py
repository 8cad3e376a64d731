"""A module becomes one that trains with the target's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from dlpuconv.display.wording import python_words
from dlpuconv.errors import UsageError
from dlpuconv.frontends.pytorch.sources import demand, is_module
from dlpuconv.qat.unheard import torchao_unheard

if TYPE_CHECKING:
    import torch

    from dlpuconv.display.progress import Progress
    from dlpuconv.qat.prepared import PreparedModule

type Starts = Literal["none", "fast", "balanced", "best"]


def prepare(
    module: torch.nn.Module,
    *,
    target: str,
    example_inputs: Any,
    calibration: Any,
    start: Starts = "balanced",
    progress: Progress | None = None,
) -> PreparedModule:
    """Make a new module for quantization-aware training, which simulates the target's integer file in floats.

    It can be trained in any loop. It starts from the recipe that `convert` would choose: equalized weights, which do
    not change the function, and the recipe's ranges of activations. Batch normalizations are folded, as in the file.
    Learned rounding and corrected biases of the recipe are only applied by `distil`.

    Args:
        module: trained in floats; it is not changed.
        target: see `dlpuconv.convert`; a target with integer files.
        example_inputs: see `dlpuconv.convert`.
        calibration: see `dlpuconv.convert`; samples as the module takes them.
        start: effort of the search for the recipe (`fast`, `balanced`, `best`), or `none` to start with measured ranges
            and unchanged weights.
        progress: where progress is shown.

    Returns:
        The module, in training mode, on the CPU. When it is trained, give it to `dlpuconv.convert`.

    Raises:
        MissingDependencyError: torch or torchao is not installed.
        DlpuconvError: the module, the data or an option cannot be used, or a tool failed.
    """
    demand("torchao", "dlpuconv.qat.prepare", "qat")
    if not is_module(module):
        raise UsageError(
            f"a {type(module).__name__} is not a torch.nn.Module; dlpuconv.qat.from_onnx makes one of an ONNX model",
            id="argument-type",
        )
    if not isinstance(target, str):
        raise UsageError(f"target={target!r} is not the name of one target", id="argument-type")
    if start not in get_args(Starts.__value__):
        raise UsageError(f"start={start!r} is not one of {', '.join(get_args(Starts.__value__))}", id="option-value")
    with python_words():
        with torchao_unheard():
            from dlpuconv.qat.building import build

        return build(module, target, example_inputs, calibration, start, progress)
