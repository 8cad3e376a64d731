"""A part of a network as a model of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx


def extract(proto: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> onnx.ModelProto:
    """The operators between some values, as a valid model whose inputs and outputs have these names, in this order.

    Args:
        proto: flat, with types of its values; it is not changed.
        inputs: where the part begins; what is not needed is left out.
        outputs: where it ends. One that is also an input goes through an Identity.

    Raises:
        ModelError: an output needs an input of the network that is not among `inputs`.
    """
    raise NotImplementedError
