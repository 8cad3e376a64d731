"""Layers with weights: where their operands and channels are, by kind of operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin.views import WEIGHTED
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class WeightedOperator:
    """A view of a layer's operands.

    Attributes:
        op: the operator.
        data_at: position of its activation.
        weights_at: position of its weights.
        bias_at: position of its bias, which may be absent.
        out_axis: axis of the weights that runs over output channels.
    """

    op: Operator
    data_at: int
    weights_at: int
    bias_at: int
    out_axis: int

    @property
    def weights(self) -> npt.NDArray[Any]:
        """[C_out, KH, KW, C_in/groups]; [1, KH, KW, C_out] of DEPTHWISE_CONV_2D; [C_out, C_in] of FULLY_CONNECTED."""
        data = self.op.input(self.weights_at).data
        if data is None:
            raise ValueError(f"the weights of {self.op.kind} are computed")
        return data

    @property
    def bias(self) -> npt.NDArray[Any] | None:
        """[C_out], or None."""
        tensor = self.op.inputs[self.bias_at] if self.bias_at < len(self.op.inputs) else None
        return None if tensor is None else tensor.data

    @property
    def channels(self) -> int:
        """Number of output channels."""
        return int(self.weights.shape[self.out_axis])

    @property
    def groups(self) -> int:
        """How many groups the input channels fall into."""
        if self.op.kind == "DEPTHWISE_CONV_2D":
            return int(self.op.input(self.data_at).shape[-1])
        return int(self.op.input(self.data_at).shape[-1] // self.weights.shape[-1])

    def set_weights(self, values: npt.NDArray[Any]) -> None:
        """Give the layer weights of its own."""
        self.op.inputs[self.weights_at] = Tensor.constant(self.op.input(self.weights_at).name, _float32(values))

    def set_bias(self, values: npt.NDArray[Any]) -> None:
        """Give the layer a bias of its own; [C_out]."""
        while len(self.op.inputs) <= self.bias_at:
            self.op.inputs.append(None)
        old = self.op.inputs[self.bias_at]
        name = f"{self.op.output.name}/bias" if old is None else old.name
        self.op.inputs[self.bias_at] = Tensor.constant(name, _float32(values))

    def along_channels(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """[C_out] or [1] shaped so that it broadcasts against the weights."""
        shape = [1] * self.weights.ndim
        shape[self.out_axis] = -1
        return values.reshape(shape)


_FORMS = {kind: form for kind, form in WEIGHTED.items() if kind != "CONV_3D"}


def layer(op: Operator | None) -> WeightedOperator | None:
    """The operator as a layer with constant weights and, if any, constant bias; None for everything else."""
    if op is None or op.kind not in _FORMS:
        return None
    form = _FORMS[op.kind]
    found = WeightedOperator(op, form.activation, form.weights, form.bias, form.axis)
    weights = op.inputs[found.weights_at]
    bias = op.inputs[found.bias_at] if found.bias_at < len(op.inputs) else None
    if weights is None or weights.data is None or (bias is not None and bias.data is None):
        return None
    return found


def _float32(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
