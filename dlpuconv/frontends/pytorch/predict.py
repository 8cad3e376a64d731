"""A module as the function that a metric is given, computed by torch itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlpuconv.frontends.pytorch.outputs import output_names, plain_output
from dlpuconv.frontends.pytorch.replica import own_tensors, replica, unwrapped

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dlpuconv.verification.predictor import Predict


def predict_by_module(module: Any) -> Predict:
    """A `torch.nn.Module` in evaluation mode, where its parameters are; its own mode stays.

    Outputs are called by their keys, or `output_0`, `output_1` ... where `forward` returns them without.
    """
    import torch

    ours = own_tensors(replica(unwrapped(module)))
    held = [*ours.parameters(), *ours.buffers(), torch.empty(0)]
    device, dtype = held[0].device, next(each.dtype for each in held if each.is_floating_point())

    def tensor(value: Any) -> Any:
        made = torch.as_tensor(value)
        return made.to(device, dtype if made.is_floating_point() else made.dtype)

    def predict(inputs: Mapping[str, npt.ArrayLike] | npt.ArrayLike, /) -> dict[str, npt.NDArray[np.float32]]:
        with torch.no_grad():
            if isinstance(inputs, Mapping):
                found = ours(**{name: tensor(value) for name, value in inputs.items()})
            else:
                found = ours(tensor(inputs))
        return _named(plain_output(module, None, found))

    return predict


def _named(found: Any) -> dict[str, npt.NDArray[np.float32]]:
    from torch.utils import _pytree as trees

    leaves, tree = trees.tree_flatten(found)
    keys = {number: name for name, number in output_names(trees.tree_unflatten(range(len(leaves)), tree))}
    return {
        keys.get(number) or f"output_{number}": leaf.detach().float().cpu().numpy()
        for number, leaf in enumerate(leaves)
    }
