"""Any source becomes a Model: acquire it, check it, cut it, make it float32 and static."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError

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
    example_inputs: tuple[object, ...] | None = None,
    name: str | None = None,
) -> Model:
    """A model with static shapes that computes what the source computes, in float32.

    Args:
        source: an ONNX file, its bytes, an ONNX object, or a PyTorch module or exported program. Never changed.
        options: shapes of inputs, and where to end the model.
        example_inputs: arguments of a PyTorch module's `forward`, batch first.
        name: stem for file names; by default the file's, or the module's class.

    Raises:
        ModelError: the source cannot be read.
        ShapeError: a shape is unknown or impossible.
        UnsupportedModelError: the model holds what no conversion exists for.
        UsageError: an option names what is not there.
        MissingDependencyError: a PyTorch source without torch.
    """
    from dlpuconv.frontends.steps import finish

    return finish(_acquire(source, example_inputs, name), options)


def _acquire(source: object, example_inputs: tuple[object, ...] | None, name: str | None) -> Acquired:
    import onnx
    import onnx_ir

    from dlpuconv.frontends import onnx_file

    if isinstance(source, str | Path):
        return onnx_file.from_path(Path(source), name)
    if isinstance(source, bytes | bytearray | memoryview):
        return onnx_file.from_bytes(bytes(source), name)
    if isinstance(source, onnx.ModelProto):
        return onnx_file.from_proto(source, name)
    if isinstance(source, onnx_ir.Model):
        return onnx_file.from_graph(source, name)
    from dlpuconv.frontends import pytorch

    if pytorch.is_source(source):
        return pytorch.export(source, example_inputs, name)
    raise UsageError(
        f"a model is a path, bytes, onnx.ModelProto, onnx_ir.Model, torch.nn.Module or ExportedProgram, not"
        f" {type(source).__name__}"
    )
