"""PyTorch modules and exported programs, by torch's own exporter. Nothing here imports torch until it is needed."""

from __future__ import annotations

import hashlib
import io
import logging
import sys
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import MissingDependencyError, ModelError, UnsupportedModelError, UsageError
from dlpuconv.frontends.onnx_file import Acquired
from dlpuconv.frontends.report import joined
from dlpuconv.ir import Source

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_source(value: object) -> bool:
    """True for a `torch.nn.Module` or an `ExportedProgram`; torch is not imported to find out."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return False
    program = sys.modules.get("torch.export")
    return isinstance(value, torch.nn.Module) or (program is not None and isinstance(value, program.ExportedProgram))


def export(source: Any, example_inputs: tuple[object, ...] | None, name: str | None) -> Acquired:
    """The ONNX model that torch's exporter makes of a module in evaluation mode, or of an exported program.

    Args:
        source: `torch.nn.Module` or `torch.export.ExportedProgram`; a module's training flags are as before afterwards.
        example_inputs: arguments of the module's `forward`, batch first; an exported program needs none.
        name: stem for file names; by default the module's class.

    Raises:
        UsageError: a module without example inputs.
        ModelError: the exporter failed.
        UnsupportedModelError: the program was exported in training mode.
        MissingDependencyError: onnxscript, which the exporter is written with, is missing.
    """
    import torch

    if find_spec("onnxscript") is None:
        raise MissingDependencyError("onnxscript", "torch", "the export from PyTorch")
    if isinstance(source, torch.nn.Module):
        if not isinstance(example_inputs, tuple | list):
            raise UsageError(f"a torch.nn.Module ({type(source).__name__}) needs example_inputs=(x,) to be exported")
        with _evaluating(source):
            proto = _export(source, tuple(example_inputs))
    else:
        _screen_training(source)
        proto = _export(source, ())
    default = type(source).__name__ if isinstance(source, torch.nn.Module) else "model"
    digest = hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()
    return Acquired(proto=proto, source=Source(name=name or default, sha256=digest))


def _screen_training(program: Any) -> None:
    """Check that no operator of an exported program is in training mode, which its ONNX form would not show.

    A batch norm that was exported so divides by the statistics of the picture in hand.
    """
    names = [str(node.target) for node in program.graph.nodes if node.op == "call_function" and _trains(node)]
    if names:
        raise UnsupportedModelError(
            f"the exported program holds {joined(sorted(set(names)))} in training mode; call model.eval() before"
            " torch.export.export"
        )


def _trains(node: Any) -> bool:
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return False
    given = dict(zip((argument.name for argument in schema.arguments), node.args, strict=False)) | dict(node.kwargs)
    return any(given.get(name) is True for name in ("train", "training"))


def _export(source: Any, arguments: tuple[object, ...]) -> Any:
    import torch

    try:
        with _silence():
            program = torch.onnx.export(source, arguments, dynamo=True, verbose=False)
            return program.model_proto
    except (torch.onnx.OnnxExporterError, *_FAILURES) as error:
        raise ModelError(f"torch.onnx.export cannot export {type(source).__name__}: {_cause(error)}") from error


_FAILURES = (RuntimeError, ValueError, TypeError, AttributeError, LookupError, NotImplementedError, AssertionError)
"""What leaves the exporter unwrapped, when arguments do not fit the module's `forward` for instance."""


def _cause(error: BaseException) -> str:
    """The first line of the innermost reason, which the exporter wraps several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Evaluation mode within, and afterwards the mode that each part had before."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing printed, warned or logged: the exporter tells of its own progress and of itself."""
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        logging.disable(logging.ERROR)
        try:
            yield
        finally:
            logging.disable(disabled)
