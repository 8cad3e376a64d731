"""Constants beside activations, such as the slopes of a PReLU: rounded in training as the file will round them.

The file chooses their scale by their values, so that it is told nothing but these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from dlpuconv.qat.fake_quantize import PerTensorOrPerChannelFakeQuantize
from dlpuconv.qat.quantizer import dtype_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.qat.places import ConstantPlace
    from dlpuconv.scheme import Coding

ROUNDED: Final = "rounded_constant"
"""What the names of modules begin with that round constants."""


def round_constants(model: torch.fx.GraphModule, places: Sequence[ConstantPlace], coding: Coding) -> None:
    """Put fake quantization between constants and what reads them.

    Args:
        model: prepared by torchao.
        places: in it.
        coding: of activations.
    """
    nodes = {node.name: node for node in model.graph.nodes}
    for number, place in enumerate(places):
        module = PerTensorOrPerChannelFakeQuantize(
            dtype=dtype_of(coding),
            quant_min=coding.lowest,
            quant_max=coding.highest,
            qscheme=torch.per_tensor_symmetric if coding.symmetric else torch.per_tensor_affine,
            pace=1.0,
        )
        module.begin(place.affine)
        model.add_submodule(f"{ROUNDED}_{number}", module)
        reader, constant = nodes[place.node], nodes[place.constant]
        with model.graph.inserting_before(reader):
            reader.replace_input_with(constant, model.graph.call_module(f"{ROUNDED}_{number}", (constant,)))
    model.recompile()


def leave_constants(model: torch.fx.GraphModule) -> None:
    """Take that fake quantization out again."""
    for node in list(model.graph.nodes):
        if node.op == "call_module" and str(node.target).startswith(ROUNDED):
            node.replace_all_uses_with(node.args[0])
            model.graph.erase_node(node)
            model.delete_submodule(node.target)
    model.recompile()
