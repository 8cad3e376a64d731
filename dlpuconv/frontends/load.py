"""Any source becomes a Model: acquire it, check it, cut it, make it float32 and static."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.onnx_worker import warm_up

if TYPE_CHECKING:
    from pathlib import Path

    import keras
    import onnx
    import onnx_ir
    import torch

    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.ir import Model

type ModelSource = (
    "str | Path | bytes | onnx.ModelProto | onnx_ir.Model | torch.nn.Module | torch.export.ExportedProgram"
    " | keras.Model"
)


def load(
    source: ModelSource,
    options: SourceOptions,
    *,
    example_inputs: object = None,
    name: str | None = None,
) -> Model:
    """A model with static shapes that computes what the source computes, in float32.

    Args:
        source: an ONNX or TFLite file or its bytes, an ONNX object, a PyTorch module, an exported program or its `.pt2`
            file, a file of `torch.save`, a Keras model or its file, or a SavedModel's folder. Never changed.
        options: shapes of inputs, and where to end the model.
        example_inputs: arguments of a PyTorch module's `forward`, batch first: a tensor, a tuple or a dict by name.
        name: stem for file names; by default the file's, or the module's class.

    Raises:
        ModelError: the source cannot be read.
        ShapeError: a shape is unknown or impossible.
        UnsupportedModelError: the model holds what no conversion exists for.
        UsageError: an option names what is not there, or is not for such a source.
        MissingDependencyError: a PyTorch source without torch, or one of Keras or TensorFlow without these.
    """
    warm_up()  # it loads ONNX while this process does
    from dlpuconv.frontends.readers import SourceRequest, acquire
    from dlpuconv.frontends.steps import finish
    from dlpuconv.ir.weight_file import trim

    model = finish(acquire(source, SourceRequest(options=options, example_inputs=example_inputs, name=name)), options)
    trim()
    return model
