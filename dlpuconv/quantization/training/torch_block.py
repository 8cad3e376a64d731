"""A block in torch, as the integer file computes it: the same codes, scales and saturation, with a gradient.

Rounding passes the gradient on as it is where nothing saturates, and stops it where something does: Jacob et al. 2018,
"Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (arXiv 1712.05877).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.quantization.training.functions import activated, computed, layer_sums

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine
    from dlpuconv.network import Node, Value
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.training.blocks import Block

    type Tensor = Any
    type Reals = npt.NDArray[np.float64]

_PULL = 0.45
"""Trained codes start so far from the code that was chosen, at the most, towards the float weight: within its step."""


class TorchLayer:
    """A layer's codes and bias.

    Attributes:
        codes: [O, taps..., I] in steps of the weights' scales, from their zero points on, before they are rounded.
        shift: [O] what is added to the bias, in steps of the output's scale; None where there is no bias.
    """

    def __init__(self, node: Node, quantized: Quantized, *, free: bool) -> None:
        """Start from the layer's integers.

        Args:
            node: with a layer.
            quantized: that it is of.
            free: whether it is trained.
        """
        import torch

        assert node.layer is not None
        assert node.layer.weights is not None
        made, coding = quantized.layers[node], quantized.scheme.weight_codes
        scales, zero_points = (
            np.reshape(numbers, (-1, *[1] * (node.layer.weights.ndim - 1)))
            for numbers in (made.affine.scales, made.affine.zero_points)
        )
        codes = made.weights.astype(np.float64) - zero_points
        if free:
            codes = codes + np.clip(node.layer.weights / scales - codes, -_PULL, _PULL)
        self.codes = torch.tensor(codes, dtype=torch.float32, requires_grad=free)
        self._lowest, self._highest = coding.lowest - int(zero_points.max()), coding.highest - int(zero_points.min())
        self._scales = torch.tensor(scales, dtype=torch.float32)
        self._step = quantized.plan.scales[node.output].scale
        self.shift: Tensor = None
        if made.bias is not None:
            assert made.bias_affine is not None
            bias = made.bias * np.asarray(made.bias_affine.scales)
            self._bias = torch.tensor(bias, dtype=torch.float32)
            self.shift = torch.zeros(len(bias), requires_grad=free)

    @property
    def weights(self) -> Tensor:
        """Real values of the rounded codes."""
        import torch

        return torch.fake_quantize_per_tensor_affine(self.codes, 1.0, 0, self._lowest, self._highest) * self._scales

    @property
    def bias(self) -> Tensor:
        """Real values, not rounded: int32 is fine enough."""
        return None if self.shift is None else self._bias + self.shift * self._step

    def trained(self) -> tuple[Reals, Reals | None]:
        """Codes, from their zero points on, and the real bias."""
        codes = np.clip(np.rint(_array(self.codes)), self._lowest, self._highest)
        return codes, None if self.shift is None else _array(self.bias)


class TorchBlock:
    """Some nodes.

    Attributes:
        layers: those that are trained.
    """

    def __init__(self, block: Block, quantized: Quantized, free: Collection[Node]) -> None:
        """Start from the integers.

        Args:
            block: what is computed.
            quantized: that it is of.
            free: layers that are trained; others are computed with the codes that they have.
        """
        self._block, self._plan = block, quantized.plan
        self._codes = quantized.scheme.activation_codes.type
        self._all = {node: TorchLayer(node, quantized, free=node in free) for node in block.layers}
        self.layers = {node: layer for node, layer in self._all.items() if node in free}

    def __call__(self, inputs: Mapping[Value, Tensor]) -> list[Tensor]:
        """[N, ...] real values of the block's outputs."""
        values = dict(inputs)
        for node in self._block.nodes:
            values[node.output] = self._made(node, values)
        return [values[value] for value in self._block.outputs]

    def _made(self, node: Node, values: Mapping[Value, Tensor]) -> Tensor:
        if node in self._plan.absorbed:
            return values[node.activations[0]]
        if node.layer is None:
            made = computed(node, [self._read(node, index, values) for index, _ in node.data_inputs])
        else:
            layer, x = self._all[node], self._read(node, node.layer.data, values)
            sums = layer_sums(node.layer, x, layer.weights, layer.bias, node.output.shape[1:])
            made = activated(sums, node.layer.activation)
        return self._rounded(made, self._plan.scales[node.output])

    def _read(self, node: Node, index: int, values: Mapping[Value, Tensor]) -> Tensor:
        import torch

        value = node.input(index)
        if value.data is not None:
            affine = self._plan.constants[node, index]
            return torch.tensor(affine.decode(affine.encode(value.data, self._codes)), dtype=torch.float32)
        wanted = self._plan.requantized.get((node, index))
        return values[value] if wanted is None else self._rounded(values[value], wanted)

    def _rounded(self, values: Tensor, affine: Affine) -> Tensor:
        import torch

        return torch.fake_quantize_per_tensor_affine(
            values, affine.scale, affine.zero_point, self._codes.lowest, self._codes.highest
        )


def _array(tensor: Tensor) -> Reals:
    return np.asarray(tensor.detach().numpy(), np.float64)
