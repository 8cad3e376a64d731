"""What the worker that reads files of torch.save does, in a process of its own: see `checkpoint_file`."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import DlpuconvError, ModelError
from dlpuconv.frontends.options import SourceOptions
from dlpuconv.frontends.pytorch.sources import export
from dlpuconv.isolation.refusals import refused
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task

_WEIGHTS = "state_dict", "model_state_dict", "model"
"""Under one of these keys training loops keep the weights, beside the optimizer's state."""


def prepare() -> None:
    """Import torch before the limits of the first question hold."""
    import torch.export  # noqa: F401


def read_tensors(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """`file`, of torch.save -> its tensors by name. Facts: `trusted`, whether it may run code."""
    return _answered(lambda: ({}, _tensors(_loaded(facts, arrays))))


def export_module(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """`file`, which holds a whole module -> `model`, a serialized ModelProto.

    Facts: `trusted`; `folder`, where its classes may be; `shapes` of inputs by name; `input_names`, `output_names`.
    """
    sys.path.append(facts["folder"])
    options = SourceOptions(input_names=tuple(facts["input_names"]), output_names=tuple(facts["output_names"]))

    def made() -> tuple[Facts, Arrays]:
        import torch

        module = _loaded(facts, arrays)
        if not isinstance(module, torch.nn.Module):
            raise ModelError(
                f"it holds a {type(module).__name__} and no module: give --model MODULE:FUNCTION as well",
                id="pytorch-no-module",
            )
        inputs = examples({name: tuple(shape) for name, shape in facts["shapes"].items()})
        proto = export(module, inputs, options, None).proto
        return {}, {"model": np.frombuffer(proto.SerializeToString(), np.uint8)}

    return _answered(made)


def examples(shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """Inputs of these shapes: by name or, where there is one without, that alone."""
    import torch

    made = {name: torch.zeros(shape) for name, shape in shapes.items()}
    return (made[""],) if "" in made else made


def _loaded(facts: Facts, arrays: Arrays) -> Any:
    import torch

    content = io.BytesIO(arrays["file"].tobytes())
    try:
        return torch.load(content, map_location="cpu", weights_only=not facts["trusted"])
    except MemoryError:
        raise
    except Exception as error:  # whatever torch says of a file that it did not write
        if not facts["trusted"] and "weights" in str(error).lower():
            raise ModelError(
                "it holds Python objects beside its tensors (a pickle), and reading these can run any code that its"
                " author has put there. Better save module.state_dict() alone; if you trust the author, give"
                " --allow-pickle",
                id="pytorch-pickle-untrusted",
            ) from error
        raise ModelError(f"torch.load cannot read it: {first_line(error)}", id="pytorch-file-unreadable") from error


def _tensors(found: Any) -> Arrays:
    import torch

    held = found.state_dict() if isinstance(found, torch.nn.Module) else found
    for key in _WEIGHTS:
        if isinstance(held, dict) and isinstance(held.get(key), dict | torch.nn.Module):
            return _tensors(held[key])
    if not isinstance(held, dict):
        raise ModelError(f"it holds a {type(held).__name__}, not weights by name", id="pytorch-no-weights")
    tensors = {name: value for name, value in held.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ModelError("it holds no tensors by name", id="pytorch-no-weights")
    return {
        name: (value.float() if value.is_floating_point() else value).detach().contiguous().numpy()
        for name, value in tensors.items()
    }


def _answered(make: Callable[[], tuple[Facts, Arrays]]) -> tuple[Facts, Arrays]:
    """What is the user's to act on is an answer as well."""
    try:
        return make()
    except DlpuconvError as error:
        return refused(error), {}


TASKS: Mapping[str, Task] = {"tensors": read_tensors, "export": export_module}
