"""A model that PyTorch's own PT2E has trained for 8 bits and converted, as a source: torchao's quantizer, not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.benchmarks.shared import Array

NAME = "cifar_mobilenetv2"
"""The model of the zoo that comes with its definition."""
_STEPS, _BATCH, _RATE = 8, 16, 1e-5


class Trained:
    """The module that was trained beside its float self, and converted.

    Attributes:
        converted: as `convert_pt2e` made it.
        example: one input.
    """

    def __init__(self, samples: Array) -> None:
        """Train for a few steps.

        Args:
            samples: [N, ...] of the network's input.
        """
        import torch
        from torchao.quantization.pt2e import move_exported_model_to_eval, move_exported_model_to_train
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_qat_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as stock

        from tests.models.cifar_mobilenetv2.network import trained

        inputs, module = torch.from_numpy(samples), trained()
        torch.manual_seed(0)
        with torch.no_grad():
            wanted = module.eval()(inputs)
        batches = ({0: torch.export.Dim("batch", min=1)},)
        program = torch.export.export(module.train(), (inputs[:_BATCH],), dynamic_shapes=batches).module()
        quantizer = stock.X86InductorQuantizer()
        quantizer.set_global(stock.get_default_x86_inductor_quantization_config(is_qat=True))
        prepared = move_exported_model_to_train(prepare_qat_pt2e(program, quantizer))
        optimizer = torch.optim.SGD(prepared.parameters(), lr=_RATE, momentum=0.9)
        for _ in range(_STEPS):
            some = torch.randperm(len(inputs))[:_BATCH]
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(prepared(inputs[some]), wanted[some]).backward()
            optimizer.step()
        self.converted = move_exported_model_to_eval(convert_pt2e(move_exported_model_to_eval(prepared)))
        self.example = inputs[:1]

    def save(self, file: Path) -> Path:
        """As a program that dlpuconv reads."""
        import torch

        torch.export.save(torch.export.export(self.converted, (self.example,)), file)
        return file

    def outputs(self, x: Array) -> Array:
        """What it makes of [N, ...] inputs."""
        import torch

        with torch.no_grad():
            return np.concatenate([self.converted(each).numpy() for each in torch.from_numpy(x).split(_BATCH)])
