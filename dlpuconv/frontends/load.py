"""Any source becomes a Model: acquire it, check it, cut it, make it float32 and static."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError
from dlpuconv.formats.onnx_worker import warm_up

if TYPE_CHECKING:
    import onnx
    import onnx_ir
    import torch

    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions
    from dlpuconv.ir import Model

type ModelSource = (
    "str | Path | bytes | onnx.ModelProto | onnx_ir.Model | torch.nn.Module | torch.export.ExportedProgram"
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
        source: an ONNX file or its bytes, an ONNX object, a PyTorch module, or an exported program or its `.pt2` file.
            Never changed.
        options: shapes of inputs, and where to end the model.
        example_inputs: arguments of a PyTorch module's `forward`, batch first: a tensor, a tuple or a dict by name.
        name: stem for file names; by default the file's, or the module's class.

    Raises:
        ModelError: the source cannot be read.
        ShapeError: a shape is unknown or impossible.
        UnsupportedModelError: the model holds what no conversion exists for.
        UsageError: an option names what is not there.
        MissingDependencyError: a PyTorch source without torch.
    """
    warm_up()  # it loads ONNX while this process does
    from dlpuconv.frontends.steps import finish
    from dlpuconv.ir.weight_file import trim

    model = finish(acquire(source, options, example_inputs=example_inputs, name=name), options)
    trim()
    return model


def acquire(source: object, options: SourceOptions, *, example_inputs: object, name: str | None) -> Acquired:
    """A model as it was read, ours to edit; see `load`."""
    import onnx
    import onnx_ir

    from dlpuconv.frontends import onnx_file, pytorch

    if pytorch.is_source(source):
        return pytorch.export(source, example_inputs, options, name)
    if isinstance(source, str | Path) and pytorch.is_program_file(Path(source)):
        return pytorch.read_program(Path(source), options, name)
    if isinstance(source, str | Path) and pytorch.is_checkpoint(Path(source)):
        return pytorch.read_checkpoint(Path(source), options, name)
    if options.factory or options.allow_pickle:
        raise UsageError("--model and --allow-pickle are for files of torch.save, which this is not")
    if options.input_names or options.output_names:
        raise UsageError("input_names and output_names are for PyTorch models; the values of an ONNX model have names")
    if isinstance(source, str | Path):
        return onnx_file.from_path(Path(source), name)
    if isinstance(source, bytes | bytearray | memoryview):
        return onnx_file.from_bytes(bytes(source), name)
    if isinstance(source, onnx.ModelProto):
        return onnx_file.from_proto(source, name)
    if isinstance(source, onnx_ir.Model):
        return onnx_file.from_graph(source, name)
    hint = "; give the torch.nn.Module that computes it" if callable(source) else ""
    raise UsageError(
        f"a model is a path, bytes, onnx.ModelProto, onnx_ir.Model, torch.nn.Module or ExportedProgram, not"
        f" {type(source).__name__}{hint}"
    )
