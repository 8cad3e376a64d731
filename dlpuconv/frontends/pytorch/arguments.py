"""What users give as example inputs, as the arguments of a module's `forward`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from dlpuconv.errors import UsageError

_MAYBE_ALONE = 3
"""Axes of a picture or a sequence without a batch, and of several rows with one."""

type Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Positional ones, and those by name."""


def arguments_of(module: Any, example_inputs: object) -> Arguments:
    """How `forward` is to be called.

    Args:
        module: the `torch.nn.Module`.
        example_inputs: a tensor; a tuple of positional arguments, of which the last may be a dict of further ones by
            name, as in `torch.onnx.export`; or a dict of arguments by name. Of a batch the first sample is taken.

    Raises:
        UsageError: there are none, or they are numpy arrays.
    """
    import torch

    kind = type(module).__name__
    if isinstance(example_inputs, torch.Tensor):
        example_inputs = (example_inputs,)
    if not isinstance(example_inputs, tuple | list | Mapping):
        given = "" if example_inputs is None else f", not {type(example_inputs).__name__}"
        raise UsageError(
            f"a torch.nn.Module ({kind}) needs example_inputs=(x,) to be exported: a tensor, a tuple of the arguments"
            f" of its forward, or a dict of them by name{given}",
            id="pytorch-needs-inputs",
        )
    positional, named = _split(module, example_inputs)
    if any(isinstance(value, np.ndarray | np.generic) for value in (*positional, *named.values())):
        raise UsageError(
            f"example_inputs of {kind} holds numpy arrays; give torch.from_numpy(array)", id="pytorch-needs-inputs"
        )
    return _one_sample(positional, named)


def on_cpu(arguments: Any) -> Any:
    """The same containers with all tensors on the CPU."""
    import torch
    from torch.utils._pytree import tree_map

    return tree_map(lambda value: value.cpu() if isinstance(value, torch.Tensor) else value, arguments)


def _one_sample(positional: tuple[Any, ...], named: dict[str, Any]) -> Arguments:
    """The first sample of a batch, as a `DataLoader` gives it: cameras deliver one at a time.

    It is a batch where all tensors are as many along their first axis, and one of them is no sequence or picture that
    might come without a batch.
    """
    import torch

    values = [value for value in (*positional, *named.values()) if isinstance(value, torch.Tensor)]
    extents = {tuple(value.shape[:1]) for value in values}
    if len(extents) != 1 or extents <= {(), (0,), (1,)} or all(value.ndim == _MAYBE_ALONE for value in values):
        return positional, named

    def first(value: Any) -> Any:
        return value[:1].clone() if isinstance(value, torch.Tensor) else value  # of a view torch exports the base too

    return tuple(map(first, positional)), {name: first(value) for name, value in named.items()}


def _split(module: Any, given: tuple[Any, ...] | list[Any] | Mapping[str, Any]) -> Arguments:
    if isinstance(given, Mapping):
        return (), dict(given)
    values = tuple(given)
    if values and isinstance(values[-1], Mapping) and _takes(module, values[:-1], values[-1]):
        return values[:-1], dict(values[-1])
    return values, {}


def _takes(module: Any, positional: tuple[Any, ...], named: Mapping[Any, Any]) -> bool:
    """Whether `forward` has arguments of these names: otherwise the dict itself is its argument."""
    if not named or not all(isinstance(name, str) for name in named):
        return False
    try:
        inspect.signature(module.forward).bind(*positional, **named)
    except (TypeError, ValueError):
        return False
    return True
