"""torch's exporter to ONNX, which holds its state in the process: one export at a time."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import DlpuconvError, ModelError
from dlpuconv.frontends.pytorch.bystanders import bystanders_spared
from dlpuconv.frontends.pytorch.names import name_ports
from dlpuconv.frontends.pytorch.quantized_operators import translations
from dlpuconv.frontends.pytorch.quiet import quiet_exporter
from dlpuconv.frontends.pytorch.randomness import randomness_kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

    from dlpuconv.frontends.options import SourceOptions

ONE_EXPORT = threading.RLock()
"""Two exports at once leave torch unusable for the rest of the process. (Reentrant: an export within one is an error
of torch's, not a thread that waits for itself.)"""


def exported(
    source: Any, positional: tuple[Any, ...], named: Mapping[str, Any], options: SourceOptions, kind: str
) -> onnx.ModelProto:
    """The ONNX form of a module or an exported program, with its inputs and outputs named; see `onnx_program`."""
    proto: onnx.ModelProto = onnx_program(source, positional, named, options, kind).model_proto
    return proto


def onnx_program(
    source: Any, positional: tuple[Any, ...], named: Mapping[str, Any], options: SourceOptions, kind: str
) -> Any:
    """The ONNX form of a module or an exported program beside the torch program that it was made from.

    Args:
        source: `torch.export.ExportedProgram`, or a `torch.nn.Module` that may be changed.
        positional: arguments of the module's `forward`.
        named: further ones by name.
        options: the user's own names.
        kind: what to call the source in a message.

    Returns:
        A `torch.onnx.ONNXProgram` with its inputs and outputs named.

    Raises:
        ModelError: the exporter failed, or the module's own code did.
        UnsupportedModelError: the module returns something else than tensors.
        UsageError: the user's names do not fit.
    """
    import torch

    with exporting(f"torch.onnx.export cannot export {kind}"):
        # A dict at the end, as the exporter takes one there for the arguments by name.
        arguments = (*positional, dict(named))
        made = torch.onnx.export(source, arguments, dynamo=True, verbose=False, custom_translation_table=translations())
        name_ports(made, options)
    return made


@contextmanager
def exporting(failed: str) -> Iterator[None]:
    """One export by torch, silent, that leaves nothing behind in the process.

    Args:
        failed: what did not work where something is raised.

    Raises:
        ModelError: something was raised; the innermost reason is told.
        DlpuconvError: this was raised.
    """
    with ONE_EXPORT:
        _load_exporter()
        import torch

        with quiet_exporter(), randomness_kept(), bystanders_spared(), torch.inference_mode(mode=False):
            try:
                yield
            except Exception as error:  # the module's own code has run, which may raise anything
                raise _refusal(error, failed) from error


def _load_exporter() -> None:
    """Import what the export would import on its way, so that its loggers and prints are known before.

    sympy, which comes with it, sets a filter for warnings of its own, which is taken back.
    """
    before = set(warnings.filters)
    import onnxscript.rewriter  # noqa: F401
    import torch.export
    import torch.onnx  # noqa: F401

    for added in set(warnings.filters) - before:
        if added[2].__module__.startswith("sympy."):
            warnings.filters.remove(added)  # type: ignore[attr-defined] # a list, which typeshed calls a sequence


def _refusal(error: BaseException, failed: str) -> DlpuconvError:
    """The first line of the innermost reason, which the exporter wraps several times."""
    while error.__cause__ is not None and not isinstance(error, DlpuconvError):
        error = error.__cause__
    if isinstance(error, DlpuconvError):
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return ModelError(f"{failed}: {reason}", id="pytorch-export-failed")
